"""A Slack of one's own: an HTTP server on loopback that keeps Slack's contract, misbehaves when it is told to,
and remembers what it got.

What Slack says to a request is ruled in rooms: slack_webhooks.py for webhooks, slack_api.py for the Web API. This
module owns the script of answers and the record. As a process, for tests that kill and restart things:

    python -m tests.support.slack_server --port 8099 --record messages.jsonl
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from .slack_http import Listener, Reply
from .slack_message import Message
from .slack_webhooks import ERRORS, Arrival, Room, Ruling, WebhookRoom

__all__ = [
    "Answer",
    "Request",
    "SlackServer",
    "api_refused",
    "late",
    "no_answer",
    "rate_limited",
    "read_record",
    "refused",
    "reset",
    "slow_body",
]


@dataclass(frozen=True)
class Answer:
    """How a request is answered; the defaults are what the contract says, at once.

    status, body: instead of the contract's own. delivered: whether the message reaches the channel; None: when
    the status is 200. delay: seconds between taking the message and answering. ending: `whole`; `dripped` sends
    the body byte by byte over `delay`; `none` closes the connection without a word; `reset` breaks it.
    """

    status: int | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delivered: bool | None = None
    delay: float = 0.0
    ending: Literal["whole", "dripped", "none", "reset"] = "whole"


def refused(error: str) -> Answer:
    """Slack's refusal with one of its own errors, such as `channel_is_archived` or `rollup_error`."""
    return Answer(status=ERRORS[error], body=error)


def api_refused(error: str, **more: Any) -> Answer:
    """The Web API's refusal with one of its errors: status 200, and what is wrong in the body."""
    return Answer(status=200, body=json.dumps({"ok": False, "error": error, **more}), delivered=False)


def rate_limited(seconds: int) -> Answer:
    """429 with `Retry-After`, in seconds."""
    return Answer(status=429, body="rate_limited", headers={"Retry-After": str(seconds)})


def late(seconds: float) -> Answer:
    """The message is delivered at once, the answer comes `seconds` later, maybe to nobody."""
    return Answer(delay=seconds)


def slow_body(seconds: float, body: str = "ok", status: int = 200) -> Answer:
    """The headers at once, the body byte by byte over `seconds`: a limit on each single read never ends it."""
    return Answer(status=status, body=body, delay=seconds, ending="dripped")


def no_answer() -> Answer:
    """The message is delivered, then the connection closes without an answer."""
    return Answer(ending="none")


def reset(*, delivered: bool = False) -> Answer:
    """The connection is reset once the request was read."""
    return Answer(ending="reset", delivered=delivered)


@dataclass(frozen=True)
class Request:
    """A request that came, refused ones too.

    status, reply: the answer, None and empty where there was none. problems: which rules the payload breaks.
    """

    arrival: Arrival
    status: int | None
    reply: str
    problems: tuple[str, ...]


class SlackServer:
    """Listens on loopback from `start()` to `stop()`; also a context manager. Safe to use from any thread.

    port: 0 takes a free one. record: a file that gets a JSON line for each delivered message, before the answer
    is sent. rooms: further parts of Slack beside the webhook.
    """

    def __init__(self, port: int = 0, record: Path | None = None, rooms: Sequence[Room] = ()) -> None:
        self._hooks = WebhookRoom()
        self._rooms: Sequence[Room] = [self._hooks, *rooms]
        self._record = record
        self._changed = threading.Condition()
        self._script: deque[Answer] = deque()
        self._standing = Answer()
        self._messages: list[Message] = []
        self._requests: list[Request] = []
        self._listener = Listener(port, self._answer)

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._listener.server_port}"

    @property
    def webhook_url(self) -> str:
        """The URL of the one webhook that is installed here."""
        return self.address + self._hooks.path

    @property
    def messages(self) -> list[Message]:
        """The delivered messages, oldest first."""
        with self._changed:
            return list(self._messages)

    @property
    def requests(self) -> list[Request]:
        """All requests that were read, oldest first, each from the moment it is ruled on."""
        with self._changed:
            return list(self._requests)

    def answer_next(self, *answers: Answer) -> None:
        """Answer the next requests with these, one each, before anything else."""
        with self._changed:
            self._script.extend(answers)

    def answer_always(self, answer: Answer | None) -> None:
        """Answer every request so, once `answer_next` is used up; None: keep the contract again."""
        with self._changed:
            self._standing = answer or Answer()

    def wait_for(self, predicate: Callable[[SlackServer], bool], seconds: float) -> list[Message]:
        """Wait until the predicate holds of this server, and return the delivered messages.

        Raises TimeoutError, with what did arrive, when it doesn't hold after `seconds`.
        """
        with self._changed:
            if self._changed.wait_for(lambda: predicate(self), seconds):
                return list(self._messages)
            raise TimeoutError(f"slack server: not so after {seconds:g} s, got {self._told()}")

    def start(self) -> SlackServer:
        """Listen from now on."""
        self._listener.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection, unanswered ones too, and end all threads."""
        self._listener.stop()

    def __enter__(self) -> SlackServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _told(self) -> str:
        answered = [f"{one.status} {one.reply or 'no answer'}" for one in self._requests]
        return f"messages {[one.notification for one in self._messages]}, answers {answered}"

    def _answer(self, arrival: Arrival) -> Reply:
        ruling = self._ruling(arrival)
        with self._changed:
            answer = self._script.popleft() if self._script else self._standing
            status = ruling.status if answer.status is None else answer.status
            body = ruling.body if answer.body is None else answer.body
            silent = answer.ending in {"none", "reset"}
            said = Request(arrival, None if silent else status, "" if silent else body, ruling.problems)
            self._requests.append(said)
            delivered = status == 200 if answer.delivered is None else answer.delivered
            if ruling.taken is not None and delivered:
                ruling.taken()
            if ruling.message is not None and delivered:
                self._deliver(ruling.message)
            self._changed.notify_all()
        headers = {"Content-Type": ruling.content_type, **ruling.headers, **answer.headers}
        return Reply(status, headers, body.encode(), answer.delay, answer.ending)

    def _ruling(self, arrival: Arrival) -> Ruling:
        if arrival.method != "POST":
            return Ruling(405, "method_not_allowed")
        rulings = (room.rule(arrival) for room in self._rooms)
        return next((ruling for ruling in rulings if ruling is not None), Ruling(404, "not_found"))

    def _deliver(self, message: Message) -> None:
        self._messages.append(message)
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(message)) + "\n")


def read_record(file: Path) -> list[Message]:
    """The messages in a `--record` file; a last line that was cut off by a kill is left out."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    return [_from_record(json.loads(line)) for line in lines]


def _from_record(line: Mapping[str, Any]) -> Message:
    links = tuple((label, url) for label, url in line["links"])
    return Message(**{**line, "mentions": tuple(line["mentions"]), "links": links})


STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Iterable[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the first line printed is the webhook's URL."""
    parser = argparse.ArgumentParser(prog="slack_server", description="a Slack of one's own, on loopback")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--record", type=Path, help="gets a JSON line for each delivered message")
    answer = "an Answer as JSON, for the next request; may stand more than once"
    parser.add_argument("--answer", action="append", default=[], type=json.loads, help=answer)
    options = parser.parse_args(None if arguments is None else list(arguments))
    ending = threading.Event()
    for stop in STOPS:
        signal.signal(stop, lambda *_: ending.set())
    with SlackServer(options.port, options.record) as server:
        server.answer_next(*(Answer(**answer) for answer in options.answer))
        print(server.webhook_url, flush=True)
        ending.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
