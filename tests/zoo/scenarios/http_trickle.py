from __future__ import annotations

import socket
import threading
import time
import urllib.request


def drip(server: socket.socket) -> None:
    peer, _ = server.accept()
    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        peer.sendall(b"x")
        time.sleep(0.1)


def operation() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=drip, args=(server,), daemon=True).start()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.getsockname()[1]}/") as answer:
        answer.read()  # BLAME


if __name__ == "__main__":
    from stage import play

    play(operation)
