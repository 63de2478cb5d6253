"""The coordinator: starts a batch of predictions, collects its completions, consolidates it."""

from __future__ import annotations

import logging
import secrets

from heartbeat_client import Heartbeat, attach, open_run

from .batches import Batch, Batches
from .data_loaders import Games, PredictionDataLoader
from .envelope import EnvelopeError, Message, read_envelope
from .faults import FaultSwitch
from .publishing import Publication, publish_prediction_requests
from .settings import Settings
from .start_order import StartOrder
from .transport import Answer, Transport

logger = logging.getLogger(__name__)


class Coordinator:
    """What the routes do, without HTTP: the stand-in transport calls `complete` as Pub/Sub's push does."""

    def __init__(self, settings: Settings, transport: Transport, switch: FaultSwitch) -> None:
        self.players = [f"player-{number:03}" for number in range(1, settings.players + 1)]
        self._batches = Batches(settings.state)
        self._transport = transport
        self._switch = switch
        self._work = settings.work
        self._deadline = settings.thresholds.deadline

    def start(self, order: StartOrder) -> Answer:
        """Load and publish a new batch: 202 with its id; 200 with the id of the one of that date there is."""
        new_id = f"batch_{order.game_date}_{secrets.token_hex(4)}"
        fault = order.fault.to_json() if order.fault else None
        batch_id = self._batches.open(new_id, order.game_date, self.players, force=order.force, fault=fault)
        if batch_id != new_id:
            return {
                "batch_id": batch_id,
                "published": 0,
                "reason": f"{order.game_date} has this batch already",
            }, 200
        try:
            published = self._publish(batch_id, order, self._load(batch_id, order))
            self._await_workers(batch_id)
        except Exception as error:
            self._batches.fail(batch_id, f"start: {type(error).__name__}")
            raise
        return {"batch_id": batch_id, "published": published}, 202

    def _load(self, batch_id: str, order: StartOrder) -> Games:
        loader = PredictionDataLoader(self._switch, order.fault, batch_id, seconds=self._work.load)
        with Heartbeat("load-historical-games", detail=f"{len(self.players)} players", labels={"batch": batch_id}):
            return loader.load_historical_games_batch(
                player_lookups=self.players, game_date=order.game_date, lookback_days=90, max_games=30
            )

    def _publish(self, batch_id: str, order: StartOrder, games: Games) -> int:
        self._batches.move(batch_id, before="loading", after="publishing")
        publication = Publication(batch_id, order.game_date, games, order.fault, self._work.publish)
        return publish_prediction_requests(publication, self.players, self._transport, self._switch)

    def _await_workers(self, batch_id: str) -> None:
        # Only now: while requests go out, publish-requests says how far they are, and one hang is told once.
        run = open_run("worker-predictions", key=batch_id, items=self.players, detail=batch_id, deadline=self._deadline)
        with run:
            self._batches.move(batch_id, before="publishing", after="predicting")

    def complete(self, body: object) -> Answer:
        """Count one completion from its push envelope, and consolidate the batch if this was the last one.

        A body that is no completion gets 400: its sender has a bug, and should hear of it. A completion of a
        batch or player that is not known, or known already, gets 200: Pub/Sub delivers again until it reads a
        success, and no later delivery would change the answer.
        """
        try:
            message = read_envelope(body)
            batch_id, player, points = message.text("batch_id"), message.text("player"), _points(message)
        except EnvelopeError as error:
            return {"error": f"complete: {error}"}, 400
        completion = self._batches.complete(batch_id, player, points)
        if completion.consolidate:
            with attach("worker-predictions", key=batch_id) as run:
                run.succeed()
            self._consolidate(batch_id)
        return {"batch_id": batch_id, "player": player, "outcome": completion.outcome}, 200

    def _consolidate(self, batch_id: str) -> None:
        batch = self._batches.get(batch_id)
        fault = self._switch.read(batch.fault if batch else None)
        seconds = self._work.consolidate + self._switch.slowness("consolidate", fault)
        try:
            with Heartbeat("consolidate-batch", detail=batch_id, labels={"batch": batch_id}):
                with self._switch.peer("consolidate", fault, batch_id, seconds=seconds) as warehouse:
                    warehouse.recv(1)
                merged = self._batches.merge(batch_id)
        except Exception as error:
            self._batches.fail(batch_id, f"consolidate: {type(error).__name__}")
            raise
        self._batches.move(batch_id, before="consolidating", after="complete")
        logger.info("Consolidated %s: %s predictions", batch_id, merged)

    def status(self, batch_id: str | None) -> Answer:
        """All batches, the newest first, or one of them; 404 for an id that is not known."""
        if batch_id is None:
            return {"batches": [_shown(batch) for batch in self._batches.all()]}, 200
        batch = self._batches.get(batch_id)
        return ({"error": f"status: no batch {batch_id!r}"}, 404) if batch is None else (_shown(batch), 200)

    def release(self) -> Answer:
        """Let every injected hang go on."""
        return {"released": self._switch.release()}, 200


def _points(message: Message) -> float:
    points = message.data.get("points")
    if isinstance(points, bool) or not isinstance(points, (int, float)):
        raise EnvelopeError(f'message data needs a number "points", got {type(points).__name__}')
    return float(points)


def _shown(batch: Batch) -> dict[str, object]:
    return {
        "batch_id": batch.id,
        "game_date": batch.game_date,
        "state": batch.state,
        "done": batch.done,
        "total": batch.total,
        "missing": batch.total - batch.done,
        "first_missing": list(batch.missing),
        "reason": batch.reason,
    }
