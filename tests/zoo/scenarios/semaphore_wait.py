from __future__ import annotations

import threading


def operation() -> None:
    slots = threading.BoundedSemaphore(1)
    slots.acquire()
    slots.acquire()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
