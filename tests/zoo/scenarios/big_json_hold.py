from __future__ import annotations

import json
import time


def operation() -> None:
    text = "[" + ",".join(['{"a":[1,2,3,"xxxxxxxx"]}'] * 1_500_000) + "]"
    time.sleep(1.2)
    json.loads(text)  # BLAME
    time.sleep(30)  # BLAME the first look may come one line later


if __name__ == "__main__":
    from stage import play

    play(operation)
