"""Exported projects run with CrewAI alone: in a process that knows nothing of ours, with the scripted model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bot.projects.classic_form import classic
from bot.projects.json_form import as_json
from bot.projects.writing import unpacked
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan
from store.more_settings import AgentSettings, TaskSettings
from tests.support.scripted_model import KEY, ScriptedModel

CREW = Definition(
    name="Market research",
    agents=[
        AgentPlan(name="Finder", role="Finder", goals=["Find {topic}"], backstory="Finds.", llm="openai/gpt-4o-mini"),
        AgentPlan(
            name="Writer",
            role="Writer",
            goals=["Write", "Be short"],
            backstory="Writes.",
            llm="openai/gpt-4o-mini",
            settings=AgentSettings(temperature=0.1),
        ),
    ],
    tasks=[
        TaskPlan(name="Find it", description="Find {topic} facts", expected_output="Facts", agent="Finder"),
        TaskPlan(name="Alone", description="Guess", expected_output="A guess", agent="Finder"),
        TaskPlan(
            name="Write up",
            description="Write it up",
            expected_output="Text",
            agent="Writer",
            context=["Find it"],
            settings=TaskSettings(markdown=True),
        ),
        TaskPlan(
            name="Score",
            description="Score everything",
            expected_output="A score",
            agent="Writer",
            settings=TaskSettings(
                uses_all=True,
                output_schema='{"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}',
            ),
        ),
    ],
)
MANAGED = CREW.model_copy(update={"process": Process.HIERARCHICAL, "manager": "Finder", "tasks": CREW.tasks[:1]})


def runs(code: str, folder: Path, llm: ScriptedModel) -> str:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT")}
    env = {
        **kept,
        "HOME": str(folder),
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": llm.base_url,
        "CREWAI_DISABLE_TELEMETRY": "true",
        "OTEL_SDK_DISABLED": "true",
        "CREWAI_TRACING_ENABLED": "false",
        "PYTHONPATH": str(folder / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def script(llm: ScriptedModel) -> None:
    llm.when("Find", "facts").says("Bees dance.")
    llm.when("Guess").says("Perhaps.")
    llm.when("Write it up").says("# Bees")
    llm.when("Score everything").says('{"score": 7}')


def prompts(llm: ScriptedModel, words: str) -> str:
    return next(request.prompt for request in llm.requests if words in request.prompt)


def test_the_classic_form_runs_alone(llm: ScriptedModel, tmp_path: Path) -> None:
    script(llm)
    folder = unpacked(classic(CREW), tmp_path / "project")

    said = runs("from market_research.main import run; print('RESULT', run())", folder, llm)

    assert '"score": 7' in said.partition("RESULT")[2].replace("'", '"')
    assert "Bees dance." not in prompts(llm, "Guess")
    assert "Bees dance." in prompts(llm, "Write it up")
    assert "Perhaps." not in prompts(llm, "Write it up")
    assert "# Bees" in prompts(llm, "Score everything")


def test_the_json_form_runs_alone(llm: ScriptedModel, tmp_path: Path) -> None:
    script(llm)
    folder = unpacked(as_json(CREW), tmp_path / "project")

    load = "from crewai.project.crew_loader import load_crew_and_kickoff; "
    said = runs(f"{load}print('RESULT', load_crew_and_kickoff('crew.jsonc'))", folder, llm)

    assert '"score": 7' in said.partition("RESULT")[2].replace("'", '"')
    assert "Perhaps." not in prompts(llm, "Write it up")


def test_a_crew_with_a_manager_can_be_built_alone(llm: ScriptedModel, tmp_path: Path) -> None:
    folder = unpacked(classic(MANAGED), tmp_path / "project")
    code = "from market_research.crew import MarketResearch; c = MarketResearch().crew(); "

    said = runs(f"{code}print(c.process.value, c.manager_agent.role, len(c.agents))", folder, llm)

    assert "hierarchical Finder 1" in said
