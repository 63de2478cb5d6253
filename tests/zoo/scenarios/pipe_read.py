from __future__ import annotations

import os


def operation() -> None:
    reading, _writing = os.pipe()
    os.read(reading, 1)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
