from __future__ import annotations

import os
import subprocess
import time


def operation() -> None:
    time.sleep(1.2)
    subprocess.Popen(["sh", "-c", f"kill -STOP {os.getpid()}; sleep 3; kill -CONT {os.getpid()}"])
    while True:
        time.sleep(0.05)


if __name__ == "__main__":
    from stage import play

    play(operation)
