from __future__ import annotations

import threading


def operation() -> None:
    threading.Barrier(3).wait()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
