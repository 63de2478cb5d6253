"""Slack by webhook, against a server that keeps Slack's contract: what is delivered, tried again, and kept secret."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.support.slack_server import (
    Answer,
    SlackServer,
    late,
    no_answer,
    rate_limited,
    refused,
    reset,
    slow_body,
)
from tests.support.slack_webhooks import ERRORS
from watchdog.adapters.slack import REMEDIES, SlackWebhook
from watchdog.adapters.slack_blocks import payload, plain_payload
from watchdog.message import Message
from watchdog.ports import DeliveryError

MESSAGE = Message("opened", "bad", "load is stalled", "because", (("What", "450 players"),), footer="run 1")
OK = Answer()


@dataclass
class Clock:
    """Monotonic seconds that pass only while somebody pauses."""

    now: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


def webhook(slack: SlackServer, clock: Clock) -> SlackWebhook:
    return SlackWebhook(slack.webhook_url, pause=clock.pause, clock=clock)


def undelivered(channel: SlackWebhook, seconds: float = 20) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(MESSAGE, seconds=seconds)
    return caught.value


def bodies(slack: SlackServer) -> list[dict[str, Any]]:
    return [json.loads(request.arrival.body) for request in slack.requests]


def test_a_message_is_delivered_with_its_blocks(slack: SlackServer, clock: Clock) -> None:
    """One request, one message, drawn with blocks; a webhook gives no reference back."""
    receipt = webhook(slack, clock).send(MESSAGE, seconds=20)

    assert receipt.reference == ""
    assert bodies(slack) == [payload(MESSAGE)]
    assert [message.notification for message in slack.messages] == ["\U0001f7e0 load is stalled: because"]
    assert clock.pauses == []


def test_one_channel_sends_many_messages(slack: SlackServer, clock: Clock) -> None:
    """A channel can be used again, after a failure too."""
    channel = webhook(slack, clock)
    channel.send(MESSAGE, seconds=20)
    slack.answer_next(reset())
    undelivered(channel)
    channel.send(MESSAGE, seconds=20)

    assert len(slack.messages) == 2


# What Slack answers, with how much time left; the pauses before it is tried again; whether it is delivered.
RETRIES = [
    pytest.param([rate_limited(5), OK], 20, [5.0], True, id="429_within_the_time_left"),
    pytest.param([rate_limited(18), OK], 20, [18.0], True, id="429_that_leaves_two_seconds"),
    pytest.param([rate_limited(19), OK], 20, [19.0], True, id="429_that_leaves_one_second"),
    pytest.param([rate_limited(20)], 20, [], False, id="429_that_leaves_nothing"),
    pytest.param([rate_limited(3600)], 20, [], False, id="429_for_an_hour"),
    pytest.param([rate_limited(5), rate_limited(5), OK], 20, [5.0, 5.0], True, id="429_twice"),
    pytest.param([rate_limited(5), OK], 5, [], False, id="429_beyond_a_shorter_time"),
    pytest.param([rate_limited(19), OK], 60, [19.0], True, id="never_more_than_20_s_in_all"),
    pytest.param([rate_limited(40)], 60, [], False, id="not_even_if_there_were_more"),
    pytest.param([rate_limited(0), OK], 20, [0.0], True, id="429_without_a_pause"),
    pytest.param([Answer(429, "rate_limited"), OK], 20, [1.0], True, id="429_that_does_not_say_how_long"),
    pytest.param(
        [Answer(429, "x", headers={"Retry-After": "soon"}), OK], 20, [1.0], True, id="429_with_a_word_for_a_number"
    ),
    pytest.param(
        [Answer(429, "x", headers={"Retry-After": "nan"}), OK], 20, [1.0], True, id="429_with_no_number_at_all"
    ),
    pytest.param([Answer(429, "x", headers={"Retry-After": "inf"}), OK], 20, [1.0], True, id="429_for_ever"),
    pytest.param([Answer(429, "x", headers={"Retry-After": "-5"}), OK], 20, [0.0], True, id="429_below_zero"),
    pytest.param([Answer(429, "x", headers={"Retry-After": "1e300"})], 20, [], False, id="429_beyond_calendars"),
    pytest.param([refused("rollup_error"), OK], 20, [1.0], True, id="500_once"),
    pytest.param([Answer(503, "busy"), Answer(502, ""), OK], 20, [1.0, 2.0], True, id="5xx_twice"),
    pytest.param([Answer(503, "x", headers={"Retry-After": "7"}), OK], 20, [7.0], True, id="503_that_says_how_long"),
    pytest.param([Answer(500, "no")] * 9, 20, [1.0, 2.0, 4.0, 8.0], False, id="500_always"),
    pytest.param([Answer(500, "no")] * 9, 2, [1.0], False, id="500_always_in_a_short_time"),
    pytest.param([Answer(500, "no")], 1, [], False, id="500_with_no_time_for_another_try"),
]


@pytest.mark.parametrize(("answers", "seconds", "pauses", "delivered"), RETRIES)
def test_only_429_and_5xx_are_tried_again(
    slack: SlackServer, answers: list[Answer], seconds: float, pauses: list[float], delivered: bool
) -> None:
    """Slack's own pause is kept where the time allows; else pauses double from one second; what is left over waits."""
    clock = Clock()
    slack.answer_next(*answers)
    channel = webhook(slack, clock)

    if delivered:
        channel.send(MESSAGE, seconds=seconds)
    else:
        error = undelivered(channel, seconds)
        assert not error.permanent
        assert not error.maybe_delivered
    assert clock.pauses == pauses
    assert len(slack.requests) == len(pauses) + 1
    assert len(slack.messages) == delivered


def test_the_next_sweep_learns_how_long_slack_wants_to_be_left_alone(slack: SlackServer, clock: Clock) -> None:
    """A `Retry-After` beyond the time left is handed on."""
    slack.answer_next(rate_limited(90))
    error = undelivered(webhook(slack, clock))

    assert error.retry_after == 90
    assert str(error) == "slack: answered 429 rate_limited"


REFUSALS = sorted(error for error, status in ERRORS.items() if 400 <= status < 500 and status != 429)


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_is_permanent_and_says_what_to_do(slack: SlackServer, clock: Clock, error: str) -> None:
    """Of Slack's refusals none is tried again as it was, and the text quotes Slack's word and names the remedy."""
    slack.answer_always(refused(error))
    found = undelivered(webhook(slack, clock))

    assert found.permanent
    assert not found.maybe_delivered
    assert str(found).startswith(f"slack: answered {ERRORS[error]} {error}")
    assert clock.pauses == []
    assert len(slack.requests) == (2 if ERRORS[error] == 400 else 1)
    assert ERRORS[error] == 400 or str(found).endswith(REMEDIES[error])


def test_every_remedy_is_for_an_error_that_slack_has() -> None:
    """The table of remedies names no error that Slack's documentation does not."""
    assert set(REMEDIES) <= set(ERRORS)


@pytest.mark.parametrize("error", ["invalid_payload", "invalid_blocks", "invalid_attachments"])
def test_what_slack_can_not_draw_goes_out_as_text(slack: SlackServer, clock: Clock, error: str) -> None:
    """When the blocks are refused the message goes out at once as plain text."""
    slack.answer_next(refused(error))
    webhook(slack, clock).send(MESSAGE, seconds=20)

    assert bodies(slack) == [payload(MESSAGE), plain_payload(MESSAGE)]
    assert [message.text.split("\n")[0] for message in slack.messages] == ["\U0001f7e0 load is stalled"]


def test_plain_text_has_its_own_retries(slack: SlackServer, clock: Clock) -> None:
    """A server error in between costs a pause, not the message."""
    slack.answer_next(refused("invalid_blocks"), Answer(500, "no"))
    webhook(slack, clock).send(MESSAGE, seconds=20)

    assert bodies(slack) == [payload(MESSAGE), plain_payload(MESSAGE), plain_payload(MESSAGE)]
    assert clock.pauses == [1.0]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, "<html>please log in</html>"), id="a_page_that_says_200"),
        pytest.param(Answer(200, ""), id="nothing_at_all"),
        pytest.param(Answer(204, "", delivered=False), id="another_status"),
        pytest.param(Answer(302, "", headers={"Location": "/login"}), id="a_redirect_on_the_same_server"),
        pytest.param(Answer(307, "", headers={"Location": "http://127.0.0.1:9/x"}), id="a_redirect_elsewhere"),
        pytest.param(Answer(308, "", headers={"Location": "/services/T0MADEUP"}), id="a_permanent_redirect"),
        pytest.param(Answer(304, ""), id="not_modified"),
    ],
)
def test_only_slack_delivers(slack: SlackServer, clock: Clock, answer: Answer) -> None:
    """What answers like no Slack has delivered nothing, and a redirect is not followed: it would take the secret."""
    slack.answer_next(answer)
    error = undelivered(webhook(slack, clock))

    assert str(error).startswith(f"slack: answered {answer.status}")
    assert str(error).endswith("that is not Slack; check HANGWATCH_SLACK_WEBHOOK_URL")
    assert (error.permanent, error.maybe_delivered) == (True, False)
    assert len(slack.requests) == 1
    assert [request.arrival.method for request in slack.requests] == ["POST"]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(late(60), 0.6, id="no_answer_in_time"),
        pytest.param(no_answer(), 20, id="closed_without_an_answer"),
        pytest.param(reset(delivered=True), 20, id="reset_after_delivery"),
        pytest.param(reset(), 20, id="reset_before_delivery"),
        pytest.param(slow_body(60), 0.6, id="an_answer_that_drips"),
        pytest.param(slow_body(60, "o" * 600), 1, id="a_long_answer_that_drips"),
    ],
)
def test_no_answer_may_mean_delivered(slack: SlackServer, answer: Answer, seconds: float) -> None:
    """When the request was taken and the answer never came, nobody knows, and it is not sent twice in one sweep."""
    slack.answer_next(answer)
    error = undelivered(SlackWebhook(slack.webhook_url), seconds)

    assert error.maybe_delivered
    assert not error.permanent
    assert len(slack.requests) == 1


def test_a_refusal_that_drips_is_still_a_refusal(slack: SlackServer) -> None:
    """The status came at once: a body that never ends doesn't make a refused message a maybe."""
    slack.answer_next(slow_body(600, "no_service", status=404))
    error = undelivered(SlackWebhook(slack.webhook_url), 1)

    assert error.permanent
    assert not error.maybe_delivered
    assert str(error).startswith("slack: answered 404")


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_nobody_listens(clock: Clock) -> None:
    """Where nothing listens nothing was delivered, and it may be worth another try later."""
    address = f"http://127.0.0.1:{unused_port()}/services/T0MADEUP/B0MADEUP/a-made-up-token"
    error = undelivered(SlackWebhook(address, pause=clock.pause, clock=clock))

    assert (error.permanent, error.maybe_delivered) == (False, False)
    assert str(error) == "slack: it can't be reached; is the network open?"


def test_nobody_answers_the_connection(clock: Clock) -> None:
    """A connection that is never accepted was never a delivery."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        try:
            for _ in range(4):  # the queue of those who wait to be accepted is full after two
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(full.getsockname())
                waiting.append(one)
            address = f"http://127.0.0.1:{full.getsockname()[1]}/services/T0MADEUP/B0MADEUP/a-made-up-token"
            error = undelivered(SlackWebhook(address, pause=clock.pause, clock=clock), 0.5)
        finally:
            for one in waiting:
                one.close()

    assert not error.permanent
    assert not error.maybe_delivered
    assert str(error) == "slack: no connection in time; is the network open?"


@pytest.mark.parametrize(
    "address",
    [
        "http:///services/T0MADEUP/B0MADEUP/a-made-up-token",
        "http://[::1/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "http://a..b/services/T0MADEUP/B0MADEUP/a-made-up-token",
        f"http://{'a' * 70}.example/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "http://127.0.0.1:port/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "http://127.0.0.1:99999/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "https:/hooks.slack.com/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "ftp://127.0.0.1/services/T0MADEUP/B0MADEUP/a-made-up-token",
        "T0MADEUP/B0MADEUP/a-made-up-token",
        "",
    ],
)
def test_an_address_that_is_none_names_the_setting(address: str) -> None:
    """A mistyped address is told as one, for good, by the name of its setting and without its text."""
    error = undelivered(SlackWebhook(address), 1)

    assert error.permanent
    assert "HANGWATCH_SLACK_WEBHOOK_URL" in str(error)
    assert_keeps_the_secret(error)


SECRETS = ("/services", "T0MADEUP", "B0MADEUP", "made-up-token")


def assert_keeps_the_secret(error: BaseException, *more: str) -> None:
    told = "".join(traceback.format_exception(error))
    for text in (str(error), repr(error), told, *more):
        for secret in SECRETS:
            assert secret not in text
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


LEAKS: dict[str, Callable[[SlackServer], None]] = {
    "refused": lambda slack: slack.answer_always(refused("no_service")),
    "a server error": lambda slack: slack.answer_always(Answer(500, "no")),
    "limited": lambda slack: slack.answer_always(rate_limited(3600)),
    "late": lambda slack: slack.answer_always(late(60)),
    "a dripping body": lambda slack: slack.answer_always(slow_body(60)),
    "no answer": lambda slack: slack.answer_always(no_answer()),
    "reset": lambda slack: slack.answer_always(reset()),
    "redirected": lambda slack: slack.answer_always(Answer(302, headers={"Location": "/services/T0MADEUP"})),
    "an echo of the path": lambda slack: slack.answer_always(Answer(404, "POST /services/T0MADEUP/B0MADEUP")),
    "an echo of a part": lambda slack: slack.answer_always(Answer(404, "B0MADEUP")),
    "an echo of a word": lambda slack: slack.answer_always(Answer(404, "services")),
    "an echo of the token": lambda slack: slack.answer_always(Answer(404, "a-made-up-token")),
    "gone": lambda slack: slack.stop(),
}


@pytest.mark.parametrize("trouble", LEAKS.values(), ids=LEAKS.keys())
def test_the_address_stays_secret(trouble: Callable[[SlackServer], None], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, the webhook's address is in no error, traceback, repr or log, even at DEBUG."""
    with SlackServer() as slack:
        channel = SlackWebhook(slack.webhook_url, pause=lambda _: None)
        trouble(slack)
        with caplog.at_level(logging.DEBUG):
            error = undelivered(channel, 0.6)
            logging.getLogger("a reader's own").warning("not delivered", exc_info=error)

    assert_keeps_the_secret(error, repr(channel), str(channel), caplog.text)


def test_a_token_like_one_of_slacks_words_stays_secret(slack: SlackServer, clock: Clock) -> None:
    """A server that answers with the token itself is not quoted, though the token looks like an error of Slack's."""
    slack.answer_always(Answer(404, "secret_token"))
    address = slack.webhook_url.replace("a-made-up-token", "secret_token")
    error = undelivered(SlackWebhook(address, pause=clock.pause, clock=clock))

    assert str(error) == "slack: answered 404"


def test_a_delivery_logs_no_address(slack: SlackServer, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A message that arrives leaves no trace of the address either: urllib3 would log each request's path."""
    with caplog.at_level(logging.DEBUG):
        webhook(slack, clock).send(MESSAGE, seconds=20)

    assert not any(secret in caplog.text for secret in SECRETS)


def malformed_once(server: socket.socket) -> None:
    """Answer one request with a line among the headers that is none."""
    connection, _ = server.accept()
    with connection:
        connection.recv(100_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("careful", [True, False], ids=["with_care", "without"])
def test_an_answer_with_malformed_headers_logs_no_address(careful: bool, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 warns of such headers with the whole address; the channel keeps it from that, and only that."""
    logger = logging.getLogger("urllib3.connection")
    before = logger.level
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=malformed_once, args=(server,))
        answering.start()
        channel = SlackWebhook(f"http://127.0.0.1:{server.getsockname()[1]}/services/T0MADEUP/B0MADEUP/a-made-up-token")
        if not careful:
            logger.setLevel(logging.NOTSET)
        try:
            with contextlib.suppress(DeliveryError):
                channel.send(MESSAGE, seconds=20)
        finally:
            logger.setLevel(before)
            answering.join()

    assert any(secret in caplog.text for secret in SECRETS) is not careful


def test_urllib3_would_have_told(slack: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    """Without the channel's care the path is logged: the tests above look at the right place."""
    logger = logging.getLogger("urllib3.connectionpool")
    before = logger.level
    logger.setLevel(logging.NOTSET)
    try:
        with caplog.at_level(logging.DEBUG):
            requests.post(slack.webhook_url, json={"text": "x"}, timeout=10)
    finally:
        logger.setLevel(before)

    assert "B0MADEUP" in caplog.text
