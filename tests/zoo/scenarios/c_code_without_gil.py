from __future__ import annotations

import hashlib


def operation() -> None:
    hashlib.pbkdf2_hmac("sha256", b"p", b"s", 500_000_000)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
