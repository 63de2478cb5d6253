from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor


def load(number: int) -> int:
    time.sleep(0.3)
    return number


def operation() -> None:
    with ThreadPoolExecutor(4) as pool:
        sum(pool.map(load, range(1000)))


if __name__ == "__main__":
    from stage import play

    play(operation)
