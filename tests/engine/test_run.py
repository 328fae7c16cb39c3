"""Runs that go well: what is asked, what is told, what comes out."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bot.engine.llms import Models
from bot.engine.run import EngineFailure, execute
from bot.events import ModelCalled, RunEvent, TaskFinished
from store.crews import Process
from store.definitions import Definition
from store.more_settings import AgentSettings
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

ROOT = Path(__file__).parents[2]


def test_a_run_is_told_task_by_task_in_the_definitions_own_names(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find sources").says("Three sources.")
    llm.when("Write it up").says("A report.")
    definition = crew(
        [agent("Ann", role="Senior researcher"), agent("Ben", role="Editor")],
        [task("Find", "Find sources.", "Ann"), task("Write", "Write it up.", "Ben", uses=["Find"])],
    )

    run = Run(definition, models, run_id=7)

    assert run.result() == "A report."
    asked = [request.prompt_tokens for request in llm.requests]
    assert run.told() == [
        ("TaskStarted", "Find", "Ann"),
        ("ModelCalled", "Find", "Ann", "openai/scripted", asked[0], 2, False, None),
        ("TaskFinished", "Find", "Ann", "Three sources."),
        ("TaskStarted", "Write", "Ben"),
        ("ModelCalled", "Write", "Ben", "openai/scripted", asked[1], 2, False, None),
        ("TaskFinished", "Write", "Ben", "A report."),
    ]
    assert {event.run_id for event in run.events} == {7}


def test_three_agents_on_one_model_count_each_token_once(llm: ScriptedModel, models: Models) -> None:
    people = ["Ann", "Ben", "Cem"]
    tasks = [task(f"Part {name}", f"Do the part of {name}.", name) for name in people]

    run = Run(crew([agent(name) for name in people], tasks), models)
    run.result()

    calls = [event for event in run.events if isinstance(event, ModelCalled)]
    assert [call.agent for call in calls] == people
    assert [call.prompt_tokens for call in calls] == [request.prompt_tokens for request in llm.requests]
    assert [call.completion_tokens for call in calls] == [5, 5, 5]


def test_a_task_is_given_exactly_the_results_it_depends_on(llm: ScriptedModel, models: Models) -> None:
    llm.when("Do one").says("RESULT-ONE")
    llm.when("Do two").says("RESULT-TWO")
    llm.when("Do three").says("RESULT-THREE")
    definition = crew(
        [agent("Ann")],
        [
            task("One", "Do one.", "Ann"),
            task("Two", "Do two.", "Ann"),
            task("Three", "Do three.", "Ann", uses=["One"]),
            task("Four", "Do four.", "Ann", uses=["One", "Three"]),
        ],
    )

    Run(definition, models).result()

    given = [[name for name in ("ONE", "TWO", "THREE") if f"RESULT-{name}" in r.prompt] for r in llm.requests]
    assert given == [[], [], ["ONE"], ["ONE", "THREE"]]


def test_prompts_hold_the_inputs_and_leave_every_other_brace_alone(llm: ScriptedModel, models: Models) -> None:
    ann = agent("Ann", role="{topic} expert", goals=["Know {topic}", "Be brief"], backstory='Speaks {"json": true}.')
    find = task("Find", 'About {topic}: answer {"topic": 1, "x": {}}.', "Ann", expected_output="Some {topic}.")

    Run(crew([ann], [find]), models, {"topic": "{other}", "other": "SECRET"}).result()

    prompt = llm.requests[0].prompt
    assert "You are {other} expert" in prompt
    assert "1. Know {other}\n2. Be brief" in prompt
    assert 'Speaks {"json": true}.' in prompt
    assert 'About {other}: answer {"topic": 1, "x": {}}.' in prompt
    assert "Some {other}." in prompt
    assert "SECRET" not in prompt


def test_a_crew_without_inputs_may_still_hold_json(llm: ScriptedModel, models: Models) -> None:
    Run(one_task('Answer {"a": {}}.'), models).result()

    assert 'Answer {"a": {}}.' in llm.requests[0].prompt


def test_a_model_may_write_braces_into_the_next_prompt(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").says("Use {curly} words.")
    definition = crew([agent("Ann")], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann", uses=["Find"])])

    Run(definition, models).result()

    assert "Use {curly} words." in llm.requests[1].prompt


def test_an_agent_keeps_its_own_temperature_and_length(llm: ScriptedModel, models: Models) -> None:
    definition = crew(
        [agent("Ann", settings=AgentSettings(temperature=0.9, max_tokens=77)), agent("Ben")],
        [task("One", "Do one.", "Ann"), task("Two", "Do two.", "Ben")],
    )

    Run(definition, models).result()

    first, second = (request.body for request in llm.requests)
    assert (first["temperature"], first["max_tokens"]) == (0.9, 77)
    assert not {"temperature", "max_tokens"} & set(second)


def test_a_long_answer_arrives_whole(llm: ScriptedModel, models: Models) -> None:
    long = "Line of words.\n" * 3500 + "End."
    llm.when("Find").says(long)
    definition = crew([agent("Ann")], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann", uses=["Find"])])

    run = Run(definition, models)
    run.result()

    finished = [event.output for event in run.events if isinstance(event, TaskFinished)]
    assert finished[0] == long
    # It fits the context of a model that CrewAI does not know: two tasks are two calls, and nothing was summarised.
    assert len(llm.requests) == 2
    assert long in llm.requests[1].prompt


def test_a_manager_hands_work_on_and_everything_belongs_to_the_task_in_progress(
    llm: ScriptedModel, models: Models
) -> None:
    handed = {"task": "Dig deep.", "context": "None.", "coworker": "Researcher"}
    llm.when("Find sources").calls_tool("delegate_work_to_coworker", handed).says("Managed.")
    llm.when("Dig deep.", "You are Researcher").says("Dug up.")
    definition = crew(
        [agent("Ann", role="Researcher"), agent("Ben", role="Editor")],
        [task("Find", "Find sources.", None), task("Write", "Write it up.", "Ben")],
        process=Process.HIERARCHICAL,
    )

    run = Run(definition, models)

    assert run.result() == "This is the scripted answer."
    assert [told[:3] for told in run.told()] == [
        ("TaskStarted", "Find", "Manager"),
        ("ModelCalled", "Find", "Manager"),
        ("ToolStarted", "Find", "Manager"),
        ("ModelCalled", "Find", "Ann"),
        ("ToolFinished", "Find", "Manager"),
        ("ModelCalled", "Find", "Manager"),
        ("TaskFinished", "Find", "Manager"),
        ("TaskStarted", "Write", "Manager"),
        ("ModelCalled", "Write", "Manager"),
        ("TaskFinished", "Write", "Manager"),
    ]
    assert "Dug up." in llm.requests[2].prompt


def test_two_agents_of_one_role_can_be_told_apart_by_colleagues(llm: ScriptedModel, models: Models) -> None:
    handed = {"task": "Dig deep.", "context": "None.", "coworker": "writer (Cem)"}
    llm.when("Find sources").calls_tool("delegate_work_to_coworker", handed).says("Done.")
    definition = crew(
        [agent("Ann", allow_delegation=True), agent("Ben", role="Writer"), agent("Cem", role=" writer ")],
        [task("Find", "Find sources.", "Ann")],
    )

    run = Run(definition, models)
    run.result()

    assert ("ModelCalled", "Find", "Cem") in [told[:3] for told in run.told()]


def test_ten_runs_of_one_definition_at_once_do_not_mix(llm: ScriptedModel, models: Models) -> None:
    topics = [f"topic-{number}-" for number in range(10)]
    for topic in topics:
        llm.when(f"Find {topic}").says(f"Sources on {topic}")
        llm.when(f"Write about {topic}").says(f"Report on {topic}")
    definition = crew(
        [agent("Ann"), agent("Ben")],
        [task("Find", "Find {topic}", "Ann"), task("Write", "Write about {topic}", "Ben", uses=["Find"])],
    )

    runs = [Run(definition, models, {"topic": topic}, run_id=number) for number, topic in enumerate(topics)]

    for number, (run, topic) in enumerate(zip(runs, topics, strict=True)):
        assert run.result() == f"Report on {topic}"
        assert [told[0] for told in run.told()] == ["TaskStarted", "ModelCalled", "TaskFinished"] * 2
        assert {event.run_id for event in run.events} == {number}
        outputs = [event.output for event in run.events if isinstance(event, TaskFinished)]
        assert outputs == [f"Sources on {topic}", f"Report on {topic}"]
    assert all(sum(topic in request.prompt for topic in topics) == 1 for request in llm.requests)


def test_a_listener_that_fails_does_not_harm_the_run(
    llm: ScriptedModel, models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    llm.when("Break").fails(400)

    def fail(event: RunEvent) -> None:
        raise OSError("The feed is full.")

    assert execute(one_task(), {}, run_id=1, models=models, emit=fail, stop=threading.Event())
    assert "task_started could not be told" in caplog.text
    with pytest.raises(EngineFailure):
        execute(one_task("Break."), {}, run_id=2, models=models, emit=fail, stop=threading.Event())
    assert "Run 2: its failure could not be told" in caplog.text


def test_twenty_runs_leave_no_thread_behind(models: Models) -> None:
    for _ in range(2):
        Run(one_task(), models).result()
    before = _threads()

    for _ in range(20):
        Run(one_task(), models).result()

    assert _threads() == before


def _threads() -> list[str]:
    """Without the pool of at most ten that CrewAI fills bit by bit, and the scripted model's own."""
    names = (thread.name for thread in threading.enumerate())
    return sorted(name for name in names if "CrewAISyncHandler" not in name and "process_request" not in name)


SILENT = """
import logging, sys, threading
from pathlib import Path
from bot.engine.hardening import harden
harden(Path(sys.argv[1]))
logging.getLogger().addHandler(logging.NullHandler())
from bot.engine.llms import Models
from bot.engine.run import EngineFailure, execute
from tests.engine.crews import one_task
from tests.support.scripted_model import ScriptedModel
with ScriptedModel() as llm:
    llm.when("Break").fails(400)
    models = Models("openai/scripted", Path(sys.argv[1]), llm.env())
    run = lambda words: execute(one_task(words), {}, run_id=1, models=models, emit=id, stop=threading.Event())
    run("Find")
    try:
        run("Break")
    except EngineFailure:
        sys.exit(7)
"""


def test_neither_a_good_run_nor_a_failed_one_prints_anything(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (crew([agent("Ann")], []), "Market research has no tasks yet. Add one and run it again."),
        (crew([], [task("Find", "Find.", None)]), "Market research has no agents yet. Add one and run it again."),
        (
            crew([agent("Ann")], [task("Find", "Find.", None)]),
            "The task “Find” has no agent. Choose who does it.",
        ),
        (
            crew([agent("Ann")], [task("Find", "Find.", "Zoe")]),
            "The task “Find” is for “Zoe”, who is not in the crew.",
        ),
        (
            crew([agent("Ann")], [task("One", "x", "Ann", uses=["Two"]), task("Two", "x", "Ann")]),
            "The task “One” uses the result of “Two”, which is not done before it. Change their order or what it uses.",
        ),
        (one_task("About {topic}."), "The input “topic” is missing. Run it again and fill it in."),
        (
            crew([agent("Ann", llm="nonsense/x")], [task("Find", "Find.", "Ann")]),
            "The agent “Ann” has no model to work with. There is no model provider called “nonsense”.",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_asked(
    definition: Definition, sentence: str, llm: ScriptedModel, models: Models
) -> None:
    run = Run(definition, models)

    error = run.error()

    assert isinstance(error, EngineFailure)
    assert error.reason.startswith(sentence)
    assert error.task is None
    assert run.events == []
    assert llm.requests == []
