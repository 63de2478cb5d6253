"""Google's REST APIs as far as a deployment by gcloud needs them: one strict, recording server with a project's state.

gcloud reaches it as an HTTP proxy (it prefixes a region to some hosts, so no address of its own would do), with each
API's endpoint at `http://API.googleapis.test/`. What is created twice is refused with 409, what is not there with 404,
what its API is not enabled for with 403, and a path that nobody wrote a rule for with 501, which tests look for.
"""

from __future__ import annotations

import gzip
import importlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["Call", "Cloud", "GoogleApiServer", "Refused", "Request", "gcloud_environment", "route"]

APIS = (
    "artifactregistry",
    "cloudbuild",
    "cloudresourcemanager",
    "cloudscheduler",
    "firestore",
    "iam",
    "logging",
    "monitoring",
    "run",
    "secretmanager",
    "serviceusage",
    "storage",
)
ALWAYS_ON = {"cloudresourcemanager", "serviceusage", "storage"}
REASONS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS"}


class Refused(Exception):
    """An API says no. status: HTTP's."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request that arrived, and how it was answered. api: such as `run`; path: without host and query."""

    api: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int

    @property
    def changes(self) -> bool:
        """Whether it may have changed anything: IAM policies are asked for by POST too."""
        return self.method != "GET" and not self.path.endswith(":getIamPolicy")


@dataclass(frozen=True)
class Request:
    """What a rule gets. parts: the named groups of its path; body: what its JSON says."""

    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    raw: bytes


@dataclass
class Cloud:
    """One project. things: resources by their full names; policies: IAM policies by the name of their resource."""

    project: str
    number: str = "123456789012"
    enabled: set[str] = field(default_factory=set)
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, name: str) -> dict[str, Any]:
        """A resource. Raises Refused where there is none."""
        if name not in self.things:
            raise Refused(404, f"Resource '{name}' was not found")
        return self.things[name]

    def put(self, name: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Create a resource. Raises Refused where there is one of that name."""
        if name in self.things:
            raise Refused(409, f"Resource '{name}' already exists")
        self.things[name] = thing
        return thing

    def below(self, prefix: str) -> list[dict[str, Any]]:
        """The resources directly below a name, such as `projects/p/secrets/`."""
        names = [name for name in self.things if name.startswith(prefix) and "/" not in name[len(prefix) :]]
        return [self.things[name] for name in sorted(names)]

    def delete(self, name: str) -> dict[str, Any]:
        """Delete a resource with all below it. Raises Refused where there is none."""
        thing = self.get(name)
        for other in [one for one in self.things if one == name or one.startswith(f"{name}/")]:
            del self.things[other]
            self.policies.pop(other, None)
        return thing


Rule: TypeAlias = Callable[[Cloud, Request], Any]
_RULES: list[tuple[str, str, re.Pattern[str], Rule]] = []


def route(api: str, method: str, path: str) -> Callable[[Rule], Rule]:
    """Register a rule. path: a pattern of the whole path, where {name} stands for one part of it."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path))

    def register(rule: Rule) -> Rule:
        _RULES.append((api, method, pattern, rule))
        return rule

    return register


class GoogleApiServer:
    """The APIs of one project, while the block lasts. calls: all that arrived; fail: refuses calls that match."""

    def __init__(self, project: str) -> None:
        for room in ("project", "run", "things"):  # their rules register themselves, and need this module first
            importlib.import_module(f"tests.support.google_api_{room}")
        self.cloud = Cloud(project)
        self.calls: list[Call] = []
        self._failing: list[tuple[str, re.Pattern[str], Refused]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def fail(self, method: str, path: str, status: int, text: str) -> None:
        """From now on calls whose path matches are refused. path: a pattern to search for."""
        self._failing.append((method, re.compile(path), Refused(status, text)))

    def changes(self) -> list[Call]:
        """The calls that may have changed something."""
        return [call for call in self.calls if call.changes]

    def answer(self, method: str, address: str, raw: bytes) -> tuple[int, Any]:
        """Do what the rule of a request says, and keep a record of it."""
        parts = urlsplit(address)
        api = parts.netloc.split(":")[0].removesuffix(".googleapis.test").rpartition("-")[2]
        path, body = unquote(parts.path).replace("//", "/"), _json(raw)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            try:
                status, said = 200, self._ruled(api, method, Request(path, {}, query, body, raw))
            except Refused as refused:
                status, said = refused.status, _error(refused)
            self.calls.append(Call(api, method, path, query, body, status))
        return status, said

    def _ruled(self, api: str, method: str, asked: Request) -> Any:
        for failing_method, pattern, refused in self._failing:
            if failing_method == method and pattern.search(asked.path):
                raise refused
        if api not in ALWAYS_ON and f"{api}.googleapis.com" not in self.cloud.enabled:
            raise Refused(403, f"{api} API has not been used in project {self.cloud.number} before or it is disabled.")
        for rule_api, rule_method, pattern, rule in _RULES:
            found = pattern.fullmatch(asked.path) if (rule_api, rule_method) == (api, method) else None
            if found:
                return rule(self.cloud, Request(asked.path, found.groupdict(), asked.query, asked.body, asked.raw))
        raise Refused(501, f"no rule for {api} {method} {asked.path}")

    def __enter__(self) -> GoogleApiServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _error(refused: Refused) -> dict[str, Any]:
    said = {"code": refused.status, "message": str(refused), "status": REASONS.get(refused.status, "UNKNOWN")}
    return {"error": said}


def _handler(server: GoogleApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                raw = gzip.decompress(raw)
            status, said = server.answer(self.command, self.path, raw)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815  the library asks for these names

        def log_message(self, *_: Any) -> None:
            """Override: quiet."""

    return Handler


def gcloud_environment(server: GoogleApiServer, folder: Path) -> dict[str, str]:
    """What makes gcloud talk to the server alone, as nobody, with its own settings folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "token").write_text("a-token-of-nobody")
    settings = {
        "CONFIG": str(folder / "config"),
        "AUTH_ACCESS_TOKEN_FILE": str(folder / "token"),
        "CORE_DISABLE_USAGE_REPORTING": "true",
        "CORE_DISABLE_FILE_LOGGING": "true",
        "COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "PROXY_TYPE": "http_no_tunnel",
        "PROXY_ADDRESS": "127.0.0.1",
        "PROXY_PORT": str(server.port),
    } | {f"API_ENDPOINT_OVERRIDES_{api.upper()}": f"http://{api}.googleapis.test/" for api in APIS}
    return {f"CLOUDSDK_{name}": value for name, value in settings.items()}
