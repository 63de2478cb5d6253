"""What the watchdog talks to outside, one dependency a module; each keeps a protocol of `ports`."""

from __future__ import annotations
