from __future__ import annotations

import subprocess
import sys


def operation() -> None:
    child = subprocess.Popen([sys.executable, "-c", "print('x' * 1_000_000)"], stdout=subprocess.PIPE)
    child.wait()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
