"""One picture: under each rule, of all that people had to hear, how much they had heard with how much time left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .figures import MARKS
from .judging import HANGWATCH

__all__ = ["plot"]

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 48, 56
FROM, TO = int(MARKS[0]), int(MARKS[-1])  # minutes left to the deadline
LABEL_APART = 17

# Okabe and Ito's colours, which those who don't tell red from green can tell.
COLOURS = ("#0072b2", "#999999", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b59f00", "#000000")


def plot(figures: Mapping[str, Any]) -> str:
    """The picture as SVG, with its own white ground, so that it can be read on a dark page too."""
    names = [HANGWATCH, *(name for name in figures["rules"] if name != HANGWATCH)]
    curves = {name: _curve(figures["rules"][name]) for name in names}
    ends = _apart({name: points[-1][1] for name, points in curves.items()})
    parts = [_frame(figures["rules"][HANGWATCH]["heard"]["of"])]
    for name, colour in zip(names, COLOURS, strict=False):
        parts += _line(name, colour, curves[name], ends[name])
    style = "font-family='sans-serif' font-size='13' fill='#333'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {style}>"
    return "\n".join([head, f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>", *parts, "</svg>", ""])


def _curve(rule: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Minutes left, and the share heard by then."""
    of = max(rule["heard"]["of"], 1)
    return [(mark, heard / of) for mark, heard in zip(MARKS, rule["heard by"], strict=True)]


def _x(minutes: float) -> float:
    return LEFT + (FROM - minutes) / (FROM - TO) * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _line(name: str, colour: str, points: Sequence[tuple[float, float]], label_at: float) -> list[str]:
    path = " ".join(f"{_x(minutes):.1f},{_y(share):.1f}" for minutes, share in points)
    width, weight = (3.5, "bold") if name == HANGWATCH else (1.8, "normal")
    words = f"{escape(name)} {100 * points[-1][1]:.1f} %"
    return [
        f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='{width}'/>",
        f"<text x='{_x(TO) + 8:.0f}' y='{label_at + 4:.1f}' fill='{colour}' font-weight='{weight}'>{words}</text>",
    ]


def _apart(shares: Mapping[str, float]) -> dict[str, float]:
    """Heights of the labels at the ends of the lines, moved so that none covers another."""
    heights: dict[str, float] = {}
    above = -LABEL_APART * 1.0
    for name in sorted(shares, key=lambda one: -shares[one]):
        above = heights[name] = max(_y(shares[name]), above + LABEL_APART)
    over = above - (HEIGHT - BOTTOM)
    return {name: height - max(over, 0.0) for name, height in heights.items()} if over > 0 else heights


def _frame(of: int) -> str:
    said = f"Of {of:,} problems, how many were told of, and with how much time left"
    lines = [f"<text x='{LEFT}' y='26' font-size='15' font-weight='bold'>{said}</text>"]
    for share in (0, 0.25, 0.5, 0.75, 1):
        at = _y(share)
        lines.append(f"<line x1='{LEFT}' y1='{at}' x2='{_x(TO)}' y2='{at}' stroke='#ddd'/>")
        lines.append(f"<text x='{LEFT - 8}' y='{at + 4}' text-anchor='end'>{share:.0%}</text>")
    for minutes in range(FROM, TO - 1, -5):
        lines.append(f"<text x='{_x(minutes):.0f}' y='{HEIGHT - BOTTOM + 20}' text-anchor='middle'>{minutes}</text>")
    lines.append(
        f"<line x1='{_x(0)}' y1='{TOP}' x2='{_x(0)}' y2='{HEIGHT - BOTTOM}' stroke='#888' stroke-dasharray='4 3'/>"
    )
    middle = (LEFT + _x(TO)) / 2
    lines.append(f"<text x='{middle}' y='{HEIGHT - 14}' text-anchor='middle'>minutes left to the deadline</text>")
    return "\n".join(lines)
