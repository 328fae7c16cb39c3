"""No query reads a whole table of agents, tasks, runs or log lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, inspect

from bot.recurrence import Kind, Recurrence
from store import (
    agents,
    audit,
    crews,
    limits,
    line,
    logs,
    memories,
    reviews,
    run_lists,
    runs,
    schedules,
    shares,
    steps,
    tables,
    tasks,
    tools,
    usage,
    versions,
)
from store.crews import CrewDraft, CrewInstance
from store.database import Store
from store.limits import Ceiling, CrewLimits, Scope
from store.logs import LogEntry
from store.reviews import Verdict
from store.runs import RunState
from store.schedules import ScheduleDraft
from store.shares import EVERYBODY, Level, Seer
from store.steps import StepDraft
from store.tools import ToolDraft
from store.usage import Used
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf, agent_draft, asked_of, task_draft

GROWING = {
    "agents",
    "tasks",
    "executions",
    "execution_logs",
    "task_dependencies",
    "agent_tools",
    "shares",
    "audit_entries",
    "flow_steps",
    "usage",
    "crew_limits",
    "allowances",
    "turns",
    "schedules",
    "reviews",
    "memories",
    "crew_versions",
}


def every_schedule(shelf: Shelf, crew: CrewInstance, seer: Seer) -> None:
    now = datetime.now(UTC)
    plan = ScheduleDraft(recurrence=Recurrence(kind=Kind.DAILY), zone="UTC", channel="C0RESEARCH")
    made = shelf.write(schedules.add, plan, crew_id=crew.id, team=NORTHWIND, by=ANA, next_at=now)
    shelf.write(schedules.change, made.id, plan, team=NORTHWIND, version=1, by=ANA, next_at=now)
    shelf.write(schedules.move, shelf.read(schedules.get, made.id, team=NORTHWIND), note="")
    shelf.read(schedules.list_all, team=NORTHWIND)
    shelf.read(schedules.list_all, team=NORTHWIND, crew_id=crew.id)
    shelf.read(schedules.list_all, team=NORTHWIND, seer=seer)
    shelf.read(schedules.standing, team=NORTHWIND)
    for reader in (None, seer):
        shelf.read(schedules.stopped, team=NORTHWIND, owner=ANA, seer=reader, limit=50)
    shelf.read(schedules.due, now)
    shelf.read(schedules.idle)
    shelf.read(schedules.ahead, now)
    shelf.read(schedules.begun, made, [now])
    shelf.read(schedules.last_runs, [made.id], team=NORTHWIND)
    shelf.read(schedules.last_told, made.id, team=NORTHWIND, before=100)
    shelf.write(schedules.remove, made.id, team=NORTHWIND)


def everything(shelf: Shelf) -> None:
    """Call every function of the store that asks the database something."""
    crew = shelf.crew()
    agent = shelf.agent(crew)
    task = shelf.task(crew, agent_id=agent.id)
    tool = shelf.write(tools.add, ToolDraft(name="Web", tool_type="x"), team=NORTHWIND, by=ANA)
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)
    shelf.read(tools.of_agents, [agent.id, agent.id + 1], team=NORTHWIND)
    shelf.read(tools.list_all, team=NORTHWIND)
    shelf.read(tools.holders, team=NORTHWIND)
    shelf.read(tools.get, tool.id, team=NORTHWIND)
    draft = ToolDraft(name="New", tool_type="x")
    shelf.write(tools.change, tool.id, draft, team=NORTHWIND, version=1, by=ANA)
    shelf.read(agents.get, agent.id, team=NORTHWIND)
    shelf.write(agents.change, agent.id, agent_draft("New"), team=NORTHWIND, version=1, by=ANA)
    shelf.read(tasks.get, task.id, team=NORTHWIND)
    later = shelf.task(crew, "Later", depends_on=[task.id])
    shelf.write(tasks.change, later.id, task_draft("New"), team=NORTHWIND, version=1, by=ANA)
    step = shelf.write(steps.add, StepDraft(name="Do", kind="crew"), flow_id=crew.id, team=NORTHWIND, by=ANA)
    shelf.read(steps.list_all, crew.id, team=NORTHWIND)
    shelf.read(steps.users_of, crew.id, team=NORTHWIND)
    shelf.write(steps.reorder, crew.id, [step.id], team=NORTHWIND)
    shelf.write(tasks.note_run, crew.id, {"New": ("completed", "x")})
    shelf.write(crews.hold, crew.id, team=NORTHWIND)
    shelf.write(crews.note_run, crew.id, team=NORTHWIND, status="completed", at=datetime.now(UTC))
    run = shelf.claimed(crew)
    shelf.read(run_lists.latest, team=NORTHWIND)
    shelf.read(run_lists.latest, team=NORTHWIND, crew_id=crew.id)
    shelf.read(run_lists.latest, team=NORTHWIND, started_by=ANA, unfinished=True)
    shelf.read(run_lists.latest, team=NORTHWIND, crew_id=crew.id, started_by=ANA, unfinished=True, before=run.id)
    shelf.read(runs.get, run.id, team=NORTHWIND)
    seer = Seer(ANA, (ANA, EVERYBODY, "C0RESEARCH"))
    every_schedule(shelf, crew, seer)
    shelf.write(shares.put, crew.id, {EVERYBODY: Level.RUN}, team=NORTHWIND)
    shelf.read(shares.of_crew, crew.id, team=NORTHWIND)
    shelf.read(shares.level, crew.id, seer.subjects, team=NORTHWIND)
    shelf.read(crews.names, team=NORTHWIND, seer=seer, least=Level.EDIT)
    shelf.read(crews.owns_any, team=NORTHWIND, user=ANA)
    shelf.read(crews.named, crew.name, team=NORTHWIND)
    for which in crews.Filter:
        shelf.read(crews.page, team=NORTHWIND, mine=ANA, seer=seer, which=which, words="market")
        shelf.read(crews.page, team=NORTHWIND, mine=ANA, seer=seer, which=which, parent=crew.id)
    shelf.read(memories.list_all, crew.id, team=NORTHWIND)
    shelf.read(memories.count, crew.id, team=NORTHWIND)
    shelf.write(memories.remove, crew.id, team=NORTHWIND)
    shelf.read(versions.number, crew.id, team=NORTHWIND)
    shelf.read(versions.newest, crew.id, team=NORTHWIND)
    shelf.read(run_lists.latest, team=NORTHWIND, seer=seer)
    shelf.read(run_lists.latest, team=NORTHWIND, seer=seer, crew_id=crew.id, before=run.id)
    shelf.write(audit.add, team=NORTHWIND, actor=ANA, verb="changed", kind="crew", name="x")
    shelf.read(audit.page, team=NORTHWIND, before=7)
    shelf.write(tasks.release, agent.id, team=NORTHWIND)
    shelf.write(agents.move, agent.id, crew.id, team=NORTHWIND, by=ANA)
    shelf.write(tasks.move, later.id, crew.id, team=NORTHWIND, by=ANA)
    shelf.write(runs.beat, [run.id], owner="here")
    shelf.write(usage.add, {run.id: Used(1, 1)})
    shelf.write(runs.place, run.id, thread_ts="1.1")
    shelf.write(logs.add, [LogEntry(execution_id=run.id, timestamp=datetime.now(UTC), log_type="x")])
    shelf.read(logs.of_run, run.id)
    shelf.read(runs.teams)
    shelf.read(logs.of_run, run.id, before=7)
    shelf.read(run_lists.latest, team=NORTHWIND, status=RunState.FAILED)
    shelf.read(run_lists.latest, team=NORTHWIND, crew_id=crew.id, status=RunState.FAILED)
    shelf.read(run_lists.latest, team=NORTHWIND, started_by=ANA, status=RunState.FAILED, before=7)
    shelf.read(run_lists.standing, team=NORTHWIND, newest=30)
    shelf.read(run_lists.seen_among, [run.id], team=NORTHWIND, seer=seer)
    shelf.read(run_lists.left_failed, team=NORTHWIND, user=ANA, since=datetime.now(UTC), limit=6)
    shelf.write(logs.prune, team=NORTHWIND, ended_before=datetime.now(UTC))
    shelf.read(usage.in_month, usage.crew(crew.id), team=NORTHWIND)
    shelf.write(limits.set_of_crew, crew.id, CrewLimits(), team=NORTHWIND, by=ANA)
    shelf.read(limits.of_crew, crew.id, team=NORTHWIND)
    shelf.write(limits.allow, run.id, Ceiling("run_tokens", Scope.CREW, 1), by=ANA)
    shelf.read(limits.allowed, run.id)
    shelf.read(limits.open_pauses, team=NORTHWIND)
    review = asked_of(shelf, run)
    shelf.read(reviews.answer, run, review.key)
    shelf.read(reviews.of_run, run.id)
    shelf.read(reviews.unanswered, team=NORTHWIND)
    shelf.read(reviews.in_thread, "C0RESEARCH", "1.1", team=NORTHWIND)
    shelf.read(reviews.due, datetime.now(UTC))
    shelf.read(reviews.unshown, since=datetime.now(UTC))
    shelf.read(reviews.pointless)
    shelf.write(reviews.shown, review)
    shelf.write(reviews.reminded, review)
    shelf.write(reviews.hold, review.id, team=NORTHWIND)
    shelf.write(reviews.agree, review, by=ANA)
    shelf.write(reviews.decide, review, Verdict.APPROVED, by=ANA, now=datetime.now(UTC))
    shelf.write(reviews.withdraw, run.id, now=datetime.now(UTC))
    shelf.run(crew)
    shelf.read(line.order)
    shelf.write(line.claim_next, owner="here")
    shelf.read(runs.abandoned, silent_for=timedelta(minutes=1))
    shelf.write(runs.finish, run, RunState.COMPLETED, results="x")
    shelf.write(tools.remove, tool.id, team=NORTHWIND)
    shelf.write(tasks.remove, later.id, team=NORTHWIND)
    shelf.write(agents.remove, agent.id, team=NORTHWIND)
    shelf.write(crews.remove, crew.id, team=NORTHWIND)


@pytest.fixture
def asked(sqlite_store: Store) -> list[tuple[str, Any]]:
    """Every statement that the store sends to SQLite, with its values."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            heard.append((statement, values[0] if many else values))

    event.listen(sqlite_store.engine, "before_cursor_execute", hear)
    everything(Shelf(sqlite_store))
    event.remove(sqlite_store.engine, "before_cursor_execute", hear)
    return heard


def scanned(store: Store, statement: str, values: Any = ()) -> set[str]:
    """The tables that SQLite reads from end to end for this statement, by whatever index."""
    with store.engine.connect() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    return {found[1] for step in steps if (found := re.match(r"SCAN (\w+)", step))} & GROWING


def test_every_question_is_answered_by_an_index(sqlite_store: Store, asked: list[tuple[str, Any]]) -> None:
    slow = [statement for statement, values in asked if scanned(sqlite_store, statement, values)]

    assert slow == []
    assert {name for statement, _ in asked for name in GROWING if re.search(rf"\b{name}\b", statement)} == GROWING


def test_a_question_that_no_index_answers_would_be_noticed(sqlite_store: Store) -> None:
    assert scanned(sqlite_store, "SELECT id FROM executions WHERE channel = 'C1'") == {"executions"}
    assert scanned(sqlite_store, "SELECT message FROM execution_logs ORDER BY id") == {"execution_logs"}


@pytest.mark.parametrize("row", tables.ALL, ids=lambda row: str(row.__tablename__))
def test_deleting_a_parent_finds_its_children_by_an_index(sqlite_store: Store, row: Any) -> None:
    looked = inspect(sqlite_store.engine)
    name = row.__tablename__
    first = {index["column_names"][0] for index in looked.get_indexes(name)}
    first |= {unique["column_names"][0] for unique in looked.get_unique_constraints(name)}
    first.add(looked.get_pk_constraint(name)["constrained_columns"][0])

    for key in looked.get_foreign_keys(name):
        (column,) = key["constrained_columns"]
        assert column in first, f"{name}.{column} has no index"


def test_a_page_of_ten_thousand_crews_reads_only_what_its_reader_may_use(sqlite_store: Store) -> None:
    shelf = Shelf(sqlite_store)
    with sqlite_store.transaction() as session:
        made = [crews.add(session, CrewDraft(name=f"Crew {number}"), team=NORTHWIND, by=ANA) for number in range(500)]
        crews.add(session, CrewDraft(name="Mine"), team=NORTHWIND, by=BEN)
        crews.add(session, CrewDraft(name="Crew 7"), team=CONTOSO, by=ANA)
    copies = (
        "SELECT team, name || ' ' || n, name_key || ' ' || n, search_key, description, is_flow, process_type, config"
    )
    copies += ", owner, changed_by, status, version, created_at, updated_at FROM crew_instances, numbers"
    columns = "team, name, name_key, search_key, description, is_flow, process_type, config"
    columns += ", owner, changed_by, status, version, created_at, updated_at"
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 19)"
    shelf.sql(f"INSERT INTO crew_instances ({columns}) {numbers} {copies} WHERE owner = '{ANA}'")
    for crew in made[:3]:
        shelf.write(shares.put, crew.id, {EVERYBODY: Level.RUN, BEN: Level.EDIT}, team=NORTHWIND)
    shelf.sql("ANALYZE")
    seer = Seer(BEN, (BEN, EVERYBODY))

    with plans(sqlite_store) as steps:
        found, total = shelf.read(crews.page, team=NORTHWIND, mine=BEN, seer=seer, limit=2)
        rest, _ = shelf.read(crews.page, team=NORTHWIND, mine=BEN, seer=seer, limit=2, offset=2)

    assert shelf.count("crew_instances") > 10_000
    assert total == 4
    assert [crew.name for crew in found + rest] == ["Mine", "Crew 2", "Crew 1", "Crew 0"]
    assert [step for step in steps if step.startswith("SCAN") and "crew_instances" in step] == []
    assert any("SEARCH crew_instances USING INTEGER PRIMARY KEY" in step for step in steps)
    assert any("SEARCH shares USING COVERING INDEX ix_shares_team_subject_crew_id" in step for step in steps)


@pytest.mark.parametrize("which", crews.Filter)
def test_what_belongs_to_a_crew_is_found_by_an_index(sqlite_store: Store, which: crews.Filter) -> None:
    shelf = Shelf(sqlite_store)
    crew = shelf.crew()

    with plans(sqlite_store) as steps:
        shelf.read(crews.page, team=NORTHWIND, mine=BEN, seer=None, which=which, parent=crew.id)

    assert [step for step in steps if step.startswith("SCAN") and "crew_instances" in step] == []


@pytest.mark.parametrize(
    "which",
    [
        {},
        {"status": RunState.FAILED},
        {"crew_id": 1},
        {"crew_id": 1, "status": RunState.FAILED},
        {"started_by": ANA},
        {"started_by": ANA, "status": RunState.FAILED, "before": 100},
    ],
)
def test_a_page_of_runs_is_read_from_an_index_in_its_order(sqlite_store: Store, which: dict[str, Any]) -> None:
    shelf = Shelf(sqlite_store)

    with plans(sqlite_store) as steps:
        shelf.read(run_lists.latest, team=NORTHWIND, **which)

    assert [step for step in steps if "TEMP B-TREE" in step] == []
    assert any("SEARCH executions USING INDEX" in step for step in steps), steps


@contextmanager
def plans(store: Store) -> Iterator[list[str]]:
    """How SQLite answers each question that is asked inside."""
    asked: list[tuple[str, Any]] = []
    steps: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, values))

    event.listen(store.engine, "before_cursor_execute", hear)
    yield steps
    event.remove(store.engine, "before_cursor_execute", hear)
    with store.engine.connect() as connection:
        for statement, values in asked:
            steps += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
