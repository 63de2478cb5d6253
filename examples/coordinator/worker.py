"""The worker: predicts one player for each message that Pub/Sub pushes to it, and publishes a completion."""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

from heartbeat_client import Heartbeat, attach

from .envelope import EnvelopeError, Message, read_envelope
from .faults import FaultSwitch
from .transport import COMPLETIONS, Answer, Transport


class Worker:
    """Answers prediction requests; `seconds` is how long one prediction takes."""

    def __init__(self, transport: Transport, switch: FaultSwitch, *, seconds: float) -> None:
        self._transport = transport
        self._switch = switch
        self._seconds = seconds

    def predict(self, body: object) -> Answer:
        """Handle one push envelope: 200 when the completion is published, 400 with a reason for a bad one.

        Only then the player counts in the batch's run: who is missing there, is missing at the coordinator.
        """
        try:
            message = read_envelope(body)
            batch_id, player, games = message.text("batch_id"), message.text("player"), _games(message)
        except EnvelopeError as error:
            return {"error": f"predict: {error}"}, 400
        fault = self._switch.read(message.attributes.get("fault"))
        seconds = self._seconds + self._switch.slowness("worker", fault)
        completion = {"batch_id": batch_id, "player": player, "points": _forecast(games)}
        labels = {"batch": batch_id, "player": player}
        with attach("worker-predictions", key=batch_id) as run:
            with Heartbeat("predict-player", detail=f"{player} of {batch_id}", labels=labels):
                with self._switch.peer("worker", fault, batch_id, player=player, seconds=seconds) as model:
                    model.recv(1)
                if self._switch.loses(fault, batch_id, player):
                    return completion, 200
                self._transport.publish(COMPLETIONS, json.dumps(completion).encode(), {"batch": batch_id})
            run.advance(item=player)
        return completion, 200


def _games(message: Message) -> list[float]:
    games: Any = message.data.get("games")
    if not isinstance(games, list) or not games or not all(type(points) in {int, float} for points in games):
        raise EnvelopeError('message data needs "games", a list of points with something in it')
    return games


def _forecast(games: list[float]) -> float:
    # The latest five games say more than the season, so they count twice.
    return round(fmean([*games, *games[:5]]), 1)
