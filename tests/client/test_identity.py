"""Who beats: what the environment says, and what Cloud Run's metadata server adds."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from heartbeat_client.identity import Who, identify, with_metadata

ANSWERS = {
    "/computeMetadata/v1/instance/id": "00c61b117c09cf94de8a5822633c28f2f0e85efe",
    "/computeMetadata/v1/instance/region": "projects/123/regions/us-west2",
    "/computeMetadata/v1/project/project-id": "nba-props",
}


@contextmanager
def metadata_server(answers: dict[str, str]) -> Generator[tuple[str, list[str]], None, None]:
    """A server that answers as Google's does, and notes what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            known = self.headers["Metadata-Flavor"] == "Google" and self.path in answers
            body = answers.get(self.path, "").encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


ENVIRONMENTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "a service": (
        {"K_SERVICE": "coordinator", "K_REVISION": "coordinator-00042"},
        {"service": "coordinator", "revision": "coordinator-00042", "platform": "cloud_run_service"},
    ),
    "a job": (
        {"CLOUD_RUN_JOB": "nightly", "CLOUD_RUN_EXECUTION": "nightly-x7"},
        {"service": "nightly", "revision": "nightly-x7", "platform": "cloud_run_job"},
    ),
    "elsewhere": ({"GOOGLE_CLOUD_PROJECT": "p"}, {"revision": "", "platform": "", "project": "p", "region": ""}),
}


@pytest.mark.parametrize(("environ", "expected"), ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_what_the_environment_says(environ: dict[str, str], expected: dict[str, str]) -> None:
    """Service, revision and platform come from Cloud Run's variables."""
    identity = identify("", environ)

    assert {name: getattr(identity, name) for name in expected} == expected
    assert identity.pid == os.getpid()


@pytest.mark.parametrize(
    ("argv", "service"),
    [
        (["/srv/app/coordinator.py", "--key=hunter2"], "coordinator"),
        (["/srv/app/coordinator/__main__.py"], "coordinator"),
        (["/usr/bin/gunicorn"], "gunicorn"),
        (["-c"], "python"),
        ([""], "python"),
        ([], "python"),
    ],
    ids=["a script", "a package", "a command", "a line of code", "the prompt", "embedded"],
)
def test_a_program_is_its_own_service(monkeypatch: pytest.MonkeyPatch, argv: list[str], service: str) -> None:
    """Off Cloud Run the service is the program's name, without its arguments."""
    monkeypatch.setattr("sys.argv", argv)

    assert identify("", {}).service == service


def test_a_configured_service_is_the_service() -> None:
    """A name that was configured is stronger than Cloud Run's."""
    assert identify("mine", {"K_SERVICE": "coordinator"}).service == "mine"


def test_the_metadata_server_knows_more() -> None:
    """Instance, region and project come from the metadata server; of the instance, the end that tells it apart."""
    with metadata_server(ANSWERS) as (host, _):
        environ = {"K_SERVICE": "coordinator", "GCE_METADATA_HOST": host}
        identity = with_metadata(identify("", environ), environ)

    assert (identity.instance, identity.region, identity.project) == ("28f2f0e85efe", "us-west2", "nba-props")


def test_the_project_of_the_environment_is_not_asked_for() -> None:
    """GOOGLE_CLOUD_PROJECT comes before the metadata server."""
    with metadata_server(ANSWERS) as (host, asked):
        environ = {"K_SERVICE": "coordinator", "GCE_METADATA_HOST": host, "GOOGLE_CLOUD_PROJECT": "mine"}
        identity = with_metadata(identify("", environ), environ)

    assert identity.project == "mine"
    assert "/computeMetadata/v1/project/project-id" not in asked


def test_off_cloud_run_nobody_is_asked() -> None:
    """A laptop's heartbeats ask no metadata server."""
    with metadata_server(ANSWERS) as (host, asked):
        environ = {"GCE_METADATA_HOST": host}
        identity = with_metadata(identify("", environ), environ)

    assert asked == []
    assert identity.instance == ""


@pytest.mark.parametrize("answers", [{}, {"/computeMetadata/v1/instance/id": "ü"}], ids=["404", "no ASCII"])
def test_an_odd_metadata_server_changes_nothing(answers: dict[str, str]) -> None:
    """Without proper answers the identity is what the environment said."""
    with metadata_server(answers) as (host, _):
        environ = {"K_SERVICE": "coordinator", "GCE_METADATA_HOST": host}
        identity = identify("", environ)

        assert with_metadata(identity, environ) == identity


def test_a_metadata_server_is_asked_three_times_at_most() -> None:
    """One that does not answer is asked at the first run and twice more, a minute apart; then never again."""
    with metadata_server({}) as (host, asked):
        who = Who({"K_SERVICE": "coordinator", "GCE_METADATA_HOST": host})
        times = []
        for second in range(0, 600, 10):
            before = len(asked)
            who.now("", 1000.0 + second)
            times += [second] * (len(asked) > before)

    assert times == [0, 60, 120]


def test_a_metadata_server_that_answers_is_asked_once() -> None:
    """What is known is not asked for again, whatever service is configured later."""
    with metadata_server(ANSWERS) as (host, asked):
        who = Who({"K_SERVICE": "coordinator", "GCE_METADATA_HOST": host})
        identities = [who.now(service, 1000.0 + second) for second, service in ((0, ""), (600, "mine"))]

    assert len(asked) == 3
    assert [identity.service for identity in identities] == ["coordinator", "mine"]
    assert {identity.instance for identity in identities} == {"28f2f0e85efe"}
