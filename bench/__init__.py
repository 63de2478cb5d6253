"""Where the numbers in docs/benchmarks.md come from. Nothing here asserts a time."""

from __future__ import annotations
