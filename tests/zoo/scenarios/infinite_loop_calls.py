from __future__ import annotations


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)


def operation() -> None:
    while True:  # BLAME
        even(12)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
