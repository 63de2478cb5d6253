"""Loads the historical games: one call that returns when it has all of them, with nothing to count inside."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .faults import Fault, FaultSwitch

Games = dict[str, list[int]]
"""Points of each player's last games, the latest first."""


class PredictionDataLoader:
    """Asks the warehouse for one batch; `seconds` is how long the warehouse needs."""

    def __init__(self, switch: FaultSwitch, fault: Fault | None, batch_id: str, *, seconds: float) -> None:
        self._switch = switch
        self._fault = fault
        self._batch_id = batch_id
        self._seconds = seconds

    def load_historical_games_batch(
        self, *, player_lookups: Sequence[str], game_date: str, lookback_days: int = 90, max_games: int = 30
    ) -> Games:
        """Points of at most `max_games` games of each player in the `lookback_days` before `game_date`."""
        seconds = self._seconds + self._switch.slowness("load", self._fault)
        with self._switch.peer("load", self._fault, self._batch_id, seconds=seconds) as warehouse:
            warehouse.recv(1)
        games = min(max_games, lookback_days // 3)  # a team plays about every third day
        return {player: _points(player, game_date, games) for player in player_lookups}


def _points(player: str, game_date: str, games: int) -> list[int]:
    season = random.Random(f"{player} {game_date}")
    level = season.uniform(4, 28)
    return [max(0, round(season.gauss(level, 5))) for _ in range(games)]
