from __future__ import annotations

import json


def operation() -> None:
    text = "[" + ",".join(['{"a":[1,2,3]}'] * 60_000) + "]"
    while True:
        json.loads(text)


if __name__ == "__main__":
    from stage import play

    play(operation)
