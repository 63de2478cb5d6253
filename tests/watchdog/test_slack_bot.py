"""Slack with a bot's token, against a server that keeps the Web API's contract."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.slack_api import ApiRoom
from tests.support.slack_server import (
    Answer,
    SlackServer,
    api_refused,
    late,
    no_answer,
    rate_limited,
    reset,
    slow_body,
)
from tests.support.slack_workspace import Channel, Posted, Workspace
from watchdog.adapters.slack_blocks import payload, plain_payload
from watchdog.adapters.slack_bot import SlackBot
from watchdog.adapters.slack_bot_errors import ELSEWHERE, PASSING, REMEDIES, UNDRAWABLE, UNSURE
from watchdog.message import Button, Message
from watchdog.ports import DeliveryError, ThreadedChannel

BUTTONS = (
    Button("acknowledge", "Acknowledge", "run1-1"),
    Button("snooze_hour", "Snooze 1 h", "load"),
    Button("snooze_today", "Snooze today", "load"),
)
MESSAGE = Message(
    "opened", "bad", "load is stalled", "because", (("What", "450 players"),), footer="run 1", buttons=BUTTONS
)
WORSE = Message("worsened", "worse", "load is silent now", "no beat for 2 min")
OVER = replace(MESSAGE, mood="good", status="resolved after 14 min", buttons=())
TOKEN = "xoxb-1234-made-up"
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
def alerts() -> Channel:
    return Channel("C0ALERTS", "alerts")


@pytest.fixture
def predictions() -> Channel:
    return Channel("C0PREDICT", "predictions")


@pytest.fixture
def room(alerts: Channel, predictions: Channel) -> ApiRoom:
    return ApiRoom(Workspace(alerts, predictions), TOKEN)


@pytest.fixture
def slack(room: ApiRoom) -> Iterator[SlackServer]:
    with SlackServer(rooms=[room]) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


def bot_of(slack: SlackServer, clock: Clock) -> SlackBot:
    return SlackBot(TOKEN, "#alerts", api_url=f"{slack.address}/api", buttons=True, pause=clock.pause, clock=clock)


@pytest.fixture
def bot(slack: SlackServer, clock: Clock) -> SlackBot:
    return bot_of(slack, clock)


def really(slack: SlackServer) -> SlackBot:
    """A bot with the machine's own clock."""
    return SlackBot(TOKEN, "#alerts", api_url=f"{slack.address}/api")


def undelivered(act: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        act()
    return caught.value


def bodies(slack: SlackServer) -> list[dict[str, Any]]:
    return [json.loads(request.arrival.body) for request in slack.requests]


def drawn(post: Posted) -> list[dict[str, Any]]:
    """All blocks of a message."""
    attached = [block for one in post.payload.get("attachments", []) for block in one["blocks"]]
    return [*post.payload.get("blocks", []), *attached]


def test_it_is_a_threaded_channel(bot: SlackBot) -> None:
    """Delivery tells by its type that it can edit and thread; its name is the webhook's, so that old notices go out."""
    assert isinstance(bot, ThreadedChannel)
    assert bot.name == "slack"


def test_a_message_is_posted_and_referred_to(bot: SlackBot, alerts: Channel, slack: SlackServer) -> None:
    """The reference holds the channel's id and the message's time, as Slack answers them."""
    receipt = bot.send(MESSAGE, seconds=20)

    (post,) = alerts.top()
    assert receipt.reference == f"C0ALERTS:{post.ts}"
    assert post.read().notification == "\U0001f7e0 load is stalled: because"
    assert slack.requests[0].arrival.content_type == "application/json; charset=utf-8"


def test_a_message_goes_to_the_channel_that_the_policy_names(
    bot: SlackBot, alerts: Channel, predictions: Channel
) -> None:
    """`to` decides, by name or id; without it the usual channel gets it."""
    for to in ("#predictions", "C0PREDICT", " predictions "):
        assert bot.send(replace(MESSAGE, to=to), seconds=20).reference.startswith("C0PREDICT:")
    bot.send(replace(MESSAGE, to=" "), seconds=20)

    assert (len(alerts.top()), len(predictions.top())) == (1, 3)


@pytest.mark.parametrize("error", sorted(ELSEWHERE))
def test_told_in_the_wrong_place_beats_not_told(bot: SlackBot, slack: SlackServer, alerts: Channel, error: str) -> None:
    """What the policy's channel refuses goes to the usual one at once, with a line that says so and what to do."""
    slack.answer_next(api_refused(error))
    receipt = bot.send(replace(MESSAGE, to="#predictions"), seconds=20)

    (post,) = alerts.top()
    assert receipt.reference == f"C0ALERTS:{post.ts}"
    aside = f"meant for #predictions, which Slack refused ({error}); {REMEDIES[error]}"
    assert post.read().text.split("\n")[:2] == ["\U0001f7e0 load is stalled", aside]


@pytest.mark.parametrize("change", [{"member": False, "private": True}, {"archived": True}])
def test_a_real_refusal_of_a_channel_falls_back(
    bot: SlackBot, alerts: Channel, predictions: Channel, change: dict[str, bool]
) -> None:
    """A channel that the app can't see, or that was archived, costs no notice; a reply there neither."""
    first = bot.send(replace(MESSAGE, to="#predictions"), seconds=20)
    for name, value in change.items():
        setattr(predictions, name, value)
    bot.send(replace(MESSAGE, to="#predictions"), seconds=20)
    bot.reply(first.reference, WORSE, seconds=20, aloud=False)

    assert [post.read().text.split("\n")[1].split(",")[0] for post in alerts.top()] == [
        "meant for #predictions",
        "meant for C0PREDICT",
    ]


def test_without_the_usual_channel_it_is_a_permanent_error(bot: SlackBot, slack: SlackServer, alerts: Channel) -> None:
    """When both channels are refused, or the usual one alone, the error says what to do."""
    alerts.archived = True
    for to, asked in (("#none", 2), ("", 1), ("#alerts", 1)):
        before = len(slack.requests)
        error = undelivered(lambda to=to: bot.send(replace(MESSAGE, to=to), seconds=20))  # type: ignore[misc]  # bound now

        assert error.permanent
        assert str(error).startswith("slack: chat.postMessage answered 200 is_archived; the channel is archived")
        assert len(slack.requests) - before == asked


@pytest.mark.parametrize("aloud", [False, True])
def test_a_reply_stands_in_the_thread(bot: SlackBot, alerts: Channel, aloud: bool) -> None:
    """A reply hangs on the first message; aloud, the channel shows it too."""
    first = bot.send(MESSAGE, seconds=20)
    reply = bot.reply(first.reference, WORSE, seconds=20, aloud=aloud)

    top = alerts.top()[0]
    (answer,) = alerts.thread(top.ts)
    assert reply.reference == f"C0ALERTS:{answer.ts}"
    assert answer.read().text.startswith("\U0001f534 load is silent now")
    assert len(alerts.top()) == (2 if aloud else 1)


def test_a_reply_to_a_deleted_message_is_still_heard(bot: SlackBot, alerts: Channel) -> None:
    """Where somebody deleted the first message, the reply stands in the channel."""
    first = bot.send(MESSAGE, seconds=20)
    alerts.posts.clear()
    bot.reply(first.reference, WORSE, seconds=20, aloud=False)

    assert [post.read().text.split("\n")[0] for post in alerts.top()] == ["\U0001f534 load is silent now"]


def test_an_edit_shows_how_it_stands(bot: SlackBot, alerts: Channel, slack: SlackServer) -> None:
    """The first message turns green, gets a line about how it ended and loses its buttons; nobody is notified."""
    first = bot.send(MESSAGE, seconds=20)
    bot.edit(first.reference, OVER, seconds=20)

    (post,) = alerts.top()
    assert post.edits == 1
    assert post.read().text.split("\n")[:3] == ["\u2705 load is stalled", "resolved after 14 min", "Because"]
    assert post.payload["attachments"][0]["color"] == "#2eb67d"
    assert [block for block in drawn(post) if block["type"] == "actions"] == []
    assert len(slack.messages) == 1
    assert bodies(slack)[-1]["parse"] == "none"  # left out, Slack would look for names in the text


def test_an_edit_takes_away_what_is_no_more(bot: SlackBot, alerts: Channel) -> None:
    """A message without any details clears those that stood there: Slack keeps what an edit doesn't mention."""
    first = bot.send(MESSAGE, seconds=20)
    bot.edit(first.reference, Message("edited", "good", "load is well"), seconds=20)

    assert alerts.top()[0].read().text == "\u2705 load is well"


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_an_edit_of_what_is_gone_is_permanent_and_harmless(bot: SlackBot, slack: SlackServer, error: str) -> None:
    """The error says that nothing is lost by it."""
    slack.answer_next(api_refused(error))
    found = undelivered(lambda: bot.edit("C0ALERTS:1763900001.000100", OVER, seconds=20))

    assert (found.permanent, found.maybe_delivered) == (True, False)
    assert str(found) == (
        f"slack: chat.update answered 200 {error}; that message can't be edited any more, which harms nothing: "
        "changes are told below it or in the channel"
    )


def test_an_edit_of_a_message_of_another_app_is_refused(bot: SlackBot, alerts: Channel) -> None:
    """A reference that leads to somebody else's message changes nothing."""
    alerts.posts["1763800000.000100"] = Posted("1763800000.000100", {"text": "a person's"}, by="U0ADA")

    assert undelivered(lambda: bot.edit("C0ALERTS:1763800000.000100", OVER, seconds=20)).permanent
    assert alerts.top()[0].read().text == "a person's"


@pytest.mark.parametrize(
    "reference", ["", "C0ALERTS", "C0ALERTS:", ":1763900001.000100", "c0:1.1", "C0ALERTS:1.1\n", "C0:1"]
)
def test_a_reference_that_is_none_is_not_asked_for(bot: SlackBot, slack: SlackServer, reference: str) -> None:
    """A record that was tampered with costs an error, and no request."""
    for act in (
        lambda: bot.edit(reference, OVER, seconds=20),
        lambda: bot.reply(reference, OVER, seconds=20, aloud=True),
    ):
        assert undelivered(act).permanent
    assert slack.requests == []


def test_buttons_are_drawn_for_those_who_can_click(bot: SlackBot, slack: SlackServer, alerts: Channel) -> None:
    """With an address for clicks a message has its buttons; without one Slack would show a warning at each click."""
    bot.send(MESSAGE, seconds=20)
    really(slack).send(MESSAGE, seconds=20)

    with_them, without = alerts.top()
    (actions,) = [block for block in drawn(with_them) if block["type"] == "actions"]
    assert [(one["action_id"], one["value"], one.get("style")) for one in actions["elements"]] == [
        ("hangwatch_acknowledge", "run1-1", "primary"),
        ("hangwatch_snooze_hour", "load", None),
        ("hangwatch_snooze_today", "load", None),
    ]
    assert "actions" not in [block["type"] for block in drawn(without)]


RETRIES = [
    pytest.param([rate_limited(5), OK], 20, [5.0], True, id="429_within_the_time_left"),
    pytest.param([rate_limited(19), OK], 20, [19.0], True, id="429_that_leaves_one_second"),
    pytest.param([rate_limited(20)], 20, [], False, id="429_that_leaves_nothing"),
    pytest.param([rate_limited(5)], 5, [], False, id="429_beyond_a_shorter_time"),
    pytest.param([rate_limited(40)], 60, [], False, id="never_more_than_20_s_in_all"),
    pytest.param([api_refused("ratelimited"), OK], 20, [1.0], True, id="ratelimited_with_status_200"),
    pytest.param([api_refused("service_unavailable"), OK], 20, [1.0], True, id="service_unavailable"),
    pytest.param([api_refused("request_timeout")] * 2 + [OK], 20, [1.0, 2.0], True, id="request_timeout_twice"),
    pytest.param([api_refused("service_unavailable")] * 9, 20, [1.0, 2.0, 4.0, 8.0], False, id="unavailable_for_long"),
    pytest.param([Answer(503, "x", headers={"Retry-After": "7"}), OK], 20, [7.0], True, id="503_that_says_how_long"),
    pytest.param([Answer(500, "no")] * 9, 2, [1.0], False, id="500_always_in_a_short_time"),
]


@pytest.mark.parametrize(("answers", "seconds", "pauses", "delivered"), RETRIES)
def test_what_passes_is_tried_again(
    slack: SlackServer, answers: list[Answer], seconds: float, pauses: list[float], delivered: bool
) -> None:
    """Slack's own pause is kept where the time allows; else pauses double from one second; the rest is for later."""
    clock = Clock()
    bot = bot_of(slack, clock)
    slack.answer_next(*answers)

    if delivered:
        bot.send(MESSAGE, seconds=seconds)
    else:
        error = undelivered(lambda: bot.send(MESSAGE, seconds=seconds))
        assert (error.permanent, error.maybe_delivered) == (False, False)
    assert clock.pauses == pauses
    assert len(slack.messages) == delivered


def test_slacks_own_limit_is_kept(bot: SlackBot, room: ApiRoom, clock: Clock, slack: SlackServer) -> None:
    """What the server itself limits is told with the pause that it asks for."""
    room._burst = 1
    bot.send(MESSAGE, seconds=20)
    error = undelivered(lambda: bot.send(MESSAGE, seconds=1.5))

    assert (error.permanent, error.retry_after) == (False, 1)
    assert str(error) == "slack: chat.postMessage answered 429 ratelimited"


@pytest.mark.parametrize("error", sorted(UNSURE))
def test_some_errors_may_mean_delivered(bot: SlackBot, slack: SlackServer, clock: Clock, error: str) -> None:
    """Slack says of these that part of the work may be done, so that it is not tried again in the same sweep."""
    slack.answer_next(api_refused(error))
    found = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert (found.permanent, found.maybe_delivered) == (False, True)
    assert str(found) == f"slack: chat.postMessage answered 200 {error}, so the message may be there"
    assert clock.pauses == []


@pytest.mark.parametrize("error", sorted(PASSING))
def test_some_errors_pass_without_help(bot: SlackBot, slack: SlackServer, error: str) -> None:
    """A migration ends some day: the notice stays."""
    slack.answer_next(api_refused(error))
    found = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert (found.permanent, found.maybe_delivered) == (False, False)


@pytest.mark.parametrize("error", sorted(set(REMEDIES) - PASSING))
def test_a_refusal_is_permanent_and_says_what_to_do(bot: SlackBot, slack: SlackServer, error: str) -> None:
    """The text quotes Slack's word and names the remedy."""
    slack.answer_always(api_refused(error))
    found = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert (found.permanent, found.maybe_delivered) == (True, False)
    assert str(found) == f"slack: chat.postMessage answered 200 {error}; {REMEDIES[error]}"
    assert len(slack.requests) == 1


def test_an_unheard_of_error_is_permanent(bot: SlackBot, slack: SlackServer) -> None:
    """What Slack invents tomorrow is told in its own word."""
    slack.answer_always(api_refused("moon_phase_wrong"))
    found = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert found.permanent
    assert str(found) == "slack: chat.postMessage answered 200 moon_phase_wrong"


def test_a_missing_scope_is_named(bot: SlackBot, room: ApiRoom) -> None:
    """The error says which scope the app needs."""
    room.scopes = ("chat:write.public",)

    assert str(undelivered(lambda: bot.send(MESSAGE, seconds=20))).endswith(
        "install the app again; it needs chat:write"
    )


def test_a_wrong_token_is_told_without_it(slack: SlackServer, clock: Clock) -> None:
    """The token is in no text, and the remedy names its setting."""
    wrong = SlackBot("xoxb-wrong", "#alerts", api_url=f"{slack.address}/api", pause=clock.pause, clock=clock)
    error = undelivered(lambda: wrong.send(MESSAGE, seconds=20))

    assert error.permanent
    assert "HANGWATCH_SLACK_TOKEN" in str(error)
    assert "xoxb-wrong" not in str(error)


@pytest.mark.parametrize("error", sorted(UNDRAWABLE))
def test_what_slack_can_not_draw_goes_out_as_text(
    bot: SlackBot, slack: SlackServer, alerts: Channel, error: str
) -> None:
    """When the blocks are refused the message goes out at once as plain text, and so does an edit."""
    slack.answer_next(api_refused(error))
    first = bot.send(MESSAGE, seconds=20)
    assert alerts.top()[0].payload == {**plain_payload(MESSAGE), "blocks": [], "attachments": []}

    slack.answer_next(OK, api_refused(error))
    bot.reply(bot.send(MESSAGE, seconds=20).reference, WORSE, seconds=20, aloud=True)
    assert alerts.top()[-1].read().text.split("\n")[0] == "\U0001f534 load is silent now"

    slack.answer_next(api_refused(error))
    bot.edit(first.reference, OVER, seconds=20)
    assert alerts.top()[0].read().text.split("\n")[:2] == ["\u2705 load is stalled", "resolved after 14 min"]


def test_too_much_for_blocks_goes_out_as_text(bot: SlackBot, alerts: Channel) -> None:
    """Details that Slack takes one by one, but not together, cost their looks and not the message."""
    long = replace(MESSAGE, facts=tuple((f"fact {n}", "x" * 1900) for n in range(10)))
    first = bot.send(long, seconds=20)
    bot.edit(first.reference, replace(long, status="resolved"), seconds=20)

    (post,) = alerts.top()
    assert drawn(post) == []
    assert post.read().text.split("\n")[:2] == ["\U0001f7e0 load is stalled", "resolved"]


@pytest.mark.parametrize("letter", ["x", "é", "&", "\U0001f600"])
@pytest.mark.parametrize("links", [(), tuple((f"link {n}", f"https://e.com/{'y' * 700}") for n in range(9))])
def test_an_edit_fits_whatever_its_letters(
    bot: SlackBot, slack: SlackServer, alerts: Channel, letter: str, links: tuple[tuple[str, str], ...]
) -> None:
    """chat.update counts bytes after escaping: text of any letters is cut so that it takes it, drawn or plain."""
    long = replace(MESSAGE, sentence=letter * 5000, links=links)
    first = bot.send(long, seconds=20)
    slack.answer_next(api_refused("invalid_blocks"))
    bot.edit(first.reference, long, seconds=20)
    assert 3500 < len(alerts.top()[0].payload["text"].encode()) <= 4000

    assert len(payload(long)["text"].encode()) <= 4000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(200, "<html>please log in</html>"), id="a_page_that_says_200"),
        pytest.param(Answer(200, "ok?"), id="other_words"),
        pytest.param(Answer(200, ""), id="nothing_at_all"),
        pytest.param(Answer(200, "{}"), id="an_empty_object"),
        pytest.param(Answer(200, '{"ok": "true"}'), id="ok_as_text"),
        pytest.param(Answer(200, "[" * 100_000), id="too_deep_to_read"),
        pytest.param(Answer(200, '{"ok": true' + " " * 1_100_000 + "}"), id="more_than_slack_says"),
        pytest.param(Answer(302, "", headers={"Location": "/api/chat.postMessage"}), id="a_redirect"),
        pytest.param(Answer(307, "", headers={"Location": "http://127.0.0.1:9/x"}), id="a_redirect_elsewhere"),
    ],
)
def test_only_slack_delivers(bot: SlackBot, slack: SlackServer, answer: Answer) -> None:
    """What answers like no Web API has delivered nothing, and no redirect takes the token elsewhere."""
    slack.answer_next(answer)
    error = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert (error.permanent, error.maybe_delivered) == (True, False)
    assert str(error).endswith("that is not Slack; check HANGWATCH_SLACK_API_URL")
    assert len(slack.requests) == 1


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        pytest.param('{"ok": true, "channel": "C0X", "ts": "1.2"}', "C0X:1.2", id="a_reference"),
        pytest.param('{"ok": true, "channel": "C0X", "ts": 1.2}', "C0X:1.2", id="a_number_for_a_time"),
        pytest.param('{"ok": true}', "", id="none"),
        pytest.param('{"ok": true, "channel": "#alerts", "ts": "1.2"}', "", id="a_name_for_an_id"),
    ],
)
def test_a_delivery_without_a_reference_is_a_delivery(
    bot: SlackBot, slack: SlackServer, body: str, reference: str
) -> None:
    """`ok` alone decides; what can't be referred to has no reference."""
    slack.answer_next(Answer(200, body))

    assert bot.send(MESSAGE, seconds=20).reference == reference


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(late(60), 0.6, id="no_answer_in_time"),
        pytest.param(no_answer(), 20, id="closed_without_an_answer"),
        pytest.param(reset(delivered=True), 20, id="reset_after_delivery"),
        pytest.param(reset(), 20, id="reset_before_delivery"),
        pytest.param(slow_body(60), 0.6, id="an_answer_that_drips"),
    ],
)
def test_no_answer_may_mean_delivered(slack: SlackServer, answer: Answer, seconds: float) -> None:
    """When the request was taken and the answer never came, nobody knows, and it is not sent twice in one sweep."""
    slack.answer_next(answer)
    error = undelivered(lambda: really(slack).send(MESSAGE, seconds=seconds))

    assert (error.permanent, error.maybe_delivered) == (False, True)
    assert len(slack.requests) == 1


def test_a_refusal_that_drips_is_still_a_refusal(slack: SlackServer) -> None:
    """The status came at once: a body that never ends doesn't make a refused message a maybe."""
    slack.answer_next(slow_body(600, "no", status=404))
    error = undelivered(lambda: really(slack).send(MESSAGE, seconds=1))

    assert (error.permanent, error.maybe_delivered) == (True, False)


class Dripper:
    """A server whose answer's headers come a byte at a time and never end."""

    def __enter__(self) -> Dripper:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()
        return self

    def _drip(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self._ending.wait(0.05):
                connection.sendall(b"x")

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._server.close()


def test_headers_that_drip_end_with_the_time() -> None:
    """One send never lasts longer than it may, even where each single read is short: this would never end."""
    with Dripper() as slow:
        error = undelivered(lambda: SlackBot(TOKEN, "#alerts", api_url=slow.address).send(MESSAGE, seconds=0.6))

    assert (error.permanent, error.maybe_delivered) == (False, True)
    assert str(error) == "slack: no answer within 1 s, so the message may be there"


def test_nobody_listens(clock: Clock) -> None:
    """Where nothing listens nothing was delivered, and it may be worth another try later."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
    bot = SlackBot(TOKEN, "#alerts", api_url=address, pause=clock.pause, clock=clock)
    error = undelivered(lambda: bot.send(MESSAGE, seconds=20))

    assert (error.permanent, error.maybe_delivered) == (False, False)
    assert str(error) == "slack: it can't be reached; is the network open?"


@pytest.mark.parametrize("address", ["slack.com/api", "", "ftp://slack.com/api", "http://[::1", "http://a..b/api"])
def test_an_address_that_is_none_names_the_setting(address: str) -> None:
    """A mistyped address of the Web API is told by the name of its setting."""
    error = undelivered(lambda: SlackBot(TOKEN, "#alerts", api_url=address).send(MESSAGE, seconds=1))

    assert error.permanent
    assert str(error).endswith("check HANGWATCH_SLACK_API_URL and HANGWATCH_SLACK_TOKEN")
    assert TOKEN not in str(error)


LEAKS: dict[str, Callable[[SlackServer], None]] = {
    "refused": lambda slack: slack.answer_always(api_refused("invalid_auth")),
    "a server error": lambda slack: slack.answer_always(Answer(500, "no")),
    "late": lambda slack: slack.answer_always(late(60)),
    "no answer": lambda slack: slack.answer_always(no_answer()),
    "reset": lambda slack: slack.answer_always(reset()),
    "redirected": lambda slack: slack.answer_always(Answer(302, headers={"Location": f"/{TOKEN}"})),
    "an echo of the token": lambda slack: slack.answer_always(Answer(403, f"Bearer {TOKEN}")),
    "an echo as the error": lambda slack: slack.answer_always(api_refused(TOKEN)),
    "an echo as a scope": lambda slack: slack.answer_always(api_refused("missing_scope", needed=TOKEN)),
    "gone": lambda slack: slack.stop(),
}


@pytest.mark.parametrize(
    "token", [TOKEN, "made_up_token", "xoxb-1234-made-up\n", " xoxb-1234-made-up", "xoxb-é-made-up€"]
)
@pytest.mark.parametrize("trouble", LEAKS.values(), ids=LEAKS.keys())
def test_the_token_stays_secret(
    room: ApiRoom, trouble: Callable[[SlackServer], None], token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong, a malformed token too, it is in no error, traceback, repr or log, even at DEBUG."""
    with SlackServer(rooms=[room]) as slack:
        bot = SlackBot(token, "#alerts", api_url=f"{slack.address}/api", pause=lambda _: None)
        trouble(slack)
        with caplog.at_level(logging.DEBUG):
            error = undelivered(lambda: bot.send(MESSAGE, seconds=0.6))
            logging.getLogger("a reader's own").warning("not delivered", exc_info=error)

    told = "".join(traceback.format_exception(error))
    for text in (str(error), repr(error), told, repr(bot), str(vars(bot)["_http"]), caplog.text):
        assert "made-up" not in text
        assert "made_up" not in text


def test_a_token_like_one_of_slacks_words_stays_secret(slack: SlackServer) -> None:
    """A server that answers with the token itself is not quoted, though the token looks like an error or a scope."""
    bot = SlackBot("made_up_token", "#alerts", api_url=f"{slack.address}/api")
    slack.answer_next(api_refused("made_up_token"), api_refused("missing_scope", needed="made_up_token"))

    for _ in range(2):
        assert "made_up" not in str(undelivered(lambda: bot.send(MESSAGE, seconds=20)))


def test_a_netrc_file_does_not_replace_the_token(
    bot: SlackBot, slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests would take a password for Slack's host from the user's .netrc, and put it in the token's place."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    bot.send(MESSAGE, seconds=20)

    assert slack.requests[0].arrival.headers["authorization"] == f"Bearer {TOKEN}"


def test_every_error_that_is_handled_is_one_of_slacks() -> None:
    """The tables name words like Slack's own, and what falls back or passes says what to do."""
    words = [*REMEDIES, *UNDRAWABLE, *UNSURE, *PASSING]

    assert [word for word in words if not re.fullmatch("[a-z_]+", word)] == []
    assert set(REMEDIES) >= ELSEWHERE


def test_the_docs_name_every_scope_and_setting(room: ApiRoom) -> None:
    """Whoever makes the app by docs/slack.md has the scopes that posting and editing need, and sets what we read."""
    docs = (Path(__file__).resolve().parents[2] / "docs" / "slack.md").read_text()
    manifest = docs.partition("```yaml")[2].partition("```")[0]

    assert re.findall(r"^ +- ([a-z:.]+)$", manifest, re.MULTILINE) == list(room.scopes)
    for setting in ("TOKEN", "CHANNEL", "SIGNING_SECRET", "WEBHOOK_URL"):
        assert f"`HANGWATCH_SLACK_{setting}`" in docs
