"""Flows that real runners work on: waiting until a time, trying again, and a process that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.engine.llms import Models
from bot.engine.memory import Stored
from bot.engine.run import execute
from bot.events import RunCompleted, RunEvent, RunFailed, RunResumed, RunWaiting
from bot.progress import messages
from bot.runner import Runner
from store import crews, finished, outbox, runs
from store.crews import CrewDraft
from store.database import Store
from store.definitions import Definition
from store.runs import Execution, RunState
from tests.support.flows import crew, flow, state, step
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

ROOT = Path(__file__).parents[1]
SOON = 30

# A process that works on what is queued, and says which events happen.
WORKS = """
import sys, threading
from pathlib import Path
from bot.engine.hardening import harden, tame
harden(Path(sys.argv[2])); tame()
from tests.test_flow_runs import runner
from store.database import Store
def say(event):
    print(type(event).__name__, getattr(event, "step", ""), flush=True)
held = runner(Store(sys.argv[1]), Path(sys.argv[2]), say)
held.enqueue(0)
threading.Event().wait()
"""


def runner(store: Store, data_dir: Path, emit: Any) -> Runner:
    models = Models("openai/scripted", data_dir, os.environ)

    def work(run: Execution, tell: Any, stop: threading.Event) -> str:
        memory = Stored(store, run)
        return execute(run.definition, run.inputs, run_id=run.id, models=models, emit=tell, stop=stop, memory=memory)

    return Runner(store, work, emit, workers=1, heartbeat=0.5, poll=0.05)


class Works:
    """A runner in this process, and what it tells."""

    def __init__(self, store: Store, data_dir: Path) -> None:
        self.store = store
        self.events: list[RunEvent] = []
        self._changed = threading.Condition()
        self.runner = runner(store, data_dir, self._hear)

    def _hear(self, event: RunEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def tells(self, kind: type[RunEvent]) -> Any:
        """The first event of this kind, as soon as it is told."""

        def found() -> RunEvent | None:
            return next((event for event in self.events if type(event) is kind), None)

        with self._changed:
            assert self._changed.wait_for(found, SOON), f"no {kind.__name__} in {self.events}"
            return found()


@pytest.fixture
def store(tables: bytes, tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "crewcall.db").write_bytes(tables)
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        yield store


@pytest.fixture
def works(store: Store, engine: Path, llm: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    for name, value in llm.env().items():
        monkeypatch.setenv(name, value)
    works = Works(store, engine)
    yield works
    works.runner.close()


def queue(store: Store, definition: Definition, **inputs: Any) -> Execution:
    with store.transaction() as session:
        stored = crews.add(session, CrewDraft(name=definition.name, is_flow=True), team="T0NORTHWIND", by="U0ANA")
        run = runs.add(session, stored, definition, inputs, version=1, by="U0ANA", channel="C0RESEARCH")
        # It has been announced, so it may begin.
        runs.place(session, run.id, thread_ts="1.1")
        return run


def now(store: Store, run: Execution) -> Execution:
    with store.reading() as session:
        return runs.fetch(session, run.id)


def test_a_flow_that_waits_goes_on_by_itself_when_its_time_has_come(store: Store, works: Works) -> None:
    definition = flow(
        step("pause", "wait", seconds=1),
        step("after", "set", "pause", value="state.n + 1", result="n"),
        state=state(n="integer"),
    )
    run = queue(store, definition, n=1)
    works.runner.enqueue(run.id)

    waiting = works.tells(RunWaiting)
    assert waiting.task == "Pause"
    assert works.tells(RunResumed).why == "time"
    assert works.tells(RunCompleted).result == "2"
    assert works.tells(RunCompleted).at >= waiting.until
    assert now(store, run).wake_at is None


def test_a_flow_that_failed_is_tried_again_from_the_failed_step(store: Store, works: Works, llm: ScriptedModel) -> None:
    llm.when("for First").says("F")
    llm.when("for Left").fails(400, times=1).says("L")
    llm.when("for Right").says("R")
    definition = flow(
        step("first", target="First"),
        step("left", "crew", "first", target="Left"),
        step("right", "crew", "first", target="Right"),
        step("both", "set", "left", "right", value="outputs.left.raw + outputs.right.raw", result="x"),
        state=state(x="string"),
        parts=[crew("First"), crew("Left"), crew("Right")],
    )
    run = queue(store, definition)
    works.runner.enqueue(run.id)
    assert works.tells(RunFailed).task == "Left"
    with store.reading() as session:
        assert sorted(key for key in finished.all_of(session, run.id) if "/" not in key) == ["step:first", "step:right"]

    with store.transaction() as session:
        assert runs.retry(session, run.id, by="U0ANA")
    works.runner.enqueue(run.id)

    assert works.tells(RunCompleted).result == "LR"
    assert works.tells(RunResumed).task == "Left"
    assert len(asked(llm, "First")) == len(asked(llm, "Right")) == 1
    assert now(store, run).status is RunState.COMPLETED


def test_a_process_killed_while_branches_go_on_leaves_nothing_to_be_done_twice(
    store: Store, engine: Path, llm: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    for name in ("First", "Left", "Both"):
        llm.when(f"for {name}").says(name[0])
    llm.when("Begin for Right").says("begun")
    llm.when("End for Right").says("R", after=released)
    definition = flow(
        step("first", target="First"),
        step("which", "decide", "first", rules=[{"when": "true", "outcome": "two"}], otherwise="none"),
        step("nothing", "set", "which/none", value="1", result="n"),
        step("left", "crew", "which/two", target="Left"),
        step("right", "crew", "which/two", target="Right"),
        step("both", "crew", "left", "right", target="Both"),
        parts=[crew("First"), crew("Left"), crew("Right", "Begin", "End"), crew("Both")],
        state=state(n="integer"),
    )
    run = queue(store, definition)
    environment = {**os.environ, **llm.env()}
    arguments = [sys.executable, "-c", WORKS, f"sqlite:///{tmp_path / 'crewcall.db'}", str(engine)]
    with subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "StepFinished left\n" in iter(process.stdout.readline, "")
        llm.heard("End for Right")
        process.kill()

    for name, value in llm.env().items():
        monkeypatch.setenv(name, value)
    released.set()
    works = Works(store, engine)
    works.runner.recover()

    assert works.tells(RunCompleted).result == "B"
    works.runner.close()
    resumed = works.tells(RunResumed)
    assert (resumed.why, resumed.task) == ("restart", "Right")
    with store.reading() as session:
        [notice] = [part for name, part in outbox.of_run(session, run.id).items() if name.startswith(outbox.NOTICE)]
    assert messages.notice(notice.payload).text == "The bot was restarted; going on with *Right*."
    assert [len(asked(llm, name)) for name in ("First", "Left", "Both")] == [1, 1, 1]
    assert len([each for each in asked(llm, "Right") if "Begin for Right" in each]) == 1
    assert now(store, run).crashes == 1


def asked(llm: ScriptedModel, name: str) -> list[str]:
    """The questions of the crew with this name."""
    return [request.prompt for request in llm.requests if f"for {name}" in request.prompt]
