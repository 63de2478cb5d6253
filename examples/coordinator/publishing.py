"""Publishes the prediction requests of a batch: a loop, so its progress can be counted."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from heartbeat_client import Heartbeat

from .data_loaders import Games
from .faults import Fault, FaultSwitch
from .transport import REQUESTS, Transport

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """What is published of one batch, and how; `seconds` are spread over the messages."""

    batch_id: str
    game_date: str
    games: Games
    fault: Fault | None
    seconds: float


def publish_prediction_requests(
    publication: Publication, players: Sequence[str], transport: Transport, switch: FaultSwitch
) -> int:
    """Publish one message a player and return how many; raises what the transport raises."""
    pause = (publication.seconds + switch.slowness("publish", publication.fault)) / len(players)
    published = 0
    with Heartbeat(
        "publish-requests",
        total=len(players),
        detail=f"{len(players)} prediction requests",
        labels={"batch": publication.batch_id},
    ) as hb:
        for player in hb.track(players):
            if published == len(players) // 2:
                with switch.peer("publish", publication.fault, publication.batch_id, seconds=0) as pubsub:
                    pubsub.recv(1)
            transport.publish(REQUESTS, _message(publication, player), _attributes(publication, player))
            time.sleep(pause)
            published += 1
            if published % 50 == 0:
                logger.info("Published %s/%s requests", published, len(players))
    return published


def _message(publication: Publication, player: str) -> bytes:
    message = {
        "batch_id": publication.batch_id,
        "game_date": publication.game_date,
        "player": player,
        "games": publication.games[player],
    }
    return json.dumps(message).encode()


def _attributes(publication: Publication, player: str) -> dict[str, str]:
    attributes = {"batch": publication.batch_id}
    fault = publication.fault
    if fault is not None and fault.place == "worker" and player in fault.players:
        attributes["fault"] = fault.to_json()
    return attributes
