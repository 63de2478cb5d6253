from __future__ import annotations

import subprocess


def operation() -> None:
    while True:
        subprocess.run(["sleep", "0.3"])


if __name__ == "__main__":
    from stage import play

    play(operation)
