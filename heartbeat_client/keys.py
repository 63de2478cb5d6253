"""Names as the stores take them: the id of a document, and a text by which the runs of one operation are in order."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from urllib.parse import quote

__all__ = ["by_operation", "document_key"]

KEY_LIMIT = 1200


def document_key(name: str) -> str:
    """A name as a document id that Firestore takes: no slash, not `.`, `..` or `__x__`, at most 1,500 bytes.

    Two names never share one: what is too long ends with a digest of the whole.
    """
    key = quote(name, safe=" @+,:;=~()!'", errors="surrogatepass")
    if len(key) > KEY_LIMIT:
        from hashlib import sha256  # loads OpenSSL, and few names are so long

        key = f"{key[:KEY_LIMIT]}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
    if key in (".", "..") or re.fullmatch(r"__.*__", key):
        return "%5F" + key[1:] if key.startswith("_") else key.replace(".", "%2E")
    return key or "%"


def by_operation(operation: str, at: datetime) -> str:
    """An operation and an instant as one text, by which the starts of one operation are asked for in order.

    It sorts by operation, then by instant. No key of an operation holds a slash, so none begins another's texts.
    """
    aware = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    instant = aware.astimezone(timezone.utc).isoformat(timespec="microseconds")
    return f"{document_key(operation)}/{instant.removesuffix('+00:00')}Z"
