from __future__ import annotations

import subprocess


def operation() -> None:
    subprocess.Popen(["cat"], stdin=subprocess.PIPE).wait()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
