from __future__ import annotations


def parse() -> None:
    n = 0
    while True:  # BLAME
        n += 1  # BLAME


def operation() -> None:
    parse()


if __name__ == "__main__":
    from stage import play

    play(operation)
