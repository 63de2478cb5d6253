"""Which policy is in force while its file is changed, broken, half written, taken away or forbidden."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.world import START, ClockedStore
from watchdog.policy import Policy, PolicyError, Settings
from watchdog.policy_text.source import SHELF_ID, WATCHDOG, PolicyFile, PolicySource, StoreShelf
from watchdog.ports import Create

GOOD = '[defaults]\nmax_runtime = "10m"\n\n[[operation]]\nmatch = "load-*"\nmax_runtime = "20m"\n'
BETTER = GOOD.replace("10m", "15m")
WRONG = '[defaults]\nmax_runtine = "10m"\n'
NO_TOML = "[defaults]\nmax_runtime = 10m\n"


def limit(policy: Policy) -> float | None:
    return policy.defaults.max_runtime


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def never(seconds: float) -> None:
    """The wait of one who wants to see no file being written."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    write(file, GOOD)
    return file


def test_a_change_is_in_force_at_the_next_look(path: Path) -> None:
    """No redeploy and no signal: the file is read at each look."""
    source = PolicyFile(path, sleep=never)
    before = source.current()
    write(path, BETTER)
    after = source.current()

    assert (limit(before[0]), before[1]) == (600, [])
    assert (limit(after[0]), after[1]) == (900, [])
    assert source.current() == after


def remove(path: Path) -> None:
    path.unlink()


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


TROUBLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a mistake": (lambda path: write(path, WRONG), "policy.toml: [defaults]: max_runtine is not a setting (did you "),
    "no TOML": (lambda path: write(path, NO_TOML), "policy.toml: is not TOML: "),
    "half a line": (lambda path: write(path, GOOD[:20]), "policy.toml: is not TOML: "),
    "no file": (remove, "{path}: expected a policy file, found none; mend HANGWATCH_POLICY or unset it"),
    "a folder": (become_a_folder, "{path}: can't be read (IsADirectoryError); mend the file or its rights"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "{path}: can't be read (UnicodeDecodeError); mend "),
    "too much": (lambda path: write(path, "#" * 500_001), "{path}: expected at most 500000 characters, got 500001; "),
    "nested for ever": (lambda path: write(path, "a = " + "[" * 9000), "policy.toml: is not "),
}


@pytest.mark.parametrize(("trouble", "said"), TROUBLES.values(), ids=TROUBLES.keys())
def test_the_last_good_one_stays_in_force(path: Path, trouble: Callable[[Path], object], said: str) -> None:
    """While the file can't be used the policy before holds, and each look says what is wrong, until it is mended."""
    source = PolicyFile(path, sleep=never)
    source.current()
    trouble(path)
    looks = [source.current() for _ in range(3)]

    assert [limit(policy) for policy, _ in looks] == [600] * 3
    assert all(len(problems) == 1 and problems[0].startswith(said.format(path=path)) for _, problems in looks)
    if path.is_dir():
        path.rmdir()
    write(path, BETTER)
    policy, problems = source.current()
    assert (limit(policy), problems) == (900, [])


def test_all_mistakes_are_told_at_each_look(path: Path) -> None:
    """Each mistake has its line, as long as it is there."""
    write(path, WRONG + '[[operation]]\nmatch = ""\n')
    source = PolicyFile(path, sleep=never)

    assert source.current() == source.current()
    policy, problems = source.current()
    assert policy == Policy()
    assert len(problems) == 2


def test_the_first_half_of_a_file_is_not_taken_for_it(path: Path) -> None:
    """A file whose first lines make a policy is read again a moment later, until it stays the same."""
    first, second = BETTER.split("\n\n")
    steps = [first + "\n\n", first + "\n\n" + second[:9], BETTER, BETTER]
    write(path, steps.pop(0))

    def meanwhile(seconds: float) -> None:
        assert seconds == 0.2
        if steps:
            write(path, steps.pop(0))

    policy, problems = PolicyFile(path, sleep=meanwhile).current()
    assert problems == []
    assert limit(policy) == 900
    assert [rule.match for rule in policy.rules] == ["load-*"]


def test_a_file_that_never_stays_the_same_is_waited_for_a_second_at_most(path: Path) -> None:
    """A writer without end costs five short waits, and what was read last counts."""
    waits: list[float] = []

    def meanwhile(seconds: float) -> None:
        waits.append(seconds)
        write(path, f'[defaults]\nmax_runtime = "{len(waits)}m"\n')

    assert limit(PolicyFile(path, sleep=meanwhile).current()[0]) == 300
    assert len(waits) == 5


def test_a_file_that_did_not_change_costs_no_wait(path: Path) -> None:
    """The wait is for changes alone; a file that was replaced by the same text is none."""
    waits: list[float] = []
    source = PolicyFile(path, sleep=waits.append)
    source.current()
    other = path.with_suffix(".new")
    write(other, GOOD)
    other.replace(path)
    source.current()

    assert len(waits) == 1


@pytest.mark.parametrize(
    ("age", "waits"),
    [(0.0, 1), (4.9, 1), (5.0, 0), (3600.0, 0), (-60.0, 1)],
    ids=["just_written", "almost_settled", "settled", "an_hour_old", "from_the_future"],
)
def test_only_a_file_that_was_touched_of_late_is_waited_for(path: Path, age: float, waits: int) -> None:
    """A new process reads a file that has lain for 5 s at once: a sweep a minute must not begin with a wait."""
    touched = max(path.stat().st_mtime, path.stat().st_ctime)
    waited: list[float] = []
    policy, _ = PolicyFile(path, sleep=waited.append, clock=lambda: touched + age).current()

    assert limit(policy) == 600
    assert waited == [0.2] * waits


def test_a_copy_that_bears_an_old_date_is_young_all_the_same(path: Path) -> None:
    """What counts is when the file itself was last changed, which no copying of dates hides."""
    os.utime(path, (1e9, 1e9))
    changed = path.stat().st_ctime
    waited: list[float] = []
    PolicyFile(path, sleep=waited.append, clock=lambda: changed + 1).current()

    assert waited == [0.2]


def test_a_mounted_file_is_followed_through_its_links(tmp_path: Path) -> None:
    """A secret that is mounted as a link to a link is read anew when the platform turns the links."""
    for name, text in (("v1", GOOD), ("v2", BETTER)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "policy.toml", text)
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "policy.toml").symlink_to("data/policy.toml")
    source = PolicyFile(tmp_path / "policy.toml", sleep=never)
    before = limit(source.current()[0])
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").replace(tmp_path / "data")

    assert (before, limit(source.current()[0])) == (600, 900)


def test_without_a_file_the_empty_policy_holds() -> None:
    """No path is no policy, and no mistake."""
    assert PolicyFile(None).current() == (Policy(), [])


def test_a_mark_of_an_editor_is_no_mistake(path: Path) -> None:
    """The mark with which some editors begin a file is passed over."""
    write(path, "\ufeff" + GOOD)

    assert PolicyFile(path, sleep=never).current()[1] == []


@pytest.fixture
def store(tmp_path: Path) -> ClockedStore:
    return ClockedStore(tmp_path / "beats.sqlite3", lambda: START)


def test_a_new_process_finds_the_last_good_one_on_the_shelf(path: Path, store: ClockedStore) -> None:
    """A job that starts anew each minute is not without limits because the file was broken in between."""
    PolicyFile(path, StoreShelf(store), sleep=never).current()
    write(path, WRONG)
    policy, problems = PolicyFile(path, StoreShelf(store), sleep=never).current()

    assert limit(policy) == 600
    assert len(problems) == 1
    write(path, BETTER)
    assert PolicyFile(path, StoreShelf(store), sleep=never).current()[1] == []
    path.unlink()
    assert limit(PolicyFile(path, StoreShelf(store), sleep=never).current()[0]) == 900


def test_a_shelf_that_can_not_be_used_changes_nothing(path: Path, tmp_path: Path) -> None:
    """A store that is broken, or holds what is no policy by now, leaves the file alone to decide."""
    (tmp_path / "broken").write_bytes(b"no database" * 100)
    broken = StoreShelf(ClockedStore(tmp_path / "broken", lambda: START))
    strange = ClockedStore(tmp_path / "other.sqlite3", lambda: START)
    assert strange.commit([Create(WATCHDOG, SHELF_ID, {"text": "[nonsense]"})])

    for shelf in (broken, StoreShelf(strange)):
        assert limit(PolicyFile(path, shelf, sleep=never).current()[0]) == 600
    write(path, WRONG)
    policy, problems = PolicyFile(path, broken, sleep=never).current()
    assert (policy.defaults, len(problems)) == (Settings(), 1)


def test_a_text_that_is_kept_already_is_not_written_again(path: Path, store: ClockedStore) -> None:
    """Each process that starts keeps nothing new while nothing is new."""
    for _ in range(3):
        PolicyFile(path, StoreShelf(store), sleep=never).current()
    version = store.get(WATCHDOG, [SHELF_ID])[SHELF_ID].version
    PolicyFile(path, StoreShelf(store), sleep=never).current()

    assert store.get(WATCHDOG, [SHELF_ID])[SHELF_ID].version == version


def test_one_who_wants_the_policy_alone_gets_it(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A source gives the policy in force, and logs each mistake once, and again when it has come back."""
    source = PolicySource(path)
    limits = []
    for text in (WRONG, WRONG, BETTER, WRONG):
        write(path, text)
        limits.append(limit(source.current()))

    assert limits == [600, 600, 900, 900]
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert all(
        line.startswith("the policy before stays in force: policy.toml: [defaults]: max_runtine") for line in said
    )


def test_a_source_without_any_good_policy_is_an_error(path: Path, store: ClockedStore) -> None:
    """The first reading must be good, or on the shelf: whoever starts a watchdog hears of the mistake at once."""
    StoreShelf(store).keep(GOOD)
    write(path, WRONG)

    with pytest.raises(PolicyError, match="max_runtine"):
        PolicySource(path)
    assert limit(PolicySource(path, StoreShelf(store)).current()) == 600
    assert PolicySource(None).current() == Policy()
