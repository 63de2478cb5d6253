"""Whole programs under watch."""

from __future__ import annotations
