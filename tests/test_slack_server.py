"""The Slack that other tests talk to keeps Slack's contract, misbehaves as it is told, and forgets nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block, ButtonElement

from tests.support.block_kit import problems_of
from tests.support.mrkdwn import Piece, pieces
from tests.support.slack_server import (
    Answer,
    SlackServer,
    late,
    no_answer,
    rate_limited,
    read_record,
    refused,
    reset,
    slow_body,
)
from tests.support.slack_webhooks import ERRORS

ROOT = Path(__file__).resolve().parent.parent
Payload = dict[str, Any]
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server


def post(url: str, payload: object, timeout: float = 10.0) -> requests.Response:
    return requests.post(url, json=payload, timeout=timeout)


def answer_to(slack: SlackServer, payload: object) -> tuple[int, str]:
    response = post(slack.webhook_url, payload)
    return response.status_code, response.text


def plain(text: str) -> Payload:
    return {"type": "plain_text", "text": text}


def marked(text: str) -> Payload:
    return {"type": "mrkdwn", "text": text}


def header(text: str) -> Payload:
    return {"type": "header", "text": plain(text)}


def section(text: str = "a section", **more: Any) -> Payload:
    return {"type": "section", "text": marked(text), **more}


def with_fields(*fields: Payload) -> Payload:
    return {"type": "section", "fields": list(fields)}


def button(text: str = "Logs", **more: Any) -> Payload:
    return {"type": "button", "text": plain(text), **more}


def confirm(**more: str) -> Payload:
    words = {"title": "Snooze?", "text": "No notices for 2 h", "confirm": "Snooze", "deny": "No", **more}
    return {name: plain(text) for name, text in words.items()}


def actions(*elements: Payload, **more: Any) -> Payload:
    return {"type": "actions", "elements": list(elements), **more}


def context(*elements: Payload) -> Payload:
    return {"type": "context", "elements": list(elements)}


def image(**more: str) -> Payload:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a curve", **more}


def url(length: int) -> str:
    return "https://example.com/".ljust(length, "a")


# What is made, with the length or the number at which Slack still takes it; one more is refused.
LIMITS: dict[str, tuple[Callable[[int], Payload], int]] = {
    "header_text": (lambda n: header("x" * n), 150),
    "section_text": (lambda n: section("x" * n), 3000),
    "section_fields": (lambda n: with_fields(*[marked("x")] * n), 10),
    "field_text": (lambda n: with_fields(marked("x" * n)), 2000),
    "context_elements": (lambda n: context(*[marked("x")] * n), 10),
    "context_text": (lambda n: context(marked("x" * n)), 3000),
    "context_plain_text": (lambda n: context(plain("x" * n)), 3000),
    "actions_elements": (lambda n: actions(*(button(action_id=f"a{at}") for at in range(n))), 25),
    "button_text": (lambda n: actions(button("x" * n)), 75),
    "button_url": (lambda n: actions(button(url=url(n))), 3000),
    "button_value": (lambda n: actions(button(value="x" * n)), 2000),
    "button_action_id": (lambda n: actions(button(action_id="x" * n)), 255),
    "button_accessibility_label": (lambda n: actions(button(accessibility_label="x" * n)), 75),
    "confirm_title": (lambda n: actions(button(confirm=confirm(title="x" * n))), 100),
    "confirm_text": (lambda n: actions(button(confirm=confirm(text="x" * n))), 300),
    "confirm_confirm": (lambda n: actions(button(confirm=confirm(confirm="x" * n))), 30),
    "confirm_deny": (lambda n: actions(button(confirm=confirm(deny="x" * n))), 30),
    "block_id": (lambda n: section(block_id="x" * n), 255),
    "image_url": (lambda n: image(image_url=url(n)), 3000),
    "image_alt_text": (lambda n: image(alt_text="x" * n), 2000),
    "image_title": (lambda n: {**image(), "title": plain("x" * n)}, 2000),
}

# slack_sdk has no validator for these; the figures are the Block Kit reference's.
UNKNOWN_TO_THE_SDK = {"field_text", "context_text", "context_plain_text"}

EMPTY: dict[str, Payload] = {
    "header_without_text": header(""),
    "section_without_text": section(""),
    "section_without_text_and_fields": {"type": "section"},
    "no_fields": with_fields(),
    "empty_field": with_fields(marked("a"), marked("")),
    "no_context_elements": context(),
    "no_actions": actions(),
    "button_without_words": actions(button("")),
    "empty_block_id": section(block_id=""),
}

WRONG: dict[str, Payload] = {
    "a_header_in_mrkdwn": {"type": "header", "text": marked("x")},
    "a_button_in_mrkdwn": actions({"type": "button", "text": marked("x")}),
    "emoji_on_mrkdwn": {"type": "section", "text": {**marked("x"), "emoji": True}},
    "verbatim_on_plain_text": {"type": "section", "text": {**plain("x"), "verbatim": True}},
    "verbatim_as_text": {"type": "section", "text": {**marked("x"), "verbatim": "true"}},
    "text_that_is_a_string": {"type": "section", "text": "x"},
    "text_that_is_null": {"type": "section", "text": None},
    "text_of_no_type": {"type": "section", "text": {"text": "x"}},
    "an_unknown_property": section(colour="red"),
    "an_unknown_block": {"type": "sectoin", "text": marked("x")},
    "a_type_that_is_no_string": {"type": ["section"]},
    "no_type": {"text": marked("x")},
    "a_button_outside_actions": button(),
    "a_text_among_actions": actions(marked("x")),
    "a_button_in_the_context": context(button()),
    "elements_that_are_no_list": {"type": "actions", "elements": button()},
    "a_style_of_ones_own": actions(button(style="warning")),
    "a_url_without_scheme": actions(button(url="console.cloud.google.com")),
    "a_url_with_a_space": actions(button(url="https://example.com/a b")),
    "a_file_url": actions(button(url="file:///etc/hosts")),
    "two_equal_action_ids": actions(button(action_id="logs"), button(action_id="logs")),
    "half_a_confirmation": actions(button(confirm={"title": plain("Sure?")})),
}

FITS: dict[str, Payload] = {
    "a_divider": {"type": "divider"},
    "emoji_on_plain_text": {"type": "header", "text": {**plain(":red_circle: x"), "emoji": True}},
    "verbatim_mrkdwn": {"type": "section", "text": {**marked("x"), "verbatim": True}},
    "fields_and_text": section(fields=[marked("a"), plain("b")]),
    "a_button_beside_a_section": section(accessory=button()),
    "an_image_in_the_context": context(image(), marked("x")),
    "equal_words_on_two_buttons": actions(button("Logs", action_id="a"), button("Logs", action_id="b")),
    "a_button_that_asks_back": actions(button(confirm=confirm(), style="danger")),
    "a_blank": section(" "),
}


def table(cases: dict[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def sdk_takes(block: Payload) -> bool:
    parsed = Block.parse(block)
    assert parsed is not None
    try:
        parsed.to_dict()
        for element in block.get("elements", []):
            if element["type"] == "button":
                ButtonElement(**element).to_dict()
    except SlackObjectFormationError:
        return False
    return True


@table(LIMITS)
def test_slack_takes_a_block_up_to_the_limit_and_not_beyond(
    slack: SlackServer, case: tuple[Callable[[int], Payload], int]
) -> None:
    """Each part of a block may be as long as Slack's reference says, and one more is invalid_blocks."""
    make, limit = case

    assert answer_to(slack, {"blocks": [make(limit)]}) == (200, "ok")
    assert answer_to(slack, {"blocks": [make(limit + 1)]}) == (400, "invalid_blocks")


@table({name: case for name, case in LIMITS.items() if name not in UNKNOWN_TO_THE_SDK})
def test_slack_sdk_knows_the_same_limit(case: tuple[Callable[[int], Payload], int]) -> None:
    """Our limit is where slack_sdk's own model stops validating."""
    make, limit = case

    assert sdk_takes(make(limit))
    assert not sdk_takes(make(limit + 1))


@table(FITS)
def test_slack_takes_a_fitting_block(slack: SlackServer, case: Payload) -> None:
    """What the reference allows passes, in the message's blocks and in an attachment's."""
    assert answer_to(slack, {"blocks": [case]}) == (200, "ok")
    assert answer_to(slack, {"attachments": [{"color": "#e01e5a", "blocks": [case]}]}) == (200, "ok")


@table({**EMPTY, **WRONG})
def test_slack_refuses_a_block_that_breaks_a_rule(slack: SlackServer, case: Payload) -> None:
    """One broken rule costs the whole message, in the message's blocks and in an attachment's."""
    fine = section()

    assert answer_to(slack, {"text": "x", "blocks": [fine, case]}) == (400, "invalid_blocks")
    attachments = [{"color": "#e01e5a", "blocks": [fine, case]}]
    assert answer_to(slack, {"text": "x", "attachments": attachments}) == (400, "invalid_attachments")
    assert slack.messages == []


def test_empty_lists_say_nothing_and_harm_nothing(slack: SlackServer) -> None:
    """A message may come with no blocks and no attachments, if it has text."""
    assert answer_to(slack, {"text": "x", "blocks": [], "attachments": []}) == (200, "ok")


def test_a_problem_names_the_place_as_slack_does() -> None:
    """A problem says the rule and a JSON pointer, in the words of chat.postMessage."""
    payload = {"blocks": [section(), with_fields(marked("a"), marked(""))]}

    problem = "must be more than 0 characters [json-pointer:/blocks/1/fields/1/text]"
    assert [str(one) for one in problems_of(payload)] == [problem]


def test_a_message_holds_fifty_blocks(slack: SlackServer) -> None:
    """The 51st block is one too many, in the message and in an attachment."""
    divider = {"type": "divider"}

    assert answer_to(slack, {"blocks": [divider] * 50}) == (200, "ok")
    assert answer_to(slack, {"blocks": [divider] * 51}) == (400, "invalid_blocks")
    assert answer_to(slack, {"attachments": [{"blocks": [divider] * 50}]}) == (200, "ok")
    assert answer_to(slack, {"attachments": [{"blocks": [divider] * 51}]}) == (400, "invalid_attachments")


def test_a_block_id_stands_once_in_a_message(slack: SlackServer) -> None:
    """Two blocks with one block_id are refused, across attachments too; an action_id may come back in another block."""
    named = section(block_id="why")
    twice = {"blocks": [named], "attachments": [{"blocks": [named]}]}

    assert answer_to(slack, {"blocks": [named, named]}) == (400, "invalid_blocks")
    assert answer_to(slack, twice) == (400, "invalid_attachments")
    assert answer_to(slack, {"blocks": [actions(button(action_id="a"))] * 2}) == (200, "ok")


def test_a_message_holds_a_hundred_attachments(slack: SlackServer) -> None:
    """The 101st attachment is too_many_attachments."""
    one = {"blocks": [section()]}

    assert answer_to(slack, {"attachments": [one] * 100}) == (200, "ok")
    assert answer_to(slack, {"attachments": [one] * 101}) == (400, "too_many_attachments")


@pytest.mark.parametrize("name", ["text", "footer", "ts", "callback_id", "fields", "indent"])
def test_an_attachment_with_blocks_takes_nothing_else(slack: SlackServer, name: str) -> None:
    """Beside an attachment's blocks stand its color and its fallback, and no field of the older kind."""
    fine = {"color": "#e01e5a", "fallback": "x", "blocks": [section()]}

    assert answer_to(slack, {"attachments": [fine]}) == (200, "ok")
    assert answer_to(slack, {"attachments": [{**fine, name: "x"}]}) == (400, "invalid_attachments")


@pytest.mark.parametrize(
    ("color", "fits"),
    [("#E01e5a", True), ("danger", True), ("#e01e5", False), ("e01e5a", False), ("#e01e5ag", False)],
)
def test_a_color_is_six_hex_digits_or_a_known_word(slack: SlackServer, color: str, fits: bool) -> None:
    """Slack and slack_sdk agree on what colours the bar."""
    attachment = BlockAttachment(blocks=[], color=color)

    status, _ = answer_to(slack, {"attachments": [{"color": color, "blocks": [section()]}]})
    assert (status == 200) is fits
    if fits:
        attachment.validate_json()
    else:
        with pytest.raises(SlackObjectFormationError):
            attachment.validate_json()


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param({}, "no_text", id="an_empty_object"),
        pytest.param({"text": ""}, "no_text", id="empty_text"),
        pytest.param({"text": " \n"}, "no_text", id="a_blank"),
        pytest.param({"text": None, "blocks": []}, "no_text", id="no_blocks"),
        pytest.param({"operation": "load"}, "no_text", id="another_service's_payload"),
        pytest.param({"text": 7}, "invalid_payload", id="text_that_is_a_number"),
        pytest.param([{"text": "x"}], "invalid_payload", id="a_list"),
        pytest.param("x", "invalid_payload", id="a_string"),
        pytest.param({"blocks": {"type": "divider"}}, "invalid_blocks_format", id="one_block_without_a_list"),
        pytest.param({"blocks": '[{"type": "divider"}]'}, "invalid_blocks_format", id="blocks_as_json_in_json"),
        pytest.param({"blocks": ["divider"]}, "invalid_blocks", id="a_block_that_is_a_string"),
        pytest.param({"attachments": {}}, "invalid_attachments", id="attachments_without_a_list"),
        pytest.param({"attachments": [{}]}, "invalid_attachments", id="an_empty_attachment"),
        pytest.param({"attachments": [{"text": "x"}]}, "invalid_attachments", id="an_attachment_of_the_older_kind"),
    ],
)
def test_slack_refuses_a_payload_that_is_no_message(slack: SlackServer, payload: object, error: str) -> None:
    """A payload that says nothing, or is of another shape, is refused with the error for it."""
    assert answer_to(slack, payload) == (400, error)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b'{"text": "x"', "application/json", id="half_an_object"),
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b'{"text": "\xff"}', "application/json", id="not_utf_8"),
        pytest.param(b'{"text": "\\ud83d"}', "application/json", id="half_a_surrogate_pair"),
        pytest.param(b'{"text": "x", "n": NaN}', "application/json", id="a_number_that_json_lacks"),
        pytest.param(b"[" * 100_000, "application/json", id="too_deep_to_read"),
        pytest.param(b'{"text": "x"}', "text/plain", id="json_called_text"),
        pytest.param(b'{"text": "x"}', FORM, id="json_called_a_form"),
    ],
)
def test_slack_refuses_what_it_cannot_read(slack: SlackServer, body: bytes, kind: str) -> None:
    """A body that is not the JSON it claims to be is invalid_payload."""
    response = requests.post(slack.webhook_url, data=body, headers={"Content-Type": kind}, timeout=10)

    assert (response.status_code, response.text) == (400, "invalid_payload")


def test_slack_takes_a_form_with_a_payload(slack: SlackServer) -> None:
    """The older way, a form whose `payload` is JSON, still works."""
    form = {"payload": json.dumps({"text": "fünf & sechs"})}

    assert requests.post(slack.webhook_url, data=form, timeout=10).text == "ok"
    assert slack.messages[0].text == "fünf & sechs"


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        pytest.param(("T0MADEUP", "T0OTHER"), (404, "no_team"), id="unknown_workspace"),
        pytest.param(("B0MADEUP", "B0OTHER"), (404, "no_service"), id="unknown_service"),
        pytest.param(("token", "taken"), (403, "invalid_token"), id="wrong_token"),
        pytest.param(("/a-made-up-token", ""), (404, "no_service"), id="cut_off_url"),
        pytest.param(("/services/", "/hooks/"), (404, "not_found"), id="no_webhook_at_all"),
    ],
)
def test_slack_refuses_a_wrong_webhook(slack: SlackServer, change: tuple[str, str], answer: tuple[int, str]) -> None:
    """Only the webhook that is installed here delivers."""
    response = post(slack.webhook_url.replace(*change), {"text": "x"})

    assert (response.status_code, response.text) == answer
    assert slack.messages == []


def test_a_webhook_is_only_posted_to(slack: SlackServer) -> None:
    """A GET is no message."""
    assert requests.get(slack.webhook_url, timeout=10).status_code == 405


@pytest.mark.parametrize("error", ERRORS)
def test_slack_refuses_with_each_of_its_errors(slack: SlackServer, error: str) -> None:
    """A refusal that was scripted has Slack's own status and words, and delivers nothing."""
    slack.answer_next(refused(error))

    assert answer_to(slack, {"text": "x"}) == (ERRORS[error], error)
    assert slack.messages == []
    assert answer_to(slack, {"text": "y"}) == (200, "ok")


def test_text_beyond_forty_thousand_characters_is_cut(slack: SlackServer) -> None:
    """Slack keeps 40,000 characters of `text` and posts them; no refusal tells the sender."""
    assert answer_to(slack, {"text": "x" * 40_000}) == (200, "ok")
    assert answer_to(slack, {"text": "x" * 40_001}) == (200, "ok")

    assert [(len(one.text), one.truncated) for one in slack.messages] == [(40_000, False), (40_000, True)]


def test_the_record_holds_what_a_reader_sees(slack: SlackServer) -> None:
    """Every text is recorded in reading order, decoded, with labels for links and the fallback for dates."""
    payload = {
        "text": "load is stalled",
        "blocks": [
            header("load &amp; go"),
            section("*a* &lt;b&gt;", fields=[marked("<https://e.com/?a=1&amp;b|Logs>")]),
        ],
        "attachments": [
            {"fallback": "unseen", "blocks": [context(marked("since <!date^1700000000^{time}|10:42 PM>"))]},
            {"blocks": [actions(button("Runbook", url="https://e.com/r"))]},
        ],
    }

    assert answer_to(slack, payload) == (200, "ok")
    (message,) = slack.messages
    assert message.text.splitlines() == ["load & go", "*a* <b>", "Logs", "since 10:42 PM", "Runbook"]
    assert message.notification == "load is stalled"
    assert message.links == (("Logs", "https://e.com/?a=1&b"), ("Runbook", "https://e.com/r"))
    assert message.payload == payload


@pytest.mark.parametrize(
    ("payload", "text", "notification"),
    [
        pytest.param({"text": "a"}, "a", "a", id="alone_it_is_the_message"),
        pytest.param({"text": "a", "blocks": [section("b")]}, "b", "a", id="beside_blocks_only_the_notification"),
        pytest.param(
            {"text": "a", "attachments": [{"fallback": "f", "blocks": [section("b")]}]},
            "a\nb",
            "a",
            id="beside_attachments_it_is_shown_above_them",
        ),
        pytest.param(
            {"attachments": [{"fallback": "f", "blocks": [section("b")]}]}, "b", "f", id="without_it_the_fallback"
        ),
    ],
)
def test_text_is_shown_or_only_notified(slack: SlackServer, payload: Payload, text: str, notification: str) -> None:
    """Where `text` turns up depends on what stands beside it."""
    assert answer_to(slack, payload) == (200, "ok")

    assert (slack.messages[0].text, slack.messages[0].notification) == (text, notification)


@pytest.mark.parametrize(
    ("payload", "mentions"),
    [
        pytest.param({"text": "<!channel> look"}, ("<!channel>",), id="channel"),
        pytest.param({"text": "<@U012AB>"}, ("<@U012AB>",), id="a_person"),
        pytest.param({"text": "<!subteam^S1|@team>"}, ("<!subteam^S1|@team>",), id="a_group"),
        pytest.param({"blocks": [section("`<!here>`")]}, ("<!here>",), id="here_in_code"),
        pytest.param({"text": "x <!here>", "blocks": [section()]}, ("<!here>",), id="in_the_notification"),
        pytest.param({"blocks": [section("ask @here")]}, ("@here",), id="a_bare_name_that_is_not_verbatim"),
        pytest.param(
            {"blocks": [{"type": "section", "text": {**marked("ask @here"), "verbatim": True}}]},
            (),
            id="a_bare_name_in_verbatim_text",
        ),
        pytest.param({"text": "&lt;!channel&gt; <b> me@here.com"}, (), id="escaped"),
        pytest.param({"blocks": [header("<!channel> @channel")]}, (), id="plain_text"),
        pytest.param({"text": "<#C012AB|alerts> <https://e.com|x>"}, (), id="links"),
    ],
)
def test_mentions_are_recorded(slack: SlackServer, payload: Payload, mentions: tuple[str, ...]) -> None:
    """Whatever would ping people is recorded, so that a test can say that there was none."""
    assert answer_to(slack, payload) == (200, "ok")

    assert slack.messages[0].mentions == mentions


def test_mrkdwn_falls_into_pieces_that_lose_nothing() -> None:
    """Text, links, dates and mentions are told apart; what is none of them stays text."""
    assert list(pieces("a &amp;lt; <https://e.com> <b> <!date^5^{date}^https://e.com|then>")) == [
        Piece("text", "a &lt; "),
        Piece("link", "https://e.com", "https://e.com"),
        Piece("text", " "),
        Piece("text", "<b>"),
        Piece("text", " "),
        Piece("date", "then", "5^{date}^https://e.com"),
    ]


def test_answers_follow_their_script_then_the_contract(slack: SlackServer) -> None:
    """Scripted answers come in order, then the standing one, then Slack's own."""
    slack.answer_next(rate_limited(7), Answer(status=503, body="<html>no</html>", headers={"Via": "proxy"}))
    slack.answer_always(refused("rollup_error"))

    limited, broken = post(slack.webhook_url, {"text": "1"}), post(slack.webhook_url, {"text": "2"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert (broken.status_code, broken.text, broken.headers["Via"]) == (503, "<html>no</html>", "proxy")
    assert [answer_to(slack, {"text": "3"}) for _ in range(2)] == [(500, "rollup_error")] * 2
    slack.answer_always(None)
    assert answer_to(slack, {"text": "4"}) == (200, "ok")
    assert [one.text for one in slack.messages] == ["4"]
    assert [one.status for one in slack.requests] == [429, 503, 500, 500, 200]


def test_a_late_answer_has_delivered(slack: SlackServer) -> None:
    """A client that stops waiting has delivered its message all the same."""
    slack.answer_next(late(60))

    with pytest.raises(requests.ReadTimeout):
        post(slack.webhook_url, {"text": "x"}, timeout=0.2)
    assert [one.text for one in slack.messages] == ["x"]


def test_no_answer_has_delivered(slack: SlackServer) -> None:
    """A connection that closes without an answer has delivered its message."""
    slack.answer_next(no_answer())

    with pytest.raises(requests.ConnectionError, match="without response"):
        post(slack.webhook_url, {"text": "x"})
    assert [one.text for one in slack.messages] == ["x"]
    assert [(one.status, one.reply) for one in slack.requests] == [(None, "")]


@pytest.mark.parametrize("delivered", [False, True])
def test_a_reset_delivers_only_when_told(slack: SlackServer, delivered: bool) -> None:
    """A reset reaches the client as one; whether the message got through is the script's to say."""
    slack.answer_next(reset(delivered=delivered))

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        post(slack.webhook_url, {"text": "x"})
    assert len(slack.messages) == delivered


def test_a_slow_body_outlasts_a_limit_on_each_read(slack: SlackServer) -> None:
    """Bytes that trickle in keep requests' own timeout from ever firing."""
    slack.answer_next(slow_body(0.6, body="x" * 60))

    assert post(slack.webhook_url, {"text": "x"}, timeout=0.4).text == "x" * 60


def test_stop_ends_what_is_under_way() -> None:
    """No thread and no open port is left, though one client waits for its answer and another keeps its connection.

    Without the server's help both would last until this test's own time limit.
    """
    before = set(threading.enumerate())
    kept = requests.Session()
    with SlackServer() as slack:
        kept.post(slack.webhook_url, json={"text": "1"}, timeout=10)
        slack.answer_next(late(600))
        waiting = threading.Thread(target=_post_in_vain, args=(slack.webhook_url,))
        waiting.start()
        slack.wait_for(lambda server: len(server.messages) == 2, 300)
        port = int(slack.address.rpartition(":")[2])
    waiting.join(10)
    kept.close()

    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def _post_in_vain(to: str) -> None:
    with pytest.raises(requests.ConnectionError):
        post(to, {"text": "2"}, timeout=60)


def test_messages_from_many_threads_are_all_kept(slack: SlackServer) -> None:
    """Twenty senders at once lose nothing."""
    senders = [threading.Thread(target=post, args=(slack.webhook_url, {"text": str(n)})) for n in range(20)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)

    assert sorted(int(one.text) for one in slack.messages) == list(range(20))
    assert len(slack.requests) == 20


def test_waiting_in_vain_says_what_came(slack: SlackServer) -> None:
    """A wait that fails names the messages and the answers there were."""
    post(slack.webhook_url, {"text": "x", "blocks": [{"type": "sectoin"}]})

    with pytest.raises(TimeoutError, match=r"messages \[\], answers \['400 invalid_blocks'\]"):
        slack.wait_for(lambda server: bool(server.messages), 0.05)
    assert slack.requests[0].problems == ("unsupported type: sectoin [json-pointer:/blocks/0]",)


def _process(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "tests.support.slack_server", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_a_process_records_across_a_kill(tmp_path: Path) -> None:
    """A Slack that is killed and started again on its port goes on with its record; SIGTERM ends it with status 0."""
    record = tmp_path / "messages.jsonl"
    first, hook = _process("--record", str(record))
    try:
        assert post(hook, {"text": "eins <@U1>"}).text == "ok"
    finally:
        first.kill()
        first.communicate()
    with pytest.raises(requests.ConnectionError):
        post(hook, {"text": "lost"})
    port = hook.split(":")[2].partition("/")[0]
    second, again = _process("--port", port, "--record", str(record), "--answer", '{"status": 500, "body": "no"}')
    try:
        assert [post(again, {"text": "zwei"}).status_code for _ in range(2)] == [500, 200]
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    finally:
        second.kill()
        second.communicate()

    messages = read_record(record)
    assert again == hook
    assert [(one.text, one.mentions) for one in messages] == [("eins @U1", ("<@U1>",)), ("zwei", ())]
    assert messages[0].at < messages[1].at


def test_a_record_cut_off_in_the_middle_is_read_up_to_there(tmp_path: Path) -> None:
    """The last line of a record, unfinished when its writer was killed, is left out; no record is no message."""
    record = tmp_path / "messages.jsonl"
    assert read_record(record) == []
    with SlackServer(record=record) as slack:
        post(slack.webhook_url, {"text": "x"})
        post(slack.webhook_url, {"text": "y"})
        os.truncate(record, record.stat().st_size - 1)

        assert read_record(record) == slack.messages[:1]
