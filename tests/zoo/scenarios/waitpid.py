from __future__ import annotations

import os
import time


def operation() -> None:
    pid = os.fork()
    if pid == 0:
        time.sleep(1000)
        os._exit(0)
    os.waitpid(pid, 0)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
