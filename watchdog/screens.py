"""What the commands print for people: tables and lines, coloured on a terminal, plain elsewhere."""

from __future__ import annotations

from .survey import Story, Survey
from .terminal.paper import print_screen
from .terminal.status import StatusScreen
from .terminal.story import StoryScreen

__all__ = ["print_screen", "status_screen", "story_screen"]


def status_screen(survey: Survey) -> StatusScreen:
    """The table of runs, open incidents, and how the watchdog itself is doing."""
    return StatusScreen(survey)


def story_screen(story: Story) -> StoryScreen:
    """All about one run, top down: what it is, how it stands, what was told."""
    return StoryScreen(story)
