"""Who may look, who may act, and what a browser is told to allow: one rule a test, tried through the application."""

from __future__ import annotations

import base64
import logging
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from heartbeat_client.run import document_key
from tests.page.scene import Scene, morning
from tests.support.token_issuer import Issuer, Key, signed
from tests.support.world import a_run
from watchdog.adapters.iap import IapAssertions
from watchdog.adapters.signing_keys import TokenError
from watchdog.page.access import Access, access_for
from watchdog.page.guard import HEADERS, LOOPBACK
from watchdog.page.visitors import Visitor, VisitorError, visitor

ROOT = Path(__file__).resolve().parents[2]
LOAD = "load-7f3a91c2"
OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}


class Tab:
    """A browser's tab as far as requests go: it keeps cookies, and knows the token of the page that it has open."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.opened = client.get("/")
        found = re.search(r'name="token" value="([^"]+)"', self.opened.text)
        self.token = found[1] if found else ""

    def post(self, path: str, headers: dict[str, str] | None = None, **form: str) -> TestResponse:
        """Press a button."""
        return self.client.post(path, data={"token": self.token, **form}, headers=OURS if headers is None else headers)


@pytest.fixture
def tab(busy: Scene) -> Tab:
    return Tab(busy.app.test_client())


def acknowledged(scene: Scene) -> list[str]:
    """Who looks after the run that stands."""
    return [held.value.acked_by for held in scene.ledger.episodes(LOAD) if held.value.acknowledged]


def test_a_press_of_a_button_is_done_and_signed(tab: Tab, busy: Scene) -> None:
    """A post from our own page with its token is done, and leads back to where it came from."""
    answer = tab.post("/acknowledge", incident=f"{LOAD}.1", name="Ada", back="/?state=stalled")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/?state=stalled")
    assert acknowledged(busy) == ["Ada (page, 127.0.0.1)"]


FOREIGN = {
    "another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "another site, its origin hidden": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour under the same domain": {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"},
    "an address typed by hand": {"Sec-Fetch-Site": "none"},
    "an old browser on another site": {"Origin": "https://evil.example"},
    "a sandboxed frame": {"Origin": "null"},
    "another port of this machine": {"Origin": "http://localhost:8000"},
    "no browser at all": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_post_from_elsewhere_is_refused(tab: Tab, busy: Scene, headers: dict[str, str]) -> None:
    """Even with the right token and cookie, what does not come from our page changes nothing."""
    assert tab.post("/acknowledge", headers, incident=f"{LOAD}.1").status_code == 403
    assert acknowledged(busy) == []


@pytest.mark.parametrize("token", ["", "x" * 32, "ä" * 32, "y" * 5000])
def test_a_post_with_another_token_is_refused(tab: Tab, busy: Scene, token: str) -> None:
    """The token of the form must be that of the cookie."""
    assert tab.post("/acknowledge", incident=f"{LOAD}.1", token=token).status_code == 403
    assert acknowledged(busy) == []


def test_a_post_without_the_cookie_is_refused(busy: Scene) -> None:
    """A token alone, such as an empty one to match no cookie, is none."""
    client = busy.app.test_client()

    assert client.post("/acknowledge", data={"incident": f"{LOAD}.1", "token": ""}, headers=OURS).status_code == 403
    assert acknowledged(busy) == []


def test_an_old_browser_of_ours_may_act(tab: Tab, busy: Scene) -> None:
    """Where a browser does not send Sec-Fetch-Site, its Origin is enough."""
    assert tab.post("/acknowledge", {"Origin": "http://localhost"}, incident=f"{LOAD}.1").status_code == 303
    assert acknowledged(busy) == ["somebody at 127.0.0.1"]


def test_two_tabs_share_one_permission(busy: Scene) -> None:
    """A page that is opened later does not take away what an earlier one may do."""
    client = busy.app.test_client()
    first, second = Tab(client), Tab(client)

    assert first.token == second.token
    assert first.post("/snooze", operation="a", why="moving", **{"for": "1h"}).status_code == 303


def test_the_cookie_is_kept_from_scripts_and_other_sites(busy: Scene) -> None:
    """HttpOnly and SameSite always; behind TLS also Secure, and a name that no other host can set."""
    plain = busy.app.test_client().get("/").headers["Set-Cookie"]
    safe = busy.app.test_client().get("/", headers={"X-Forwarded-Proto": "https"}).headers["Set-Cookie"]

    assert re.fullmatch(r"hangwatch=[\w-]{32}; HttpOnly; Path=/; SameSite=Lax", plain)
    assert re.fullmatch(r"__Host-hangwatch=[\w-]{32}; Secure; HttpOnly; Path=/; SameSite=Lax", safe)


@pytest.mark.parametrize("path", ["/acknowledge", "/wake"])
def test_looking_changes_nothing(tab: Tab, busy: Scene, path: str) -> None:
    """What changes something can't be asked for by a link."""
    before = [busy.store.find(name) for name in ("hangwatch_incidents", "hangwatch_watchdog")]

    assert tab.client.get(path, query_string={"incident": f"{LOAD}.1"}).status_code == 405
    asked = "/snooze?operation=a&for=1h&why=moving"
    for shown in (
        "/",
        f"/runs/{LOAD}",
        "/operations/load-historical-games",
        f"/incidents/{LOAD}.1",
        "/?part=live",
        asked,
    ):
        assert tab.client.get(shown).status_code == 200
    assert [busy.store.find(name) for name in ("hangwatch_incidents", "hangwatch_watchdog")] == before


ANSWERED = [
    pytest.param("/wake", {"operation": "backfill-*"}, 200, "somebody at 127.0.0.1 ended it", id="wake"),
    pytest.param("/wake", {"operation": "nobody"}, 404, "expected an operation or pattern that is snoozed", id="awake"),
    pytest.param("/acknowledge", {"incident": "nobody"}, 404, "there is no incident nobody", id="no_incident"),
    pytest.param("/acknowledge", {}, 404, "there is no incident", id="nothing"),
]


@pytest.mark.parametrize(("path", "form", "status", "said"), ANSWERED)
def test_each_answer_says_what_came_of_it(tab: Tab, path: str, form: dict[str, str], status: int, said: str) -> None:
    """A script hears the status and the sentence; whoever has none is told on the page that they come back to."""
    heard = tab.post(path, OURS | {"Accept": "application/json"}, **form)
    again = Tab(tab.client)

    assert (heard.status_code, heard.json["done"]) == (status, status == 200)  # type: ignore[index]  # it is a map
    assert said in heard.json["said"]  # type: ignore[index]  # see above
    assert again.post(path, **form).status_code == 303


def test_what_was_said_is_said_once(tab: Tab) -> None:
    """The page after a post tells what came of it, escaped; the next one does not."""
    tab.post("/snooze", operation="<b>x", why="moving", **{"for": "1h"})

    assert "&lt;b&gt;x is snoozed until" in tab.client.get("/").text
    assert "is snoozed until" not in re.sub(r"(?s)<main.*</main>", "", tab.client.get("/").text)


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "", "/a\r\nX: y"])
def test_nobody_is_sent_away(tab: Tab, back: str) -> None:
    """Where a form leads back to is on this server, whatever the form says."""
    wanted = {"operation": "a", "why": "moving", "for": "1h", "back": back}
    refused = tab.post("/snooze", **(wanted | {"why": ""}))

    assert tab.post("/snooze", **wanted).headers["Location"] == "/"
    assert '<a class="button" href="/">Back</a>' in refused.text


HOSTS = {
    "127.0.0.1": 200, "127.0.0.1:8080": 200, "localhost:1": 200, "[::1]:8080": 200, "LOCALHOST": 200,
    "evil.example": 403, "evil.example:8080": 403, "127.0.0.1.evil.example": 403, "localhost@evil.example": 403,
}  # fmt: skip


@pytest.mark.parametrize(("host", "status"), HOSTS.items(), ids=HOSTS.keys())
def test_on_loopback_only_names_of_this_machine_are_answered(busy: Scene, host: str, status: int) -> None:
    """A name of a stranger's that was pointed at this machine gets nothing, neither page nor script."""
    client = busy.app.test_client()

    assert client.get("/", headers={"Host": host}).status_code == status
    assert client.get("/static/page.js", headers={"Host": host}).status_code == status
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


ACCESSES = [
    pytest.param("127.0.0.1", "", False, False, LOOPBACK, id="loopback"),
    pytest.param("localhost", "https://watch.example/x", False, False, LOOPBACK | {"watch.example"}, id="a_tunnel"),
    pytest.param("::1", "", False, False, LOOPBACK, id="loopback_of_six"),
    pytest.param("0.0.0.0", "", False, False, "none", id="everywhere_is_no_page"),  # noqa: S104  nothing is bound
    pytest.param("0.0.0.0", "", True, False, None, id="behind_the_proxy"),  # noqa: S104  nothing is bound
    pytest.param("10.0.0.7", "", False, True, None, id="somebody_else_guards_it"),
    pytest.param("10.0.0.7", "https://watch.example", False, True, frozenset({"watch.example"}), id="by_its_name"),
]


@pytest.mark.parametrize(("host", "base", "proven", "guarded", "hosts"), ACCESSES)
def test_the_page_is_opened_only_where_it_is_safe(
    host: str, base: str, proven: bool, guarded: bool, hosts: frozenset[str] | str | None
) -> None:
    """On loopback there is a page; elsewhere only behind Identity-Aware Proxy, or where somebody says so."""
    access = access_for(host, base, str if proven else None, guarded=guarded)

    assert (access.hosts if access else "none") == hosts


def test_every_answer_forbids_what_we_do_not_need(tab: Tab) -> None:
    """Page, part, script, refusal and trouble carry the headers; nothing inline is allowed, and nothing is inline."""
    for path, status in (("/", 200), ("/?part=live", 200), ("/static/page.css", 200), ("/runs/nobody", 404)):
        answer = tab.client.get(path)
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)
    refused = tab.client.get("/", headers={"Host": "evil.example"})
    assert refused.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    for path in ("/", f"/runs/{LOAD}", "/operations/load-historical-games", f"/incidents/{LOAD}.1"):
        text = tab.client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", text)
        assert not re.search(r"""(src|href)=["'](https?:)?//(?!console\.cloud\.google\.com|wiki\.example)""", text)


def test_pages_are_not_kept_and_parts_are_asked_for_anew(tab: Tab) -> None:
    """No cache keeps a page with a token; a part that has not changed is not sent again."""
    assert tab.opened.headers["Cache-Control"] == "no-store"
    first = tab.client.get("/?part=live", headers={"Accept-Encoding": "gzip"})
    second = tab.client.get("/?part=live", headers={"If-None-Match": first.headers["ETag"]})

    assert (first.headers["Content-Encoding"], len(first.data) < 6000) == ("gzip", True)
    assert (second.status_code, second.data) == (304, b"")
    assert second.headers["Hangwatch-Next"]
    assert "token" not in tab.client.get("/?part=live").text


def test_a_long_body_is_not_read(tab: Tab) -> None:
    """A form has a limit."""
    assert tab.post("/snooze", operation="x" * 30_000).status_code == 413


NAMES = ["POST /start", "/start", "//x", "a/../b", "..%2f", "<i>", "ä ö", "100 %", "a?b#c", "\u202egnp"]


@pytest.mark.parametrize("name", NAMES)
def test_a_link_leads_to_whatever_has_a_name(scene: Scene, name: str) -> None:
    """The links of the first page to a run and to its operation are found, whatever letters these have."""
    scene.put(a_run(document_key(name), operation=name))
    client = scene.app.test_client()
    page = client.get("/").text
    run = re.search(r'<h3><a href="(/runs/[^"]+)"', page)
    assert run is not None
    told = client.get(run[1])
    operation = re.search(r'class="operation" href="(/operations/[^"]+)"', told.text)
    assert operation is not None

    assert told.status_code == 200
    assert client.get(operation[1]).status_code == 200


# --- Identity-Aware Proxy

AUDIENCE = "/projects/123/locations/europe-west1/services/hangwatch"


class ProxyKey(Key):
    """A key as the proxy has them: on P-256, published as a public key in PEM."""

    def __init__(self, key_id: str) -> None:
        self.id = key_id
        self._secret = ec.generate_private_key(ec.SECP256R1())

    def sign(self, text: bytes) -> bytes:
        """The signature that ES256 makes."""
        numbers = decode_dss_signature(self._secret.sign(text, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in numbers)

    def certificate(self) -> str:
        """The public key in PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._secret.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture
def proxy() -> Iterator[Issuer]:
    """Publishes keys as the proxy does."""
    with Issuer() as issuer:
        issuer.keys = [ProxyKey("key1")]
        yield issuer


def assertion(proxy: Issuer, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """An assertion as the proxy signs it; claims: what is to be different; None takes a claim away."""
    now = int(time.time())
    usual = {"iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "email": "ada@example.com", "sub": "1",
             "iat": now, "exp": now + 600}  # fmt: skip
    wanted = {name: value for name, value in (usual | claims).items() if value is not None}
    return signed(key or proxy.keys[0], wanted, **({"alg": "ES256"} | (header or {})))


REFUSED = {
    "another audience": {"aud": "/projects/123/locations/europe-west1/services/other"},
    "another issuer": {"iss": "https://accounts.google.com"},
    "expired": {"iat": 1, "exp": 100},
    "from the future": {"iat": 4_000_000_000, "exp": 4_000_000_600},
    "nobody": {"email": None},
    "an email that is none": {"email": 7},
}


@pytest.mark.parametrize("claims", REFUSED.values(), ids=REFUSED.keys())
def test_an_assertion_must_be_for_this_page(proxy: Issuer, claims: dict[str, Any]) -> None:
    """Only what the proxy signed, for this service, now, and of somebody, is an identity."""
    check = IapAssertions(AUDIENCE, keys_url=proxy.address).check

    assert check(assertion(proxy)) == "ada@example.com"
    with pytest.raises(TokenError) as refused:
        check(assertion(proxy, **claims))
    assert "ey" not in str(refused.value)


def test_a_forged_assertion_is_none(proxy: Issuer) -> None:
    """Another's key, an unknown key, no algorithm, half a token, none, and an endless one are refused."""
    check = IapAssertions(AUDIENCE, keys_url=proxy.address).check
    whole = assertion(proxy)
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    forged = [
        assertion(proxy, ProxyKey("key1")),
        assertion(proxy, ProxyKey("key9")),
        assertion(proxy, header={"alg": "none"}),
        f"{head}.{whole.split('.')[1]}.",
        whole[: len(whole) // 2],
        "",
        "a.b.c",
        "x" * 20_000,
    ]

    for one in forged:
        with pytest.raises(TokenError):
            check(one)


def test_behind_the_proxy_answers_are_signed_with_the_proven_name(tmp_path: Path, proxy: Issuer) -> None:
    """The email of the assertion is shown and recorded, whatever name is typed; without one there is nothing."""
    scene = Scene(tmp_path, access=Access(None, IapAssertions(AUDIENCE, keys_url=proxy.address).check))
    morning(scene)
    client = scene.app.test_client()
    client.environ_base["HTTP_X_GOOG_IAP_JWT_ASSERTION"] = assertion(proxy)
    tab = Tab(client)
    tab.post("/acknowledge", incident=f"{LOAD}.1", name="Mallory")
    stranger = scene.app.test_client()

    assert "ada@example.com" in tab.opened.text
    assert 'name="name"' not in tab.opened.text
    assert acknowledged(scene) == ["ada@example.com"]
    for path in ("/", "/?part=live", f"/runs/{LOAD}", "/static/page.js"):
        refused = stranger.get(path, headers={"X-Goog-Authenticated-User-Email": "accounts.google.com:ada@example.com"})
        assert (refused.status_code, "load-historical-games" in refused.text) == (403, False)


def test_who_is_recorded_without_proof() -> None:
    """A header that anybody may send is not looked at; the typed name is marked as only typed."""
    said = {"X-Goog-Authenticated-User-Email": "accounts.google.com:ada@example.com"}
    somebody = visitor(said, "10.0.0.9", None)

    assert somebody == Visitor("", "10.0.0.9")
    assert somebody.signed("") == somebody.signed(" \n") == "somebody at 10.0.0.9"
    assert somebody.signed("Ada\n\u202eLovelace") == "Ada Lovelace (page, 10.0.0.9)"
    assert len(somebody.signed("x" * 5000)) < 120


def test_the_header_beside_the_assertion_must_agree() -> None:
    """Where both are there and name different people, somebody has meddled."""
    with pytest.raises(VisitorError, match="another one in the header"):
        visitor(
            {"X-Goog-Authenticated-User-Email": "accounts.google.com:eve@example.com"}, "", lambda _: "ada@example.com"
        )


def test_a_refusal_is_logged_without_what_was_sent(tab: Tab, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever runs the page sees that somebody tried, and no token."""
    with caplog.at_level(logging.DEBUG):
        tab.post("/acknowledge", {"Origin": "https://evil.example"}, incident="x")

    assert "a request to /acknowledge is refused: expected a post from this page" in caplog.text
    assert tab.token not in caplog.text


def test_serve_has_the_page(tmp_path: Path) -> None:
    """`python -m watchdog serve` on loopback answers with the page, over the store that clients write to."""
    now = datetime.now(timezone.utc)
    Scene(tmp_path).put(a_run(operation="nightly-import", started_at=now, beat_at=now, deadline=None))
    store = f"sqlite:///{tmp_path / 'beats.sqlite3'}"
    command = [sys.executable, "-m", "watchdog", "serve", "--store", store, "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.search(r"http://\S+[0-9]", process.stdout.readline())
        assert address is not None
        answer = once_up(address[0])
        assert "<bdi>nightly-import</bdi>" in answer.text
        assert requests.get(address[0], headers={"Host": "evil.example"}, timeout=30).status_code == 403
        assert requests.get(f"{address[0]}/static/page.js", timeout=30).status_code == 200
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def once_up(address: str) -> requests.Response:
    """The first answer of a server that starts."""
    for _ in range(600):
        try:
            return requests.get(address, timeout=30)
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(f"{address} never answered")
