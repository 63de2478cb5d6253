from __future__ import annotations

import subprocess


def operation() -> None:
    subprocess.run("sleep 1000; true", shell=True)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
