"""Every message of a run meets every fault: it is there once at the end, whatever Slack did meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.events import RunCompleted, RunResumed, RunStarted, TaskFile, TaskFinished, TaskStarted
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.progress.feed import Feed
from bot.slack.gate import Gate
from store import outbox, runs
from store.database import Store
from store.outbox import Said
from store.runs import Execution
from tests.slack.northwind import RESEARCH, Northwind
from tests.store.examples import Shelf

SOON = 30
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
    shelf.task(crew, "Find", agent_id=shelf.agent(crew).id)
    run = shelf.run(crew, thread_ts=None)
    shelf.sql("UPDATE executions SET channel = :channel", channel=RESEARCH)
    return shelf.read(runs.fetch, run.id)


def tells(northwind: Northwind, shelf: Shelf, run: Execution) -> list[str]:
    """A run from its announcement to its result, with a restart in between; what is there then."""
    gate = Gate(lambda _team: northwind.client)
    feed = Feed(shelf.store, gate, bot_name="crew", patience=timedelta(seconds=0.2))
    try:
        feed.announce(run, tell=print, then=lambda _: None)
        until(lambda: shelf.read(runs.fetch, run.id).thread_ts is not None)
        told = {"run_id": run.id, "task": "Find", "agent": "Researcher"}
        shelf.write(outbox.want, run.id, ["notice:2"], {"why": "restart", "task": "Find", "by": None})
        file = TaskFile(**told, name="links.md", content="Five links")
        for event in (
            RunStarted(run_id=run.id),
            TaskStarted(**told),
            RunResumed(run_id=run.id, task="Find", why="restart"),
            TaskFinished(**told, output="Five links"),
            file,
        ):
            feed(event)
        claimed = shelf.write(runs.claim, run.id, owner="here")
        assert claimed
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


def until(condition: Any) -> None:
    """Return once this holds."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


@pytest.mark.parametrize("nth", POSTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_message_is_there_once(fault: str, nth: int, northwind: Northwind, shelf: Shelf) -> None:
    northwind.slack.misbehave({"methods": {"chat.postMessage": {**FAULTS[fault], "after": nth}}})

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
