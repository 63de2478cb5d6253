from __future__ import annotations

import threading


def count() -> None:
    n = 0
    while True:  # BLAME
        n += 1  # BLAME


def operation() -> None:
    worker = threading.Thread(target=count, name="counter", daemon=True)
    worker.start()
    worker.join()


if __name__ == "__main__":
    from stage import play

    play(operation)
