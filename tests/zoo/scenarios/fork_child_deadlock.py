from __future__ import annotations

import os
import threading
import time

lock = threading.Lock()
held = threading.Event()


def hold() -> None:
    with lock:
        held.set()
        time.sleep(1)


def operation() -> None:
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    pid = os.fork()
    if pid == 0:
        with lock:
            os._exit(0)
    os.waitpid(pid, 0)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
