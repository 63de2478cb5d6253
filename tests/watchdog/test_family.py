"""Which problems are one: nested runs that hang together, and runs of one process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from heartbeat_client.run import Run
from tests.support.world import a_run
from watchdog.family import cause, covered
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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(case(a_run("a")), case(a_run("b")), True, id="one_process_one_verdict"),
        pytest.param(case(a_run("a"), SILENT), case(a_run("b"), STALLED), False, id="another_verdict"),
        pytest.param(case(a_run("a")), case(a_run("b", pid=8)), False, id="another_process"),
        pytest.param(case(a_run("a")), case(a_run("b", host="h2")), False, id="another_host"),
        pytest.param(case(a_run("a")), case(a_run("b", service="s2")), False, id="another_service"),
        pytest.param(
            case(a_run("a", instance="i1")), case(a_run("b", instance="i1", host="h2")), True, id="one_instance"
        ),
        pytest.param(case(a_run("a", instance="i1")), case(a_run("b", instance="i2")), False, id="two_instances"),
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
        pytest.param(case(a_run("a", host="")), case(a_run("b", host="")), False, id="nobody_knows_where_they_run"),
        pytest.param(case(None, UNJUDGED, "a"), case(None, UNJUDGED, "b"), False, id="records_that_cannot_be_read"),
        pytest.param(Case("a", a_run("a"), None), Case("b", a_run("b"), None), False, id="records_that_are_gone"),
    ],
)
def test_problems_share_a_cause(one: Case, other: Case, same: bool) -> None:
    """Runs of one process that came to the same end have one cause; what is not known is not lumped together."""
    assert (cause(one) == cause(other)) is same
