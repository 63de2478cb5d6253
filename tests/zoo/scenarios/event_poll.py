from __future__ import annotations

import threading


def operation() -> None:
    done = threading.Event()
    while not done.wait(0.1):  # BLAME
        pass


if __name__ == "__main__":
    from stage import play

    play(operation)
