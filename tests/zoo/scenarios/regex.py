from __future__ import annotations

import re
import time


def operation() -> None:
    time.sleep(1.2)
    re.match(r"(a+)+$", "a" * 26 + "b")  # BLAME
    time.sleep(30)  # BLAME the first look may come one line later


if __name__ == "__main__":
    from stage import play

    play(operation)
