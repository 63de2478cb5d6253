from __future__ import annotations

import time
from multiprocessing.pool import ThreadPool


def load(seconds: float) -> None:
    time.sleep(seconds)  # BLAME


def operation() -> None:
    with ThreadPool(2) as pool:
        pool.map(load, [1000.0])


if __name__ == "__main__":
    from stage import play

    play(operation)
