"""Runs on their shelf: queued, claimed once, finished once, looked back at; and their log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import NoResultFound

from bot.errors import Gone
from store import agents, crews, definitions, logs, run_lists, runs, tasks, usage
from store.crews import CrewDraft, Process
from store.logs import LogEntry
from store.runs import Execution, RunState
from store.usage import Used
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf, agent_draft, task_draft

MINUTE = timedelta(minutes=1)


def log_line(run: Execution, message: str, at: datetime) -> LogEntry:
    return LogEntry(execution_id=run.id, timestamp=at, log_type="TaskStarted", message=message)


def abandoned(shelf: Shelf) -> list[int]:
    return [run.id for run in shelf.read(runs.abandoned, silent_for=MINUTE)]


def test_a_run_keeps_the_crew_as_it_was(shelf: Shelf) -> None:
    crew = shelf.crew(process_type=Process.HIERARCHICAL)
    agent = shelf.agent(crew, goals=["Find", "Tell"], llm="openai/gpt-4.1", allow_delegation=True)
    first = shelf.task(crew, "First", agent_id=agent.id)
    shelf.task(crew, "Second", depends_on=[first.id])
    run = shelf.run(crew, {"topic": "batteries"}, by=BEN)

    shelf.write(crews.change, crew.id, CrewDraft(name="Renamed"), team=NORTHWIND, version=1, by=ANA)
    shelf.write(agents.change, agent.id, agent_draft("Somebody else"), team=NORTHWIND, version=1, by=ANA)
    shelf.write(tasks.remove, first.id, team=NORTHWIND)

    kept = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert kept == run
    assert (kept.crew_name, kept.crew_version, kept.started_by, kept.status) == (
        "Market research",
        1,
        BEN,
        RunState.QUEUED,
    )
    (planned,), (one, two) = kept.definition.agents, kept.definition.tasks
    assert (planned.name, planned.goals, planned.llm, planned.allow_delegation) == (
        "Researcher",
        ["Find", "Tell"],
        "openai/gpt-4.1",
        True,
    )
    assert (one.agent, one.context, two.agent, two.context) == ("Researcher", [], None, ["First"])
    assert kept.definition.process is Process.HIERARCHICAL


def test_a_run_is_claimed_once_and_says_who_works_on_it(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())

    taken = shelf.write(runs.claim, run.id, owner="here")

    assert taken is not None
    assert (taken.status, taken.fence) == (RunState.RUNNING, 1)
    assert taken.started_at is not None
    assert shelf.write(runs.claim, run.id, owner="there") is None
    assert shelf.sql("SELECT owner_process FROM executions") == [("here",)]


def test_a_run_that_was_stopped_in_the_queue_cannot_be_claimed(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())
    stopped = shelf.write(runs.finish, run, RunState.CANCELLED, cancelled_by=BEN)

    assert stopped is not None
    assert (stopped.status, stopped.cancelled_by, stopped.started_at) == (RunState.CANCELLED, BEN, None)
    assert shelf.write(runs.claim, run.id, owner="here") is None


def test_a_run_ends_once(shelf: Shelf) -> None:
    run = shelf.claimed(shelf.crew())

    ended = shelf.write(runs.finish, run, RunState.COMPLETED, results="Five links")

    assert ended is not None
    assert (ended.status, ended.results, ended.error) == (RunState.COMPLETED, "Five links", None)
    assert ended.ended_at is not None
    assert shelf.write(runs.finish, run, RunState.FAILED, error="Too late") is None
    assert shelf.read(runs.get, run.id, team=NORTHWIND) == ended


def test_whoever_knows_an_older_state_of_a_run_cannot_end_it(shelf: Shelf) -> None:
    queued = shelf.run(shelf.crew())
    shelf.write(runs.claim, queued.id, owner="here")

    assert shelf.write(runs.finish, queued, RunState.CANCELLED, cancelled_by=BEN) is None
    assert shelf.read(runs.get, queued.id, team=NORTHWIND).status is RunState.RUNNING


def test_a_failure_says_why_and_where(shelf: Shelf) -> None:
    run = shelf.claimed(shelf.crew())

    failed = shelf.write(runs.finish, run, RunState.FAILED, error="No key.", error_task="Find sources")

    assert failed is not None
    assert (failed.error, failed.error_task, failed.status.over) == ("No key.", "Find sources", True)


def test_tokens_add_up(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())
    for prompt, completion in ((100, 20), (7, 3)):
        shelf.write(usage.add, {run.id: Used(prompt, completion)})

    counted = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert (counted.prompt_tokens, counted.completion_tokens, counted.tokens) == (107, 23, 130)


def test_the_places_of_a_run_are_remembered_one_by_one(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())
    shelf.write(runs.place, run.id, thread_ts="1.1")
    shelf.write(runs.place, run.id, progress_ts="1.2")

    placed = shelf.read(runs.fetch, run.id)
    assert (placed.thread_ts, placed.progress_ts, placed.channel) == ("1.1", "1.2", "C0RESEARCH")


def test_the_seconds_of_a_run_are_those_it_worked(shelf: Shelf) -> None:
    queued, crew = shelf.run(shelf.crew()), shelf.crew("Other")
    going = shelf.claimed(crew)
    shelf.ages(going, "resumed_at", 120)
    paused = shelf.write(runs.pause, shelf.read(runs.fetch, going.id), waiting_for="Write")
    assert paused
    shelf.ages(paused, "started_at", 3_600)
    waited = shelf.read(runs.fetch, going.id)

    assert (queued.seconds, round(waited.seconds)) == (0.0, 120)


def test_the_newest_runs_come_first_and_older_ones_on_the_next_page(shelf: Shelf) -> None:
    one, two = shelf.crew("One"), shelf.crew("Two")
    ids = [shelf.run(crew, by=by).id for crew in (one, two) for by in (ANA, BEN, ANA)]
    ids.reverse()

    def latest(**asked: object) -> list[int]:
        return [run.id for run in shelf.read(run_lists.latest, team=NORTHWIND, **asked)]  # type: ignore[arg-type]

    assert latest() == ids
    assert latest(limit=2) == ids[:2]
    assert latest(before=ids[1], limit=2) == ids[2:4]
    assert latest(crew_id=one.id) == ids[3:]
    assert latest(started_by=BEN) == [ids[1], ids[4]]
    assert latest(started_by=ANA, crew_id=two.id, before=ids[0]) == [ids[2]]


def test_runs_that_are_over_can_be_left_out(shelf: Shelf) -> None:
    crew = shelf.crew()
    queued, running, over = shelf.run(crew), shelf.claimed(crew), shelf.claimed(crew)
    shelf.write(runs.finish, over, RunState.COMPLETED, results="")

    found = shelf.read(run_lists.latest, team=NORTHWIND, unfinished=True)

    assert [run.id for run in found] == [running.id, queued.id]


def test_runs_are_abandoned_when_nobody_has_said_for_long_that_they_go_on(shelf: Shelf) -> None:
    crew = shelf.crew()
    fresh, waiting, lively, silent, over = (
        shelf.run(crew),
        shelf.run(crew),
        shelf.claimed(crew),
        shelf.claimed(crew),
        shelf.claimed(crew),
    )
    assert abandoned(shelf) == []

    for run in (waiting, lively, silent, over):
        shelf.ages(run, "created_at", 120)
    for run in (silent, over):
        shelf.ages(run, "heartbeat_at", 61)
    shelf.write(runs.finish, over, RunState.FAILED, error="No key.")

    assert abandoned(shelf) == [silent.id]
    assert fresh.id not in abandoned(shelf)


def test_a_process_speaks_only_for_the_runs_it_holds(shelf: Shelf) -> None:
    crew = shelf.crew()
    held, dropped, others = (
        shelf.claimed(crew, owner="here"),
        shelf.claimed(crew, owner="here"),
        shelf.claimed(crew, owner="there"),
    )
    for run in (held, dropped, others):
        shelf.ages(run, "heartbeat_at", 120)

    shelf.write(runs.beat, [held.id, others.id], owner="here")

    assert abandoned(shelf) == [dropped.id, others.id]


def test_a_process_that_holds_nothing_can_say_so(shelf: Shelf) -> None:
    run = shelf.claimed(shelf.crew(), owner="here")
    shelf.ages(run, "heartbeat_at", 120)

    shelf.write(runs.beat, [], owner="here")

    assert abandoned(shelf) == [run.id]


def test_the_log_is_read_in_the_order_it_was_written_in_batches(shelf: Shelf) -> None:
    crew = shelf.crew()
    run, other = shelf.run(crew), shelf.run(crew)
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    # Clocks of several threads disagree; what was told first stays first.
    for batch in range(3):
        lines = [log_line(run, f"{batch}-{number}", noon - number * MINUTE) for number in range(50)]
        shelf.write(logs.add, [*lines, log_line(other, "elsewhere", noon)])
    shelf.write(logs.add, [])

    found = shelf.read(logs.of_run, run.id)

    assert [entry.message for entry in found] == [f"{batch}-{number}" for batch in range(3) for number in range(50)]
    assert found[1].model_copy(update={"id": 0}) == log_line(run, "0-1", noon - MINUTE)
    assert [entry.message for entry in shelf.read(logs.of_run, run.id, limit=2)] == ["2-48", "2-49"]


def test_a_run_that_never_was_cannot_be_found(shelf: Shelf) -> None:
    with pytest.raises(Gone, match="That run"):
        shelf.read(runs.get, 4711, team=NORTHWIND)
    with pytest.raises(NoResultFound):
        shelf.read(runs.fetch, 4711)


def test_another_workspace_sees_no_run(shelf: Shelf) -> None:
    crew = shelf.crew()
    run = shelf.run(crew)
    shelf.run(shelf.crew(team=CONTOSO))

    with pytest.raises(Gone):
        shelf.read(runs.get, run.id, team=CONTOSO)
    assert shelf.read(run_lists.latest, team=CONTOSO, crew_id=crew.id) == []
    assert [each.team for each in shelf.read(run_lists.latest, team=CONTOSO)] == [CONTOSO]


def test_a_plan_names_only_tasks_that_are_there(shelf: Shelf) -> None:
    crew = shelf.crew()
    task = shelf.task(crew, depends_on=[shelf.task(crew, "Earlier").id])

    frozen = definitions.freeze(crew, [], [task.model_copy(update={"agent_id": 999})])

    assert (frozen.tasks[0].context, frozen.tasks[0].agent) == ([], None)
    assert task_draft().name == frozen.tasks[0].name
