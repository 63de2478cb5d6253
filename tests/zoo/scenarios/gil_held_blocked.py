from __future__ import annotations

import ctypes
import time


def operation() -> None:
    time.sleep(1.2)
    ctypes.PyDLL(None).usleep(3_000_000)  # BLAME
    time.sleep(30)  # BLAME the first look may come one line later


if __name__ == "__main__":
    from stage import play

    play(operation)
