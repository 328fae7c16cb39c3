"""Runs that go on: what is finished is not done again, whatever kind of crew it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bot.engine.llms import Models
from bot.engine.memory import Forgetful, Output, TakenOver, Within
from bot.engine.run import EngineFailure, execute
from bot.events import RunEvent, TaskFinished, TaskSkipped, TaskStarted
from store.crews import Process
from store.definitions import Definition
from store.more_settings import CrewSettings, TaskSettings
from tests.engine.crews import agent, crew, task
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")


def go(definition: Definition, models: Models, memory: Forgetful, emit: Any = None) -> str:
    """Carry out a run, or what is left of it."""
    events: list[RunEvent] = []
    return execute(
        definition,
        {},
        run_id=1,
        models=models,
        emit=emit or events.append,
        stop=threading.Event(),
        memory=memory,
    )


def three(process: Process = Process.SEQUENTIAL, **write: Any) -> Definition:
    """Find, sift and write, each with what came before."""
    by = "Ann" if process is Process.SEQUENTIAL else None
    return crew(
        [agent("Ann")],
        [
            task("Find", "Find it.", by),
            task("Sift", "Sift it.", by, uses=["Find"]),
            task("Write", "Write it.", by, uses=["Find", "Sift"], **write),
        ],
        process=process,
    )


def asked(llm: ScriptedModel, *words: str) -> int:
    """How often the model was asked about a task with these words."""
    return sum(all(word in request.prompt for word in words) for request in llm.requests)


@pytest.mark.parametrize("process", list(Process))
def test_a_run_goes_on_after_what_is_finished_and_uses_it(llm: ScriptedModel, models: Models, process: Process) -> None:
    llm.when("Find it.").says("FOUND")
    llm.when("Sift it.").says("SIFTED")
    llm.when("Write it.").fails(400).says("WRITTEN")
    memory = Forgetful()
    with pytest.raises(EngineFailure):
        go(three(process), models, memory)
    told: list[RunEvent] = []

    assert go(three(process), models, memory, told.append) == "WRITTEN"

    assert [llm.heard(words) and asked(llm, f"Current Task: {words}") for words in ("Find it.", "Sift it.")] == [1, 1]
    last = llm.requests[-1].prompt
    assert "FOUND" in last
    assert "SIFTED" in last
    assert [event.task for event in told if isinstance(event, TaskStarted)] == ["Write"]


def test_a_run_of_which_everything_is_finished_asks_nobody(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("WRITTEN")
    memory = Forgetful()
    go(three(), models, memory)
    before = len(llm.requests)

    assert go(three(), models, memory) == "WRITTEN"
    assert len(llm.requests) == before


def test_of_tasks_at_the_same_time_only_the_unfinished_is_done_again(llm: ScriptedModel, models: Models) -> None:
    at_once = TaskSettings(async_execution=True)
    definition = crew(
        [agent("Ann"), agent("Ben")],
        [
            task("Left", "Look left.", "Ann", settings=at_once),
            task("Right", "Look right.", "Ben", settings=at_once),
            task("Join", "Join it.", "Ann", uses=["Left", "Right"]),
        ],
    )
    llm.when("Look right.").says("RIGHT")
    llm.when("Look left.").says("LEFT")
    llm.when("Join it.").says("JOINED")
    kept: Output = {"raw": "RIGHT AS IT WAS", "json": None, "agent": "Ben", "skipped": False}

    # The second of the two had finished when the first was interrupted.
    assert go(definition, models, Forgetful({"task:Right": kept})) == "JOINED"

    assert asked(llm, "Current Task: Look right.") == 0
    assert asked(llm, "Current Task: Look left.") == 1
    assert "RIGHT AS IT WAS" in llm.requests[-1].prompt


def test_a_condition_is_decided_once(llm: ScriptedModel, models: Models) -> None:
    only_if = TaskSettings(condition='output.contains("urgent")')
    definition = crew(
        [agent("Ann")],
        [
            task("Find", "Find it.", "Ann"),
            task("Warn", "Warn them.", "Ann", settings=only_if),
            task("Write", "Write it.", "Ann"),
        ],
    )
    llm.when("Find it.").says("Nothing.")
    llm.when("Write it.").fails(400).says("WRITTEN")
    memory, told = Forgetful(), list[RunEvent]()
    with pytest.raises(EngineFailure):
        go(definition, models, memory, told.append)
    assert [event.task for event in told if isinstance(event, TaskSkipped)] == ["Warn"]
    again: list[RunEvent] = []

    assert go(definition, models, memory, again.append) == "WRITTEN"

    assert [event for event in again if isinstance(event, TaskSkipped)] == []
    assert asked(llm, "Warn them.") == 0


def test_a_result_as_json_is_json_again(llm: ScriptedModel, models: Models) -> None:
    schema = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
    definition = three(settings=TaskSettings(output_schema=schema))
    llm.when("Write it.").says('{"city": "Oslo"}')
    memory = Forgetful()
    first = go(definition, models, memory)

    assert memory.recall()["task:Write"]["json"] == {"city": "Oslo"}
    assert go(definition, models, memory) == first


def test_a_plan_is_made_once(llm: ScriptedModel, models: Models) -> None:
    kept = {"Find": "Find it. Look in the library first.", "Sift": "Sift it.", "Write": "Write it."}
    definition = three().model_copy(update={"settings": CrewSettings(planning=True)})
    llm.when("Write it.").says("WRITTEN")

    assert go(definition, models, Forgetful({"plan": kept})) == "WRITTEN"

    assert "Look in the library first." in llm.requests[0].prompt
    assert len(llm.requests) == 3


class Elsewhere(Forgetful):
    """The memory of a run that another process has taken."""

    def keep(self, key: str, output: Output) -> None:
        raise TakenOver


class Broken(Forgetful):
    """A memory whose database does not answer."""

    def keep(self, key: str, output: Output) -> None:
        raise OSError("disk full")


def test_a_run_that_was_taken_over_stops_and_says_nothing_more(llm: ScriptedModel, models: Models) -> None:
    told: list[RunEvent] = []

    with pytest.raises(TakenOver):
        go(three(), models, Elsewhere(), told.append)

    assert not [event for event in told if isinstance(event, TaskFinished)]
    assert asked(llm, "Sift it.") == 0


def test_a_run_that_cannot_be_remembered_does_not_go_on(
    llm: ScriptedModel, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(EngineFailure, match="could not be stored"):
        go(three(), models, Broken())

    assert asked(llm, "Sift it.") == 0
    assert "disk full" in caplog.text


def test_a_crew_within_a_flow_has_a_memory_of_its_own() -> None:
    whole = Forgetful({"task:Find": {"raw": "of another"}})
    part = Within(whole, "step:draft/")

    part.keep("task:Find", {"raw": "of the step"})

    assert part.recall() == {"task:Find": {"raw": "of the step"}}
    assert set(whole.recall()) == {"task:Find", "step:draft/task:Find"}
