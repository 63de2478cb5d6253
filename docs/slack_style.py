"""How Slack looks: the page's style sheet, the sender's picture, and the emoji that Hangwatch uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["AVATAR", "EMOJI", "STYLE"]

EMOJI: Final[Mapping[str, str]] = {
    "bell": "🔔",
    "eyes": "👀",
    "grey_question": "❔",
    "heavy_check_mark": "✔️",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ️",  # noqa: RUF001 the emoji's own character
    "large_blue_circle": "🔵",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "mag": "🔍",
    "no_bell": "🔕",
    "no_entry": "⛔",
    "question": "❓",
    "red_circle": "🔴",
    "rotating_light": "🚨",
    "stopwatch": "⏱️",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "white_circle": "⚪",
    "x": "❌",
    "zzz": "💤",
}

AVATAR: Final = (
    '<svg viewBox="0 0 36 36" width="36" height="36"><rect width="36" height="36" rx="8" fill="#123c4a"/>'
    '<path d="M4 19h7l3-9 5 17 4-11 2 3h7" fill="none" stroke="#7fe3c4" stroke-width="2.4"'
    ' stroke-linejoin="round" stroke-linecap="round"/></svg>'
)

STYLE: Final = """
body { --text: #1d1c1d; --back: #ffffff; --faint: #616061; --line: rgba(29, 28, 29, .13); --link: #1264a3;
  --code: #c01343; --code-back: rgba(29, 28, 29, .04); --edge: rgba(29, 28, 29, .3); --badge: rgba(29, 28, 29, .08);
  --mention: #1264a3; --mention-back: rgba(29, 155, 209, .1); --green: #007a5a; --red: #e01e5a; }
body.dark { --text: #d1d2d3; --back: #1a1d21; --faint: #ababad; --line: rgba(232, 232, 232, .13); --link: #1d9bd1;
  --code: #e8912d; --code-back: rgba(232, 232, 232, .04); --edge: rgba(232, 232, 232, .3);
  --badge: rgba(232, 232, 232, .1); --mention: #1d9bd1; --mention-back: rgba(29, 155, 209, .1); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.46668 Lato, "Helvetica Neue",
  "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
main { display: flex; gap: 8px; padding: 16px 20px; }
article { flex: 1; min-width: 0; max-width: 680px; }
.avatar { width: 36px; height: 36px; padding-top: 3px; }
.sender { display: flex; align-items: baseline; line-height: 22px; }
.sender b { font-weight: 900; }
.sender time { color: var(--faint); font-size: 12px; margin-left: 8px; }
.app { background: var(--badge); color: var(--faint); border-radius: 2px; font-size: 10px; font-weight: 700;
  line-height: 1.25; margin-left: 4px; padding: 1px 3px; align-self: center; }
.block { margin: 4px 0; }
.header { font-size: 18px; font-weight: 900; line-height: 1.33; margin: 8px 0 4px; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin-top: 8px; }
.fields:first-child { margin-top: 0; }
.beside { display: flex; gap: 16px; justify-content: space-between; align-items: flex-start; }
.beside > div { flex: 1; min-width: 0; }
.context { color: var(--faint); display: flex; flex-wrap: wrap; font-size: 13px; gap: 4px 8px; line-height: 1.38; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0; }
.button { border: 1px solid var(--edge); border-radius: 8px; color: var(--text); display: inline-block;
  font-size: 13px; font-weight: 700; line-height: 26px; padding: 0 12px; white-space: nowrap; }
.button.primary { background: var(--green); border-color: var(--green); color: #ffffff; }
.button.danger { background: var(--red); border-color: var(--red); color: #ffffff; }
.attachment { display: flex; gap: 12px; margin: 4px 0 8px; }
.attachment > i { border-radius: 8px; flex: none; width: 4px; }
.attachment > div { flex: 1; min-width: 0; padding: 2px 0; }
.attachment > div > :first-child { margin-top: 0; }
hr { border: 0; border-top: 1px solid var(--line); margin: 16px 0; }
a { color: var(--link); text-decoration: none; }
code, pre { background: var(--code-back); border: 1px solid var(--line); font-size: 12px;
  font-family: Monaco, Menlo, Consolas, "DejaVu Sans Mono", monospace; line-height: 1.5; }
code { border-radius: 3px; color: var(--code); padding: 2px 3px 1px; }
pre { border-radius: 4px; margin: 4px 0; padding: 8px; white-space: pre-wrap; }
blockquote { border-left: 4px solid var(--line); border-radius: 8px; margin: 4px 0; padding-left: 12px; }
.emoji { font-family: "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"; font-style: normal; font-weight: 400;
  font-size: .94em; }
.mention { background: var(--mention-back); border-radius: 3px; color: var(--mention); padding: 0 2px 1px; }
.unknown { border: 1px dashed var(--edge); border-radius: 4px; color: var(--faint); padding: 4px 8px; }
"""
