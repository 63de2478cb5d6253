"""Which problems are one: nested runs that hang together, and runs of one process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from heartbeat_client.run import Failure, Run
from tests.support.world import a_run
from watchdog.family import cause, covered, failed_alone
from watchdog.incident import Case
from watchdog.verdict import OVERDUE, SILENT, STALLED, UNJUDGED, Verdict


def case(run: Run | None, state: str = STALLED, run_id: str = "") -> Case:
    return Case(run.id if run else run_id, run, Verdict(state, "because"))


REQUEST = a_run("request")
PHASE = a_run("phase", ancestors=("request",))
STEP = a_run("step", ancestors=("request", "phase"))
SIBLING = a_run("sibling", ancestors=("request", "phase"))
OTHER = a_run("other")


@pytest.mark.parametrize(
    ("fresh", "troubled", "expected"),
    [
        pytest.param([REQUEST, OTHER], [], {}, id="strangers_stand_for_themselves"),
        pytest.param(
            [REQUEST, PHASE, STEP],
            [],
            {"request": "step", "phase": "step"},
            id="the_innermost_stands_for_all_around_it",
        ),
        pytest.param([STEP, PHASE, REQUEST], [], {"request": "step", "phase": "step"}, id="in_any_order"),
        pytest.param([REQUEST, STEP], [], {"request": "step"}, id="across_a_healthy_run_in_between"),
        pytest.param([STEP, SIBLING], [], {}, id="siblings_do_not_stand_for_each_other"),
        pytest.param([STEP, SIBLING, PHASE], [], {"phase": "step"}, id="of_two_inner_ones_the_first"),
        pytest.param([PHASE], [STEP], {"phase": "step"}, id="an_incident_inside_stands_for_it"),
        pytest.param([STEP], [PHASE], {"step": "phase"}, id="an_incident_around_it_stands_for_it"),
        pytest.param([STEP], [SIBLING], {}, id="an_incident_beside_it_does_not"),
        pytest.param([OTHER], [STEP], {}, id="an_incident_elsewhere_does_not"),
        pytest.param([], [STEP], {}, id="nothing_fresh"),
        pytest.param(
            [a_run("POST %2Fstart"), a_run("x", ancestors=("POST /start",))],
            [],
            {"POST %2Fstart": "x"},
            id="an_id_that_the_store_had_to_encode",
        ),
    ],
)
def test_a_relative_stands_for_a_run(fresh: Sequence[Run], troubled: Sequence[Run], expected: dict[str, str]) -> None:
    """When nested runs hang, people hear of the innermost; what has an incident already stands for its relatives."""
    found = covered([case(run) for run in fresh], [case(run) for run in troubled])

    assert found == expected


def test_a_record_that_makes_no_sense_stands_for_nobody() -> None:
    """A nested run whose record can't be judged must not hide that the run around it hangs."""
    unjudged = case(STEP, UNJUDGED)

    assert covered([unjudged, case(PHASE)], []) == {}
    assert covered([case(PHASE)], [unjudged]) == {}
    assert covered([unjudged], [case(PHASE)]) == {}


def test_an_unreadable_record_has_no_relatives() -> None:
    """A record that can't be read is nobody's relative, and stands for nobody."""
    unreadable = case(None, UNJUDGED, "phase")

    assert covered([unreadable, case(STEP)], []) == {}
    assert covered([case(STEP)], [unreadable]) == {}


STANDS = {"kind": "blocked", "at": {"file": "data_loaders.py", "line": 412, "function": "load"}}
STANDS_ELSEWHERE = {"kind": "blocked", "at": {"file": "data_loaders.py", "line": 413, "function": "load"}}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(case(a_run("a")), case(a_run("b")), True, id="one_process_one_verdict"),
        pytest.param(case(a_run("a"), SILENT), case(a_run("b"), STALLED), False, id="another_verdict"),
        pytest.param(case(a_run("a")), case(a_run("b", pid=8)), True, id="another_process_of_the_service"),
        pytest.param(case(a_run("a")), case(a_run("b", host="h2")), True, id="another_host_of_the_service"),
        pytest.param(
            case(a_run("a", service="")), case(a_run("b", service="", pid=8)), True, id="one_host_without_a_service"
        ),
        pytest.param(
            case(a_run("a", service="")),
            case(a_run("b", service="", host="h2")),
            False,
            id="two_hosts_without_a_service",
        ),
        pytest.param(case(a_run("a")), case(a_run("b", service="s2")), False, id="another_service"),
        pytest.param(
            case(a_run("a", instance="i1")), case(a_run("b", instance="i1", host="h2")), True, id="one_instance"
        ),
        pytest.param(case(a_run("a", instance="i1")), case(a_run("b", instance="i2")), True, id="two_instances"),
        pytest.param(
            case(a_run("a", operation="x", activity=STANDS), STALLED),
            case(a_run("b", operation="y", activity=STANDS), STALLED),
            True,
            id="two_operations_at_one_place_in_the_code",
        ),
        pytest.param(
            case(a_run("a", activity=STANDS), STALLED),
            case(a_run("b", activity=STANDS_ELSEWHERE), STALLED),
            False,
            id="one_operation_at_two_places_in_the_code",
        ),
        pytest.param(
            case(a_run("a", activity=STANDS), STALLED),
            case(a_run("b", activity=STANDS, service="s2"), STALLED),
            False,
            id="one_place_in_the_code_of_two_services",
        ),
        pytest.param(
            case(a_run("a", operation="x"), OVERDUE),
            case(a_run("b", operation="y"), OVERDUE),
            False,
            id="two_operations_that_still_beat",
        ),
        pytest.param(
            case(a_run("a", operation="x"), SILENT),
            case(a_run("b", operation="y"), SILENT),
            True,
            id="two_operations_of_a_process_that_fell_silent",
        ),
        pytest.param(
            case(a_run("a", host="", service="")),
            case(a_run("b", host="", service="")),
            False,
            id="nobody_knows_where_they_run",
        ),
        pytest.param(case(None, UNJUDGED, "a"), case(None, UNJUDGED, "b"), True, id="records_that_cannot_be_read"),
        pytest.param(Case("a", a_run("a"), None), Case("b", a_run("b"), None), False, id="records_that_are_gone"),
    ],
)
def test_problems_share_a_cause(one: Case, other: Case, same: bool) -> None:
    """Silence of one service has one cause, so has standing at one place of it; what is not known is not lumped."""
    assert (cause(one) == cause(other)) is same


def test_a_failure_is_told_where_it_began() -> None:
    """A run that failed because a run inside of it did is not told beside it; one that failed otherwise is."""
    error, other = Failure("ValueError"), Failure("KeyError")
    inner = a_run("inner", state="failed", failure=error, ancestors=("outer",))
    outer = a_run("outer", state="failed", failure=error)
    apart = a_run("outer", state="failed", failure=other)

    assert failed_alone([outer, inner]) == [inner]
    assert failed_alone([apart, inner]) == [apart, inner]
