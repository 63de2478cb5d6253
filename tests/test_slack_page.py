"""The page that shows a Slack message: drawn as Slack draws it, with every text escaped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.slack_page import draw
from docs.slack_style import EMOJI

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "docs" / "draw_messages.py"
STALLED: dict[str, Any] = {
    "text": ":red_circle: load is stalled",
    "blocks": [{"type": "header", "text": {"type": "plain_text", "text": ":red_circle: load is stalled"}}],
}


def drawn(text: str) -> str:
    """What the page makes of one mrkdwn text."""
    page = draw({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]}, "a title")
    return page.partition('<div class="block section"><div>')[2].partition("</div></div></article>")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("*a* _b_ ~c~", "<b>a</b> <i>b</i> <s>c</s>", id="styles"),
        pytest.param("*a _b_*", "<b>a <i>b</i></b>", id="a_style_within_another"),
        pytest.param("2*3*4 snake_case_name ~/a", "2*3*4 snake_case_name ~/a", id="marks_within_words"),
        pytest.param("* a * _ b_", "* a * _ b_", id="marks_beside_blanks"),
        pytest.param("`*a* :x:`", "<code>*a* :x:</code>", id="code_keeps_its_marks"),
        pytest.param("```\na\n  &lt;b\n```", "<pre>a\n  &lt;b</pre>", id="a_block_of_code"),
        pytest.param("*<https://e.com/?a&amp;b|c>*", '<b><a href="https://e.com/?a&amp;b">c</a></b>', id="link"),
        pytest.param(
            "<!here> <@U1|ann>", '<span class="mention">@here</span> <span class="mention">ann</span>', id="who"
        ),
        pytest.param("<!date^1763895600^{date_short_pretty} {time}|x>", "Nov 23, 2025 11:00 AM", id="a_date_in_utc"),
        pytest.param("<!date^0^{date} {time_secs}|x>", "January 1st, 1970 12:00:00 AM", id="midnight"),
        pytest.param("<!date^soon^{time}|then>", "then", id="a_date_that_is_none"),
        pytest.param("<!date^5^{moon}|then>", "then", id="a_date_word_that_is_none"),
        pytest.param("&gt; a\n&gt; b\nc", "<blockquote>a<br>b</blockquote>c", id="a_quote"),
        pytest.param(":x: :unheard_of: 10:40:15", '<span class="emoji">❌</span> :unheard_of: 10:40:15', id="emoji"),
        pytest.param("a\nb", "a<br>b", id="lines"),
        pytest.param("\U000f0000", "\ufffd", id="our_own_placeholders"),
    ],
)
def test_mrkdwn_is_drawn_as_slack_does(text: str, expected: str) -> None:
    """Marks, links, dates, quotes and emoji become what a reader sees in Slack."""
    assert drawn(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "`<script>`",
        "<https://e.com/\"onclick='<script>'|x>",
        "<https://e.com|<script>>",
        "<javascript:alert(1)|<script>>",
        "<!date^5^<script>^javascript:alert(1)|<script>>",
        "<!here|<script>>",
        "&lt;script&gt;",
        "<!date^5^{date}^javascript:alert(1)|x>",
    ],
)
def test_no_text_becomes_markup(text: str) -> None:
    """Text from a stranger is shown, and never becomes a tag, an attribute or a link that runs."""
    for kind in ("mrkdwn", "plain_text"):
        part = {"type": kind, "text": text}
        block = {"type": "section", "text": part, "fields": [part]}
        button = {"type": "button", "text": part, "url": "javascript:alert(1)", "style": '"><script>'}
        actions = {"type": "actions", "elements": [button]}
        attachment = {"color": '"><script>', "blocks": [block, actions, {"type": "<script>"}]}
        page = draw({"text": text, "attachments": [attachment]}, text, clock=text)

        assert "<script" not in page
        assert 'href="javascript' not in page
        assert '"onclick' not in page


def test_text_is_drawn_above_attachments_and_not_beside_blocks() -> None:
    """As in Slack, `text` is for the notification only where there are blocks."""
    attachment = {"color": "#123456", "blocks": STALLED["blocks"]}

    assert draw(STALLED, "t").count("load is stalled") == 1
    assert draw({"text": STALLED["text"], "attachments": [attachment]}, "t").count("load is stalled") == 2
    assert "background:#123456" in draw({"attachments": [attachment]}, "t")


@pytest.mark.parametrize(("emoji", "signs"), [({}, 1), ({"emoji": True}, 1), ({"emoji": False}, 0)])
def test_plain_text_shows_emoji_unless_told_not_to(emoji: dict[str, bool], signs: int) -> None:
    """`emoji: false` leaves a shortcode as it is written."""
    text = {"type": "plain_text", "text": ":red_circle: load", **emoji}

    assert draw({"blocks": [{"type": "header", "text": text}]}, "t").count("🔴") == signs


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """A page is whole in itself: no script, picture, font or style sheet is fetched."""
    page = draw(STALLED, "t", theme="dark")

    assert not [word for word in ("<script", "<link", "<img", "url(", "@import") if word in page]
    assert f'<span class="emoji">{EMOJI["red_circle"]}</span>' in page
    assert '<body class="dark">' in page


def run_script(folder: Path, payload: object, *options: str, path: str) -> subprocess.CompletedProcess[str]:
    file = folder / "stalled.json"
    file.write_text(payload if isinstance(payload, str) else json.dumps(payload), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(file), "--out", str(folder / "out"), *options]
    return subprocess.run(command, cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_the_script_draws_from_any_folder(tmp_path: Path) -> None:
    """Run by its path, the script writes one page a payload and prints where."""
    done = run_script(tmp_path, STALLED, path="")

    page = tmp_path / "out" / "stalled.html"
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(page), "")
    assert "load is stalled" in page.read_text(encoding="utf-8")


def test_the_script_says_that_a_browser_is_missing(tmp_path: Path) -> None:
    """Without chromium there is a page, no picture, status 1, and one line that says what to install."""
    done = run_script(tmp_path, STALLED, "--png", path=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "draw_messages: a picture needs chromium or chromium-browser or google-chrome, got none; apt install chromium"
    ]
    assert (tmp_path / "out" / "stalled.html").exists()


def test_the_script_says_what_a_broken_browser_said(tmp_path: Path) -> None:
    """A browser that fails is quoted, and the script ends with status 1."""
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho no display >&2\nexit 3\n", encoding="utf-8")
    browser.chmod(0o755)

    done = run_script(tmp_path, STALLED, "--png", path=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.strip() == f"draw_messages: {browser} must end with 0, got: no display"


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        pytest.param({"blocks": [{"type": "sectoin"}]}, "unsupported type: sectoin", id="an_unknown_block"),
        pytest.param({"text": 7}, "text must be a string", id="a_number"),
        pytest.param("{", "Expecting property name", id="no_json"),
        pytest.param([1], "the payload must be an object", id="no_object"),
        pytest.param({}, "neither text nor blocks", id="nothing"),
    ],
)
def test_the_script_tells_a_payload_that_is_not_fit(tmp_path: Path, payload: object, told: str) -> None:
    """What Slack would refuse is not drawn; stderr says why, and the status is 1."""
    done = run_script(tmp_path, payload, path="")

    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
