from __future__ import annotations

import socket
import urllib.request


def operation() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    urllib.request.urlopen(f"http://127.0.0.1:{port}/games?key=planted-secret")  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
