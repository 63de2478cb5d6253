"""The web application: only Slack's own requests are heard, each click is done once, and the clicker is told."""

from __future__ import annotations

import http.client
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

import pytest
import requests
from flask import Flask
from slack_sdk.signature import SignatureVerifier
from werkzeug.serving import make_server

from tests.support.slack_api import ApiRoom
from tests.support.slack_clicks import ResponseRoom, click_body, click_payload, press, signed
from tests.support.slack_server import SlackServer, late, refused
from tests.support.slack_workspace import Channel, Workspace
from watchdog.adapters.slack_bot import SLACK_API, SlackBot
from watchdog.adapters.slack_response import SlackResponse
from watchdog.message import Button, Message
from watchdog.ports import DeliveryError, StoreError
from watchdog.slack_actions import BODY_LIMIT
from watchdog.slack_click import Click, ClickError, read_click
from watchdog.slack_signature import SignatureError, check_signature
from watchdog.web import make_app

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-made-up-signing-secret"
NOW = 1_763_900_000.0
MESSAGE = Message(
    "opened",
    "bad",
    "load is stalled",
    "because",
    buttons=(
        Button("acknowledge", "Acknowledge", "run1-1"),
        Button("snooze_hour", "Snooze 1 h", "load"),
        Button("snooze_today", "Snooze today", "load"),
        Button("dance", "Dance", "load"),
    ),
)


@dataclass
class Listed:
    """Does nothing but list what it was asked for; `trouble` is raised instead."""

    asked: list[tuple[str, ...]] = field(default_factory=list)
    trouble: Exception | None = None
    going_on: threading.Event | None = None

    def acknowledge(self, incident_id: str, by: str) -> str:
        return self._done("acknowledge", incident_id, by)

    def snooze(self, operation: str, length: Literal["hour", "today"], by: str) -> str:
        return self._done("snooze", operation, length, by)

    def _done(self, *asked: str) -> str:
        if self.going_on is not None:
            self.going_on.wait(60)
        self.asked.append(asked)
        if self.trouble is not None:
            raise self.trouble
        return f"{asked[-1]} did <{asked[0]}> & more"


class World:
    """A workspace with one notice of ours in it, and the app that its buttons lead to, served on loopback."""

    def __init__(self, slack: SlackServer, responses: ResponseRoom, alerts: Channel) -> None:
        self.slack = slack
        self.responses = responses
        self.alerts = alerts
        self.answers = Listed()
        self.now = NOW
        api_url = f"{slack.address}/api"
        SlackBot("xoxb-1234-made-up", "C0ALERTS", api_url=api_url, buttons=True).send(MESSAGE, seconds=20)
        self.app = make_app(self.answers, signing_secret=SECRET, api_url=api_url, clock=lambda: self.now)
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def payload(self, action: str, response_url: str | None = None, **user: str) -> dict[str, Any]:
        """What Slack makes of a click on the notice."""
        (post,) = self.alerts.top()
        url = self.slack.address + self.responses.open() if response_url is None else response_url
        made = click_payload(self.alerts, post, f"hangwatch_{action}", url)
        made["user"].update(user)
        return made

    def click(self, action: str, **more: Any) -> requests.Response:
        """Click, and return what the app answered Slack."""
        return press(self.payload(action, **more), f"{self.address}/slack/actions", SECRET, self.now)

    def post(self, body: bytes, headers: dict[str, str]) -> requests.Response:
        """Any request to the address of clicks."""
        return requests.post(f"{self.address}/slack/actions", data=body, headers=headers, timeout=30)

    def told(self) -> list[str]:
        """The texts that clickers were told."""
        return [payload["text"] for _, payload in self.responses.told]


@pytest.fixture
def world() -> Iterator[World]:
    alerts, responses = Channel("C0ALERTS", "alerts"), ResponseRoom()
    with SlackServer(rooms=[ApiRoom(Workspace(alerts)), responses]) as slack:
        made = World(slack, responses, alerts)
        serving = threading.Thread(target=made.server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield made
        finally:
            if made.answers.going_on is not None:
                made.answers.going_on.set()
            made.server.shutdown()
            serving.join()
            made.server.server_close()


CLICKS = [
    pytest.param("acknowledge", ("acknowledge", "run1-1", "ada (Slack U0ADA)"), id="acknowledge"),
    pytest.param("snooze_hour", ("snooze", "load", "hour", "ada (Slack U0ADA)"), id="snooze_for_an_hour"),
    pytest.param("snooze_today", ("snooze", "load", "today", "ada (Slack U0ADA)"), id="snooze_for_today"),
]


@pytest.mark.parametrize(("action", "asked"), CLICKS)
def test_a_click_is_done_and_answered(world: World, action: str, asked: tuple[str, ...]) -> None:
    """From a button that the adapter drew to the answer that only the clicker sees, nothing is lost on the way."""
    answer = world.click(action)

    assert (answer.status_code, answer.content) == (200, b"")
    assert world.answers.asked == [asked]
    world.slack.wait_for(lambda _: bool(world.responses.told), 30)
    ((_, told),) = world.responses.told
    assert told == {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": f"{asked[-1]} did &lt;{asked[0]}&gt; &amp; more",
    }


TROUBLES = [
    pytest.param(LookupError("there is no such incident"), "Nothing was done: there is no such incident", id="gone"),
    pytest.param(LookupError(), "Nothing was done: it is not there any more", id="gone_without_a_word"),
    pytest.param(StoreError("store: away", away=True), "Nothing was done: store: away", id="store_away"),
    pytest.param(
        RuntimeError("a secret"),
        "It is not known whether it was done: the watchdog has a defect, see its log",
        id="defect",
    ),
]


@pytest.mark.parametrize(("trouble", "told"), TROUBLES)
def test_a_click_that_can_not_be_done_is_told_too(
    world: World, trouble: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody clicks in vain without hearing of it; Slack itself is answered as ever."""
    world.answers.trouble = trouble

    assert world.click("acknowledge").status_code == 200
    world.slack.wait_for(lambda _: bool(world.responses.told), 30)
    assert world.told() == [told]
    assert "a secret" not in caplog.text


def test_a_click_that_takes_long_is_answered_in_time(world: World) -> None:
    """Slack waits three seconds: a slow store is not waited for, and the clicker hears later what came of it."""
    world.answers.going_on = threading.Event()

    assert world.click("acknowledge").status_code == 200
    assert world.answers.asked == []
    world.answers.going_on.set()
    world.slack.wait_for(lambda _: bool(world.responses.told), 30)
    assert world.told() == ["ada (Slack U0ADA) did &lt;acknowledge&gt; &amp; more"]


@pytest.mark.parametrize("answer", [refused("no_service"), late(60)])
def test_a_clicker_who_can_not_be_told_costs_a_line_in_the_log(
    world: World, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What was done is done; the address of the answer stays out of the log."""
    world.slack.answer_next(answer)
    with caplog.at_level(logging.DEBUG):
        assert world.click("acknowledge").status_code == 200
        world.slack.wait_for(lambda server: len(server.requests) == 2, 30)
        for _ in range(600):
            if "can't be told" in caplog.text:
                break
            threading.Event().wait(0.05)

    assert "ada (Slack U0ADA) can't be told what came of acknowledge: slack: " in caplog.text
    assert "made-up-secret" not in caplog.text
    assert len(world.answers.asked) == 1


ELSEWHERE = [
    pytest.param("https://evil.example/actions/T0/1/x", id="another_host"),
    pytest.param("http://hooks.slack.com/actions/T0/1/x", id="without_tls"),
    pytest.param("https://hooks.slack.com.evil.example/actions/T0", id="a_longer_host"),
    pytest.param("https://hooks.slack.com@evil.example/actions/T0", id="a_name_before_the_host"),
    pytest.param("https://hooks.slack.com:8443/actions/T0", id="another_port"),
    pytest.param("https://hooks.slack.com\\@evil.example/x", id="a_backslash"),
    pytest.param("https://hooks.slack.com/a?x=https://evil.example", id="a_query"),
    pytest.param("https://hooks.slack.com/actions/x\n", id="a_line_break"),
    pytest.param("http://169.254.169.254/computeMetadata/v1/", id="the_metadata_server"),
    pytest.param("http://127.0.0.1:1/actions/x", id="another_port_here"),
    pytest.param("file:///etc/passwd", id="a_file"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_no_answer_goes_where_a_payload_leads(url: str) -> None:
    """Only addresses at Slack are answered; whoever can make a payload sends us nowhere else."""
    with pytest.raises(DeliveryError, match=r"^slack: expected a response_url at hooks\.slack\.com, got another$"):
        SlackResponse(SLACK_API).tell(url, "x")


@pytest.mark.parametrize("url", ["https://hooks.slack.com/actions/T0/1/x-Y_z", "https://slack.com/actions/x"])
def test_an_address_at_slack_is_answered(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack's own addresses are asked; here a proxy that nobody keeps takes their place, so that none leaves."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")

    with pytest.raises(DeliveryError) as caught:
        SlackResponse(SLACK_API).tell(url, "x")
    assert str(caught.value) == "slack: it can't be reached; is the network open?"


def test_a_click_that_leads_elsewhere_is_done_but_not_answered(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The click counts; its address is not asked."""
    assert world.click("acknowledge", response_url="http://127.0.0.1:1/actions/x").status_code == 200

    for _ in range(600):
        if "got another" in caplog.text:
            break
        threading.Event().wait(0.05)
    assert "expected a response_url at hooks.slack.com, got another" in caplog.text
    assert len(world.answers.asked) == 1


def test_an_unknown_button_is_left_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A button of another kind, ours or not, costs a line in the log; Slack hears that all is well."""
    payload = world.payload("dance")
    payload["actions"][0]["action_id"] = "acknowledge"

    assert world.click("dance").status_code == 200
    assert press(payload, f"{world.address}/slack/actions", SECRET, NOW).status_code == 200
    assert world.answers.asked == []
    assert "ada (Slack U0ADA) clicked what is no button of ours (dance)" in caplog.text
    assert "ada (Slack U0ADA) clicked what is no button of ours (no name)" in caplog.text


def test_a_click_that_comes_twice_is_done_once(world: World) -> None:
    """A request that somebody recorded and sends again is refused; another click on the same button is not."""
    body = click_body(world.payload("snooze_hour"))
    headers = signed(SECRET, body, NOW)

    assert [world.post(body, headers).status_code for _ in range(3)] == [200, 401, 401]
    world.now += 1
    assert world.click("snooze_hour").status_code == 200
    assert len(world.answers.asked) == 2


def test_a_click_of_later_is_not_taken_for_one_of_before(world: World) -> None:
    """What was heard is forgotten when its time is over, and refused for its age."""
    body = click_body(world.payload("snooze_hour"))
    ahead = signed(SECRET, body, NOW + 300)

    assert world.post(body, ahead).status_code == 200
    world.now += 600
    assert world.post(body, ahead).status_code == 401
    world.now += 1
    assert world.post(body, ahead).status_code == 401
    assert len(world.answers.asked) == 1


BODY = b"payload=%7B%7D"

# The headers that come, of a request signed at NOW for BODY with SECRET; the body; and why it is refused.
SIGNATURES: dict[str, tuple[dict[str, str], bytes, str]] = {
    "right": ({}, BODY, ""),
    "another secret": (signed("another", BODY, NOW), BODY, "is that this app's secret"),
    "an empty secret": (signed("", BODY, NOW), BODY, "is that this app's secret"),
    "300 s old": (signed(SECRET, BODY, NOW - 300), BODY, ""),
    "301 s old": (signed(SECRET, BODY, NOW - 301), BODY, "got one that is 301 s old"),
    "300 s ahead": (signed(SECRET, BODY, NOW + 300), BODY, ""),
    "301 s ahead": (signed(SECRET, BODY, NOW + 301), BODY, "got one that is -301 s old"),
    "a longer body": ({}, BODY + b"x", "is that this app's secret"),
    "a shorter body": ({}, BODY[:-1], "is that this app's secret"),
    "no body": ({}, b"", "is that this app's secret"),
    "another time": ({"X-Slack-Request-Timestamp": str(int(NOW) + 1)}, BODY, "is that this app's secret"),
    "no signature": ({"X-Slack-Signature": ""}, BODY, "got none"),
    "no time": ({"X-Slack-Request-Timestamp": ""}, BODY, "got none"),
    "a time that is a word": ({"X-Slack-Request-Timestamp": "now"}, BODY, "got something else"),
    "a time with a fraction": ({"X-Slack-Request-Timestamp": "1763900000.0"}, BODY, "got something else"),
    "a time below zero": ({"X-Slack-Request-Timestamp": "-1"}, BODY, "got something else"),
    "digits of another script": ({"X-Slack-Request-Timestamp": "١٧٦٣٩٠٠٠٠٠"}, BODY, "got something else"),
    "a time of many digits": ({"X-Slack-Request-Timestamp": "1" * 5000}, BODY, "got something else"),
    "another version": ({"X-Slack-Signature": "v1=" + "0" * 64}, BODY, "is that this app's secret"),
    "a signature beyond ascii": ({"X-Slack-Signature": "v0=é€"}, BODY, "is that this app's secret"),
    "a long signature": ({"X-Slack-Signature": "v0=" + "0" * 100_000}, BODY, "is that this app's secret"),
}


class Clock:
    """slack_sdk's clock, which stands."""

    def now(self) -> float:
        return NOW


@pytest.mark.parametrize(("change", "body", "refused"), SIGNATURES.values(), ids=SIGNATURES.keys())
def test_a_signature_is_slacks_or_refused(change: dict[str, str], body: bytes, refused: str) -> None:
    """Only Slack's signature of this very body, five minutes old or ahead at most, is taken; slack_sdk agrees."""
    headers = {**signed(SECRET, BODY, NOW), **change}
    stamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
    why = ""
    try:
        check_signature(SECRET, stamp, signature, body, NOW)
    except SignatureError as error:
        why = str(error)

    assert (refused in why) if refused else why == ""
    assert SECRET not in why
    if stamp.isdecimal() and len(stamp) < 20 and signature.isascii():  # else slack_sdk itself raises
        verifier = SignatureVerifier(SECRET, clock=Clock())  # type: ignore[arg-type]  # its clock has no protocol
        assert verifier.is_valid(body, stamp, signature) is (not refused)


# What Python's own client and server let through: ASCII, and no line of 64 kB.
SENDABLE = {
    name: case
    for name, case in SIGNATURES.items()
    if all(value.isascii() and len(value) < 60_000 for value in case[0].values())
}


@pytest.mark.parametrize("name", sorted(name for name, (*_, why) in SENDABLE.items() if why))
def test_a_wrong_signature_is_401_and_logged_without_the_body(
    world: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The app refuses what the signature says is not Slack's, and does nothing."""
    change, body, why = SIGNATURES[name]
    headers = {**signed(SECRET, BODY, NOW), **change}
    answer = world.post(body, headers)

    assert answer.status_code == 401
    assert world.answers.asked == []
    assert why in caplog.text
    for secret in ("payload", SECRET, headers["X-Slack-Signature"][:20] or "v0="):
        assert secret not in caplog.text + answer.text


def test_a_request_without_any_header_is_401(world: World) -> None:
    """A stranger who finds the address learns nothing."""
    assert requests.post(f"{world.address}/slack/actions", timeout=10).status_code == 401
    assert requests.get(f"{world.address}/slack/actions", timeout=10).status_code == 405


@pytest.mark.parametrize(("length", "status"), [(BODY_LIMIT, 400), (BODY_LIMIT + 1, 413)])
def test_a_body_has_a_limit(world: World, length: int, status: int) -> None:
    """A body up to the limit is read, and here it is no click; one byte more is not read at all, however signed."""
    body = b"payload=".ljust(length, b"x")

    assert world.post(body, signed(SECRET, body, NOW)).status_code == status


def test_a_body_that_is_promised_is_not_waited_for(world: World) -> None:
    """A length beyond the limit is refused before the body comes."""
    connection = http.client.HTTPConnection("127.0.0.1", world.server.server_port, timeout=30)
    connection.putrequest("POST", "/slack/actions")
    for name, value in {**signed(SECRET, b"", NOW), "Content-Length": "100000000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()

    assert status == 413


UNREADABLE = {
    "nothing": b"",
    "no form": b"x",
    "a form without a payload": b"load=1",
    "no json": b"payload=x",
    "half an object": urlencode({"payload": '{"type": '}).encode(),
    "a list": urlencode({"payload": "[]"}).encode(),
    "too deep to read": b"payload=" + b"[" * 100_000,
    "not utf-8": b"payload=\xff",
    "many fields": b"&".join(b"a=1" for _ in range(11)) + b"&payload=%7B%7D",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_click_is_400(world: World, body: bytes) -> None:
    """A signed request that is none of Slack's is refused and does nothing."""
    with pytest.raises(ClickError):
        read_click(body)

    world.now += 1
    assert world.post(body, signed(SECRET, body, world.now)).status_code == 400
    assert world.answers.asked == []


BUTTON = {"action_id": "hangwatch_acknowledge", "value": "run1-1"}
CLICK = {
    "type": "block_actions",
    "user": {"id": "U0ADA", "username": "ada", "name": "ada.l"},
    "channel": {"id": "C0X"},
    "message": {"ts": "1.2"},
    "response_url": "https://hooks.slack.com/actions/x",
    "actions": [BUTTON],
}
READ = Click("acknowledge", "run1-1", "ada (Slack U0ADA)", "C0X", "1.2", "https://hooks.slack.com/actions/x")

# What differs from CLICK in a payload, and in what is read of it.
PAYLOADS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a click": ({}, {}),
    "no user name": ({"user": {"id": "U0ADA", "name": "ada.l"}}, {"by": "ada.l (Slack U0ADA)"}),
    "no user": ({"user": None}, {"by": "somebody (Slack user unknown)"}),
    "a user that is text": ({"user": "ada"}, {"by": "somebody (Slack user unknown)"}),
    "a name of two lines": ({"user": {"id": "U1", "username": "a\nb\x1b[2J"}}, {"by": "a b [2J (Slack U1)"}),
    "a name of 80 letters": ({"user": {"id": "U1", "username": "a" * 80}}, {"by": "a" * 80 + " (Slack U1)"}),
    "a name of 81 letters": ({"user": {"id": "U1", "username": "a" * 81}}, {"by": "somebody (Slack U1)"}),
    "no channel": ({"channel": {}}, {"channel": ""}),
    "no message, as in an ephemeral one": ({"message": None}, {"ts": ""}),
    "no address": ({"response_url": None}, {"response_url": ""}),
    "another kind": ({"type": "view_submission"}, {"action": "", "value": ""}),
    "no actions": ({"actions": []}, {"action": "", "value": ""}),
    "actions that are no list": ({"actions": {"0": BUTTON}}, {"action": "", "value": ""}),
    "an action that is text": ({"actions": ["x"]}, {"action": "", "value": ""}),
    "another app's button": ({"actions": [{"action_id": "acknowledge", "value": "v"}]}, {"action": "", "value": "v"}),
    "a value that is a number": ({"actions": [{**BUTTON, "value": 7}]}, {"value": ""}),
    "a value of 2000 letters": ({"actions": [{**BUTTON, "value": "v" * 2000}]}, {"value": "v" * 2000}),
    "a value of 2001 letters": ({"actions": [{**BUTTON, "value": "v" * 2001}]}, {"value": ""}),
}


@pytest.mark.parametrize(("change", "read"), PAYLOADS.values(), ids=PAYLOADS.keys())
def test_a_payload_is_read_as_far_as_it_goes(change: dict[str, Any], read: dict[str, str]) -> None:
    """Names are whatever people call themselves; what is missing or of another shape is empty."""
    assert vars(read_click(click_body({**CLICK, **change}))) == {**vars(READ), **read}


def test_without_a_secret_nobody_may_click() -> None:
    """Anybody could sign with an empty secret, so there is no such address then."""
    client = make_app(Listed(), signing_secret="").test_client()

    assert client.post("/slack/actions", data=BODY, headers=signed("", BODY, NOW)).status_code == 404
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_health_needs_nothing(path: str) -> None:
    """A probe is answered without the store or Slack."""
    answer = make_app(Listed(), signing_secret=SECRET).test_client().get(path)

    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_other_parts_can_be_added() -> None:
    """The application is Flask's own, and takes further blueprints."""
    assert isinstance(make_app(Listed(), signing_secret=SECRET), Flask)


SERVED = """
import sys
from watchdog.web import make_app


class Answers:
    def acknowledge(self, incident_id, by):
        print(incident_id, by, file=sys.stderr, flush=True)
        return f"{by} looks after it"

    def snooze(self, operation, length, by):
        raise LookupError(operation)


app = make_app(Answers(), signing_secret="a-made-up-signing-secret", api_url="API_URL", clock=lambda: 1_763_900_000.0)
"""


def test_it_is_served_by_gunicorn(world: World, tmp_path: Path) -> None:
    """Under the server that the image runs, with threads, a click arrives and is answered."""
    (tmp_path / "served.py").write_text(SERVED.replace("API_URL", f"{world.slack.address}/api"))
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--threads", "2", "served:app"]
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.PIPE, text=True
    )
    try:
        address = _listening(process)
        answer = press(world.payload("acknowledge"), f"{address}/slack/actions", SECRET, NOW)
        assert answer.status_code == 200
        world.slack.wait_for(lambda _: bool(world.responses.told), 60)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)

    assert world.told() == ["ada (Slack U0ADA) looks after it"]
    assert "run1-1 ada (Slack U0ADA)" in said


def _listening(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if "Listening at: " in line:
            return line.partition("Listening at: ")[2].split()[0]
    raise AssertionError("gunicorn ended before it listened")


def test_a_click_leaves_no_secret_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A click that is done logs who and what, and neither the address of its answer nor its signature."""
    with caplog.at_level(logging.DEBUG):
        world.click("acknowledge")
        world.slack.wait_for(lambda _: bool(world.responses.told), 30)

    assert "slack: ada (Slack U0ADA) clicked acknowledge: ada (Slack U0ADA) did <acknowledge> & more" in caplog.text
    for secret in (SECRET, "made-up-secret", "made-up-verification-token", "v0=", json.dumps("payload")):
        assert secret not in caplog.text
