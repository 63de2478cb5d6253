"""Who may look at the page: on loopback whoever is on this machine, elsewhere only those whom something lets through.

A service that Slack's clicks reach is open to everybody, and the page on it must not be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from .guard import LOOPBACK

__all__ = ["Access", "access_for"]


@dataclass(frozen=True)
class Access:
    """hosts: names that requests may be for, None for any. prove: see `visitors.visitor`."""

    hosts: frozenset[str] | None = None
    prove: Callable[[str], str] | None = None


def access_for(
    host: str, link_base: str = "", prove: Callable[[str], str] | None = None, *, guarded: bool = False
) -> Access | None:
    """The access to a page that is served at an address of this machine; None: there is no page.

    host: what the server is bound to. link_base: the address that people use. prove: given where Identity-Aware Proxy
    is trusted. guarded: whether somebody said that only those who may look reach the server, as with Cloud Run's IAM.
    """
    known = frozenset({urlsplit(link_base).hostname or ""}) if link_base else frozenset()
    if host.lower() in LOOPBACK or host == "::1":
        return Access(LOOPBACK | known, prove)
    if prove is None and not guarded:
        return None
    return Access(known or None, prove)
