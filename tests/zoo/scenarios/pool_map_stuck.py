from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor


def load(number: int) -> None:
    if number == 3:
        time.sleep(1000)  # BLAME
    time.sleep(0.01)


def operation() -> None:
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(load, range(8)):
            pass


if __name__ == "__main__":
    from stage import play

    play(operation)
