from __future__ import annotations

import threading

FIRST, SECOND = threading.Lock(), threading.Lock()
both = threading.Barrier(2)


def other() -> None:
    with SECOND:
        both.wait()
        with FIRST:
            pass


def operation() -> None:
    threading.Thread(target=other, name="other-way-round", daemon=True).start()
    with FIRST:
        both.wait()
        with SECOND:  # BLAME
            pass


if __name__ == "__main__":
    from stage import play

    play(operation)
