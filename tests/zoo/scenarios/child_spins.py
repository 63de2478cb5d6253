from __future__ import annotations

import subprocess
import sys


def operation() -> None:
    subprocess.run([sys.executable, "-c", "while True: pass"])  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
