"""A provider that refuses for ever is asked a handful of times, wherever in a run it happens; the person reads why."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bot.engine.llms import Models
from store.crews import Process
from store.definitions import Definition
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.engine.test_failures import FOREVER, failure_of, host
from tests.support.scripted_model import Line, ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

SCHEMA = '{"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}'


def planned() -> Definition:
    return one_task().model_copy(update={"settings": one_task().settings.model_copy(update={"planning": True})})


def managed() -> Definition:
    return crew([agent("Ann")], [task("Find", "Find sources.", "Ann")], process=Process.HIERARCHICAL)


def handed_on() -> Definition:
    return crew([agent("Ann", allow_delegation=True), agent("Ben")], [task("Find", "Find sources.", "Ann")])


# Where a run asks a model besides its agents: the words that only that question has, and the crew.
PLACES: dict[str, tuple[str, Callable[[], Definition]]] = {
    "a task": ("Find sources.", one_task),
    "a guardrail": ("Three sources", lambda: one_task(settings={"guardrail": "Three sources."})),
    "the result as JSON": ("score", lambda: one_task(settings={"output_schema": SCHEMA})),
    "a plan before the first task": ("Find sources.", planned),
    "a manager": ("Find sources.", managed),
    "a colleague": ("Ben. Long in the job", handed_on),
}


def refuses(line: Line, how: int | None) -> None:
    _ = line.hangs_up(times=FOREVER) if how is None else line.fails(how, retry_after=0, times=FOREVER)


@pytest.mark.parametrize(
    ("how", "words"),
    [(429, "takes no more calls for now"), (500, "a failure of its own (500)"), (None, "Could not reach the model")],
)
@pytest.mark.parametrize("place", PLACES)
def test_a_provider_that_refuses_for_ever_is_given_up(
    place: str, how: int | None, words: str, llm: ScriptedModel, models: Models
) -> None:
    asked, definition = PLACES[place]
    if place == "a colleague":
        llm.when("Ann. Long in the job").calls_tool(
            "delegate_work_to_coworker", {"task": "Look.", "context": "All.", "coworker": "Ben"}
        )
    refuses(llm.when(asked), how)

    failure = failure_of(Run(definition(), models))

    assert words in failure.reason
    assert host(llm) in failure.reason
    refused = [request for request in llm.requests if asked in request.prompt]
    assert 1 <= len(refused) <= 3, len(refused)


def test_a_key_that_is_refused_is_tried_once(llm: ScriptedModel, models: Models) -> None:
    llm.when("Three sources").fails(401, times=FOREVER)

    failure = failure_of(Run(one_task(settings={"guardrail": "Three sources."}), models))

    assert "refused the key" in failure.reason
    assert len([request for request in llm.requests if "Three sources" in request.prompt]) == 1


def test_a_model_that_never_answers_is_given_up_after_one_call(llm: ScriptedModel, models: Models) -> None:
    models.seconds = 1
    llm.when("Find").says("Too late.", after=threading.Event())

    failure = failure_of(Run(one_task(), models))

    assert failure.reason == (
        f"The model at {host(llm)} did not answer within 1 seconds. Run it again, or give the task less to do."
    )
    assert len(llm.requests) == 1


def test_refusals_between_answers_are_forgiven(llm: ScriptedModel, models: Models) -> None:
    steps = [task(f"Step {number}", f"Take step {number}.", "Ann") for number in range(2)]
    for number in range(2):
        llm.when(f"Take step {number}.").fails(429, retry_after=0, times=2).says(f"Took {number}.")

    assert Run(crew([agent("Ann")], steps), models).result() == "Took 1."
