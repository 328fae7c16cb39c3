"""Old logs go, a few lines at a time; the runs stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.services.pruning import Pruning
from store import logs, runs, workspace_settings
from store.limits import WorkspaceLimits
from store.logs import LogEntry
from store.runs import Execution, RunState
from tests.store.examples import CONTOSO, NORTHWIND, Shelf
from tests.support.office import Office

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class Clock:
    """A time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def ended(shelf: Shelf, *, days_ago: int, lines: int, team: str = NORTHWIND) -> Execution:
    """A run with so many log lines that ended some days ago."""
    run = shelf.claimed(shelf.crew(f"Crew {days_ago} {lines} {team}", team=team))
    told = [LogEntry(execution_id=run.id, timestamp=NOW, log_type="x", message=str(line)) for line in range(lines)]
    shelf.write(logs.add, told)
    shelf.write(runs.finish, run, RunState.COMPLETED, results="kept")
    at = f"{NOW - timedelta(days=days_ago):%Y-%m-%d %H:%M:%S.%f}"
    shelf.sql("UPDATE executions SET ended_at = :at WHERE id = :id", at=at, id=run.id)
    return run


def lines_of(shelf: Shelf, run: Execution) -> int:
    return len(shelf.read(logs.of_run, run.id, limit=100_000))


def test_logs_of_runs_that_ended_long_ago_go_and_the_runs_stay(office: Office) -> None:
    shelf = Shelf(office.store)
    old, new = ended(shelf, days_ago=91, lines=1_200), ended(shelf, days_ago=89, lines=3)
    going = shelf.claimed(shelf.crew("Going"))
    shelf.write(logs.add, [LogEntry(execution_id=going.id, timestamp=NOW - timedelta(days=500), log_type="x")])

    Pruning(office.store, 90, now=Clock()).tick()

    assert [lines_of(shelf, run) for run in (old, new, going)] == [0, 3, 1]
    kept = shelf.read(runs.get, old.id, team=NORTHWIND)
    assert kept.results == "kept"
    assert kept.log_pruned_at is not None
    assert shelf.read(runs.get, new.id, team=NORTHWIND).log_pruned_at is None


def test_each_workspace_decides_for_itself(office: Office) -> None:
    shelf = Shelf(office.store)
    ours, theirs = ended(shelf, days_ago=10, lines=2), ended(shelf, days_ago=10, lines=2, team=CONTOSO)
    shelf.write(workspace_settings.change, NORTHWIND, limits=WorkspaceLimits(log_days=7))

    Pruning(office.store, 90, now=Clock()).tick()

    assert [lines_of(shelf, run) for run in (ours, theirs)] == [0, 2]


def test_much_is_deleted_over_several_ticks_and_then_it_rests_for_an_hour(office: Office) -> None:
    shelf, clock = Shelf(office.store), Clock()
    old = ended(shelf, days_ago=91, lines=11_000)
    pruning = Pruning(office.store, 90, now=clock)

    pruning.tick()
    assert lines_of(shelf, old) == 1_000
    pruning.tick()
    assert lines_of(shelf, old) == 0

    later = ended(shelf, days_ago=92, lines=1)
    pruning.tick()
    assert lines_of(shelf, later) == 1
    clock.now += timedelta(hours=1)
    pruning.tick()
    assert lines_of(shelf, later) == 0
