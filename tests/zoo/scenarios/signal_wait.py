from __future__ import annotations

import signal


def operation() -> None:
    signal.pause()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
