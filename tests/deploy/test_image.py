"""The image holds what it should and nothing else, and serves from exactly those files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.dockerfile_reader import DockerfileError, read_dockerfile
from tests.deploy.image_build import (
    WHEELS,
    Image,
    base_image,
    build_image,
    download_wheels,
    files_of,
    in_context,
    python312,
)
from tests.support.emulators import LOOPBACK, Running, free_port
from tests.support.imports import ROOT
from tests.support.token_issuer import Issuer

DOCKERFILE = ROOT / "deploy/Dockerfile"
APP = "opt/hangwatch/app"
AUDIENCE = "https://hangwatch-1234567890.us-central1.run.app"
SCHEDULER = "hangwatch-scheduler@a-project.iam.gserviceaccount.com"
START_LIMIT = 90.0

pytestmark = [pytest.mark.xdist_group("image"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built in a chroot; its files are gone when the module's tests are done."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("the image is built in a chroot, which takes root on Linux")
    python = python312()
    folder = tmp_path_factory.mktemp("image")
    folder.parent.chmod(0o755)  # pytest's folders are its user's alone; the image's user must get through
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    folder.chmod(0o755)
    download_wheels(python, ROOT / "locks/watchdog.txt", folder / "wheels")
    base_image(folder / "base", python)
    yield build_image(DOCKERFILE, folder, folder / "base", folder / "wheels")
    shutil.rmtree(folder, ignore_errors=True)


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Status and text of an answer; 0 where nobody listens yet."""
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", method=method, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Service:
    """The image's server, as Cloud Run would start it. began, ready: seconds of the monotonic clock."""

    def __init__(self, image: Image, store: str, certs_url: str, **env: str) -> None:
        self.port = free_port()
        settings = {
            "PORT": str(self.port),
            "HANGWATCH_STORE": store,
            "HANGWATCH_SWEEP_AUDIENCE": AUDIENCE,
            "HANGWATCH_SWEEP_ACCOUNT": SCHEDULER,
            "HANGWATCH_SWEEP_CERTS_URL": certs_url,
        }
        self.began = time.monotonic()
        self.process = image.start(
            env=settings | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )

    def wait_until_ready(self) -> float:
        """Seconds from its start to the first 200 of /healthz."""
        while ask(self.port, "/healthz")[0] != 200:
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < self.began + START_LIMIT, "the server does not answer"
            time.sleep(0.02)
        return time.monotonic() - self.began

    def processes(self) -> list[int]:
        """The server and its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def memory(self) -> float:
        """MiB that it has for itself: what processes share is counted once."""
        lines = "".join(Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes())
        return sum(map(int, re.findall(r"(?m)^Pss: +(\d+) kB", lines))) / 1024

    def end(self) -> str:
        """Kill it if it is still there; all that it said."""
        if self.process.poll() is None:
            for pid in reversed(self.processes()):
                os.kill(pid, signal.SIGKILL)
        return self.process.communicate()[0]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def owners(pid: int) -> set[str]:
    """The uids of a process: real, effective, saved."""
    (line,) = re.findall(r"(?m)^Uid:\s+(.*)$", Path(f"/proc/{pid}/status").read_text())
    return set(line.split())


def test_the_image_sweeps_as_nobody_and_ends_when_told(
    image: Image, issuer: Issuer, firestore_emulator: Running, record_property: Callable[[str, object], None]
) -> None:
    """From its own files, as a user without rights, the server takes PORT, sweeps on a token, ends on SIGTERM."""
    emulator = {"FIRESTORE_EMULATOR_HOST": firestore_emulator.host}
    service = Service(image, "firestore://demo-image/hangwatch", issuer.address, **emulator)
    try:
        cold = service.wait_until_ready()
        refused = ask(service.port, "/sweep", "POST")
        token = issuer.token(AUDIENCE, SCHEDULER)
        status, said = ask(service.port, "/sweep", "POST", Authorization=f"Bearer {token}")
        users = {uid for pid in service.processes() for uid in owners(pid)}
        memory = service.memory()
        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        service.process.wait(timeout=10)  # Cloud Run's grace, which is the rule and no measure of speed
        ending = time.monotonic() - told
    finally:
        everything = service.end()

    assert (refused[0], status) == (403, 200), (refused, status, said, everything)
    assert json.loads(said)["outcome"] == "swept"
    assert users == {"65532"}
    assert service.process.returncode == 0
    assert token not in everything
    figures = {"cold start, s": round(cold, 2), "memory, MiB": round(memory), "end, s": round(ending, 2)}
    record_property("image", json.dumps(figures))
    print(f"\nthe image: {figures}, {sum(p.lstat().st_size for p in files_of(image.root / 'opt')) / 2**20:.0f} MiB")


def test_another_command_takes_the_place_of_serve(image: Image) -> None:
    """The job variant: `sweep` instead of `serve` sweeps once and ends with 0."""
    done = image.start("sweep", "--json", env={"HANGWATCH_STORE": "sqlite:////tmp/job.sqlite3"}, stdout=subprocess.PIPE)

    assert json.loads(done.communicate(timeout=120)[0])["read"] == 0
    assert done.returncode == 0


def test_the_image_holds_our_two_packages_and_licences(image: Image) -> None:
    """Beside the environment there are heartbeat_client/, watchdog/ and the licence, each file as in the checkout."""
    ours = {path.relative_to(image.root / "opt/hangwatch") for path in files_of(image.root / "opt/hangwatch")}
    outside = {str(path) for path in ours if path.parts[0] != "venv" and path.suffix != ".pyc"}
    packages = {
        f"app/{path.relative_to(ROOT)}"
        for package in ("heartbeat_client", "watchdog")
        for path in files_of(ROOT / package)
        if not in_context(str(path.parent), [path.name]) and "__pycache__" not in path.parts
    }

    assert outside == packages | {"LICENSE"}
    assert {name for name in outside if name.endswith(".py")} > {"app/watchdog/cli.py", "app/heartbeat_client/run.py"}


def test_the_environment_holds_the_lock_and_no_installer(image: Image) -> None:
    """What is installed is what the lock says for this Python, hashes checked; nothing can install more."""
    said = image.run(
        "python",
        "-c",
        "import importlib.metadata as m; print(*sorted(d.metadata['Name'].lower() for d in m.distributions()))",
    )
    downloaded = {re.split(r"-\d", path.name)[0].lower() for path in (image.root.parent / WHEELS[1:]).iterdir()}

    assert {name.replace("-", "_").replace(".", "_") for name in said.split()} == downloaded
    assert not {"pip", "setuptools", "wheel"} & set(said.split())


def test_every_module_comes_compiled(image: Image) -> None:
    """No module of ours or of a library is compiled when an instance starts."""
    site = image.root / "opt/hangwatch"
    missing = [
        str(path.relative_to(site))
        for path in files_of(site)
        if path.suffix == ".py" and not (path.parent / f"__pycache__/{path.stem}.cpython-312.pyc").exists()
    ]

    assert missing == []


def test_its_user_can_change_nothing_of_it(image: Image) -> None:
    """No file of the image belongs to its user, and none is writable for everybody."""
    uid, gid = map(int, image.user.split(":"))
    files = {path: path.lstat() for path in files_of(image.root / "opt")}

    assert uid > 0
    assert gid > 0
    assert [path for path, stat in files.items() if stat.st_uid == uid or stat.st_gid == gid] == []
    assert [path for path, stat in files.items() if not path.is_symlink() and stat.st_mode & 0o002] == []


def test_the_ignore_files_let_in_what_is_copied() -> None:
    """.dockerignore lets in just what the Dockerfile copies from the checkout."""
    copied = {
        word
        for stage in read_dockerfile(DOCKERFILE)
        for one in stage.instructions
        if one.name == "COPY" and "--from" not in one.text
        for word in one.words()[:-1]
    }
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert let_in == copied | {"deploy/Dockerfile"}


def test_both_stages_begin_with_one_slim_image() -> None:
    """The base is named by version and release, in one place, and a digest may be added to it."""
    digest = f"sha256:{'0' * 64}"

    assert {stage.base for stage in read_dockerfile(DOCKERFILE)} == {"python:3.12-slim-bookworm"}
    pinned = read_dockerfile(DOCKERFILE, {"PYTHON_DIGEST": digest})
    assert {stage.base for stage in pinned} == {f"python:3.12-slim-bookworm@{digest}"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM a\nADD x y\n", id="an_unknown_instruction"),
        pytest.param("RUN true\nFROM a\n", id="a_step_before_the_first_stage"),
        pytest.param("# nothing\n", id="no_stage"),
        pytest.param("FROM --platform=x a\n", id="a_flag_of_from"),
    ],
)
def test_the_reader_refuses_what_it_does_not_know(tmp_path: Path, text: str) -> None:
    """A Dockerfile that the reader would misread is an error, so that no step is left out in silence."""
    path = tmp_path / "Dockerfile"
    path.write_text(text)

    with pytest.raises(DockerfileError):
        read_dockerfile(path)


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile, its shell lines among it, keeps to the linter's rules."""
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("hadolint is not in this environment; install the dev group")
    done = subprocess.run([str(hadolint), str(DOCKERFILE)], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "")
