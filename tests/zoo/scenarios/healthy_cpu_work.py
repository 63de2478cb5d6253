from __future__ import annotations


def operation() -> None:
    while True:
        sorted(str(n) for n in range(20_000))


if __name__ == "__main__":
    from stage import play

    play(operation)
