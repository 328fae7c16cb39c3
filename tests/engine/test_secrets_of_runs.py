"""A model may say a key: nothing that is told of a run, and so nothing that is stored or shown, has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engine.llms import Models
from tests.engine.crews import Run, agent, crew, one_task, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

OURS, THEIRS = "the-key-of-a-tool", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


def test_no_event_and_no_result_has_a_secret(llm: ScriptedModel, engine: Path) -> None:
    models = Models("openai/scripted", engine, llm.env() | {"CREWCALL_TOOL_X": OURS})
    llm.when("Find").says(f"Found {OURS}.")
    llm.when("Write").says(f"Use {THEIRS}.")
    quoted = agent("Ann", settings={"verbose": True})

    run = Run(crew([quoted], [task("Find", "Find.", "Ann"), task("Write", "Write.", "Ann", uses=["Find"])]), models)

    assert run.result() == "Use …."
    told = str(run.told())
    assert "Found …." in told
    assert OURS not in told
    assert THEIRS not in told


def test_no_reason_has_a_secret(llm: ScriptedModel, engine: Path) -> None:
    models = Models("openai/scripted", engine, llm.env() | {"CREWCALL_TOOL_X": OURS})
    llm.when("Find").fails(400, error=f"Neither {OURS} nor {THEIRS} will do.")

    run = Run(one_task(), models)

    assert "Neither … nor … will do." in str(run.error())
    assert "Neither … nor … will do." in str(run.told())
