from __future__ import annotations

import gc


def operation() -> None:
    kept = [[n] for n in range(300_000)]
    while kept:
        gc.collect()


if __name__ == "__main__":
    from stage import play

    play(operation)
