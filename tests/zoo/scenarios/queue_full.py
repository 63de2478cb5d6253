from __future__ import annotations

import queue
import threading
import time

work: queue.Queue[int] = queue.Queue(2)


def consume() -> None:
    work.get()


def operation() -> None:
    threading.Thread(target=consume, name="consumer", daemon=True).start()
    time.sleep(1)
    for n in range(9):
        work.put(n)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
