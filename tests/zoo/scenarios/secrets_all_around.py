from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import tempfile
import threading

SECRET = "planted" + "-secret"


def load(token: str, there: socket.socket) -> None:
    password = token
    rows = sqlite3.connect(":memory:").execute(f"select '{password}'")
    url = f"https://user:{password}@127.0.0.1/?key={password}"
    with subprocess.Popen(
        ["sh", "-c", "sleep 1000; true", token], env={"TOKEN": token, "PATH": os.environ["PATH"]}
    ) as child:
        child.wait()  # BLAME
    there.sendall(repr((rows, url)).encode())


def operation() -> None:
    here, there = socket.socketpair()
    os.chdir(tempfile.mkdtemp(prefix=SECRET))
    worker = threading.Thread(target=load, args=(SECRET, there), name=f"https://x/?key={SECRET}"[:9], daemon=True)
    worker.start()
    here.settimeout(None)
    worker.join()


if __name__ == "__main__":
    from stage import play

    play(operation)
