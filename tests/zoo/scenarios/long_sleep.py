from __future__ import annotations

import time


def operation() -> None:
    time.sleep(1000)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
