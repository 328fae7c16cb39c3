"""How far the thread is behind its run, with one, two and many runs in a workspace that takes 50 edits a minute."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from bot.events import RunCompleted, RunEvent, RunStarted, TaskFinished, TaskStarted
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.progress.feed import Feed
from bot.slack.gate import Gate
from store import outbox, runs
from store.database import Store
from store.runs import Execution, RunState
from tests.benchmarks.measure import median, ms, table
from tests.engine.crews import agent, crew, task
from tests.local_slack.acting import Json
from tests.slack.northwind import RESEARCH, Northwind
from tests.store.examples import Shelf

TASKS = 8
SECONDS_A_TASK = 4.0
WORK = crew([agent("Ann")], [task(f"Part {number}", "Do it.", "Ann") for number in range(TASKS)])


@dataclass
class _Story:
    """A run as it goes, and when each of its tasks was finished."""

    run: Execution
    finished_at: list[float] = field(default_factory=list)
    ended_at: float = 0.0


def measure(_model: Mapping[str, str]) -> None:
    rows = [_row(number) for number in (1, 2, 5, 10)]
    head = ("runs at once", "behind, median", "behind, longest", "“Done” after", "edits a minute", "refused (429)")
    table(f"Progress of runs whose tasks take {SECONDS_A_TASK:.0f} s each", head, rows)


def _row(number: int) -> tuple[str, ...]:
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalSlack(manifest()) as slack,
        closing(Store(f"sqlite:///{Path(folder) / 'crewcall.db'}")) as store,
    ):
        store.upgrade()
        stories = [_Story(run) for run in _queued(Shelf(store), number)]
        began = time.monotonic()
        _tell(slack, store, stories)
        calls = slack.calls("chat.update")
        behind = [late for story in stories for late in _behind(store, story, calls)]
        done = [_first(calls, story.ended_at, _place(store, story)[0], ": Done") for story in stories]
        refused = sum(call["status"] == 429 for call in calls)
        minutes = (max(call["at"] for call in calls) - began) / 60
    ends = [at - story.ended_at for at, story in zip(done, stories, strict=True)]
    return (
        str(number), ms(median(behind)), ms(max(behind)), ms(max(ends)), f"{len(calls) / minutes:.0f}", str(refused)
    )  # fmt: skip


def _queued(shelf: Shelf, number: int) -> Iterator[Execution]:
    made = shelf.crew()
    for _ in range(number):
        run = shelf.write(runs.add, made, WORK, {}, version=1, by="U0ANA", channel=RESEARCH)
        shelf.write(outbox.want, run.id, [outbox.PARENT, outbox.PROGRESS])
        yield run


def _tell(slack: LocalSlack, store: Store, stories: list[_Story]) -> None:
    gate = Gate(lambda _team: Northwind(slack).client)
    feed = Feed(store, gate, bot_name="crew", notify=print)
    going = [threading.Thread(target=_go, args=(store, feed, story, index)) for index, story in enumerate(stories)]
    for thread in going:
        thread.start()
    for thread in going:
        thread.join()
    feed.close()
    gate.close(timeout=120)


def _go(store: Store, feed: Feed, story: _Story, index: int) -> None:
    there = threading.Event()
    feed.announce(story.run, tell=print, then=lambda _run_id: there.set())
    there.wait()
    with store.transaction() as session:
        claimed = runs.claim(session, story.run.id, owner="here")
    assert claimed
    # Runs are not in step with each other.
    time.sleep(SECONDS_A_TASK * (index * 0.37 % 1))
    for event in _events(story.run.id):
        feed(event)
        if isinstance(event, TaskStarted):
            time.sleep(SECONDS_A_TASK)
        if isinstance(event, TaskFinished):
            story.finished_at.append(time.monotonic())
    with store.transaction() as session:
        runs.finish(session, claimed, RunState.COMPLETED, results="Done.")
    story.ended_at = time.monotonic()
    feed(RunCompleted(run_id=story.run.id, result="Done."))


def _events(run_id: int) -> Iterator[RunEvent]:
    yield RunStarted(run_id=run_id)
    for plan in WORK.tasks:
        yield TaskStarted(run_id=run_id, task=plan.name, agent="Ann")
        yield TaskFinished(run_id=run_id, task=plan.name, agent="Ann", output="Done.")


def _behind(store: Store, story: _Story, calls: list[Json]) -> Iterator[float]:
    """Seconds from a task's end to the edit of the cards that first shows it, or more."""
    _, progress_ts = _place(store, story)
    for number, at in enumerate(story.finished_at, 1):
        shown = (call["at"] for call in calls if call["args"]["ts"] == progress_ts and _complete(call) >= number)
        yield min(shown) - at


def _complete(call: Json) -> int:
    return str(call["args"].get("blocks")).count("'status': 'complete'") if call["response"].get("ok") else 0


def _first(calls: list[Json], since: float, ts: str, words: str) -> float:
    return min(
        call["at"]
        for call in calls
        if call["at"] >= since and call["args"]["ts"] == ts and words in call["args"]["text"] and call["response"]["ok"]
    )


def _place(store: Store, story: _Story) -> tuple[str, str]:
    """Where the run's parent message and its progress are."""
    with store.reading() as session:
        parts = outbox.of_run(session, story.run.id)
    return parts[outbox.PARENT].ts or "", parts[outbox.PROGRESS].ts or ""
