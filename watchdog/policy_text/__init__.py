"""The policy as people write it: read from a file or the store, checked, and said again."""

from __future__ import annotations
