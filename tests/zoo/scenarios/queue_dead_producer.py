from __future__ import annotations

import queue
import threading
import time


def produce(work: queue.Queue[int]) -> None:
    time.sleep(1.5)
    work.put(1)


def operation() -> None:
    work: queue.Queue[int] = queue.Queue()
    threading.Thread(target=produce, args=(work,), name="loader", daemon=True).start()
    while True:
        work.get()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
