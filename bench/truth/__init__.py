"""What is told, and how truly: made-up fleets whose truth is known, watched in virtual time by the real sweep."""

from __future__ import annotations
