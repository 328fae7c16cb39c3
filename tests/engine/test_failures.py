"""Runs that fail: how often the provider is asked, and what the person reads."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from bot.engine.failures import ModelRefused, reason
from bot.engine.llms import Models
from bot.engine.run import EngineFailure
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

FOREVER = 99


def failure_of(run: Run) -> EngineFailure:
    error = run.error()
    assert isinstance(error, EngineFailure)
    return error


def host(llm: ScriptedModel) -> str:
    return llm.base_url.removeprefix("http://").removesuffix("/v1")


def test_the_failed_task_is_named_and_told_once(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write").fails(400, error="No verbs, please.")
    definition = crew([agent("Ann")], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann")])

    run = Run(definition, models)

    failure = failure_of(run)
    assert failure.task == "Write"
    assert failure.reason == failure.sentence
    assert "No verbs, please." in failure.reason
    assert run.told()[-1] == ("TaskFailed", "Write", "Ann", failure.reason)
    assert [told[0] for told in run.told()].count("TaskFailed") == 1


@pytest.mark.parametrize(
    ("status", "requests", "sentence"),
    [
        (401, 1, "{host} refused the key for openai/scripted. Set a valid OPENAI_API_KEY and start Crewcall again."),
        (404, 1, "{host} does not know the model openai/scripted. Choose another model for the agent."),
        (402, 1, "The account at {host} has used up what it paid for. Check its billing, then run it again."),
        (429, 3, "{host} takes no more calls for now: too many at once. Wait a minute and run it again."),
        (503, 3, "{host} had a failure of its own (503). Run it again in a few minutes."),
    ],
)
def test_a_refusal_of_the_provider_is_said_plainly(
    status: int, requests: int, sentence: str, llm: ScriptedModel, models: Models
) -> None:
    llm.when("Find").fails(status, retry_after=0, times=FOREVER)

    assert failure_of(Run(one_task(), models)).reason == sentence.format(host=host(llm))
    assert len(llm.requests) == requests


def test_a_wrong_key_is_refused_without_being_shown(
    llm: ScriptedModel, engine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "sk-proj-abcdefghijklmnopqrstuvwxyz"
    llm.rejects = f"Incorrect API key provided: {wrong}."

    with caplog.at_level(logging.DEBUG):
        failure = failure_of(Run(one_task(), Models("openai/scripted", engine, llm.env() | {"OPENAI_API_KEY": wrong})))

    assert "Set a valid OPENAI_API_KEY" in failure.reason
    assert "Run 1 failed in task 'Find'" in caplog.text
    assert wrong not in caplog.text
    assert wrong not in repr(failure.__cause__)


def test_a_used_up_quota_is_not_mistaken_for_haste(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").fails(429, error="You exceeded your current quota.", times=FOREVER)

    assert "has used up what it paid for" in failure_of(Run(one_task(), models)).reason


def test_a_prompt_that_is_too_long_is_called_so(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").fails(400, error="This model's maximum context length is 10 tokens.", times=FOREVER)

    assert failure_of(Run(one_task(), models)).reason.startswith("The prompt is too long for openai/scripted.")


def test_a_recovery_of_crewais_that_came_to_nothing_is_no_answer(llm: ScriptedModel, models: Models) -> None:
    too_long = "This model's maximum context length is 10 tokens."
    llm.when("Find").fails(400, error=too_long).says("<summary>In short: find.</summary>").says("Found.")
    definition = crew([agent("Ann")], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann", uses=["Find"])])

    run = Run(definition, models)

    failure = failure_of(run)
    assert failure.reason.startswith("Ann came to no answer: too long a prompt")
    assert failure.task == "Find"
    assert [told[:2] for told in run.told()] == [
        ("TaskStarted", "Find"),
        ("ModelCalled", "Find"),
        ("RunTraced", "Find"),
        ("TaskFailed", "Find"),
    ]


@pytest.mark.parametrize("trouble", [503, 500, 429, None])
def test_passing_trouble_goes_unnoticed(trouble: int | None, llm: ScriptedModel, models: Models) -> None:
    line = llm.when("Find")
    _ = line.hangs_up() if trouble is None else line.fails(trouble, retry_after=0)
    line.says("Found.")

    run = Run(one_task(), models)

    assert run.result() == "Found."
    assert [told[0] for told in run.told()] == ["TaskStarted", "ModelCalled", "TaskFinished"]


def test_a_server_that_always_hangs_up_is_given_up(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").hangs_up(times=FOREVER)

    reason = failure_of(Run(one_task(), models)).reason

    assert reason == (
        f"Could not reach the model at {host(llm)}. Check that it runs and can be reached from the server."
    )
    assert len(llm.requests) == 3


def test_an_address_where_nobody_listens_is_named(engine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    nobody = Models("openai/scripted", engine, {"OPENAI_BASE_URL": f"http://{address}/v1"})

    assert f"Could not reach the model at {address}." in failure_of(Run(one_task(), nobody)).reason


def test_an_empty_answer_is_a_failure(llm: ScriptedModel, models: Models) -> None:
    llm.when("Find").says_nothing(times=FOREVER)

    assert failure_of(Run(one_task(), models)).reason == (
        "The model openai/scripted answered with nothing. Run it again, or choose another model for the agent."
    )


class Refusal(Exception):
    """An SDK's error, as far as we look at it."""

    def __init__(self, words: str, status_code: int | None = None) -> None:
        super().__init__(words)
        self.status_code = status_code


class APITimeoutError(Refusal):
    pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (APITimeoutError("Request timed out."), "did not answer within 120 seconds"),
        (Refusal("Your credit balance is too low", 400), "has used up what it paid for"),
        (Refusal("API key not valid. Please pass a valid API key.", 400), "refused the key"),
        (Refusal("registry.ollama.ai/library/x does not support tools", 400), "cannot use tools"),
        (Refusal("Response finished with content_filter"), "The content filter at Anthropic stopped the answer"),
        (Refusal("some/model is not a valid model ID", 400), "does not know the model"),
        (Refusal("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), "shows a certificate"),
        (Refusal("Overloaded", 529), "had a failure of its own (529)"),
        (Refusal("Strange things\nmore of them"), "The model call failed: Strange things"),
        (Refusal(""), "The model call failed: Refusal"),
        (
            Refusal("Error code: 418 - {'error': {'message': \"It’s no pot.\", 'type': 'odd'}}", 418),
            "The model call failed (HTTP 418): It’s no pot.",
        ),
        (Refusal("Key sk-ant-REDACTED is odd"), "The model call failed: Key … is odd"),
        (Refusal("Used the-secret-of-this-test"), "The model call failed: Used …"),
    ],
)
def test_what_other_providers_say_is_understood_too(error: Exception, words: str, tmp_path: Path) -> None:
    models = Models("anthropic/claude-x", tmp_path, {"ANTHROPIC_API_KEY": "the-secret-of-this-test"})

    assert words in reason(error, model="", models=models)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Error code: 429 - {'error': {'message': 'Slow down'}}", 429),
        ("503 UNAVAILABLE. {'error': {'code': 503}}", 503),
        ("Anthropic API error: HTTP 529", 529),
        ("It has 404 pages", None),
    ],
)
def test_the_status_is_read_from_what_crewai_tells_of_a_refusal(said: str, status: int | None) -> None:
    assert ModelRefused(said).status_code == status


def test_the_cause_behind_an_error_counts(tmp_path: Path) -> None:
    outer: Any = RuntimeError("Task execution failed")
    outer.__cause__ = Refusal("nope", 404)

    assert "does not know the model openai/x" in reason(outer, model="openai/x", models=Models("", tmp_path, {}))


def test_a_long_complaint_is_cut(tmp_path: Path) -> None:
    said = reason(Refusal("word " * 500), model="openai/x", models=Models("", tmp_path, {}))

    assert said.endswith("…")
    assert len(said) <= len("The model call failed: ") + 200
