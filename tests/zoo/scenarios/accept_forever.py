from __future__ import annotations

import socket


def operation() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    server.accept()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
