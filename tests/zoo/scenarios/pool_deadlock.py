from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(1)


def inner() -> int:
    return 1


def outer() -> int:
    return pool.submit(inner).result()  # BLAME


def operation() -> None:
    pool.submit(outer).result()


if __name__ == "__main__":
    from stage import play

    play(operation)
