"""A wire that can be cut without a word to either end: connections of before and of meanwhile never come back."""

from __future__ import annotations

import contextlib
import socket

from tests.support.tcp_proxy import TcpProxy

__all__ = ["DeadWire"]


class DeadWire(TcpProxy):
    """A `TcpProxy` with one fault more, the one of a balancer that lost its table or a network that drops packets."""

    def __init__(self, target: str) -> None:
        self._age = 0
        super().__init__(target)

    def cut(self) -> None:
        """From now on what is sent over connections there are, and over those that are made, arrives nowhere."""
        self._age += 1

    def mend(self) -> None:
        """New connections carry again; those there are stay dead, and open."""
        self._age += 1

    def __enter__(self) -> DeadWire:
        return self

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        born = self._age
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if born == self._age and born % 2 == 0:
                    sink.sendall(data)
        super()._pump(source, sink)  # whose end it is: an end that hangs up is told to the other
