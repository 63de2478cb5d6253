from __future__ import annotations

import threading


def operation() -> None:
    ready = threading.Condition()
    with ready:
        ready.wait()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
