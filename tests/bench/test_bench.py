"""`python -m bench`: names, files, what runs beside what, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.catalogue import BENCHES
from bench.results import Result, Table, Target, as_json, as_markdown, machine, read_result
from tests.support.imports import ROOT


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(300)
def test_what_waits_runs_beside_the_others(tmp_path: Path) -> None:
    """Each bench prints its tables and keeps them as JSON; the one that only waits begins first and is heard last."""
    done = bench("outages", "importing", "--quick", "--out", str(tmp_path))

    assert done.returncode == 0, done.stderr
    begun = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("=== ")]
    assert begun == ["outages:", "importing:", "importing:", "outages:"]
    assert done.stdout.index("## importing") < done.stdout.index("## outages")
    for name in ("outages", "importing"):
        result, _ = read_result(tmp_path / f"{name}.json")
        assert result.name == name
        assert result.tables


def test_the_help_lists_every_bench() -> None:
    """Whoever asks sees each name."""
    told = bench("--help").stdout

    assert [name for name in BENCHES if name not in told] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("tea",), "no bench is named 'tea'; there are evidence", id="an_unknown_name"),
        pytest.param(("--quick", "--docs"), "--docs keeps what a whole run found", id="rough_figures_for_the_docs"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(arguments: tuple[str, ...], said: str) -> None:
    """Status 2, and what to do."""
    done = bench(*arguments)

    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_result_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """JSON holds all that Markdown shows."""
    table = Table("What | was", ("a", "b"), (("1", "2 | 3"),), "So it was.")
    result = Result("store", [table], [Target("speed", "< 1", "2", met=False, limit="the disk")], {"raw": [1.5]})
    (tmp_path / "store.json").write_text(as_json(result, machine()), encoding="utf-8")

    read, where = read_result(tmp_path / "store.json")

    assert as_markdown(read, where) == as_markdown(result, where)
    assert read.figures == result.figures
    assert "2 \\| 3" in as_markdown(read, where)
    assert "**no**" in as_markdown(read, where)
    assert "- **speed**: the disk" in as_markdown(read, where)


def test_a_table_whose_rows_do_not_fit_is_refused() -> None:
    """A bench that forgot a cell fails, not its readers."""
    with pytest.raises(ValueError, match="a row needs 2 cells, got 1"):
        Table("t", ("a", "b"), (("1",),))
