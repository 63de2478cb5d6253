from __future__ import annotations

import fcntl
import os
import tempfile


def operation() -> None:
    path = os.path.join(tempfile.mkdtemp(), "games.lock")
    with open(path, "w") as first, open(path, "w") as second:
        fcntl.flock(first, fcntl.LOCK_EX)
        fcntl.flock(second, fcntl.LOCK_EX)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
