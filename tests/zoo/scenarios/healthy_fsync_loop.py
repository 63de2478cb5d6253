from __future__ import annotations

import os
import tempfile


def operation() -> None:
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(b"x" * 1_000_000)
            os.fsync(file.fileno())
            if file.tell() > 50_000_000:
                file.seek(0)


if __name__ == "__main__":
    from stage import play

    play(operation)
