"""What `doctor` examines, one thing after another, and what it says of each."""

from __future__ import annotations
