"""The Web API that other tests talk to keeps Slack's contract; slack_sdk's own client drives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from tests.support.slack_api import ApiRoom
from tests.support.slack_clicks import ResponseRoom, click_body, click_payload, signed
from tests.support.slack_server import SlackServer, api_refused, no_answer
from tests.support.slack_workspace import Channel, Posted, Workspace

JSON = "application/json; charset=utf-8"


@pytest.fixture
def alerts() -> Channel:
    return Channel("C0ALERTS", "alerts")


@pytest.fixture
def room(alerts: Channel) -> ApiRoom:
    others = [
        Channel("C0OTHER", "other", member=False),
        Channel("C0SECRET", "secret", member=False, private=True),
        Channel("C0OURS", "ours", private=True),
        Channel("C0OLD", "old", archived=True),
        Channel("C0NEWS", "news", restriction="restricted_action_read_only_channel"),
    ]
    return ApiRoom(Workspace(alerts, *others))


@pytest.fixture
def slack(room: ApiRoom) -> Iterator[SlackServer]:
    with SlackServer(rooms=[room]) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer, room: ApiRoom) -> WebClient:
    return WebClient(room.token, base_url=f"{slack.address}/api/")


def call(slack: SlackServer, room: ApiRoom, method: str, **arguments: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {room.token}", "Content-Type": JSON}
    answer = requests.post(f"{slack.address}/api/{method}", data=json.dumps(arguments), headers=headers, timeout=10)
    said: dict[str, Any] = answer.json()
    return said


def section(text: str = "x", **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def refusal(client: WebClient, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(**{"channel": "C0ALERTS", "text": "x", **arguments})
    return str(caught.value.response["error"])


def test_slack_sdk_posts_changes_and_answers(client: WebClient, alerts: Channel, slack: SlackServer) -> None:
    """slack_sdk's client finds what it expects: ids, times, threads, and what a message says after a change."""
    first = client.chat_postMessage(channel="#alerts", text="load is stalled", blocks=[section("stalled")])
    quiet = client.chat_postMessage(channel=first["channel"], text="worse", thread_ts=first["ts"])
    aloud = client.chat_postMessage(channel=first["channel"], text="still", thread_ts=first["ts"], reply_broadcast=True)
    client.chat_update(channel=first["channel"], ts=first["ts"], text="over", blocks=[section("recovered")])

    assert first["channel"] == "C0ALERTS"
    assert quiet["message"]["thread_ts"] == first["ts"]
    assert [post.ts for post in alerts.top()] == [first["ts"], aloud["ts"]]
    assert [post.ts for post in alerts.thread(first["ts"])] == [quiet["ts"], aloud["ts"]]
    assert alerts.posts[first["ts"]].read().text == "recovered"
    assert alerts.posts[first["ts"]].edits == 1
    assert [message.text for message in slack.messages] == ["stalled", "worse", "still"]


def test_auth_test_says_who_and_with_which_scopes(client: WebClient) -> None:
    """The app's own identity is in the answer, its scopes in a header."""
    answer = client.auth_test()

    assert answer["user"] == "hangwatch"
    assert answer.headers["x-oauth-scopes"] == "chat:write,chat:write.public"


def test_a_token_is_needed_and_must_be_the_apps(slack: SlackServer, room: ApiRoom) -> None:
    """Without a token it is not_authed, with another invalid_auth, and the status is 200 all the same."""
    address = f"{slack.address}/api/chat.postMessage"
    message = {"channel": "C0ALERTS", "text": "x"}

    assert requests.post(address, json=message, timeout=10).json()["error"] == "not_authed"
    for header in ("Bearer xoxb-other", f"Bearer {room.token}x"):
        answer = requests.post(address, json=message, headers={"Authorization": header}, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (200, "invalid_auth")
    form = {**message, "token": room.token, "blocks": json.dumps([section()])}
    assert requests.post(address, data=form, timeout=10).json()["ok"] is True


def test_a_scope_is_needed(client: WebClient, room: ApiRoom) -> None:
    """Without chat:write nothing is posted, and the answer names the scope."""
    room.scopes = ("chat:write.public",)
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0ALERTS", text="x")

    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "chat:write"
    assert caught.value.response["provided"] == "chat:write.public"


@pytest.mark.parametrize(
    ("channel", "scopes", "error"),
    [
        pytest.param("C0ALERTS", "chat:write", "", id="a_member_by_id"),
        pytest.param("alerts", "chat:write", "", id="a_member_by_name"),
        pytest.param("C0OURS", "chat:write", "", id="a_private_one_that_it_is_in"),
        pytest.param("C0OTHER", "chat:write chat:write.public", "", id="a_public_one_with_the_scope_for_it"),
        pytest.param("C0OTHER", "chat:write", "not_in_channel", id="a_public_one_without"),
        pytest.param("C0SECRET", "chat:write chat:write.public", "channel_not_found", id="a_private_one_is_not_seen"),
        pytest.param("#none", "chat:write chat:write.public", "channel_not_found", id="none_at_all"),
        pytest.param("C0OLD", "chat:write", "is_archived", id="archived"),
        pytest.param("C0NEWS", "chat:write", "restricted_action_read_only_channel", id="read_only"),
    ],
)
def test_who_may_post_where(client: WebClient, room: ApiRoom, channel: str, scopes: str, error: str) -> None:
    """Membership and scopes decide where the app may post; what it is not in and can't see is not there."""
    room.scopes = tuple(scopes.split())

    if error:
        assert refusal(client, channel=channel) == error
    else:
        assert client.chat_postMessage(channel=channel, text="x")["ok"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"text": ""}, "no_text", id="nothing_to_say"),
        pytest.param({"text": " \n"}, "no_text", id="a_blank"),
        pytest.param({"blocks": [{"type": "sectoin"}]}, "invalid_blocks", id="an_unknown_block"),
        pytest.param({"attachments": [{"blocks": [{"type": "x"}]}]}, "invalid_attachments", id="in_an_attachment"),
        pytest.param({"attachments": [{"blocks": [section()]}] * 101}, "too_many_attachments", id="101_attachments"),
        pytest.param({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks", id="51_blocks"),
        pytest.param({"blocks": "x"}, "invalid_arguments", id="blocks_that_are_no_list"),
        pytest.param({"thread_ts": 1763900001.0001}, "invalid_arguments", id="a_time_that_is_a_number"),
        pytest.param({"thread_ts": "1763900001"}, "invalid_arguments", id="a_time_without_its_fraction"),
        pytest.param({"reply_broadcast": "true"}, "invalid_arguments", id="a_flag_as_text"),
        pytest.param({"parse": "client"}, "invalid_arguments", id="a_way_to_parse_that_is_none"),
        pytest.param({"colour": "red"}, "invalid_arguments", id="an_unknown_argument"),
        pytest.param({"channel": None}, "invalid_arguments", id="a_channel_that_is_null"),
    ],
)
def test_slack_refuses_a_message_that_breaks_a_rule(
    slack: SlackServer, room: ApiRoom, arguments: dict[str, Any], error: str
) -> None:
    """A refusal has status 200 and a word, and nothing is posted."""
    said = call(slack, room, "chat.postMessage", **{"channel": "C0ALERTS", "text": "x", **arguments})

    assert (said["ok"], said["error"]) == (False, error)
    assert slack.messages == []


def test_a_refusal_of_blocks_says_where(slack: SlackServer, room: ApiRoom) -> None:
    """The answer names the broken rule and its place."""
    said = call(slack, room, "chat.postMessage", channel="C0ALERTS", blocks=[section(colour="red")])

    problem = "[ERROR] invalid additional property: colour [json-pointer:/blocks/0]"
    assert said["response_metadata"]["messages"] == [problem]


def letters(count: int) -> list[dict[str, Any]]:
    """Blocks of so many letters in all, with the brackets of the lists around them."""
    blocks = [section("x" * 3000)] * 4
    return [*blocks, section("x" * (count - len(json.dumps([[*blocks, section("")], []]))))]


def test_blocks_have_a_limit_in_all(client: WebClient) -> None:
    """Blocks that are fine one by one may be too long together."""
    assert client.chat_postMessage(channel="C0ALERTS", text="x", blocks=letters(13_000))["ok"]
    assert refusal(client, blocks=letters(13_001)) == "msg_blocks_too_long"


@pytest.mark.parametrize(
    ("text", "fits"), [("x" * 4000, True), ("x" * 4001, False), ("é" * 2000, True), ("é" * 2001, False)]
)
def test_a_change_takes_4000_bytes_of_text(slack: SlackServer, room: ApiRoom, text: str, fits: bool) -> None:
    """chat.update counts bytes, and takes a tenth of what chat.postMessage does."""
    first = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="x" * 40_000)

    said = call(slack, room, "chat.update", channel="C0ALERTS", ts=first["ts"], text=text)
    assert said.get("error", "") == ("" if fits else "msg_too_long")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"channel": "#alerts"}, "channel_not_found", id="by_the_channels_name"),
        pytest.param({"channel": "C0SECRET"}, "channel_not_found", id="in_a_channel_unseen"),
        pytest.param({"channel": "C0OLD"}, "is_inactive", id="in_an_archived_channel"),
        pytest.param({"channel": "C0OTHER"}, "message_not_found", id="in_another_channel"),
        pytest.param({"ts": "1763900009.000900"}, "message_not_found", id="of_a_message_that_is_gone"),
        pytest.param({"ts": "1763800000.000100"}, "cant_update_message", id="of_somebody_else's_message"),
        pytest.param({"text": "", "blocks": [], "attachments": []}, "no_text", id="to_nothing"),
        pytest.param({"unfurl_links": False}, "invalid_arguments", id="with_an_argument_for_posting"),
    ],
)
def test_slack_refuses_a_change(
    slack: SlackServer, room: ApiRoom, alerts: Channel, change: dict[str, Any], error: str
) -> None:
    """A change needs the channel's id, a message that is there, and that it is the app's own."""
    first = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="x")
    alerts.posts["1763800000.000100"] = Posted("1763800000.000100", {"text": "a person's"}, by="U0ADA")

    said = call(slack, room, "chat.update", **{"channel": "C0ALERTS", "ts": first["ts"], "text": "y", **change})
    assert (said["ok"], said["error"]) == (False, error)
    assert alerts.posts[first["ts"]].read().text == "x"


def test_a_change_keeps_what_it_does_not_mention(slack: SlackServer, room: ApiRoom, alerts: Channel) -> None:
    """Blocks stay until an empty list takes them away."""
    post = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="x", blocks=[section("drawn")])
    call(slack, room, "chat.update", channel="C0ALERTS", ts=post["ts"], text="y")
    assert alerts.posts[post["ts"]].read().text == "drawn"

    call(slack, room, "chat.update", channel="C0ALERTS", ts=post["ts"], text="z", blocks=[])
    assert alerts.posts[post["ts"]].read().text == "z"


def test_a_reply_to_what_is_gone_lands_in_the_channel(slack: SlackServer, room: ApiRoom, alerts: Channel) -> None:
    """Slack refuses no reply for its parent: it posts it in the channel, and only the answer shows that."""
    first = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="1")
    del alerts.posts[first["ts"]]
    reply = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="2", thread_ts=first["ts"])

    assert reply["ok"]
    assert "thread_ts" not in reply["message"]
    assert [post.ts for post in alerts.top()] == [reply["ts"]]


def test_a_channel_takes_one_message_a_second(slack: SlackServer, room: ApiRoom, alerts: Channel) -> None:
    """Beyond a burst it is 429 with Retry-After, for this channel and no other."""
    room._burst = 2
    answers = [call(slack, room, "chat.postMessage", channel="C0ALERTS", text=str(n))["ok"] for n in range(3)]
    limited = slack.requests[-1]

    assert answers == [True, True, False]
    assert limited.status == 429
    assert json.loads(limited.reply)["error"] == "ratelimited"
    assert call(slack, room, "chat.postMessage", channel="C0OURS", text="x")["ok"]
    assert len(alerts.posts) == 2


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        pytest.param(b'{"channel": ', "application/json", "invalid_json", id="half_an_object"),
        pytest.param(b'["C0ALERTS"]', "application/json", "json_not_object", id="a_list"),
        pytest.param(b'{"text": "\\ud83d"}', "application/json", "invalid_json", id="half_a_surrogate_pair"),
        pytest.param(b"{}", "application/json; charset=latin-1", "invalid_charset", id="another_charset"),
        pytest.param(b"{}", "text/xml", "invalid_post_type", id="another_type"),
        pytest.param(b"{}", "", "missing_post_type", id="no_type"),
        pytest.param(b"channel", "application/x-www-form-urlencoded", "invalid_form_data", id="no_form"),
    ],
)
def test_slack_refuses_what_it_cannot_read(
    slack: SlackServer, room: ApiRoom, body: bytes, kind: str, error: str
) -> None:
    """What is not the JSON or the form that it claims to be has its own errors."""
    headers = {"Authorization": f"Bearer {room.token}", "Content-Type": kind}
    answer = requests.post(f"{slack.address}/api/chat.postMessage", data=body, headers=headers, timeout=10)

    assert answer.json()["error"] == error


def test_an_unknown_method_is_refused(slack: SlackServer, room: ApiRoom) -> None:
    """A typing error in a method's name is an answer like any other."""
    assert call(slack, room, "chat.postMesage")["error"] == "unknown_method"


def test_a_scripted_refusal_changes_nothing(slack: SlackServer, room: ApiRoom, alerts: Channel) -> None:
    """What a script refuses is not posted and not changed; what it leaves without an answer is."""
    slack.answer_next(api_refused("internal_error"))
    assert call(slack, room, "chat.postMessage", channel="C0ALERTS", text="1")["error"] == "internal_error"
    assert alerts.posts == {}

    slack.answer_next(no_answer())
    with pytest.raises(requests.ConnectionError):
        call(slack, room, "chat.postMessage", channel="C0ALERTS", text="2", blocks=[], attachments=[])
    assert [post.read().text for post in alerts.top()] == ["2"]


BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": name},
                "action_id": name,
                "value": f"about {name}",
            }
            for name in ("yes", "no")
        ],
    }
]


def test_a_click_carries_the_button_and_its_message(slack: SlackServer, room: ApiRoom, alerts: Channel) -> None:
    """A click's payload has the pressed button, and the channel and message that it stands on."""
    posted = call(slack, room, "chat.postMessage", channel="C0ALERTS", text="x", attachments=[{"blocks": BUTTONS}])
    post = alerts.posts[posted["ts"]]
    payload = click_payload(alerts, post, "no", "https://hooks.slack.com/actions/x")

    (action,) = payload["actions"]
    assert (payload["type"], action["action_id"], action["value"]) == ("block_actions", "no", "about no")
    assert (payload["channel"]["id"], payload["message"]["ts"]) == ("C0ALERTS", posted["ts"])
    with pytest.raises(LookupError, match="no button maybe"):
        click_payload(alerts, post, "maybe", "")


def test_a_click_is_signed_as_slack_signs(alerts: Channel) -> None:
    """slack_sdk's own verifier takes the signature, and refuses it for another body or secret."""

    class Clock:
        def now(self) -> float:
            return 1_763_900_100.0

    body = click_body({"type": "block_actions", "user": {"name": "ünal"}})
    headers = signed("a-made-up-secret", body, 1_763_900_000)

    verifier = SignatureVerifier("a-made-up-secret", clock=Clock())  # type: ignore[arg-type]  # its clock has no protocol
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + b"x", headers)
    assert not SignatureVerifier("another", clock=Clock()).is_valid_request(body, headers)  # type: ignore[arg-type]  # as above


def test_a_response_url_takes_five_answers() -> None:
    """What slack_sdk sends to a response_url is taken five times; an unknown address is an expired one."""
    responses = ResponseRoom()
    with SlackServer(rooms=[responses]) as slack:
        client = WebhookClient(slack.address + responses.open())
        answers = [
            client.send(text=str(n), response_type="ephemeral", replace_original=False).status_code for n in range(6)
        ]
        unknown = WebhookClient(f"{slack.address}/actions/T0MADEUP/1/x").send(text="x")

    assert answers == [200] * 5 + [404]
    assert [payload["text"] for _, payload in responses.told] == ["0", "1", "2", "3", "4"]
    assert (unknown.status_code, json.loads(unknown.body)["error"]) == (404, "expired_url")
