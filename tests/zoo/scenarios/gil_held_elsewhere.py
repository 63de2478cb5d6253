from __future__ import annotations

import re
import threading
import time


def match() -> None:
    time.sleep(1.2)
    re.match(r"(a+)+$", "a" * 26 + "b")  # BLAME
    time.sleep(1000)  # BLAME


def operation() -> None:
    threading.Thread(target=match, name="matcher", daemon=True).start()
    time.sleep(1000)


if __name__ == "__main__":
    from stage import play

    play(operation)
