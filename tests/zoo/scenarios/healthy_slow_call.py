from __future__ import annotations

import time


def load() -> None:
    time.sleep(4)


def operation() -> None:
    load()
    while True:
        sum(range(10_000))
        time.sleep(0.01)


if __name__ == "__main__":
    from stage import play

    play(operation)
