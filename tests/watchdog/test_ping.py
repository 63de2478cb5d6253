"""Pings to a service that raises the alarm when the watchdog falls silent, on a server that keeps its contract."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from tests.support.ping_checks import Check
from tests.support.ping_server import KEY, PingServer, Trouble
from watchdog.adapters.ping import Ping
from watchdog.ports import DeliveryError, Telltale


@pytest.fixture
def server() -> Iterator[PingServer]:
    with PingServer() as server:
        yield server


@pytest.fixture
def check(server: PingServer) -> Check:
    return server.checks.add()


class Pauses:
    """Pauses that take no time and are remembered, and the clock that they move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.taken: list[float] = []

    def pause(self, seconds: float) -> None:
        """Wait."""
        self.taken.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        """Seconds."""
        return self.now


def pinging(address: str) -> tuple[Ping, Pauses]:
    """A ping whose pauses take no time."""
    pauses = Pauses()
    return Ping(address, pause=pauses.pause, clock=pauses.clock), pauses


def refused(ping: Ping, seconds: float = 10) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        ping.done("all well", seconds=seconds)
    return raised.value


def test_it_is_a_telltale() -> None:
    """A ping fits the port that the sweep knows."""
    telltale: Telltale = Ping("https://hc-ping.com/x")

    assert telltale.name == "ping"


def test_a_sweep_starts_and_ends_a_check(server: PingServer, check: Check) -> None:
    """Start and end carry one run id, so that the service pairs them; the next sweep has another."""
    ping, _ = pinging(server.of(check))
    for _sweep in range(2):
        ping.began(seconds=5)
        assert check.started()
        server.now += 7
        ping.done("3 read, 3 judged", seconds=5)
        assert not check.started()
    first, first_end, second, second_end = check.pings

    assert [one.action for one in check.pings] == ["start", "", "start", ""]
    assert first.rid == first_end.rid != second.rid == second_end.rid
    assert first_end.body == "3 read, 3 judged"
    assert check.durations == [7, 7]
    assert server.state(check) == "up"


def test_a_failed_sweep_turns_the_check_down_and_the_next_one_up(server: PingServer, check: Check) -> None:
    """`failed` is told at once, without waiting for the grace to run out, and `done` takes it back."""
    ping, _ = pinging(server.of(check))
    ping.failed("2 notices given up", seconds=5)
    assert (server.state(check), check.pings[-1].body) == ("down", "2 notices given up")
    ping.done("all well", seconds=5)

    assert server.state(check) == "up"


@pytest.mark.parametrize(("seconds", "state"), [(59, "up"), (60, "grace"), (179, "grace"), (180, "down")], ids=str)
def test_a_dead_watchdog_is_noticed(server: PingServer, check: Check, seconds: float, state: str) -> None:
    """A watchdog that pings no more turns the check down after its timeout and its grace."""
    pinging(server.of(check))[0].done("all well", seconds=5)
    server.now += seconds

    assert server.state(check) == state


def test_an_end_without_a_start_has_no_run_id(server: PingServer, check: Check) -> None:
    """What was not begun is paired with nothing, also after a sweep that was."""
    ping, _ = pinging(server.of(check))
    ping.began(seconds=5)
    ping.done("", seconds=5)
    ping.done("", seconds=5)

    assert check.pings[-1].rid is None


def test_a_sweep_beside_another_ends_only_its_own_start(server: PingServer, check: Check) -> None:
    """Two sweeps at once carry two run ids, so that the end of one is not taken for the end of the other."""
    first, second = pinging(server.of(check))[0], pinging(server.of(check))[0]
    first.began(seconds=5)
    second.began(seconds=5)
    first.done("", seconds=5)
    assert check.started()
    second.done("", seconds=5)

    assert not check.started()


@pytest.mark.parametrize(("seconds", "state"), [(119, "up"), (120, "down")], ids=["within_grace", "after_grace"])
def test_a_sweep_that_hangs_is_noticed(server: PingServer, check: Check, seconds: float, state: str) -> None:
    """A sweep that began and never ends turns the check down when its grace is over."""
    ping, _ = pinging(server.of(check))
    check.timeout = 1000
    ping.done("all well", seconds=5)
    ping.began(seconds=5)
    server.now += seconds

    assert server.state(check) == state


def test_a_logged_line_changes_no_state(server: PingServer, check: Check) -> None:
    """The doctor's try proves the address and neither raises an alarm nor hides a dead watchdog."""
    ping, _ = pinging(server.of(check))
    ping.logged("the doctor was here", seconds=5)
    assert server.state(check) == "new"
    ping.done("all well", seconds=5)
    server.now += 180
    ping.logged("the doctor was here", seconds=5)

    assert server.state(check) == "down"
    assert check.pings[-1].body == "the doctor was here"


@pytest.mark.parametrize("query", ["", "create=1", "create=1&a=b%2Fc"])
def test_an_address_with_a_slug_keeps_its_query(server: PingServer, query: str) -> None:
    """The action goes behind the path and the run id behind the query, whatever the address has of both."""
    server.checks.add("hangwatch")
    ping, _ = pinging(server.slug("hangwatch", query))
    ping.began(seconds=5)
    ping.failed("no", seconds=5)
    began, ended = (line.split(" ")[1] for line in server.requests)
    expected = f"{query}&" if query else ""

    assert began.startswith(f"/{KEY}/hangwatch/start?{expected}rid=")
    assert ended.startswith(f"/{KEY}/hangwatch/fail?{expected}rid=")


def test_a_check_that_is_not_there_yet_is_made(server: PingServer) -> None:
    """With create=1 the first ping makes the check, and its answer 201 is as good as 200."""
    ping, _ = pinging(server.slug("new-one", "create=1"))
    ping.done("all well", seconds=5)

    assert [check.slug for check in server.checks.all] == ["new-one"]


def test_an_address_with_a_slash_at_its_end_works(server: PingServer, check: Check) -> None:
    """`…/UUID/` is the same check, also with an action behind it."""
    ping, _ = pinging(server.of(check) + "/")
    ping.began(seconds=5)
    ping.done("", seconds=5)

    assert [one.action for one in check.pings] == ["start", ""]


@pytest.mark.parametrize(("length", "sent"), [(9_999, 9_999), (10_000, 10_000), (10_001, 10_000)])
def test_a_long_body_is_cut(server: PingServer, check: Check, length: int, sent: int) -> None:
    """No more is sent than the service keeps."""
    pinging(server.of(check))[0].done("x" * length, seconds=5)

    assert check.pings[0].sent == sent


REFUSALS: dict[str, tuple[Trouble, bool, str]] = {
    "no_check": (Trouble(404, "not found"), True, "there is no such check"),
    "no_address": (Trouble(400, "invalid url format"), True, "check HANGWATCH_PING_URL"),
    "two_checks_of_a_slug": (Trouble(409, "ambiguous slug"), True, "the check's UUID address"),
    "forbidden": (Trouble(403), True, "takes no such ping"),
    "gone": (Trouble(410), True, "the check is gone"),
    "another_4xx": (Trouble(418), True, "check HANGWATCH_PING_URL"),
    "a_status_without_a_name": (Trouble(499), True, "check HANGWATCH_PING_URL"),
    "too_slow": (Trouble(408), False, "check HANGWATCH_PING_URL"),
    "a_redirect": (Trouble(302, headers={"Location": "http://127.0.0.1:9/taken"}), True, "not followed"),
    "a_lasting_redirect": (Trouble(308, headers={"Location": "/elsewhere"}), True, "not followed"),
}


@pytest.mark.parametrize(("trouble", "permanent", "said"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_says_what_to_do(
    server: PingServer, check: Check, trouble: Trouble, permanent: bool, said: str
) -> None:
    """What only a person can mend is permanent and names the remedy; nothing is asked twice, no redirect followed."""
    server.answer_next(trouble)
    error = refused(pinging(server.of(check))[0])

    assert str(error).startswith(f"ping: answered {trouble.status}; ")
    assert said in str(error)
    assert error.permanent is permanent
    assert len(server.requests) == 1


def test_an_unknown_check_is_refused(server: PingServer, check: Check) -> None:
    """The service itself refuses a check that it does not have."""
    error = refused(pinging(server.of(check)[:-4] + "0000")[0])

    assert error.permanent
    assert "answered 404; there is no such check" in str(error)


SOFTLY = pytest.mark.parametrize("softly", [False, True], ids=["by_its_status", "in_words"])


@SOFTLY
def test_a_check_that_hears_of_many_sweeps_may_refuse_some(softly: bool, caplog: pytest.LogCaptureFixture) -> None:
    """More than five pings a minute are refused for the moment: a sweep's begin and end take that as a quiet note."""
    caplog.set_level(logging.INFO, "watchdog")
    with PingServer(softly=softly) as server:
        check = server.checks.add()
        ping, _ = pinging(server.of(check))
        for _ in range(5):
            ping.done("", seconds=5)
        assert not caplog.records
        ping.began(seconds=5)
        ping.done("", seconds=5)
        assert len(check.pings) == 5
        server.now += 60
        ping.done("", seconds=5)

    assert len(check.pings) == 6
    said = [record for record in caplog.records if record.name == "watchdog"]
    assert [record.levelno for record in said] == [logging.INFO] * 2
    assert all("answered 429" in record.message and "sweep less often" in record.message for record in said)


@SOFTLY
@pytest.mark.parametrize("way", ["failed", "logged"])
def test_trouble_that_a_check_does_not_take_is_told(softly: bool, way: str) -> None:
    """That a sweep failed must be heard, and whoever tries the check must know: there the refusal is an error."""
    with PingServer(softly=softly) as server:
        check = server.checks.add()
        ping, _ = pinging(server.of(check))
        for _ in range(5):
            ping.done("", seconds=5)
        with pytest.raises(DeliveryError, match=r"answered 429; .*; sweep less often") as raised:
            getattr(ping, way)("the store is away", seconds=5)

    assert not raised.value.permanent


def test_a_refusal_in_words_is_one() -> None:
    """The hosted service's 200 with `OK (not found)` counts as the refusal that it is."""
    with PingServer(softly=True) as server:
        check = server.checks.add()
        unknown = refused(pinging(server.of(check)[:-4] + "0000")[0])

    assert unknown.permanent
    assert "answered 404" in str(unknown)


PASSING = {
    "a_server_error": Trouble(500, "no"),
    "a_proxy_without_its_server": Trouble(502),
    "a_connection_that_is_reset": Trouble(ending="reset"),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_what_passes_is_tried_once_more(server: PingServer, check: Check, trouble: Trouble) -> None:
    """One quick second try rides out a hiccup; a second one is an error that may pass."""
    ping, pauses = pinging(server.of(check))
    server.answer_next(trouble)
    ping.done("", seconds=5)
    assert pauses.taken == [0.5]
    server.answer_next(trouble, trouble)
    error = refused(ping)

    assert not error.permanent
    assert len(server.requests) == 4


@pytest.mark.parametrize(("seconds", "tries"), [(0.9, 1), (1.0, 2)], ids=["no_time_left", "just_enough_time"])
def test_a_second_try_needs_time(server: PingServer, check: Check, seconds: float, tries: int) -> None:
    """Where a pause and half a second don't fit any more there is no second try."""
    server.answer_next(Trouble(500), Trouble(500))
    refused(pinging(server.of(check))[0], seconds)

    assert len(server.requests) == tries


def test_a_server_that_asks_to_wait_is_not_asked_at_once(server: PingServer, check: Check) -> None:
    """Retry-After is passed on instead of a quick second try."""
    server.answer_next(Trouble(503, headers={"Retry-After": "30"}))
    error = refused(pinging(server.of(check))[0])

    assert error.retry_after == 30
    assert len(server.requests) == 1


SLOW: dict[str, Trouble] = {
    "no_answer": Trouble(200, "OK", delay=300),
    "headers_that_drip": Trouble(200, delay=300, ending="headers_drip"),
    "a_body_that_drips": Trouble(200, "OK" * 30, delay=300, ending="body_drips"),
}


@pytest.mark.parametrize("trouble", SLOW.values(), ids=SLOW.keys())
def test_it_is_bounded_as_a_whole(server: PingServer, check: Check, trouble: Trouble) -> None:
    """Whatever part of an answer is slow, a ping lasts as long as it may, and nobody knows whether it counted."""
    server.answer_next(trouble)
    began = time.monotonic()
    error = refused(Ping(server.of(check)), 0.6)

    assert time.monotonic() - began < 60
    assert error.maybe_delivered
    assert not error.permanent
    assert str(error) == "ping: no answer within 1 s, so it may be there"


def test_nobody_listens() -> None:
    """Where nothing listens the error says so and may pass."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        error = refused(pinging(f"http://127.0.0.1:{probe.getsockname()[1]}/made-up-secret")[0])

    assert not error.permanent
    assert str(error) == "ping: no connection, or it broke before the answer; is the network open?"


@pytest.mark.parametrize(
    "address",
    ["", "made-up-secret", "http:///made-up-secret", "http://[::1/made-up-secret", "ftp://127.0.0.1/made-up-secret"],
)
def test_an_address_that_is_none_names_the_setting(address: str) -> None:
    """A mistyped address is told as one, for good, by the name of its setting and without its text."""
    error = refused(pinging(address)[0])

    assert error.permanent
    assert "HANGWATCH_PING_URL" in str(error)
    assert_keeps_the_secret(error)


LEAKS: dict[str, Callable[[PingServer], None]] = {
    "refused": lambda server: server.answer_next(Trouble(404, "made-up-secret"), Trouble(404)),
    "a_server_error": lambda server: server.answer_next(Trouble(500), Trouble(500)),
    "a_redirect": lambda server: server.answer_next(Trouble(302, headers={"Location": "/made-up-secret"})),
    "reset": lambda server: server.answer_next(Trouble(ending="reset"), Trouble(ending="reset")),
    "slow": lambda server: server.answer_next(Trouble(delay=300)),
    "gone": lambda server: server.stop(),
}


def assert_keeps_the_secret(error: BaseException, *more: str) -> None:
    for text in (str(error), repr(error), "".join(traceback.format_exception(error)), *more):
        assert "made-up" not in text
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


@pytest.mark.parametrize("trouble", LEAKS.values(), ids=LEAKS.keys())
def test_the_address_stays_secret(trouble: Callable[[PingServer], None], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong, the address is in no error, traceback, repr or log, even at DEBUG."""
    with PingServer() as server:
        ping = Ping(server.slug("made-up-secret"), pause=lambda _: None)
        trouble(server)
        with caplog.at_level(logging.DEBUG):
            error = refused(ping, 1.2)

    assert_keeps_the_secret(error, repr(ping), str(ping), caplog.text)


def test_a_ping_that_arrives_logs_no_address(
    server: PingServer, check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    """urllib3 would log each request's path at DEBUG; with the ping's care it does not."""
    with caplog.at_level(logging.DEBUG):
        Ping(server.of(check)).done("", seconds=5)

    assert check.pings
    assert check.code not in caplog.text
