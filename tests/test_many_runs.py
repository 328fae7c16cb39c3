"""Fifty runs at once, each with a secret word of its own: everybody gets their own, and nobody another’s."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.engine.llms import Models
from bot.engine.memory import Stored
from bot.engine.run import execute
from bot.events import RunCompleted, RunEvent
from bot.progress.feed import Feed
from bot.runner import Emit, Runner
from bot.slack.gate import Gate
from store import finished, logs, outbox, runs
from store.crews import CrewInstance
from store.database import Store
from store.runs import Execution, RunState
from tests.engine.crews import agent, crew, task
from tests.slack.northwind import RESEARCH, Northwind, northwind
from tests.store.examples import ANA, Shelf
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

MANY = 50
SOON = 90
WORDS = [f"marker-{number:02}-{number * 7919:06}" for number in range(MANY)]
TWO_TASKS = crew(
    [agent("Ann"), agent("Ben")],
    [task("Find", "Find {word}.", "Ann"), task("Write", "Write of {word}.", "Ben", uses=["Find"])],
)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        yield Shelf(store)


@pytest.fixture
def models(engine: Path, llm: ScriptedModel) -> Models:
    return Models("openai/scripted", engine, llm.env())


@pytest.fixture
def workspace() -> Iterator[Northwind]:
    with northwind(rate_limits=False) as workspace:
        yield workspace


def test_fifty_runs_at_once_do_not_mix(shelf: Shelf, workspace: Northwind, llm: ScriptedModel, models: Models) -> None:
    for word in WORDS:
        llm.when(f"Find {word}.").says(f"Found {word}")
        llm.when(f"Write of {word}.").says(f"All about {word}")
    made = shelf.crew()
    # In a thread that is there already: the channel takes one message a second, and a run waits for its own.
    thread_ts = workspace.posted("All of them")
    ids = [_started(shelf, made, word, thread_ts) for word in WORDS]
    done, over = set[int](), threading.Event()

    def work(run: Execution, emit: Emit, stop: threading.Event) -> str:
        memory = Stored(shelf.store, run)
        return execute(run.definition, run.inputs, run_id=run.id, models=models, emit=emit, stop=stop, memory=memory)

    def hear(event: RunEvent) -> None:
        feed(event)
        if isinstance(event, RunCompleted):
            done.add(event.run_id)
            if len(done) == MANY:
                over.set()

    gate = Gate(lambda _team: workspace.client)
    feed = Feed(shelf.store, gate, bot_name="crew", notify=print)
    runner = Runner(shelf.store, work, hear, workers=MANY)
    runner.recover()
    try:
        assert over.wait(SOON), f"only {len(done)} of {MANY} are done"
    finally:
        runner.close()
        feed.close()
        gate.close()

    for run_id, word in zip(ids, WORDS, strict=True):
        run = shelf.read(runs.fetch, run_id)
        kept = shelf.read(finished.all_of, run_id)
        said = " ".join(entry.message for entry in shelf.read(logs.of_run, run_id))
        assert (run.status, run.results) == (RunState.COMPLETED, f"All about {word}")
        assert [output["raw"] for output in kept.values()] == [f"Found {word}", f"All about {word}"]
        assert [each for each in WORDS if each in said] == [word]
    assert all(sum(word in request.prompt for word in WORDS) == 1 for request in llm.requests)
    assert len(llm.requests) == 2 * MANY
    for message in workspace.messages(thread_ts=thread_ts)[1:]:
        whose = WORDS[ids.index(message["metadata"]["event_payload"]["run_id"])]
        assert all(word == whose for word in WORDS if word in json.dumps(message))


def _started(shelf: Shelf, made: CrewInstance, word: str, thread_ts: str) -> int:
    with shelf.store.transaction() as session:
        inputs = {"word": word}
        run = runs.add(session, made, TWO_TASKS, inputs, version=1, by=ANA, channel=RESEARCH, thread_ts=thread_ts)
        outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
    return run.id
