"""The stores that a run's record can be written to, one outside library a module; each keeps `backend.Backend`."""

from __future__ import annotations
