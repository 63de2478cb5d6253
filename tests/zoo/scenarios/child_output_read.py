from __future__ import annotations

import subprocess


def operation() -> None:
    child = subprocess.Popen(["sleep", "1000"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
