"""More settings in a run: what reaches CrewAI, and what comes of it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from bot.engine.build import Built, build
from bot.engine.llms import Models
from bot.engine.memory import Forgetful
from bot.engine.run import EngineFailure, Stopped
from bot.engine.schemas import schema_problem
from bot.events import ModelAnswered, TaskFailed, TaskFile, TaskFinished, TaskSkipped, TaskStarted
from store.crews import Process
from store.definitions import Definition
from store.more_settings import AgentSettings, CrewSettings, TaskSettings
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

SCORE = json.dumps(
    {"type": "object", "properties": {"score": {"type": "integer"}, "why": {"type": "string"}}, "required": ["score"]}
)


def built(models: Models, definition: Definition) -> Built:
    return build(definition, {}, models)


# --- Each field reaches CrewAI's object ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_iter", 7),
        ("planning", True),
        ("inject_date", True),
        ("respect_context_window", False),
        ("use_system_prompt", False),
        ("tool_failure_policy", "raise"),
    ],
)
def test_an_agents_setting_reaches_its_agent(models: Models, name: str, value: object) -> None:
    definition = crew([agent("Ann", settings=AgentSettings(**{name: value}))], [task("Find", "Find it.", "Ann")])

    assert getattr(built(models, definition).crew.agents[0], name) == value
    assert getattr(built(models, one_task()).crew.agents[0], name) != value


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0.3), ("top_p", 0.5), ("seed", 11), ("reasoning_effort", "low")]
)
def test_a_models_setting_is_asked_of_the_model(llm: ScriptedModel, models: Models, name: str, value: object) -> None:
    definition = crew([agent("Ann", settings=AgentSettings(**{name: value}))], [task("Find", "Find it.", "Ann")])
    Run(definition, models).result()

    assert llm.requests[0].body[name] == value


@pytest.mark.parametrize(("name", "value"), [("planning", True), ("planning_llm", "openai/scripted"), ("cache", True)])
def test_a_crews_setting_reaches_the_crew(models: Models, name: str, value: object) -> None:
    settings = CrewSettings(**{"planning": True, name: value})
    made = built(models, one_task().model_copy(update={"settings": settings})).crew

    assert (made.planning_llm.model == "scripted") if name == "planning_llm" else getattr(made, name) == value  # type: ignore[union-attr]


def test_a_crew_plans_before_its_first_task(llm: ScriptedModel, models: Models) -> None:
    plan = {"list_of_plans_per_task": [{"task_number": 1, "task": "Find", "plan": "First look, then think."}]}
    llm.when("step-by-step plan").says(json.dumps(plan))
    llm.when("First look, then think.").says("Found it.")
    run = Run(one_task().model_copy(update={"settings": CrewSettings(planning=True)}), models)

    assert run.result() == "Found it."
    assert (type(run.events[0]).__name__, run.events[0].agent) == ("ModelCalled", "Planner")  # type: ignore[attr-defined]


# --- The log and the clock -------------------------------------------------------------------------------------------


def test_the_answers_of_a_verbose_agent_are_told(llm: ScriptedModel, models: Models) -> None:
    llm.otherwise = "Forty-two."
    loud = crew([agent("Ann", settings=AgentSettings(verbose=True))], [task("Find", "Find it.", "Ann")])
    run, silent = Run(loud, models), Run(one_task(), models)
    run.result(), silent.result()

    assert [event.answer for event in run.events if isinstance(event, ModelAnswered)] == ["Forty-two."]
    assert not [event for event in silent.events if isinstance(event, ModelAnswered)]


def test_an_agent_that_takes_too_long_fails_the_task(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find it").says("Never heard.", after=threading.Event())
    slow = crew([agent("Ann", settings=AgentSettings(max_execution_time=1))], [task("Find", "Find it.", "Ann")])
    run = Run(slow, models)
    error = run.error()

    assert isinstance(error, EngineFailure)
    assert error.sentence == "Ann did not finish within its time limit of 1 seconds."
    assert error.task == "Find"
    assert [event.reason for event in run.events if isinstance(event, TaskFailed)] == [error.sentence]


# --- Tasks -----------------------------------------------------------------------------------------------------------


def test_a_task_asks_for_markdown(llm: ScriptedModel, models: Models) -> None:
    Run(one_task(settings=TaskSettings(markdown=True)), models).result()

    assert "Markdown" in llm.requests[0].prompt


def test_a_result_is_kept_as_a_file(llm: ScriptedModel, models: Models) -> None:
    llm.otherwise = "Three sources."
    memory = Forgetful()
    run = Run(one_task(settings=TaskSettings(output_file="sources.md")), models, memory=memory)
    run.result()

    [file] = [event for event in run.events if isinstance(event, TaskFile)]
    assert (file.task, file.name) == ("Find", "sources.md")
    assert memory.recall()["task:Find"]["file"] == "sources.md"
    assert not Path("sources.md").exists()


def test_a_result_as_json_is_the_json_alone(llm: ScriptedModel, models: Models) -> None:
    llm.otherwise = '{"score":7,"why":"It shines."}'
    run = Run(one_task(settings=TaskSettings(output_schema=SCORE)), models)

    assert json.loads(run.result()) == {"score": 7, "why": "It shines."}
    assert json.loads(next(event.output for event in run.events if isinstance(event, TaskFinished)))["score"] == 7


def test_a_result_that_is_no_json_fails_in_plain_words(llm: ScriptedModel, models: Models) -> None:
    llm.otherwise = "I would rather not."
    error = Run(one_task(settings=TaskSettings(output_schema=SCORE)), models).error()

    assert isinstance(error, EngineFailure)
    assert "did not fit the task’s JSON Schema" in error.sentence


def test_a_schema_that_is_none_is_refused_before_the_run(models: Models) -> None:
    error = Run(one_task(settings=TaskSettings(output_schema="{")), models).error()

    assert str(error).startswith("The task “Find” asks for a result as JSON that cannot be had.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "It must describe an object"),
        ('{"type": "object", "properties": {"a": {}}}', "Give “a” a type"),
        (
            '{"type": "object", "properties": {"a": {"type": "string"}}, "required": [["a"]]}',
            "“required” of the schema",
        ),
        ('{"type": "object", "properties": {"a b": {"type": "string"}}}', "“a b” cannot be the name"),
        ('{"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}', "“pattern” cannot be used"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said(text: str, problem: str) -> None:
    assert (schema_problem(text) or "").startswith(problem)


def test_a_guardrail_sends_a_result_back_until_it_holds(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find sources").says("A short one.").says("A much longer one.")
    judge = llm.when("complies with the given guardrail")
    judge.says(json.dumps({"valid": False, "feedback": "It is too short."}))
    judge.says(json.dumps({"valid": True, "feedback": None}))
    run = Run(one_task(settings=TaskSettings(guardrail="At least {least} words.")), models, {"least": 4})

    assert run.result() == "A much longer one."
    assert "At least 4 words." in llm.requests[1].prompt
    assert "It is too short." in "".join(request.prompt for request in llm.requests)
    assert {event.task for event in run.events} == {"Find"}  # type: ignore[attr-defined]


def test_a_guardrail_that_never_holds_fails_in_plain_words(llm: ScriptedModel, models: Models) -> None:
    llm.when("complies with the given guardrail").says(json.dumps({"valid": False, "feedback": "A timeout of 404."}))
    error = Run(one_task(settings=TaskSettings(guardrail="Good.", guardrail_max_retries=1)), models).error()

    assert isinstance(error, EngineFailure)
    assert error.sentence.startswith("The result still broke its guardrail after the last try.")
    assert error.task == "Find"


# --- Conditions ------------------------------------------------------------------------------------------------------


def two_tasks(condition: str) -> Definition:
    second = task("Write", "Write it up.", "Ann", uses=["Find"], settings=TaskSettings(condition=condition))
    third = task("Check", "Check it all.", "Ann", uses=["Find", "Write"])
    return crew([agent("Ann")], [task("Find", "Find sources.", "Ann"), second, third])


def test_a_task_whose_condition_holds_is_done(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find sources").says("urgent: three sources")
    run = Run(two_tasks('output.contains("urgent") && size(outputs["Find"]) > 5'), models)
    run.result()

    assert [event.task for event in run.events if isinstance(event, TaskStarted)] == ["Find", "Write", "Check"]


def test_a_task_whose_condition_does_not_hold_is_left_out(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find sources").says('{"score": 3}')
    llm.when("Check it all").says("Checked.")
    run = Run(two_tasks('data["Find"].score > 5'), models)

    assert run.result() == "Checked."
    assert [event.task for event in run.events if isinstance(event, TaskStarted)] == ["Find", "Check"]
    assert [event.task for event in run.events if isinstance(event, TaskSkipped)] == ["Write"]


def test_a_condition_without_an_answer_says_which_and_why(models: Models) -> None:
    error = Run(two_tasks('data["Find"].score > 5'), models).error()

    assert str(error).startswith("Nothing decides whether “Write” runs: there is no “Find” to look at.")


# --- Results of earlier tasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uses_all", "uses", "told"),
    [(False, [], set()), (True, [], {"Two.", "Three."}), (True, ["Find two"], {"Two."})],
    ids=["nothing", "everything before", "what is chosen"],
)
def test_a_task_is_given_what_it_uses(
    llm: ScriptedModel, models: Models, uses_all: bool, uses: list[str], told: set[str]
) -> None:
    llm.when("Find two things").says("Two.")
    llm.when("Find three things").says("Three.")
    llm.when("Sum it up").says("Summed.")
    settings = TaskSettings(uses_all=uses_all)
    last = task("Sum", "Sum it up.", "Ann", uses=uses, settings=settings)
    first = [task("Find two", "Find two things.", "Ann"), task("Find three", "Find three things.", "Ann")]
    Run(crew([agent("Ann")], [*first, last]), models).result()

    [asked] = [request.prompt for request in llm.requests if "Sum it up" in request.prompt]
    assert {word for word in ("Two.", "Three.") if word in asked} == told


# --- At the same time ------------------------------------------------------------------------------------------------


def at_once(**more: Any) -> Definition:
    both = [
        task(name, f"Do {name} now.", "Ann", settings=TaskSettings(async_execution=True)) for name in ("one", "two")
    ]
    return crew([agent("Ann", **more)], [*both, task("Join", "Join them.", "Ann", uses=["one", "two"])])


def test_one_agent_does_two_tasks_at_the_same_time(llm: ScriptedModel, models: Models) -> None:
    held = threading.Event()
    llm.when("Do one now").says("First.", after=held)
    llm.when("Do two now").says("Second.", after=held)
    llm.when("Join them").says("Joined.")
    run = Run(at_once(), models)
    llm.heard("Do one now"), llm.heard("Do two now")
    held.set()

    assert run.result() == "Joined."
    assert {(event.task, event.output) for event in run.events if isinstance(event, TaskFinished)} == {
        ("one", "First."),
        ("two", "Second."),
        ("Join", "Joined."),
    }
    assert {event.agent for event in run.events} == {"Ann"}  # type: ignore[attr-defined]
    assert "First." in llm.heard("Join them").prompt


def test_of_two_tasks_at_the_same_time_the_one_that_failed_is_named(llm: ScriptedModel, models: Models) -> None:
    held, both = threading.Event(), threading.Event()
    llm.when("Do one now").says("Never heard.", after=held)
    llm.when("Do two now").fails(401, times=9, after=both)
    run = Run(at_once(), models)
    llm.heard("Do one now"), llm.heard("Do two now")
    both.set()
    error = run.error()
    held.set()

    assert isinstance(error, EngineFailure)
    assert error.task == "two"


def test_a_stop_ends_all_that_is_done_at_the_same_time(llm: ScriptedModel, models: Models) -> None:
    held = threading.Event()
    llm.when("Do one now").says("Never heard.", after=held)
    llm.when("Do two now").says("Never heard.", after=held)
    run = Run(at_once(), models)
    llm.heard("Do one now"), llm.heard("Do two now")
    run.stop.set()

    assert isinstance(run.error(), Stopped)
    told = len(run.events)
    held.set()
    assert [event for event in run.events if isinstance(event, TaskFinished)] == []
    assert len(run.events) == told


def test_a_copy_that_works_at_the_same_time_hands_no_work_on(models: Models) -> None:
    made = built(models, at_once(allow_delegation=True)).crew

    assert [bool(task.agent and task.agent.allow_delegation) for task in made.tasks] == [False, False, True]
    assert len({id(task.agent) for task in made.tasks}) == 3


# --- Managers --------------------------------------------------------------------------------------------------------


def test_an_agent_of_the_crew_manages_it(llm: ScriptedModel, models: Models) -> None:
    work = {"task": "Look for sources", "context": "All of them", "coworker": "Ben"}
    llm.when("Find sources").calls_tool("delegate_work_to_coworker", work).says("Ben found three.")
    llm.when("Look for sources").says("Three sources.")
    definition = crew(
        [agent("Ann"), agent("Ben")], [task("Find", "Find sources.", "Ann")], process=Process.HIERARCHICAL
    ).model_copy(update={"manager": "Ann"})
    run = Run(definition, models)

    assert run.result() == "Ben found three."
    assert next(event.agent for event in run.events if isinstance(event, TaskStarted)) == "Ann"
    assert "Ben" in {event.agent for event in run.events}  # type: ignore[attr-defined]


def test_a_manager_has_a_model_of_its_own(llm: ScriptedModel, models: Models) -> None:
    definition = crew([agent("Ann")], [task("Find", "Find sources.", None)], process=Process.HIERARCHICAL)
    Run(
        definition.model_copy(update={"settings": CrewSettings(manager_llm="openai/manager")}),
        models,
    ).result()

    assert llm.requests[0].body["model"] == "manager"
