from __future__ import annotations

import os
import sqlite3
import tempfile


def operation() -> None:
    path = os.path.join(tempfile.mkdtemp(), "games.db")
    first = sqlite3.connect(path, isolation_level=None)
    first.execute("create table game (id)")
    first.execute("begin exclusive")
    second = sqlite3.connect(path, timeout=900)
    second.execute("insert into game values (1)")  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
