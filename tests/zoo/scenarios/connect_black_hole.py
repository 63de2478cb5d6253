from __future__ import annotations

import socket


def operation() -> None:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    held = []
    for _ in range(2):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(server.getsockname())
        held.append(filler)
    socket.create_connection(server.getsockname())  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
