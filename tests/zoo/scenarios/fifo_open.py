from __future__ import annotations

import os
import tempfile


def operation() -> None:
    path = os.path.join(tempfile.mkdtemp(), "games.fifo")
    os.mkfifo(path)
    with open(path) as fifo:  # BLAME
        fifo.read()


if __name__ == "__main__":
    from stage import play

    play(operation)
