"""Where something happened: the user's own line, by a path that says nothing of the user."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from heartbeat_client.place import innermost, place_of, type_name


def load(path: Path, source: str) -> ModuleType:
    """A module from a file that lies where the test wants it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    module = ModuleType(path.stem)
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 (the test's own lines)
    return module


def caught(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except Exception as error:  # noqa: BLE001 (whatever it raises is what is looked at)
        return error
    raise AssertionError("expected an exception, got none")


def test_the_users_line_is_to_blame_for_what_a_library_raised() -> None:
    """An error deep inside of Python's own modules is placed where the user called them."""
    error = caught(lambda: json.loads("{"))
    place, deepest = place_of(error.__traceback__), innermost(error.__traceback__)

    assert place is not None
    assert place.file.endswith("tests/client/test_place.py") or place.file == "test_place.py"
    assert deepest is not None
    assert deepest.file == "json/decoder.py"


def test_an_installed_library_is_not_the_users(tmp_path: Path) -> None:
    """What lies in site-packages is a library, unless all of it does."""
    library = load(tmp_path / "lib/site-packages/library/core.py", "def fail():\n    raise OSError\n")
    place = place_of(caught(library.fail).__traceback__)

    assert place is not None
    assert place.file.endswith("test_place.py")


def test_an_installed_application_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the application itself is installed, its own package is to blame, not the library that it calls."""
    site = tmp_path / "lib/site-packages"
    monkeypatch.syspath_prepend(site)
    library = load(site / "library/core.py", "def fail():\n    raise OSError\n")
    app = load(site / "app/jobs.py", "def run(call):\n    call()\n")
    traceback = caught(lambda: app.run(library.fail)).__traceback__
    assert traceback is not None
    place = place_of(traceback.tb_next.tb_next)  # type: ignore[union-attr]  # without the test's own frames

    assert place is not None
    assert (place.file, place.line, place.function) == ("app/jobs.py", 2, "run")


def test_a_path_names_no_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below sys.path's entry the path is kept, above it is not; without an entry the file's name is all."""
    source = "def fail():\n    raise OSError\n"
    on_path = load(tmp_path / "home/naji/app/package/module.py", source)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "home"), str(tmp_path / "home/naji/app"), os.sep, ""])
    shown = place_of(caught(on_path.fail).__traceback__.tb_next)  # type: ignore[union-attr]
    off_path = load(tmp_path / "elsewhere/naji/other.py", source)
    other = place_of(caught(off_path.fail).__traceback__.tb_next)  # type: ignore[union-attr]

    assert shown is not None
    assert shown.file == "package/module.py"
    assert other is not None
    assert other.file == "other.py"


def test_a_function_is_called_by_its_qualified_name() -> None:
    """From Python 3.11 on a method has its class's name before it."""

    class Loader:
        def load(self) -> None:
            raise OSError

    place = place_of(caught(Loader().load).__traceback__)

    assert place is not None
    name = "test_a_function_is_called_by_its_qualified_name.<locals>.Loader.load"
    assert place.function == (name if sys.version_info >= (3, 11) else "load")


def test_code_without_a_file_has_a_place() -> None:
    """Lines that were never in a file are named as Python names them."""
    place = place_of(caught(lambda: eval("1 / 0")).__traceback__)  # noqa: S307 (the test's own line)

    assert place is not None
    assert place.line > 0


def test_no_traceback_no_place() -> None:
    """Without a traceback nothing is known."""
    assert place_of(None) is None
    assert innermost(None) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ValueError, "ValueError"),
        (json.JSONDecodeError, "json.decoder.JSONDecodeError"),
        (TimeoutError, "TimeoutError"),
    ],
)
def test_a_type_is_called_as_people_look_for_it(kind: type, name: str) -> None:
    """Python's own have their bare name, others their module before it."""
    assert type_name(kind) == name
