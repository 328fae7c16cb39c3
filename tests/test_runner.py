"""How runs get their turn, end, are stopped, and survive whatever happens to the process that works on them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.engine.desk import Waiting
from bot.engine.run import EngineFailure, Stopped
from bot.engine.warmup import EngineUnavailable
from bot.events import (
    RunCancelled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunResumed,
    RunStarted,
    RunWaiting,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from bot.runner import Runner
from store import crews, finished, runs, tasks
from store.crews import CrewInstance
from store.database import Store
from store.runs import Execution, RunState
from tests.store.examples import ANA, BEN, NORTHWIND, Shelf

ROOT = Path(__file__).parents[1]
SOON = 10
Emit = Callable[[RunEvent], None]
Doing = Callable[[Emit, threading.Event], str]


def at_once(_emit: Emit, _stop: threading.Event) -> str:
    return "Done."


class Work:
    """What the runner is given to execute: each run does as the test says, or ends at once with “Done.”"""

    def __init__(self) -> None:
        self.given: dict[int, Execution] = {}
        self.order: list[int] = []
        self.going_on = self.most = 0
        self._doings: dict[int, Doing] = {}
        self._changed = threading.Condition()

    def of(self, run: Execution, does: Doing) -> None:
        self._doings[run.id] = does

    def __call__(self, run: Execution, emit: Emit, stop: threading.Event) -> str:
        with self._changed:
            self.given[run.id] = run
            self.order.append(run.id)
            self.going_on += 1
            self.most = max(self.most, self.going_on)
            self._changed.notify_all()
        try:
            return self._doings.get(run.id, at_once)(emit, stop)
        finally:
            with self._changed:
                self.going_on -= 1

    def begins(self, *these: Execution) -> None:
        """Return once work on these runs has begun."""
        with self._changed:
            assert self._changed.wait_for(lambda: {run.id for run in these} <= set(self.order), SOON)


class Heard:
    """Everything the runner tells, in order."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: RunEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, run: Execution) -> list[type[RunEvent]]:
        return [type(event) for event in self.events if event.run_id == run.id]

    def the(self, kind: type[RunEvent], run: Execution) -> Any:
        """The run's event of this kind, as soon as it is told."""

        def found() -> RunEvent | None:
            return next((event for event in self.events if type(event) is kind and event.run_id == run.id), None)

        with self._changed:
            assert self._changed.wait_for(found, SOON), f"no {kind.__name__} of run {run.id} in {self.events}"
            return found()


def finds(shelf: Shelf, run: Execution, emit: Emit) -> None:
    """Finish the first task."""
    found = {"raw": "Five links", "json": None, "agent": "Researcher", "skipped": False}
    assert shelf.write(finished.keep, stored(shelf, run), "task:Find sources", found)
    emit(TaskFinished(run_id=run.id, task="Find sources", agent="Researcher", output="Five links"))


def until(gate: threading.Event) -> Doing:
    """Work that ends when the test opens the gate."""

    def doing(_emit: Emit, _stop: threading.Event) -> str:
        assert gate.wait(SOON)
        return "Done."

    return doing


def until_stopped(_emit: Emit, stop: threading.Event) -> str:
    assert stop.wait(SOON)
    raise Stopped


def raising(error: BaseException) -> Doing:
    def doing(_emit: Emit, _stop: threading.Event) -> str:
        raise error

    return doing


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        yield Shelf(store)


@pytest.fixture
def crew(shelf: Shelf) -> CrewInstance:
    crew = shelf.crew()
    shelf.task(crew, "Find sources", agent_id=shelf.agent(crew).id)
    return crew


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def start(shelf: Shelf, work: Work, heard: Heard) -> Iterator[Callable[..., Runner]]:
    """Start a runner; it is closed at the end of the test."""
    started: list[Runner] = []

    def start(emit: Emit = heard, *, workers: int = 2, poll: float = 60.0, **options: Any) -> Runner:
        started.append(Runner(shelf.store, work, emit, workers=workers, poll=poll, **options))
        return started[-1]

    yield start
    for runner in started:
        runner.close()


@pytest.fixture
def runner(start: Callable[..., Runner]) -> Runner:
    return start()


def stored(shelf: Shelf, run: Execution) -> Execution:
    return shelf.read(runs.get, run.id, team=NORTHWIND)


# A run's turn


def test_a_run_is_worked_on_and_its_result_kept(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew, {"topic": "batteries"})

    def find(emit: Emit, _stop: threading.Event) -> str:
        emit(TaskStarted(run_id=run.id, task="Find sources", agent="Researcher"))
        finds(shelf, run, emit)
        return "Five links"

    work.of(run, find)
    runner.enqueue(run.id)

    assert heard.the(RunCompleted, run).result == "Five links"
    assert heard.of(run) == [RunStarted, TaskStarted, TaskFinished, RunCompleted]
    assert (work.given[run.id].definition, work.given[run.id].inputs) == (run.definition, {"topic": "batteries"})
    ended = stored(shelf, run)
    assert (ended.status, ended.results, ended.fence) == (RunState.COMPLETED, "Five links", 1)
    assert ended.seconds >= 0
    (task,) = shelf.read(tasks.list_all, crew.id, team=NORTHWIND)
    assert (task.status, task.result, task.version) == ("completed", "Five links", 1)
    noted = shelf.read(crews.get, crew.id, team=NORTHWIND)
    assert (noted.status, noted.version) == ("completed", 1)
    assert noted.last_executed is not None


def test_runs_wait_for_a_free_thread_and_begin_in_the_order_they_came(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    gate = threading.Event()
    many = [shelf.run(crew) for _ in range(6)]
    for run in many:
        work.of(run, until(gate))
    for run in many:
        runner.enqueue(run.id)

    work.begins(*many[:2])
    waiting = [stored(shelf, run).status for run in many[2:]]
    gate.set()
    for run in many:
        heard.the(RunCompleted, run)

    assert waiting == [RunState.QUEUED] * 4
    assert sorted(work.order[:2]) == [run.id for run in many[:2]]
    assert work.most == 2


def test_with_one_thread_the_order_is_exact(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner = start(workers=1)
    many = [shelf.run(crew) for _ in range(5)]
    for run in many:
        runner.enqueue(run.id)
    heard.the(RunCompleted, many[-1])

    assert work.order == [run.id for run in many]


def test_a_run_that_is_asked_for_twice_runs_once(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner, gate = start(workers=1), threading.Event()
    run, last = shelf.run(crew), shelf.run(crew)
    work.of(run, until(gate))
    for each in (run, run, last):
        runner.enqueue(each.id)
    work.begins(run)
    runner.enqueue(run.id)
    gate.set()
    heard.the(RunCompleted, last)
    runner.enqueue(run.id)
    runner.close()

    assert work.order == [run.id, last.id]
    assert heard.of(run) == [RunStarted, RunCompleted]


def test_a_run_that_another_process_has_taken_is_left_alone(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner = start(workers=1)
    taken, free = shelf.claimed(crew, owner="there"), shelf.run(crew)
    runner.enqueue(taken.id)
    runner.enqueue(free.id)
    heard.the(RunCompleted, free)

    assert heard.of(taken) == []
    assert work.order == [free.id]


# Being stopped


def test_a_run_that_waits_is_stopped_at_once(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner, gate = start(workers=1), threading.Event()
    busy, waiting, last = shelf.run(crew), shelf.run(crew), shelf.run(crew)
    work.of(busy, until(gate))
    for run in (busy, waiting, last):
        runner.enqueue(run.id)
    work.begins(busy)

    runner.stop(waiting, BEN)

    assert heard.the(RunCancelled, waiting).by == BEN
    assert (stored(shelf, waiting).status, stored(shelf, waiting).cancelled_by) == (RunState.CANCELLED, BEN)
    gate.set()
    heard.the(RunCompleted, last)
    assert work.order == [busy.id, last.id]
    assert heard.of(waiting) == [RunCancelled]


def test_a_run_that_nobody_has_asked_for_yet_can_be_stopped(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    runner.stop(run, ANA)
    runner.enqueue(run.id)
    runner.close()

    assert heard.of(run) == [RunCancelled]
    assert work.order == []


def test_a_run_that_goes_on_stops_at_its_next_step_and_keeps_what_is_done(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)

    def find(emit: Emit, stop: threading.Event) -> str:
        finds(shelf, run, emit)
        return until_stopped(emit, stop)

    work.of(run, find)
    runner.enqueue(run.id)
    heard.the(TaskFinished, run)

    runner.stop(stored(shelf, run), BEN)

    assert heard.the(RunCancelled, run).by == BEN
    ended = stored(shelf, run)
    assert (ended.status, ended.cancelled_by, ended.results) == (RunState.CANCELLED, BEN, None)
    assert shelf.read(tasks.list_all, crew.id, team=NORTHWIND)[0].result == "Five links"
    assert shelf.read(crews.get, crew.id, team=NORTHWIND).status == "cancelled"


def test_the_first_of_two_people_who_stop_a_run_is_named(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, lambda emit, stop: until_stopped(emit, stop) if both.wait(SOON) else "")
    both = threading.Event()
    runner.enqueue(run.id)
    work.begins(run)
    runner.stop(stored(shelf, run), BEN)
    runner.stop(stored(shelf, run), ANA)
    both.set()

    assert heard.the(RunCancelled, run).by == BEN


def test_a_stop_is_not_lost_when_the_run_begins_at_that_moment(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, until_stopped)
    runner.enqueue(run.id)
    work.begins(run)

    # Ben's button was drawn, and the run read, while it still waited.
    runner.stop(run, BEN)

    assert heard.the(RunCancelled, run).by == BEN


def test_a_stop_is_not_lost_when_it_comes_just_before_the_run_is_taken_up(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, until_stopped)

    runner.stop(run.model_copy(update={"status": RunState.RUNNING}), BEN)
    runner.enqueue(run.id)

    assert heard.the(RunCancelled, run).by == BEN


def test_a_run_that_is_done_before_it_notices_the_stop_is_done(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run, gate = shelf.run(crew), threading.Event()
    work.of(run, until(gate))
    runner.enqueue(run.id)
    work.begins(run)
    runner.stop(stored(shelf, run), BEN)
    gate.set()

    assert heard.the(RunCompleted, run).result == "Done."
    assert stored(shelf, run).cancelled_by is None


# Going wrong


def test_what_the_engine_says_of_a_failure_reaches_people(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)

    def fail(emit: Emit, _stop: threading.Event) -> str:
        emit(TaskFailed(run_id=run.id, task="Find sources", agent="Researcher", reason="No key."))
        raise EngineFailure(reason="No key.", task="Find sources")

    work.of(run, fail)
    runner.enqueue(run.id)

    failed = heard.the(RunFailed, run)
    assert (failed.reason, failed.task) == ("No key.", "Find sources")
    ended = stored(shelf, run)
    assert (ended.status, ended.error, ended.error_task) == (RunState.FAILED, "No key.", "Find sources")
    assert shelf.read(tasks.list_all, crew.id, team=NORTHWIND)[0].status == "failed"


def test_what_keeps_every_run_from_beginning_is_told_in_its_own_words(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, raising(EngineUnavailable(reason="chromadb is too old")))
    runner.enqueue(run.id)

    reason = heard.the(RunFailed, run).reason

    assert reason.startswith("CrewAI could not be loaded, so nothing can run: chromadb is too old.")
    assert stored(shelf, run).error == reason


def test_what_nobody_expected_is_logged_and_people_are_given_a_reference(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    run, next_run = shelf.run(crew), shelf.run(crew)
    work.of(run, raising(ZeroDivisionError("sk-secret")))
    runner.enqueue(run.id)

    reason = heard.the(RunFailed, run).reason
    words, _, reference = reason.rpartition("E-")

    assert words == "Something went wrong on our side. Reference "
    assert "sk-secret" not in reason
    assert stored(shelf, run).error == reason
    assert f"E-{reference.rstrip('.')}" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    runner.enqueue(next_run.id)
    heard.the(RunCompleted, next_run)


def test_a_listener_that_fails_does_not_end_the_run(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    def deaf(event: RunEvent) -> None:
        heard(event)
        raise RuntimeError("nobody listens")

    runner = start(deaf)
    run = shelf.run(crew)

    def find(emit: Emit, _stop: threading.Event) -> str:
        finds(shelf, run, emit)
        return "Five links"

    work.of(run, find)
    runner.enqueue(run.id)
    heard.the(RunCompleted, run)

    assert stored(shelf, run).status is RunState.COMPLETED
    assert shelf.read(tasks.list_all, crew.id, team=NORTHWIND)[0].result == "Five links"


def test_people_are_told_the_result_that_is_kept(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, lambda emit, stop: "Five\x00 links \ud83d")
    runner.enqueue(run.id)

    told = heard.the(RunCompleted, run).result

    assert told == stored(shelf, run).results == "Five links \N{REPLACEMENT CHARACTER}"


def test_the_run_of_a_crew_deleted_meanwhile_still_ends_well(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run, gate = shelf.run(crew), threading.Event()
    work.of(run, until(gate))
    runner.enqueue(run.id)
    work.begins(run)
    shelf.write(crews.remove, crew.id, team=NORTHWIND)
    gate.set()

    heard.the(RunCompleted, run)
    assert (stored(shelf, run).status, stored(shelf, run).crew_id) == (RunState.COMPLETED, None)


# Processes that die


def test_the_runs_of_a_dead_process_are_taken_over(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    dead, lively = shelf.claimed(crew, owner="there"), shelf.claimed(crew, owner="there")
    shelf.ages(dead, "heartbeat_at", 61)

    runner.recover()

    heard.the(RunCompleted, dead)
    assert heard.of(dead) == [RunResumed, RunCompleted]
    resumed = heard.the(RunResumed, dead)
    assert (resumed.task, resumed.why) == ("Find sources", "restart")
    now = stored(shelf, dead)
    # The dead process had the first hold, the takeover ended that, and this process has the third.
    assert (now.status, now.crashes, now.fence) == (RunState.COMPLETED, 1, 3)
    assert stored(shelf, lively).status is RunState.RUNNING
    assert work.order == [dead.id]


def test_the_runs_of_a_process_that_is_certainly_no_more_are_taken_over_at_once(
    shelf: Shelf, crew: CrewInstance, heard: Heard, runner: Runner
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from bot import processes; print(processes.name_of_this())"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as other:
        owner = other.communicate(timeout=SOON)[0].strip()
    dead = shelf.claimed(crew, owner=owner)

    runner.recover()

    heard.the(RunCompleted, dead)


def test_a_run_that_kills_its_process_three_times_stops_and_says_so(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.claimed(crew, owner="there")
    for _ in range(2):
        shelf.write(runs.hand_back, stored(shelf, run), died=True)
        shelf.write(runs.claim, run.id, owner="there")
    shelf.ages(run, "heartbeat_at", 61)

    runner.recover()

    reason = heard.the(RunFailed, run).reason
    assert reason == "The bot stopped 3 times while it worked on this run, so it does not try once more."
    assert work.order == []


def test_a_run_that_somebody_wanted_stopped_when_its_process_died_is_stopped(
    shelf: Shelf, crew: CrewInstance, heard: Heard, runner: Runner
) -> None:
    dead = shelf.claimed(crew, owner="there")
    shelf.ages(dead, "heartbeat_at", 61)
    runner.stop(dead, BEN)

    runner.recover()

    assert heard.the(RunCancelled, dead).by == BEN


def test_a_process_looks_after_its_own_runs_first_and_then_takes_over_others(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    gate = threading.Event()
    own, dead = shelf.run(crew), shelf.claimed(crew, owner="there")
    work.of(own, until(gate))
    runner = start(heartbeat=1)
    runner.enqueue(own.id)
    work.begins(own)

    shelf.ages(own, "heartbeat_at", 3_600)
    shelf.ages(dead, "heartbeat_at", 3_600)

    heard.the(RunResumed, dead)
    assert stored(shelf, own).status is RunState.RUNNING
    gate.set()
    heard.the(RunCompleted, own)


def test_a_run_whose_end_could_not_be_written_does_not_go_on_for_ever(
    shelf: Shelf, crew: CrewInstance, heard: Heard, start: Callable[..., Runner], caplog: pytest.LogCaptureFixture
) -> None:
    shelf.sql(
        "CREATE TRIGGER full BEFORE UPDATE ON executions WHEN NEW.status = 'completed' "
        "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    runner, run = start(heartbeat=0.05), shelf.run(crew)
    runner.enqueue(run.id)

    assert "does not try once more" in heard.the(RunFailed, run).reason
    assert "disk full" in caplog.text
    assert RunCompleted not in heard.of(run)


def test_the_end_of_a_run_that_was_taken_over_changes_nothing(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner, gate = start(workers=1), threading.Event()
    run, last = shelf.run(crew), shelf.run(crew)
    work.of(run, until(gate))
    runner.enqueue(run.id)
    runner.enqueue(last.id)
    work.begins(run)
    shelf.write(runs.finish, stored(shelf, run), RunState.FAILED, error="Taken over.")
    gate.set()
    heard.the(RunCompleted, last)

    assert heard.of(run) == [RunStarted]
    assert stored(shelf, run).error == "Taken over."


# Shutting down


def test_closing_hands_back_what_goes_on_and_leaves_what_waits_to_the_next_start(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner = start(workers=1)
    going, waiting = shelf.run(crew), shelf.run(crew)
    work.of(going, until_stopped)
    runner.enqueue(going.id)
    work.begins(going)

    runner.close()
    runner.enqueue(waiting.id)

    handed_back = stored(shelf, going)
    assert (handed_back.status, handed_back.crashes, handed_back.owner_process) == (RunState.QUEUED, 0, None)
    assert stored(shelf, waiting).status is RunState.QUEUED
    assert heard.of(going) == [RunStarted]
    work.of(going, at_once)
    start(workers=1).recover()
    heard.the(RunCompleted, going)
    heard.the(RunCompleted, waiting)
    assert heard.of(going) == [RunStarted, RunResumed, RunCompleted]


# Waiting for people


def test_a_run_that_waits_holds_no_thread_and_goes_on_when_it_is_answered(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner = start(workers=1)
    run, other = shelf.run(crew), shelf.run(crew)
    work.of(run, raising(Waiting("task:Find sources", "Find sources")))
    runner.enqueue(run.id)
    runner.enqueue(other.id)

    assert heard.the(RunWaiting, run).task == "Find sources"
    heard.the(RunCompleted, other)
    waits = stored(shelf, run)
    assert (waits.status, waits.waiting_for, waits.owner_process) == (RunState.WAITING, "Find sources", None)

    work.of(run, at_once)
    assert shelf.write(runs.wake, run.id)
    runner.enqueue(run.id)

    heard.the(RunCompleted, run)
    assert heard.of(run) == [RunStarted, RunWaiting, RunResumed, RunCompleted]
    assert heard.the(RunResumed, run).why == "answer"


def test_an_answer_that_comes_before_the_run_waits_for_it_is_not_lost(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)

    def ask(emit: Emit, _stop: threading.Event) -> str:
        assert not shelf.write(runs.wake, run.id)
        work.of(run, at_once)
        raise Waiting("task:Find sources", "Find sources")

    work.of(run, ask)
    runner.enqueue(run.id)

    heard.the(RunCompleted, run)
    assert heard.of(run) == [RunStarted, RunResumed, RunCompleted]


def test_a_run_that_waits_for_a_person_is_stopped_at_once(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, raising(Waiting("task:Find sources", "Find sources")))
    runner.enqueue(run.id)
    heard.the(RunWaiting, run)

    runner.stop(stored(shelf, run), BEN)

    assert heard.the(RunCancelled, run).by == BEN
    assert not shelf.write(runs.wake, run.id)


# Two processes


def test_a_run_that_another_process_works_on_is_stopped_there(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    here, run = start(poll=0.05), shelf.run(crew)
    work.of(run, until_stopped)
    here.enqueue(run.id)
    work.begins(run)
    there = start(workers=1)

    there.stop(stored(shelf, run), BEN)

    assert heard.the(RunCancelled, run).by == BEN
    assert heard.of(run) == [RunStarted, RunCancelled]


def test_work_on_a_run_that_was_taken_over_ends_without_a_word(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, start: Callable[..., Runner]
) -> None:
    runner, run, ended = start(heartbeat=60, workers=1), shelf.run(crew), threading.Event()

    def until_noticed(emit: Emit, stop: threading.Event) -> str:
        try:
            return until_stopped(emit, stop)
        finally:
            ended.set()

    work.of(run, until_noticed)
    runner.enqueue(run.id)
    work.begins(run)
    shelf.write(runs.hand_back, stored(shelf, run), died=True)
    taken = shelf.write(runs.claim, run.id, owner="there")
    runner.enqueue(run.id)

    assert ended.wait(SOON)
    runner.close()
    assert heard.of(run) == [RunStarted]
    assert taken
    assert stored(shelf, run).fence == taken.fence


def test_a_run_that_somebody_stopped_just_before_closing_says_who(
    shelf: Shelf, crew: CrewInstance, work: Work, heard: Heard, runner: Runner
) -> None:
    run = shelf.run(crew)
    work.of(run, until_stopped)
    runner.enqueue(run.id)
    work.begins(run)
    runner.stop(stored(shelf, run), BEN)
    runner.close()

    assert heard.the(RunCancelled, run).by == BEN
