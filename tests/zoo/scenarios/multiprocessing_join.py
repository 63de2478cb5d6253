from __future__ import annotations

import multiprocessing
import time


def operation() -> None:
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,), daemon=True)
    child.start()
    child.join()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
