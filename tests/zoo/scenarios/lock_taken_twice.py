from __future__ import annotations

import threading


def operation() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
