from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor


def load(seconds: float) -> None:
    time.sleep(seconds)  # BLAME


def operation() -> None:
    with ThreadPoolExecutor(4) as pool:
        for seconds in (0.01, 1000, 0.01):
            pool.submit(load, seconds)


if __name__ == "__main__":
    from stage import play

    play(operation)
