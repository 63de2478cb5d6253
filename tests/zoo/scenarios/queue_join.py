from __future__ import annotations

import queue


def operation() -> None:
    work: queue.Queue[int] = queue.Queue()
    work.put(1)
    work.join()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
