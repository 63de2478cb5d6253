from __future__ import annotations

import socket


def operation() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    client.sendall(b"question")
    client.recv(10)  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
