"""Stopping a run: wherever it is, it ends soon, asks nothing more, and nobody else notices."""

from __future__ import annotations

import threading

import pytest

from bot.engine.llms import Models
from bot.engine.run import Stopped
from bot.events import TaskFailed
from store.crews import Process
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")


@pytest.fixture
def never() -> threading.Event:
    """A gate that the test leaves shut: what waits behind it can only be cut off."""
    return threading.Event()


def test_a_call_in_flight_is_cut_off(llm: ScriptedModel, models: Models, never: threading.Event) -> None:
    llm.when("Find").says("Too late.", after=never)
    definition = crew([agent("Ann")], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann")])
    run = Run(definition, models)
    llm.heard("Find")

    run.stop.set()

    assert isinstance(run.error(), Stopped)
    assert [told[:2] for told in run.told()] == [("TaskStarted", "Find")]
    assert len(llm.requests) == 1


def test_a_run_stopped_before_it_starts_asks_nothing(llm: ScriptedModel, models: Models) -> None:
    run = Run(one_task(), models, stopped=True)

    assert isinstance(run.error(), Stopped)
    assert llm.requests == []


def test_a_run_that_waits_for_a_busy_provider_is_stopped_too(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").fails(429, retry_after=29)
    run = Run(one_task(), models)
    llm.heard("Find")

    run.stop.set()

    assert isinstance(run.error(), Stopped)


def test_work_handed_to_a_colleague_is_cut_off(llm: ScriptedModel, models: Models, never: threading.Event) -> None:
    handed = {"task": "Dig deep.", "context": "None.", "coworker": "Ann"}
    llm.when("Find").calls_tool("delegate_work_to_coworker", handed).says("Managed.")
    llm.when("Dig deep.", "You are Ann").says("Too late.", after=never)
    run = Run(crew([agent("Ann")], [task("Find", "Find.", None)], process=Process.HIERARCHICAL), models)
    llm.heard("Dig deep.", "You are Ann")

    run.stop.set()

    assert isinstance(run.error(), Stopped)
    assert not any(isinstance(event, TaskFailed) for event in run.events)
    assert len(llm.requests) == 2


def test_others_on_the_same_connection_go_on(llm: ScriptedModel, models: Models, never: threading.Event) -> None:
    gate = threading.Event()
    llm.when("Find one").says("One.", after=never)
    llm.when("Find two").says("Two.", after=gate)
    one, two = Run(one_task("Find one."), models), Run(one_task("Find two."), models)
    llm.heard("Find one")
    llm.heard("Find two")

    one.stop.set()
    assert isinstance(one.error(), Stopped)
    gate.set()

    assert two.result() == "Two."
    assert Run(one_task("Find three."), models).result() == "This is the scripted answer."


def test_a_run_that_was_done_already_keeps_its_result(llm: ScriptedModel, models: Models) -> None:
    run = Run(one_task(), models)
    run.result()

    run.stop.set()

    assert run.result() == "This is the scripted answer."
