from __future__ import annotations

import queue


def operation() -> None:
    queue.SimpleQueue().get()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
