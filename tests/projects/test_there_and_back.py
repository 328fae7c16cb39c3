"""Exporting and importing again: the same crew, whatever is in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.projects.classic_form import classic
from bot.projects.json_form import as_json
from bot.projects.reader import read
from bot.projects.source import Source, from_zip
from bot.projects.writing import Written, packed
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan, ToolPlan
from store.more_settings import AgentSettings, CrewSettings, ReviewSettings, TaskSettings
from tests.projects.conftest import Files, only_crew

Form = Callable[[Definition], Written]
FORMS = pytest.mark.parametrize("form", [classic, as_json], ids=["classic", "json"])

SEARCH = ToolPlan(id=0, name="Our search", tool_type="SerperDevTool", config={"n_results": 5})
OWN = ToolPlan(id=0, name="Our ledger", tool_type="ledger", config={"book": "A"})
RICH = Definition(
    name="Quarterly “report”: Q&A",
    description="What happened?\nAnd why.",
    settings=CrewSettings(planning=True, planning_llm="openai/gpt-4o", cache=True),
    agents=[
        AgentPlan(
            name="Market researcher",
            role="{topic} researcher",
            goals=["Find facts", "Name sources"],
            backstory="Reads.\n\n  - a lot\n",
            allow_delegation=True,
            llm="openai/gpt-4o",
            tools=["Our ledger", "Our search"],
            settings=AgentSettings(temperature=0.3, max_iter=9, verbose=True),
        ),
        AgentPlan(name="Écrivaine", role="Autrice", goals=["Écrire {topic}"], backstory="日本語", llm="local/small"),
        AgentPlan(name="écrivaine 2", role="r", goals=["g\nh"], backstory="b", llm="acme/gpt-x"),
    ],
    tasks=[
        TaskPlan(
            name="Find it!",
            description='{"a": "{topic}"} {{b}}',
            expected_output="Facts",
            agent="Market researcher",
        ),
        TaskPlan(
            name="Write it: up",
            description="Write\n",
            expected_output=" x ",
            agent="Écrivaine",
            context=["Find it!"],
            settings=TaskSettings(
                async_execution=True,
                markdown=True,
                guardrail="Polite.",
                guardrail_max_retries=1,
                output_file="report.md",
                review=ReviewSettings(agreeing=2),
            ),
        ),
        TaskPlan(
            name="Check",
            description="Check",
            expected_output="ok",
            agent=None,
            settings=TaskSettings(
                uses_all=True,
                condition='output.contains("x")',
                output_schema='{"type": "object", "properties": {"ok": {"type": "boolean"}}}',
            ),
        ),
        TaskPlan(name="No words", description="Alone", expected_output="ok", agent="écrivaine 2"),
    ],
    tools=[OWN, SEARCH],
)
MANAGED = RICH.model_copy(
    update={
        "process": Process.HIERARCHICAL,
        "manager": "Écrivaine",
        "settings": CrewSettings(),
        "tools": [],
        "agents": [agent.model_copy(update={"tools": []}) for agent in RICH.agents],
    }
)


def back(written: Written) -> Definition:
    [found] = read(from_zip(packed(written))).found
    assert found.undecided == found.left_out == found.troubles == []
    return found.definition


@FORMS
@pytest.mark.parametrize("definition", [RICH, MANAGED], ids=["rich", "managed"])
def test_an_export_comes_back_equal(form: Form, definition: Definition) -> None:
    assert back(form(definition)) == definition


@FORMS
def test_an_imported_project_exported_again_is_the_same_for_crewai_too(form: Form, classic: Files) -> None:
    first = only_crew(classic).definition
    written = form(first)
    # Without our own file there is only what CrewAI itself sees.
    plain = {path: text for path, text in written.files.items() if path != "crewcall.yaml"}
    again = read(Source(written.name, plain)).found[0].definition

    assert again.agents == first.agents
    assert again.tasks == first.tasks
    assert again.process == first.process


@FORMS
def test_no_key_leaves_the_house(form: Form) -> None:
    secret = ToolPlan(
        id=0, name="Browser", tool_type="BrowserbaseLoadTool", config={"api_key": "CREWCALL_TOOL_BROWSERBASE"}
    )
    agent = RICH.agents[0].model_copy(update={"tools": ["Browser"]})
    definition = RICH.model_copy(update={"agents": [agent, *RICH.agents[1:]], "tools": [secret]})
    written = form(definition)

    assert "OPENAI_API_KEY=\n" in written.files[".env.example"]
    assert back(written) == definition


def test_what_crewai_alone_cannot_do_is_said(classic: Files) -> None:
    readme = as_json(RICH).files["README.md"]

    assert "“Our ledger”" in readme
    assert "local/small" in readme
    assert "“Only if” needs Crewcall" in readme


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60).filter(
    str.strip
)
NAME = TEXT.map(lambda text: " ".join(text.split())).filter(bool)


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """Any crew that can be stored."""
    names = st.lists(NAME, min_size=1, max_size=4, unique_by=lambda name: name.casefold())
    agents = [
        AgentPlan(
            name=name,
            role=draw(TEXT),
            goals=draw(st.lists(TEXT, min_size=1, max_size=3)),
            backstory=draw(TEXT),
            allow_delegation=draw(st.booleans()),
            llm=draw(st.sampled_from(["", "openai/gpt-4o", "local/x", "acme/y"])),
            settings=AgentSettings(
                temperature=draw(st.sampled_from([None, 0, 0.5])),
                planning=draw(st.booleans()),
                max_iter=draw(st.integers(1, 50)),
            ),
        )
        for name in draw(names)
    ]
    tasks: list[TaskPlan] = []
    for name in draw(names):
        earlier = [task.name for task in tasks]
        tasks.append(
            TaskPlan(
                name=name,
                description=draw(TEXT),
                expected_output=draw(TEXT),
                agent=draw(st.sampled_from([None, *(agent.name for agent in agents)])),
                context=draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else [],
                settings=TaskSettings(
                    uses_all=draw(st.booleans()), markdown=draw(st.booleans()), guardrail=draw(TEXT | st.just(""))
                ),
            )
        )
    hierarchical = draw(st.booleans())
    return Definition(
        name=draw(NAME),
        description=draw(TEXT | st.just("")),
        process=Process.HIERARCHICAL if hierarchical else Process.SEQUENTIAL,
        manager=draw(st.sampled_from([None, agents[0].name])) if hierarchical else None,
        settings=CrewSettings(cache=draw(st.booleans()), planning=draw(st.booleans())),
        agents=agents,
        tasks=tasks,
    )


@FORMS
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(definition=definitions())
def test_any_crew_survives(form: Form, definition: Definition) -> None:
    assert back(form(definition)) == definition
