"""Every message of a run meets every fault: it is there once at the end, whatever Slack did meanwhile."""

from __future__ import annotations

import itertools
import queue
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from bot.engine.memory import TASK, Stored
from bot.events import RunCompleted, RunResumed, RunStarted, TaskFile, TaskFinished, TaskStarted
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.pictures.png import Painter
from bot.progress.asked import Questions
from bot.progress.feed import Feed
from bot.services.pictures import of_run
from bot.slack.gate import Gate
from store import outbox, reviews, runs, tasks
from store.database import Store
from store.more_settings import TaskSettings
from store.outbox import Said
from store.reviews import Review, Verdict
from store.runs import Execution
from tests.slack.northwind import RESEARCH, Northwind
from tests.store.examples import ANA, Shelf, asked_of
from tests.support.flows import flow, step
from tests.support.watching import Watch

PARTS = ["parent", "progress", "notice:2", "file links.md", "result"]
ONCE = {"times": 1}
# What may go wrong with a call, before Slack has done anything or after it has done all.
FAULTS: dict[str, dict[str, Any]] = {
    "too many": {"status": 429, "retry_after": 1, **ONCE},
    "broken": {"status": 500, "times": 2},
    "gone after it was taken": {"then_drop": True, **ONCE},
    "no time": {"status": 504, **ONCE},
}
POSTS = range(4)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        yield Shelf(store)


@pytest.fixture
def northwind() -> Iterator[Northwind]:
    with LocalSlack(manifest(), rate_limits=False) as slack:
        yield Northwind(slack)


def a_run(shelf: Shelf) -> Execution:
    crew = shelf.crew()
    task = shelf.task(crew, "Find", agent_id=shelf.agent(crew).id)
    file = TaskSettings(output_file="links.md")
    shelf.write(tasks.configure, task.id, file, team=crew.team, version=task.version, by=ANA)
    run = shelf.run(crew, thread_ts=None)
    shelf.sql("UPDATE executions SET channel = :channel", channel=RESEARCH)
    return shelf.read(runs.fetch, run.id)


def tells(northwind: Northwind, shelf: Shelf, run: Execution) -> list[str]:
    """A run from its announcement to its result, with a restart in between; what is there then."""
    gate = Gate(lambda _team: northwind.client)
    until = partial(Watch(shelf.store.engine).until, seconds=30)
    feed = Feed(shelf.store, gate, bot_name="crew", notify=print, patience=timedelta(seconds=0.2))
    try:
        feed.announce(run, tell=print, then=lambda _: None)
        until(lambda: shelf.read(runs.fetch, run.id).thread_ts is not None)
        claimed = shelf.write(runs.claim, run.id, owner="here")
        assert claimed
        told = {"run_id": run.id, "task": "Find", "agent": "Researcher"}
        shelf.write(outbox.want, run.id, ["notice:2"], {"why": "restart", "tasks": ["Find"], "by": None})
        found = {"raw": "Five links", "json": None, "agent": "Researcher", "skipped": False, "file": "links.md"}
        Stored(shelf.store, claimed).keep(TASK + "Find", found)
        file = TaskFile(**told, name="links.md")
        for happened in (
            RunStarted(run_id=run.id),
            TaskStarted(**told),
            RunResumed(run_id=run.id, task="Find", why="restart"),
            TaskFinished(**told, output="Five links"),
            file,
        ):
            feed(happened)
        with shelf.store.transaction() as session:
            assert runs.finish(session, claimed, runs.RunState.COMPLETED, results="Five links")
            outbox.want(session, run.id, [outbox.RESULT])
        feed(RunCompleted(run_id=run.id, result="Five links"))
        until(lambda: not unsaid(shelf, run))
    finally:
        feed.close()
        gate.close()
    (parent,) = northwind.messages()
    assert "Done" in parent["text"]
    every = [parent, *northwind.messages(thread_ts=parent["ts"])[1:]]
    return [
        each["metadata"]["event_payload"]["part"] if each.get("metadata") else f"file {each['files'][0]['name']}"
        for each in every
    ]


def unsaid(shelf: Shelf, run: Execution) -> list[str]:
    parts = shelf.read(outbox.of_run, run.id).values()
    return [each.part for each in parts if each.state in (Said.PENDING, Said.MOVING)]


@contextmanager
def failing(shelf: Shelf, statement: str, *, nth: int) -> Iterator[None]:
    """The database fails at a statement like this, the ``nth`` time counted from 0."""
    left = itertools.count(nth, -1)

    def fail(_conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if re.match(statement, sql) and next(left) == 0:
            raise sqlite3.OperationalError("disk I/O error")

    event.listen(shelf.store.engine, "before_cursor_execute", fail)
    yield
    event.remove(shelf.store.engine, "before_cursor_execute", fail)


@pytest.mark.parametrize("nth", POSTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_message_is_there_once(fault: str, nth: int, northwind: Northwind, shelf: Shelf) -> None:
    northwind.slack.misbehave({"methods": {"chat.postMessage": {**FAULTS[fault], "after": nth}}})

    assert sorted(tells(northwind, shelf, a_run(shelf))) == sorted(PARTS)


@pytest.mark.parametrize("nth", range(len(PARTS)))
def test_each_part_is_there_once_though_the_database_fails_when_slack_has_taken_it(
    nth: int, northwind: Northwind, shelf: Shelf
) -> None:
    with failing(shelf, "UPDATE outbox SET .*ts=", nth=nth):
        assert sorted(tells(northwind, shelf, a_run(shelf))) == sorted(PARTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_file_is_there_once(fault: str, northwind: Northwind, shelf: Shelf) -> None:
    northwind.slack.misbehave({"methods": {"files.completeUploadExternal": FAULTS[fault]}})

    assert sorted(tells(northwind, shelf, a_run(shelf))) == sorted(PARTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_edit_arrives(fault: str, northwind: Northwind, shelf: Shelf) -> None:
    northwind.slack.misbehave({"methods": {"chat.update": {**FAULTS[fault], "times": 4}}})

    assert sorted(tells(northwind, shelf, a_run(shelf))) == sorted(PARTS)


def test_a_message_that_somebody_deleted_is_not_edited_for_ever(northwind: Northwind, shelf: Shelf) -> None:
    northwind.slack.misbehave({"methods": {"chat.update": {"error": "message_not_found"}}})
    run = a_run(shelf)

    with pytest.raises(AssertionError, match="Done"):
        tells(northwind, shelf, run)

    assert unsaid(shelf, run) == []


def refused_after_a_restart(northwind: Northwind, shelf: Shelf, run: Execution) -> tuple[str, str, str]:
    """Slack does not take a run whose parent message the process before this one owed; what who is told then."""
    shelf.write(outbox.want, run.id, [outbox.PARENT, outbox.PROGRESS])
    northwind.slack.misbehave({"methods": {"chat.postMessage": {"error": "restricted_action"}}})
    told: queue.Queue[tuple[str, str, str]] = queue.Queue()
    gate = Gate(lambda _team: northwind.client)
    feed = Feed(
        shelf.store, gate, bot_name="crew", notify=lambda *words: told.put(words), patience=timedelta(seconds=0.2)
    )
    try:
        return told.get(timeout=30)
    finally:
        feed.close()
        gate.close()


def test_who_started_a_run_that_slack_refuses_after_a_restart_is_told_so(northwind: Northwind, shelf: Shelf) -> None:
    run = a_run(shelf)

    team, user, sentence = refused_after_a_restart(northwind, shelf, run)

    assert (team, user) == (run.team, run.started_by)
    why = "Slack did not take the message (restricted_action), so the run did not start."
    assert sentence == f"Your run of “{run.crew_name}”: {why}"
    assert shelf.count("executions") == 0


def test_a_run_that_goes_on_though_slack_refuses_to_tell_of_it_is_not_called_lost(
    northwind: Northwind, shelf: Shelf
) -> None:
    run = a_run(shelf)
    shelf.write(runs.claim, run.id, owner="here")

    _, _, sentence = refused_after_a_restart(northwind, shelf, run)

    assert sentence.endswith("so nothing is told there. `/crew runs` shows what became of it.")
    assert shelf.count("executions") == 1


@contextmanager
def asking(northwind: Northwind, shelf: Shelf) -> Iterator[tuple[Questions, Review, Callable[..., None]]]:
    """A question that stands in the thread of its run, with a way to wait for what becomes of it."""
    run = a_run(shelf)
    shelf.write(runs.place, run.id, thread_ts=northwind.posted("Ana started Market research"))
    review = asked_of(shelf, run, settings={"remind_after": 30})
    until = partial(Watch(shelf.store.engine).until, seconds=30)
    gate = Gate(lambda _team: northwind.client)
    questions = Questions(shelf.store, gate, lambda _review: "Ben", notify=print, patience=timedelta(0))
    try:
        questions.ask(review)
        until(lambda: fresh(shelf, review).message_ts is not None)
        yield questions, fresh(shelf, review), until
    finally:
        questions.close()
        gate.close()


def fresh(shelf: Shelf, review: Review) -> Review:
    return shelf.read(reviews.get, review.id, team=review.team)


def test_a_question_that_somebody_deleted_is_not_edited_for_ever(northwind: Northwind, shelf: Shelf) -> None:
    with asking(northwind, shelf) as (questions, review, until):
        northwind.slack.misbehave({"methods": {"chat.update": {"error": "message_not_found"}}})
        shelf.write(reviews.decide, review, Verdict.APPROVED, by=ANA, now=datetime.now(UTC))
        assert shelf.read(reviews.unshown, since=datetime.now(UTC))

        questions.catch_up()

        until(lambda: not shelf.read(reviews.unshown, since=datetime.now(UTC)))


def test_a_reminder_about_what_is_decided_meanwhile_is_not_said(northwind: Northwind, shelf: Shelf) -> None:
    with asking(northwind, shelf) as (questions, review, until):
        assert shelf.write(reviews.reminded, review)
        shelf.write(reviews.decide, fresh(shelf, review), Verdict.APPROVED, by=ANA, now=datetime.now(UTC))
        assert shelf.read(reviews.unreminded, since=datetime.now(UTC))

        questions.catch_up()

        until(lambda: not shelf.read(reviews.unreminded, since=datetime.now(UTC)))
    assert "still waits" not in str(northwind.messages(thread_ts=northwind.messages()[0]["ts"]))


def a_flow_s_run(shelf: Shelf) -> Execution:
    """One that goes on, and whose first picture is owed."""
    crew = shelf.crew(is_flow=True)
    frozen = flow(step("rest", "wait", seconds=60))
    run = shelf.write(runs.add, crew, frozen, {}, version=1, by=ANA, channel=RESEARCH)
    shelf.write(outbox.want, run.id, [outbox.PARENT, outbox.PROGRESS, "picture:start"])
    claimed = shelf.write(runs.claim, run.id, owner="here")
    assert claimed
    return claimed


@pytest.mark.parametrize("fault", FAULTS)
def test_a_picture_that_a_process_owed_is_drawn_by_the_next_one_once(
    fault: str, northwind: Northwind, shelf: Shelf
) -> None:
    northwind.slack.misbehave({"methods": {"files.completeUploadExternal": FAULTS[fault]}})
    run, gate = a_flow_s_run(shelf), Gate(lambda _team: northwind.client)
    until = partial(Watch(shelf.store.engine).until, seconds=30)
    draw = partial(of_run, Painter())
    feed = Feed(shelf.store, gate, bot_name="crew", notify=print, patience=timedelta(seconds=0.2), draw=draw)
    try:
        until(lambda: shelf.read(outbox.of_run, run.id)["picture:start"].state is Said.DONE)
    finally:
        feed.close()
        gate.close()
    [thread] = [northwind.messages(thread_ts=parent["ts"]) for parent in northwind.messages()]
    assert [file["name"] for each in thread for file in each.get("files", [])] == ["flow start.png"]
