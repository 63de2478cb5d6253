from __future__ import annotations

import threading
import time


def work() -> None:
    while True:
        sum(range(5_000))


def operation() -> None:
    for _ in range(8):
        threading.Thread(target=work, daemon=True).start()
    while True:
        sum(range(5_000))
        time.sleep(0.01)


if __name__ == "__main__":
    from stage import play

    play(operation)
