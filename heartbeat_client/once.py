"""A property that is worked out at its first use, without a lock.

`functools.cached_property` has one before Python 3.12, and one for all instances of a class: where another thread works
such a property out during a fork, the child waits for it for ever at its first use (in 5 s of churn, 2 of 60 children).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["Once"]

T = TypeVar("T")


class Once(Generic[T]):
    """A decorator of methods without arguments; two threads may both work it out, and the later one's result is kept.

    Needs a class whose instances have a `__dict__`.
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Once[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | Once[T]:
        if instance is None:
            return self
        value = self._work_out(instance)
        instance.__dict__[self._work_out.__name__] = value  # found from now on before this descriptor, which sets none
        return value
