from __future__ import annotations

import queue
import threading
import time


def feed(work: queue.Queue[int]) -> None:
    while True:
        work.put(1)
        time.sleep(0.1)


def operation() -> None:
    work: queue.Queue[int] = queue.Queue()
    threading.Thread(target=feed, args=(work,), daemon=True).start()
    while True:
        sum(range(work.get() * 200))


if __name__ == "__main__":
    from stage import play

    play(operation)
