from __future__ import annotations

import socket


def operation() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    client.settimeout(0.1)
    while True:
        try:
            client.recv(10)  # BLAME
        except TimeoutError:  # BLAME
            pass
        except OSError:
            pass


if __name__ == "__main__":
    from stage import play

    play(operation)
