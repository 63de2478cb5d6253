from __future__ import annotations

import threading
import time

LOCK = threading.RLock()
taken = threading.Event()


def hold() -> None:
    with LOCK:
        taken.set()
        time.sleep(1000)  # BLAME


def operation() -> None:
    threading.Thread(target=hold, name="holder", daemon=True).start()
    taken.wait()
    with LOCK:
        pass


if __name__ == "__main__":
    from stage import play

    play(operation)
