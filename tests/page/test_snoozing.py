"""Snoozing on the page: what the form asks, what it refuses, who is kept, and where it is said."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.page.scene import Scene
from tests.support.world import a_run
from watchdog.policy import Pace, Policy
from watchdog.snooze import Snooze

LOAD = "load-7f3a91c2"
NAME = "load-historical-games"
OURS = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}
WISH = {"operation": NAME, "for": "4h", "other": "", "why": "the peer is being replaced", "name": "Ada", "back": "/"}


@pytest.fixture
def client(scene: Scene) -> FlaskClient:
    scene.at(18.2)
    return scene.app.test_client()


def ask(client: FlaskClient, changes: Mapping[str, str] | None = None, **headers: str) -> TestResponse:
    """Open the form, fill it in, and send it."""
    opened = client.get("/snooze", query_string={"operation": NAME})
    token = re.search(r'name="token" value="([^"]+)"', opened.text)
    assert token is not None
    return client.post("/snooze", data=WISH | {"token": token[1]} | dict(changes or {}), headers=OURS | headers)


def in_force(scene: Scene) -> dict[str, Snooze]:
    return {one.operation: one for one in scene.ledger.standing()[1].value.in_force(scene.now)}


def test_a_filled_form_is_a_snooze_with_its_reason(client: FlaskClient, scene: Scene) -> None:
    """What was asked for is kept with reason, length and who it was, and leads back with a sentence about it."""
    answer = ask(client, {"back": f"/runs/{LOAD}"})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/runs/{LOAD}")
    assert f"{NAME} is snoozed until 2026-01-14 14:18 UTC by Ada (page, 127.0.0.1)" in client.get("/").text
    kept = in_force(scene)[NAME]
    assert (kept.by, kept.why) == ("Ada (page, 127.0.0.1)", "the peer is being replaced")
    assert f"{kept.until:%H:%M}" == "14:18"


ENDS = [
    pytest.param({"for": "30m"}, "2026-01-14 10:48", id="what_is_chosen"),
    pytest.param({"for": "today"}, "2026-01-15 05:00", id="midnight_of_the_policys_zone"),
    pytest.param({"for": "7d", "other": "90m"}, "2026-01-14 11:48", id="what_is_written_before_what_is_chosen"),
    pytest.param({"other": "until 18:00"}, "2026-01-14 23:00", id="a_time_of_the_policys_zone"),
    pytest.param({"other": "2026-01-20 09:00"}, "2026-01-20 14:00", id="a_day"),
]


@pytest.mark.parametrize(("changes", "until"), ENDS)
def test_how_long_is_chosen_or_written(client: FlaskClient, scene: Scene, changes: dict[str, str], until: str) -> None:
    """A common length is chosen, another is written; days and times are meant in the policy's time zone."""
    scene.policy = Policy(pace=Pace(time_zone="America/New_York"))
    ask(client, changes)

    assert f"{in_force(scene)[NAME].until:%Y-%m-%d %H:%M}" == until
    assert "in America/New_York" in client.get("/snooze").text


def test_without_an_operation_a_pattern_is_asked_for(client: FlaskClient, scene: Scene) -> None:
    """The first page leads to a form in which a name or a pattern is typed."""
    assert 'href="/snooze"' in client.get("/").text
    assert 'name="pattern"' in client.get("/snooze").text
    assert ask(client, {"operation": "", "pattern": " train-* "}).status_code == 303
    assert "train-*" in in_force(scene)


REFUSED = [
    pytest.param({"why": ""}, "why", "expected a reason, got none", id="no_reason"),
    pytest.param({"why": " \n\t"}, "why", "expected a reason, got none", id="a_blank_reason"),
    pytest.param({"why": "x" * 501}, "why", "expected at most 500 characters, got 501", id="a_reason_too_long"),
    pytest.param({"other": "soon"}, "length", "expected a length (90m, 2h) or a time", id="no_length"),
    pytest.param({"other": "<b>x"}, "length", "got &#39;&lt;b&gt;x&#39;", id="no_length_but_a_tag"),
    pytest.param({"for": "", "other": ""}, "length", "expected a length (90m, 2h) or a time", id="nothing_chosen"),
    pytest.param({"other": "31d"}, "length", "expected at most 30 days, got 31.0 days", id="too_long"),
    pytest.param({"other": "2025-01-01 10:00"}, "length", "which is over", id="over_already"),
    pytest.param({"operation": ""}, "operation", "expected the name of an operation, or a pattern", id="no_operation"),
    pytest.param(
        {"operation": "", "pattern": "x" * 201}, "operation", "expected a name of at most 200", id="a_name_too_long"
    ),
]


@pytest.mark.parametrize(("changes", "field", "said"), REFUSED)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: FlaskClient, scene: Scene, changes: dict[str, str], field: str, said: str
) -> None:
    """Nothing is done; the form is there again with one line at the field, which is marked for screen readers too."""
    before = in_force(scene)
    answer = ask(client, {"name": "Ada", "other": "90m"} | changes)
    fault = re.search(rf'<p class="fault" id="{field}-fault">(.*?)</p>', answer.text)

    assert answer.status_code == 400
    assert fault is not None
    assert said in fault[1]
    assert f'aria-describedby="{field}-fault' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert answer.text.count('class="fault"') == answer.text.count(" autofocus") == 1
    assert 'value="Ada"' in answer.text
    if "why" not in changes:
        assert 'value="the peer is being replaced"' in answer.text
    assert in_force(scene) == before


def test_all_that_is_wrong_is_said_at_once(client: FlaskClient) -> None:
    """Who left out two things is told of both; a script hears the same in one sentence."""
    page = ask(client, {"why": "", "other": "soon"})
    heard = ask(client, {"why": "", "other": "soon"}, Accept="application/json")

    assert page.text.count('class="fault"') == 2
    assert heard.status_code == 400
    assert heard.json is not None
    assert heard.json["done"] is False
    assert re.match("Nothing was done: expected a reason.*; expected a length", heard.json["said"])


def test_a_store_that_is_away_keeps_what_was_typed(client: FlaskClient, scene: Scene) -> None:
    """Where the store can't be written that is said above the form, and pressing the button again is enough."""
    path = scene.folder / "beats.sqlite3"
    path.write_text("not a database, " * 100)
    answer = ask(client)
    path.unlink()

    assert answer.status_code == 503
    assert "Nothing was done: sqlite" in answer.text
    assert 'value="the peer is being replaced"' in answer.text
    assert ask(client).status_code == 303


def test_too_many_snoozes_are_refused_in_the_form(client: FlaskClient, scene: Scene) -> None:
    """What is wrong with no single field is said above all of them."""
    for number in range(100):
        scene.desk.snooze_for(f"op{number}", 3600, "ada", "")
    answer = ask(client)

    assert answer.status_code == 400
    assert "Nothing was done: snooze: expected at most 100 at once" in answer.text


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_page_can_not_snooze(client: FlaskClient, scene: Scene, headers: dict[str, str]) -> None:
    """The form is guarded as every answer is: by where the post comes from, and by the token."""
    assert ask(client, None, **headers).status_code == 403
    assert ask(client, {"token": "x" * 32}).status_code == 403
    assert NAME not in in_force(scene)


COMES_FROM = [
    pytest.param("http://localhost/?state=stalled", "/?state=stalled", id="a_page_of_ours"),
    pytest.param("http://localhost/snooze?operation=x", f"/operations/{NAME}", id="the_form_itself"),
    pytest.param("https://evil.example/x", f"/operations/{NAME}", id="another_site"),
    pytest.param("http://localhost//evil.example", "/", id="a_path_that_is_no_path"),
    pytest.param("", f"/operations/{NAME}", id="nowhere"),
]


@pytest.mark.parametrize(("referrer", "back"), COMES_FROM)
def test_the_form_leads_back_to_where_its_link_was(client: FlaskClient, referrer: str, back: str) -> None:
    """Back is the page that one came from, or the operation's."""
    opened = client.get("/snooze", query_string={"operation": NAME}, headers={"Referer": referrer})

    assert f'<a class="button" href="{back}">Back</a>' in opened.text


PAGES = {
    "the_first_page": "/",
    "the_run": f"/runs/{LOAD}",
    "the_operation": f"/operations/{NAME}",
    "the_incident": f"/incidents/{LOAD}.1",
}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_snooze_is_shown_with_its_reason(client: FlaskClient, busy: Scene, path: str) -> None:
    """Wherever the operation's snooze is shown, so is who asked for it and why, and it can be ended there."""
    before = client.get(path).text
    busy.desk.snooze_as_asked("load-*", "4h", "ada@example.com", "the <peer> is being replaced")
    shown = fresh(busy, path, "quiet until 14:18:12 UTC")

    assert f'href="/snooze?operation={NAME}"' in before
    assert "quiet until 14:18:12 UTC by ada@example.com: the &lt;peer&gt; is being replaced" in shown
    assert 'formaction="/wake" name="operation" value="load-*"' in shown
    assert f'href="/snooze?operation={NAME}"' not in shown


def fresh(scene: Scene, path: str, words: str) -> str:
    """A page as it is once it says these words, with the tags around them; what is not read yet is read again."""
    give_up = time.monotonic() + 30
    while words not in (text := scene.app.test_client().get(path).text):
        assert time.monotonic() < give_up, text
        scene.reader.renew()
        time.sleep(0.05)
    return text


@pytest.mark.parametrize("path", ["/", f"/operations/{NAME}"])
def test_who_ended_a_snooze_is_shown(client: FlaskClient, busy: Scene, path: str) -> None:
    """Who woke an operation before its time, and what was asked for before, stands where the snooze stood."""
    busy.desk.snooze_as_asked("load-*", "4h", "ada@example.com", "the peer is being replaced")
    opened = client.get("/")
    token = re.search(r'name="token" value="([^"]+)"', opened.text)
    assert token is not None
    form = {"token": token[1], "operation": "load-*", "name": "Grace"}
    assert client.post("/wake", data=form, headers=OURS).status_code == 303
    shown = fresh(busy, path, "was to be quiet until")

    assert "woken 0 s ago by Grace (page, 127.0.0.1)" in shown
    assert "was to be quiet until 14:18:12 UTC by ada@example.com: the peer is being replaced" in shown


def test_a_name_with_any_letters_can_be_snoozed(scene: Scene) -> None:
    """What is posted back is the very name, line ends and all, not what a browser makes of it."""
    name = "load\nall <b>"
    scene.put(a_run("odd", operation=name))
    client = scene.app.test_client()
    assert ask(client, {"operation": name.replace("\n", "\r\n")}).status_code == 303

    assert list(in_force(scene)) == [name]
