from __future__ import annotations

import subprocess


def operation() -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        child.wait(timeout=900)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
