from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor


def operation() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(time.sleep, 1000).result()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
