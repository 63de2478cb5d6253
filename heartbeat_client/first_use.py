"""What the package offers, loaded at its first use: who reads records alone, as the watchdog does, loads no threads."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

__all__ = ["load_at_first_use"]


class _Package(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name not in self.__all__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        from . import offered

        vars(self).update({one: getattr(offered, one) for one in self.__all__})
        return vars(self)[name]

    def __setattr__(self, name: str, value: object) -> None:
        # An import makes each submodule an attribute, and `heartbeat` is the decorator, never the module.
        if name != "heartbeat":
            super().__setattr__(name, value)


def load_at_first_use(package: str) -> None:
    """From now on the names that a package lists in `__all__` are loaded when the first of them is asked for."""
    sys.modules[package].__class__ = _Package
