"""What a descriptor is and what its other side does: a socket's peer and silence, a pipe, a file, a terminal."""

from __future__ import annotations

import _socket  # `socket` makes enums of some hundred numbers, which takes a millisecond
import os
import re
import struct
from dataclasses import dataclass

from .lapse import lapse
from .threadstat import read_whole

__all__ = ["Tcp", "file_name", "link_of", "socket_of"]

_SYN_SENT, _LISTEN, _CLOSE_WAIT = 2, 10, 8
_NON_BLOCKING = getattr(_socket, "SOCK_NONBLOCK", 0)


@dataclass(frozen=True)
class Tcp:
    """A socket as the kernel sees it. state: of the TCP connection, 0 for any other socket. silent: seconds since the
    peer last sent data. probes, unsent: its receive window is closed, and how many segments it has not confirmed."""

    peer: str
    state: int = 0
    retransmits: int = 0
    probes: int = 0
    unsent: int = 0
    silent: float = 0.0
    received: int = 0
    sent: int = 0
    datagrams: bool = False

    @property
    def moved(self) -> int | None:
        """Bytes carried both ways so far, None where nobody counts."""
        return self.received + self.sent if self.state else None

    def reading(self) -> tuple[str, str]:
        """What somebody waits for who reads: a sentence, and figures."""
        if self.state == _LISTEN:
            return "somebody to connect to its own socket", ""
        if self.state == _SYN_SENT:
            return self.connecting()
        if self.datagrams:
            return self._datagrams(), ""
        if not self.state:
            return f"data from {self.peer}", ""
        if not self.received:
            words = f"{self.peer}, which has never sent anything in {lapse(self.silent)}"
        else:
            words = f"{self.peer}, which has sent nothing for {lapse(self.silent)}"
        amount = f", {self.received} bytes received" if self.received else ""
        gone = "the peer has closed its side" if self.state == _CLOSE_WAIT else "the connection is alive"
        return words, f"{gone}, {self.retransmits} retransmits{amount}"

    def writing(self) -> tuple[str, str]:
        """What somebody waits for who writes."""
        if self.state == _SYN_SENT:
            return self.connecting()
        window = (
            f"its window is closed (probes: {self.probes})" if self.probes or not self.unsent else "it confirms nothing"
        )
        return f"{self.peer} to read what is sent", f"{window}, {self.unsent} segments unconfirmed"

    def connecting(self) -> tuple[str, str]:
        """What somebody waits for who connects."""
        return f"{self.peer} to accept a connection", f"SYN sent, {self.retransmits} retransmits"

    def _datagrams(self) -> str:
        return (
            f"an answer from the name server {self.peer}"
            if self.peer.endswith(":53")
            else f"a datagram from {self.peer}"
        )


def link_of(fd: int) -> str:
    """What /proc calls a descriptor, empty when it is not open."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def file_name(link: str) -> str:
    """The last part of a path: what stands before it could hold a user's name."""
    return os.path.basename(link.removesuffix(" (deleted)"))[:80] or "/"


def socket_of(fd: int) -> Tcp | None:
    """A socket's peer and figures, None when it can't be told."""
    try:
        # Not by `socket.socket(fileno=…)`: with a default timeout set, that makes the user's own socket non-blocking.
        held = _socket.socket(-1, _socket.SOCK_STREAM | _NON_BLOCKING, -1, fd)
    except OSError:
        return None
    try:
        return _look(held, fd)
    except (OSError, struct.error):
        return None
    finally:
        held.detach()


def _look(held: _socket.socket, fd: int) -> Tcp:
    peer = _peer(held)
    if held.family not in (_socket.AF_INET, _socket.AF_INET6):
        return Tcp(peer or "the other end of a local socket")
    if held.getsockopt(_socket.SOL_SOCKET, _socket.SO_TYPE) != _socket.SOCK_STREAM:
        return Tcp(peer or "anyone", datagrams=True)
    raw = held.getsockopt(_socket.IPPROTO_TCP, _socket.TCP_INFO, 256)
    words = struct.unpack_from("<24I", raw, 8)
    sent, received = struct.unpack_from("<QQ", raw, 120) if len(raw) >= 136 else (0, 0)
    state = raw[0]
    return Tcp(
        peer=f"peer {peer or (_asked(fd) if state == _SYN_SENT else '') or 'unknown'}",
        state=state,
        retransmits=raw[2],
        probes=raw[3],
        unsent=words[4],
        silent=words[11] / 1000,
        received=received,
        sent=sent,
    )


def _peer(held: _socket.socket) -> str:
    try:
        name = held.getpeername()
    except OSError:
        return ""
    return f"[{name[0]}]:{name[1]}" if isinstance(name, tuple) and ":" in name[0] else _plain_peer(name)


def _plain_peer(name: object) -> str:
    if isinstance(name, tuple):
        return f"{name[0]}:{name[1]}"
    return ""  # a path, or a random name in the abstract namespace


def _asked(fd: int) -> str:
    """The address that a socket still tries to reach: its inode's line in the table of connections (2 ms)."""
    found = re.search(r"\[(\d+)\]", link_of(fd))
    table = read_whole("/proc/self/net/tcp").decode() if found else ""
    for line in table.splitlines()[1:]:
        parts = line.split()
        if found and len(parts) > 9 and parts[9] == found.group(1):
            address, port = parts[2].split(":")
            return f"{_socket.inet_ntoa(struct.pack('<I', int(address, 16)))}:{int(port, 16)}"
    return ""
