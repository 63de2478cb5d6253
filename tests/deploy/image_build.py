"""An image without an engine: a Dockerfile's steps in folders that stand for file systems, each entered by chroot.

The base image is put together from this machine: its Python 3.12, the libraries that it needs, a shell, and nothing
else. A step that needs more than the real base image promises fails here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile_reader import Instruction, read_dockerfile, replaced
from tests.support.imports import ROOT

__all__ = ["Image", "base_image", "build_image", "download_wheels", "files_of", "in_context", "python312"]

BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
UNNEEDED = ("test", "tests", "idlelib", "turtledemo", "site-packages", "__pycache__", "config-3.12-*")
WHEELS = "/wheels"
DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}  # every engine makes them; gRPC aborts without


@dataclass
class Image:
    """A file system with what the last stage says of it. user: a uid and a gid."""

    root: Path
    env: dict[str, str]
    folder: str = "/"
    user: str = "0:0"
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()

    def command(self, *words: str) -> list[str]:
        """What starts a process in it; the process that runs it becomes that process."""
        enter = f'cd "{self.folder}" && exec "$@"'
        return ["chroot", f"--userspec={self.user}", str(self.root), "/bin/sh", "-c", enter, "sh", *words]

    def run(self, *words: str) -> str:
        """What a program in it prints, as its user. Raises AssertionError with what it said where it fails."""
        done = subprocess.run(
            self.command(*words), env=self.env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, *words: str, env: Mapping[str, str], **how: Any) -> subprocess.Popen[str]:
        """Its entrypoint with `words`, else with its own command; the pid is the server's."""
        return subprocess.Popen(
            self.command(*self.entrypoint, *(words or self.cmd)), env=self.env | dict(env), text=True, **how
        )


def python312() -> str:
    """A Python 3.12 of this machine; skips where there is none."""
    found = [*sorted(Path.home().glob(".pyenv/versions/3.12.*/bin/python")), shutil.which("python3.12")]
    for candidate in found:
        if candidate and subprocess.run([candidate, "-c", "import pip"], check=False, timeout=60).returncode == 0:
            return str(candidate)
    pytest.skip("the image is built with Python 3.12 and its pip, which is not here")


def base_image(root: Path, python: str) -> None:
    """Put together what `python:3.12-slim` has, as far as our Dockerfile may ask for it."""
    prefix, pip = subprocess.check_output(
        [python, "-c", "import sys, pip, os; print(sys.base_prefix); print(os.path.dirname(pip.__file__))"], text=True
    ).split()
    lib = root / "usr/local/lib/python3.12"
    shutil.copytree(f"{prefix}/lib/python3.12", lib, symlinks=True, ignore=shutil.ignore_patterns(*UNNEEDED))
    shutil.copytree(pip, lib / "site-packages/pip", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("usr/local/bin", "bin", "dev/shm", "etc", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in ("dev/shm", "tmp"):
        (root / folder).chmod(0o1777)
    for device, minor in DEVICES.items():
        os.mknod(root / "dev" / device, 0o020666, os.makedev(1, minor))
        (root / "dev" / device).chmod(0o666)  # the umask took some of it
    program = root / "usr/local/bin/python3.12"
    shutil.copy2(Path(prefix, "bin/python3.12").resolve(), program)
    (program.parent / "python").symlink_to("python3.12")
    shutil.copy2("/bin/sh", root / "bin/sh", follow_symlinks=True)
    for library in _libraries([program, root / "bin/sh", *lib.glob("lib-dynload/*.so")]):
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, target, follow_symlinks=True)


def _libraries(programs: Sequence[Path]) -> set[Path]:
    said = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {Path(path) for path in re.findall(r"(/[^\s()]+\.so[^\s()]*)(?= \(0x)", said)}
    return found | {path for path in Path("/usr/lib").glob("*-linux-gnu/lib*.so.*") if _is_always_there(path.name)}


# The C library's own files, and C++'s; Debian's slim image has the latter for apt.
ALWAYS_THERE = re.compile(r"lib(stdc\+\+|gcc_s|pthread|dl|m|rt|util|resolv|nss_files|nss_dns)\.so\.\d+")


def _is_always_there(name: str) -> bool:
    return ALWAYS_THERE.fullmatch(name) is not None


def download_wheels(python: str, lock: Path, folder: Path) -> None:
    """The lock's packages for Python 3.12, by pip as this machine has it set up; skips where they can't be had."""
    command = [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", str(lock), "-d", str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"the image's packages can't be downloaded: {done.stderr.strip()[-300:]}")


def build_image(dockerfile: Path, folder: Path, base: Path, wheels: Path) -> Image:
    """Do the steps of every stage; each begins with the files of `base`. pip finds its packages in `wheels` alone."""
    stages: dict[str, Image] = {}
    image = Image(folder, {})
    for number, stage in enumerate(read_dockerfile(dockerfile)):
        root = folder / f"stage{number}"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True, timeout=120)
        image = Image(root, {"PATH": BASE_PATH})
        for instruction in stage.instructions:
            _STEPS[instruction.name](image, instruction, stages, wheels)
        stages[stage.name or str(number)] = image
    return image


def _env(image: Image, given: Instruction, *_: object) -> None:
    image.env |= {name: replaced(value, image.env) for name, value in given.pairs().items()}


def _workdir(image: Image, given: Instruction, *_: object) -> None:
    image.folder = given.text
    (image.root / given.text.lstrip("/")).mkdir(parents=True, exist_ok=True)


def _copy(image: Image, given: Instruction, stages: Mapping[str, Image], _: Path) -> None:
    words = given.words()
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *whence, to = words
    target = image.root / (to if to.startswith("/") else f"{image.folder}/{to}").lstrip("/")
    for path in whence:
        _copied(source, source / path.lstrip("/"), target, to.endswith("/"))


def _copied(source: Path, path: Path, target: Path, into: bool) -> None:
    if path.is_dir():  # its content, as COPY does
        ignore = in_context if source == ROOT else None
        shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True, ignore=ignore)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target / path.name if into else target)


def in_context(folder: str, names: list[str]) -> set[str]:
    """What .dockerignore keeps out of a folder that it lets in; for `shutil.copytree`."""
    return {name for name in names if name == "__pycache__" or name.endswith(".pyc")}


def _run(image: Image, given: Instruction, _: object, wheels: Path) -> None:
    inside = image.root / WHEELS.lstrip("/")
    shutil.copytree(wheels, inside)
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
    try:
        Image(image.root, image.env | offline, image.folder, image.user).run("/bin/sh", "-c", given.text)
    finally:
        shutil.rmtree(inside)


def _user(image: Image, given: Instruction, *_: object) -> None:
    image.user = given.text


def _entrypoint(image: Image, given: Instruction, *_: object) -> None:
    image.entrypoint = given.words()


def _cmd(image: Image, given: Instruction, *_: object) -> None:
    image.cmd = given.words()


_STEPS: dict[str, Any] = {
    "CMD": _cmd,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": lambda *_: None,
    "RUN": _run,
    "USER": _user,
    "WORKDIR": _workdir,
}


def files_of(root: Path) -> Iterator[Path]:
    """Every file below a folder, with links."""
    return (path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
