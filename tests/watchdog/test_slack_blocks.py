"""A message as Slack draws it: within every limit, pinging nobody, and showing names as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block

from heartbeat_client.run import RecordError, Run
from tests.client.random_runs import documents, instants
from tests.support import slack_message
from tests.support.block_kit import problems_of
from tests.support.mrkdwn import decode
from tests.support.slack_server import SlackServer
from tests.support.world import START, a_run
from watchdog.adapters.slack_blocks import escaped, payload, plain_payload
from watchdog.incident import OPENED, Case
from watchdog.life import opened
from watchdog.message import Button, Message
from watchdog.policy import Policy
from watchdog.telling import Subject, compose
from watchdog.verdict import SILENT, Verdict, judge

FULL = Message(
    kind="opened",
    mood="bad",
    title="load-historical-games is stalled",
    sentence="it gave no sign of progress for 18 min",
    facts=(("What", "450 players"), ("Where", "41 of 450 done")),
    links=(("Logs", "https://console.cloud.google.com/logs?project=p"), ("Runbook", "https://wiki.example/a?b=1&c=2")),
    frames=("socket.py:706 readinto", "data_loaders.py:412 load_batch, 18 min"),
    also=("publish-requests: silent", "and 3 more"),
    footer="run 9f31c2aa, told by Hangwatch",
)


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def shown(body: dict[str, Any]) -> slack_message.Message:
    """What readers get to see of a payload, which Slack must take."""
    assert problems_of(body) == []
    return slack_message.read_message(json.loads(json.dumps(body)), 0.0)


def sdk_checks(body: dict[str, Any]) -> None:
    """Let slack_sdk's own models validate each block."""
    for block in body["blocks"]:
        parsed = Block.parse(block)
        assert parsed is not None
        parsed.validate_json()
    for attachment in body["attachments"]:
        blocks = [Block.parse(block) for block in attachment["blocks"]]
        assert None not in blocks
        for block in blocks:
            block.validate_json()  # type: ignore[union-attr]  # just checked
        BlockAttachment(blocks=blocks, color=attachment["color"]).validate_json()  # type: ignore[arg-type]  # as above


def clickable(message: Message, aside: str = "") -> dict[str, Any]:
    """A message as a bot with an address for clicks draws it."""
    return payload(message, buttons=True, aside=aside)


def test_a_message_is_drawn_with_all_its_parts() -> None:
    """Header, reason, facts, calls, the others of its cause, links and footer, in this order."""
    body = payload(FULL)
    sdk_checks(body)

    assert shown(body).text.split("\n") == [
        "\U0001f7e0 load-historical-games is stalled",
        "It gave no sign of progress for 18 min",
        "*What*",
        "450 players",
        "*Where*",
        "41 of 450 done",
        "*Calls, innermost first*",
        "• socket.py:706 readinto",
        "• data_loaders.py:412 load_batch, 18 min",
        "*Also*",
        "• publish-requests: silent",
        "• and 3 more",
        "Logs  ·  Runbook",
        "run 9f31c2aa, told by Hangwatch",
    ]
    assert shown(body).notification == (
        "\U0001f7e0 load-historical-games is stalled: it gave no sign of progress for 18 min"
    )
    assert shown(body).links == FULL.links
    assert shown(body).mentions == ()


def test_a_message_in_plain_text_has_all_its_parts() -> None:
    """Where blocks are refused, the same words go out as one text."""
    body = plain_payload(FULL)

    assert list(body) == ["text"]
    assert shown(body).text.split("\n") == [
        "\U0001f7e0 load-historical-games is stalled",
        "it gave no sign of progress for 18 min",
        "What: 450 players",
        "Where: 41 of 450 done",
        "socket.py:706 readinto",
        "data_loaders.py:412 load_batch, 18 min",
        "publish-requests: silent",
        "and 3 more",
        "Logs",
        "Runbook",
    ]
    assert shown(body).links == FULL.links


@pytest.mark.parametrize("message", [FULL, Message("test", "plain", "a test")], ids=["all_parts", "a_title_alone"])
@pytest.mark.parametrize("draw", [payload, plain_payload])
def test_slack_takes_it(slack: SlackServer, message: Message, draw: Callable[[Message], dict[str, Any]]) -> None:
    """A server that keeps Slack's contract to the letter delivers it, with or without its optional parts."""
    before = len(slack.messages)
    answer = requests.post(slack.webhook_url, json=draw(message), timeout=10)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert len(slack.messages) == before + 1


@pytest.mark.parametrize(
    ("mood", "colour", "sign"),
    [
        ("bad", "#daa038", "\U0001f7e0"),
        ("worse", "#d0021b", "\U0001f534"),
        ("good", "#2eb67d", "\u2705"),
        ("plain", "#8d8d8d", "\u26aa"),
        ("unheard of", "#8d8d8d", "\u26aa"),
    ],
)
def test_a_mood_has_its_colour_and_its_sign(mood: str, colour: str, sign: str) -> None:
    """The bar has a colour, and the title a sign for those who don't see colours; what is unknown is grey."""
    body = payload(replace(FULL, mood=mood))

    assert body["attachments"][0]["color"] == colour
    assert body["text"].startswith(f"{sign} ")
    assert body["blocks"][0]["text"]["text"].startswith(f"{sign} ")


def test_a_failed_run_has_a_sign_of_its_own() -> None:
    """What failed is no longer under way: a cross, and not the sign for what may still be helped."""
    body = payload(replace(FULL, kind="failed", mood="bad"))

    assert body["text"].startswith("\u274c ")
    assert body["blocks"][0]["text"]["text"] == "\u274c load-historical-games is stalled"


def test_what_became_of_it_stands_under_the_title() -> None:
    """The status, and then our own word about the delivery, come before everything else; without them is no line."""
    resolved = replace(FULL, mood="good", status="resolved after 14 min")
    body = payload(resolved, aside="meant for #predictions")
    sdk_checks(body)

    above = ["\u2705 load-historical-games is stalled", "resolved after 14 min", "meant for #predictions"]
    assert shown(body).text.split("\n")[:3] == above
    assert shown(plain_payload(resolved, aside="meant for #predictions")).text.split("\n")[:3] == above
    assert [block["type"] for block in body["blocks"]] == ["header", "context", "context"]
    assert [block["type"] for block in payload(FULL)["blocks"]] == ["header"]


BUTTONS = (Button("acknowledge", "Acknowledge", "run1-1"), Button("snooze_hour", "Snooze 1 h", "load"))


def actions_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    found = [block["elements"] for block in body["attachments"][0]["blocks"] if block["type"] == "actions"]
    return [element for elements in found for element in elements]


def test_buttons_stand_before_the_lists_and_only_where_they_lead_somewhere() -> None:
    """Slack may fold away the end of an attachment, so that buttons follow the facts; a webhook's message has none."""
    message = replace(FULL, buttons=BUTTONS)
    body = clickable(message)
    sdk_checks(body)

    kinds = [block["type"] for block in body["attachments"][0]["blocks"]]
    assert kinds == ["section", "section", "actions", "section", "section", "section", "context"]
    assert actions_of(body)[0] == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Acknowledge", "emoji": False},
        "value": "run1-1",
        "action_id": "hangwatch_acknowledge",
        "style": "primary",
    }
    assert "style" not in actions_of(body)[1]
    assert actions_of(payload(message)) == []
    assert actions_of(clickable(FULL)) == []


@pytest.mark.parametrize(
    ("buttons", "drawn"),
    [
        pytest.param([Button("a", "x" * 75, "v")], ["x" * 75], id="a_label_that_fits"),
        pytest.param([Button("a", "x" * 76, "v")], ["x" * 74 + "…"], id="a_label_that_is_cut"),
        pytest.param([Button("a", "x", "v" * 2000)], ["x"], id="a_value_that_fits"),
        pytest.param([Button("a", "x", "v" * 2001)], [], id="a_value_can_not_be_cut"),
        pytest.param([Button("a", "x", "")], [], id="about_nothing"),
        pytest.param([Button("a", "", "v")], [], id="without_a_label"),
        pytest.param([Button("a" * 245, "x", "v")], ["x"], id="an_action_that_fits"),
        pytest.param([Button("a" * 246, "x", "v")], [], id="an_action_can_not_be_cut"),
        pytest.param([Button("a", "x", "v"), Button("a", "y", "w")], ["y"], id="one_of_two_alike"),
        pytest.param([Button(f"a{n}", f"{n}", "v") for n in range(26)], [f"{n}" for n in range(25)], id="25_at_most"),
    ],
)
def test_buttons_keep_slacks_limits(buttons: list[Button], drawn: list[str]) -> None:
    """A button that Slack would refuse is left out, for it would cost the whole message."""
    body = clickable(replace(FULL, buttons=tuple(buttons)))
    sdk_checks(body)

    assert problems_of(body) == []
    assert [button["text"]["text"] for button in actions_of(body)] == drawn


def header(body: dict[str, Any]) -> str:
    return str(body["blocks"][0]["text"]["text"])


def beside(body: dict[str, Any], at: int = 0) -> dict[str, Any]:
    block: dict[str, Any] = body["attachments"][0]["blocks"][at]
    return block


ONLY = Message("opened", "bad", "x")

# A part of the message, its text of so many letters, where that stands in the payload, and how much room it has.
ROOMS: dict[str, tuple[Callable[[str], Message], Callable[[dict[str, Any]], str], int, int]] = {
    "title": (lambda text: replace(ONLY, title=text), header, 150, 2),
    "sentence": (lambda text: replace(ONLY, sentence=text), lambda body: beside(body)["text"]["text"], 3000, 0),
    "fact": (
        lambda text: replace(ONLY, facts=(("What", text),)),
        lambda body: beside(body)["fields"][0]["text"],
        2000,
        len("*What*\n"),
    ),
    "also": (
        lambda text: replace(ONLY, also=(text,)),
        lambda body: beside(body)["text"]["text"],
        3000,
        len("*Also*\n• "),
    ),
    "frames": (
        lambda text: replace(ONLY, frames=(text,)),
        lambda body: beside(body)["text"]["text"],
        3000,
        len("*Calls, innermost first*\n• "),
    ),
    "footer": (lambda text: replace(ONLY, footer=text), lambda body: beside(body)["elements"][0]["text"], 2000, 0),
    "notification": (lambda text: replace(ONLY, title="", sentence=text), lambda body: body["text"], 3900, 7),
}


def size(part: str, text: str) -> int:
    """Letters, but bytes for the notification, as chat.update counts it."""
    return len(text.encode()) if part == "notification" else len(text)


@pytest.mark.parametrize("part", ROOMS)
def test_text_is_cut_at_its_limit_and_not_before(part: str) -> None:
    """Text that just fits is shown whole; one letter more ends in an ellipsis, at the very limit."""
    make, find, limit, taken = ROOMS[part]
    fits, exceeds = payload(make("X" * (limit - taken))), payload(make("X" * (limit - taken + 1)))

    assert find(fits).endswith("X" * (limit - taken))
    assert size(part, find(fits)) == limit
    assert find(exceeds).endswith("X…")
    assert size(part, find(exceeds)) == limit
    for body in (fits, exceeds, payload(make("X" * 100_000))):
        assert problems_of(body) == []
        sdk_checks(body)


@pytest.mark.parametrize("part", ROOMS)
@pytest.mark.parametrize("letter", ["&", "<", "\U0001f600", "é", "\n"])
def test_text_is_cut_after_it_is_escaped(part: str, letter: str) -> None:
    """Text that grows by escaping stays within the limit, fills it up, and is never cut within an escape."""
    make, find, limit, _ = ROOMS[part]
    body = payload(make(letter * 100_000))
    text = find(body)

    assert limit - 10 <= size(part, text) <= limit
    assert problems_of(body) == []
    if part in {"fact", "also", "frames", "notification"}:
        assert text.endswith(f"{escaped(letter)}…")
    else:
        assert text.endswith(f"{letter}…")


@pytest.mark.parametrize(("count", "drawn"), [(0, 0), (1, 1), (10, 10), (11, 10), (500, 10)])
def test_ten_facts_are_drawn(count: int, drawn: int) -> None:
    """Slack takes ten fields a section; the first ten are drawn, and none at all is no section."""
    body = payload(replace(ONLY, facts=tuple((f"fact {n}", f"text {n}") for n in range(count)), footer="x"))

    fields = beside(body).get("fields", [])
    assert [field["text"] for field in fields] == [f"*fact {n}*\ntext {n}" for n in range(drawn)]
    assert problems_of(body) == []


def test_a_fact_that_says_nothing_is_a_dash() -> None:
    """An empty text would cost the whole message."""
    body = payload(replace(ONLY, facts=(("What", ""), ("", ""), ("", " "))))

    assert [field["text"] for field in beside(body)["fields"]] == ["*What*\n-", "**\n-", "**\n "]
    assert problems_of(body) == []


def test_a_label_of_any_length_leaves_room_for_its_text() -> None:
    """A label is cut before it takes the room of its text."""
    body = payload(replace(ONLY, facts=(("&" * 5000, "the text"),), links=(("<" * 5000, "https://e.com"),)))

    assert beside(body)["fields"][0]["text"].endswith("\nthe text")
    assert problems_of(body) == []


@pytest.mark.parametrize(
    ("length", "drawn"),
    [(2959, ["Logs", "Run"]), (2960, ["Logs"]), (2987, ["Logs"]), (2988, ["Run"]), (100_000, ["Run"])],
)
def test_an_address_that_is_too_long_is_left_out(length: int, drawn: list[str]) -> None:
    """An address can't be cut, so it is left out where the section has no room for it; what has room stays."""
    links = (("Logs", "https://e.com/".ljust(length, "x")), ("Run", "https://r.example"))
    for draw in (payload, plain_payload):
        body = draw(replace(FULL, links=links))

        assert shown(body).links == tuple(link for link in links if link[0] in drawn)


HOSTILE = {
    "a call of the channel": "<!channel>",
    "a call of everyone": "<!everyone> <!here>",
    "a person": "<@U012AB3CD>",
    "a group": "<!subteam^S012AB3CD|@team>",
    "a bare call": "@channel @here @everyone",
    "a link": "<https://evil.example|load is fine>",
    "a date": "<!date^1392734382^{date}|x>",
    "html": "<script>alert('x')</script>",
    "escapes": "&amp;&lt;!channel&gt;",
    "double escapes": "&amp;lt;!channel&amp;gt;",
    "marks": "*bold* _italic_ ~gone~ `code` ```block```",
    "a quote": "> quoted",
    "a list": "• x\n- y",
    "an emoji's name": ":fire: :+1:",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 50,
    "right to left": "\u202edlihc \u0627\u0644\u0637\u0642\u0633",
    "line breaks": "a\n\n\nb\r\nc",
    "10 kB": "x" * 10_000,
    "10 kB of marks": "<!channel>" * 1000,
    "nothing": "",
    "a blank": " ",
    "a zero width space": "\u200b",
    "a null": "a\x00b",
    "json": '{"text": "x"}',
    "a brace and a pipe": "}|{",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_name_is_only_a_name(slack: SlackServer, name: str) -> None:
    """Whatever a name is made of, Slack takes the message, nobody is called, and no link is added."""
    message = Message(
        kind="opened",
        mood="bad",
        title=f"{name} is stalled",
        sentence=name,
        facts=((name, name), ("What", name)),
        links=(("Logs", "https://e.com"), (name, "https://r.example")),
        frames=(name, name),
        also=(name, name),
        footer=name,
        status=name,
        buttons=(Button("acknowledge", name, name), Button(name, "Snooze", name)),
    )
    for draw in (payload, plain_payload, lambda one: clickable(one, name), lambda one: plain_payload(one, aside=name)):
        before = len(slack.messages)
        answer = requests.post(slack.webhook_url, json=draw(message), timeout=10)

        assert (answer.status_code, answer.text) == (200, "ok")
        taken = slack.messages[before]
        assert taken.mentions == ()
        assert {address for _, address in taken.links} <= {"https://e.com", "https://r.example"}
    sdk_checks(payload(message))
    sdk_checks(clickable(message, name))


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_is_shown_as_it_stands(name: str) -> None:
    """Readers see the name itself among the facts, not its escapes."""
    body = payload(replace(ONLY, facts=(("What", name),)))
    seen = shown(body).text.split("*What*\n")[1]

    assert seen == (name or "-") or (name[:150] == seen[:150] and seen.endswith("…"))


@pytest.mark.parametrize(
    "address",
    [
        "!channel",
        "@U012AB3CD",
        "#C012AB3CD",
        "javascript:alert(1)",
        "mailto:x@example.com",
        "HTTPS//e.com",
        " https://e.com",
        "",
    ],
)
def test_what_is_no_address_is_no_link(address: str) -> None:
    """Between Slack's brackets only a web address is a link; anything else may call people, and is left out."""
    body = payload(replace(ONLY, links=(("Run", address),)))

    assert body["attachments"] == []
    assert plain_payload(replace(ONLY, links=(("Run", address),))) == {"text": "\U0001f7e0 x"}


@pytest.mark.parametrize(
    ("address", "target"),
    [
        pytest.param("https://e.com/?a=1&b=2", "https://e.com/?a=1&b=2", id="an_ampersand_is_kept"),
        pytest.param("https://e.com/?a=1&lt;=2", "https://e.com/?a=1&lt;=2", id="so_is_what_looks_like_an_escape"),
        pytest.param("https://e.com/a|b", "https://e.com/a%7Cb", id="a_pipe_would_begin_the_label"),
        pytest.param("https://e.com/>x<", "https://e.com/%3Ex%3C", id="a_bracket_would_end_the_link"),
        pytest.param("https://e.com/a b\nc", "https://e.com/a%20b%0Ac", id="blanks_end_an_address"),
    ],
)
def test_an_address_leads_where_it_should(address: str, target: str) -> None:
    """Marks that Slack would read are encoded as addresses encode them, and the rest is not touched."""
    for draw in (payload, plain_payload):
        assert shown(draw(replace(ONLY, links=(("Run", address),)))).links == (("Run", target),)


@given(st.text())
def test_escapes_lose_nothing(text: str) -> None:
    """Slack's three escapes decode to the text itself, and none of its marks is left."""
    assert decode(escaped(text)) == text
    assert not set(escaped(text)) & set("<>")


texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("<>&|@!#*_`\n"), max_size=40)
long_texts = st.builds(lambda text, times: text * times, texts, st.sampled_from([1, 1, 1, 100]))
any_messages = st.builds(
    Message,
    kind=texts,
    mood=st.sampled_from(["bad", "good", "?"]),
    title=long_texts,
    sentence=long_texts,
    facts=st.lists(st.tuples(long_texts, long_texts), max_size=12).map(tuple),
    links=st.lists(st.tuples(texts, texts | texts.map("https://e.com/".__add__)), max_size=4).map(tuple),
    frames=st.lists(long_texts, max_size=12).map(tuple),
    also=st.lists(long_texts, max_size=12).map(tuple),
    footer=long_texts,
    status=long_texts,
    to=texts,
    buttons=st.lists(st.builds(Button, texts, long_texts, long_texts), max_size=30).map(tuple),
)


@given(message=any_messages)
def test_any_message_can_be_shown_and_calls_nobody(message: Message) -> None:
    """Whatever a message holds, Slack's rules and slack_sdk's models take it, and it pings nobody."""
    sdk_checks(clickable(message))
    for draw in (payload, clickable, plain_payload):
        seen = shown(draw(message))

        assert seen.mentions == ()
        assert len(seen.links) <= len(message.links)
        assert all(address.startswith("https://e.com/") for _, address in seen.links)
        assert not seen.truncated


@given(document=documents(), now=instants)
def test_any_run_makes_a_notice_that_slack_takes(document: dict[str, Any], now: datetime) -> None:
    """From a stranger's document to a message that Slack takes, nothing breaks and nobody is called."""
    run: Run | None = None
    try:
        run = Run.from_document("stranger", document)
        found = judge(run, Policy(), now)
    except RecordError as error:
        found = judge(error, Policy(), now)
    incident = opened(Case("stranger", run, found), found, 1, now)
    message = compose(OPENED, [Subject(incident, run)] * 3, Policy(), now, "https://hangwatch.example")

    for draw in (payload, plain_payload):
        seen = shown(draw(message))
        assert seen.mentions == ()
        assert not seen.truncated


def test_a_long_group_stays_one_message() -> None:
    """A thousand runs of one dead process are one message within the limits."""
    found = Verdict(SILENT, "no beat for 2 min", START)
    run = a_run(detail="d" * 1000, labels={"batch": "b" * 1000})
    subject = Subject(opened(Case("run1", run, found), found, 1, START), run)
    body = payload(compose(OPENED, [subject] * 1000, Policy(), START))

    sdk_checks(body)
    assert shown(body).text.startswith("\U0001f534 load-historical-games is silent, and 999 more\n")
    assert len(json.dumps(body)) < 40_000
