"""Where in the code something happened: package-relative file, line, qualified name. Never a source line."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from types import TracebackType

from .run import Place

__all__ = ["OURS", "innermost", "is_foreign", "package_of", "place_of", "relative_path", "type_name"]

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STDLIB = os.path.dirname(os.__file__) + os.sep


def place_of(traceback: TracebackType | None) -> Place | None:
    """The innermost place in the user's own code, which is to blame for what a library raised.

    A user's own code is what is neither Python's nor installed; where all is installed, the package that the traceback
    begins in, for that is where the heartbeat was opened.
    """
    places = [place for place in _places(traceback) if not place[0].startswith(OURS)]
    if not places:
        return innermost(traceback)
    home = package_of(places[0][0])
    own = [place for place in places if not is_foreign(place[0]) or (home and package_of(place[0]) == home)]
    return _shown(*(own or places)[-1])


def innermost(traceback: TracebackType | None) -> Place | None:
    """The place that raised, whoever's code it is."""
    places = _places(traceback)
    return _shown(*places[-1]) if places else None


def type_name(kind: type) -> str:
    """A type as people look for it: `ValueError`, `requests.exceptions.ReadTimeout`."""
    plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if plain else f"{kind.__module__}.{kind.__qualname__}"


def _places(traceback: TracebackType | None) -> list[tuple[str, int, str]]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append((code.co_filename, traceback.tb_lineno or 0, getattr(code, "co_qualname", code.co_name)))
        traceback = traceback.tb_next
    return places


def _shown(filename: str, line: int, function: str) -> Place:
    return Place(relative_path(filename, tuple(sys.path)), line, function)


@lru_cache(maxsize=1024)
def relative_path(filename: str, path: tuple[str, ...]) -> str:
    """The part below the longest entry of sys.path; the rest could hold a user's name."""
    roots = (os.path.abspath(entry).rstrip(os.sep) + os.sep for entry in path if entry.strip(os.sep))
    root = max((root for root in roots if filename.startswith(root)), key=len, default="")
    if root:
        return filename[len(root) :].replace(os.sep, "/")
    return os.path.basename(filename) or filename


@lru_cache(maxsize=1024)
def is_foreign(filename: str) -> bool:
    """Whether a file is Python's own or an installed package's."""
    return filename.startswith(("<", _STDLIB)) or package_of(filename) is not None


def package_of(filename: str) -> str | None:
    """The top-level name of an installed package that a file belongs to."""
    for marker in _INSTALLED:
        _, found, below = filename.rpartition(marker)
        if found:
            return below.split(os.sep, 1)[0].removesuffix(".py")
    return None
