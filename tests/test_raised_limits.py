"""Limits that are raised while runs wait at them, each run going on once; and how what runs use is counted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from bot.engine.desk import Waiting
from bot.engine.memory import Stored
from bot.engine.meter import LimitReached
from bot.events import RunStarted
from bot.progress.log import Log
from bot.services.admins import Admins
from bot.services.limits import Limits
from store import limits, runs, usage
from store.limits import Ceiling, CrewLimits, Scope, WorkspaceLimits
from store.runs import Again, Execution, RunState
from tests.support.office import ADMIN, OWNER, Office

REACHED = Ceiling("run_tokens", Scope.CREW, 10)


def of_a_process(office: Office, resumed: list[int]) -> Limits:
    return Limits(office.store, office.rights, Admins(office.slack), resumed.append)


def test_two_processes_that_raise_it_at_once_bring_a_run_back_once(office: Office) -> None:
    run, pause = office.at_a_limit()
    resumed: list[int] = []
    both, together = [of_a_process(office, resumed) for _ in range(2)], threading.Barrier(2)

    def raises(mine: Limits) -> None:
        together.wait()
        mine.change_crew(office.crew.id, CrewLimits(run_tokens=50), by=OWNER)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(raises, both))

    assert resumed == [run.id]
    with office.store.reading() as session:
        now, decided = runs.fetch(session, run.id), limits.get_pause(session, pause.id, run_id=run.id)
    assert (now.status, now.again) == (RunState.QUEUED, Again.ANSWER)
    assert (decided.verdict, decided.answered_by, decided.new_most) == ("raised", OWNER.user, 50)


@pytest.mark.parametrize("decided", [CrewLimits(run_tokens=10), CrewLimits(run_tokens=5, month_tokens=90)])
def test_a_limit_that_is_no_higher_brings_nothing_back(office: Office, decided: CrewLimits) -> None:
    office.at_a_limit()
    resumed: list[int] = []

    of_a_process(office, resumed).change_crew(office.crew.id, decided, by=OWNER)
    of_a_process(office, resumed).change_crew(office.other.id, CrewLimits(), by=OWNER)
    of_a_process(office, resumed).change_workspace(WorkspaceLimits(), by=ADMIN)

    assert resumed == []


def test_a_limit_that_was_raised_before_the_run_came_to_it_asks_nobody(office: Office) -> None:
    run, mine = office.going(), of_a_process(office, [])
    mine.change_crew(office.crew.id, CrewLimits(run_tokens=50), by=OWNER)

    def comes_to(used: float) -> Any:
        with pytest.raises(Waiting), mine.holding(run):
            raise LimitReached(REACHED, used)
        with office.store.reading() as session:
            return limits.last_pause(session, run.id)

    assert comes_to(12) is None
    with office.store.transaction() as session:
        again = runs.pause(session, run, waiting_for="Research")
    assert again
    assert again.status is RunState.QUEUED
    assert comes_to(60).used == 60


def sql(office: Office, statement: str) -> None:
    with office.store.engine.begin() as connection:
        connection.execute(text(statement))


def counted(office: Office, run: Execution) -> tuple[int, int]:
    """The tokens of the run, and of the workspace’s month."""
    with office.store.reading() as session:
        known = runs.fetch(session, run.id).tokens - run.tokens
        return known, usage.in_month(session, usage.WORKSPACE, team=run.team).tokens


def test_what_was_used_is_counted_with_what_it_was_used_for(office: Office) -> None:
    run, mine = office.going(), of_a_process(office, [])
    with mine.holding(run) as meter:
        meter.used(100, 20, 0.5)
        assert counted(office, run) == (0, 0)
        Stored(office.store, run, meter).keep("task:Find", {"raw": "Links"})
        assert counted(office, run) == (120, 120)
        meter.used(10, 2, 0.25)

    assert counted(office, run) == (132, 132)


def test_what_the_store_did_not_take_is_counted_with_what_comes_next(office: Office) -> None:
    run, mine = office.going(), of_a_process(office, [])
    log = Log(office.store, mine.counting)
    with mine.holding(run) as meter:
        meter.used(100, 20, 0.5)
        sql(office, "CREATE TRIGGER away BEFORE UPDATE ON executions BEGIN SELECT RAISE(ABORT, 'away'); END")
        log.note(RunStarted(run_id=run.id))
        with pytest.raises(IntegrityError):
            log.flush()
        assert counted(office, run) == (0, 0)

    sql(office, "DROP TRIGGER away")
    log.note(RunStarted(run_id=run.id))
    log.flush()

    assert counted(office, run) == (120, 120)
    log.note(RunStarted(run_id=run.id))
    log.flush()
    assert counted(office, run) == (120, 120)
