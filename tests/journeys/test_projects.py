"""A CrewAI project comes into Slack and goes out again."""

from __future__ import annotations

import io
import zipfile

import pytest

from bot.app import Crewcall
from tests.journeys.conftest import CrewMaker
from tests.projects.conftest import AGENTS, CREW, MAIN, TASKS
from tests.support.people import Person

PROJECT = {
    "news/src/news/config/agents.yaml": AGENTS,
    "news/src/news/config/tasks.yaml": TASKS,
    "news/src/news/crew.py": CREW.replace("tools=[SerperDevTool()]", "tools=[SerperDevTool(), Ledger()]"),
    "news/src/news/main.py": MAIN,
}


@pytest.fixture
def allowed_errors() -> set[str]:
    """The window that the ack announces may come after what replaces it; then it is replaced a moment later."""
    return {"not_found"}


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def test_a_project_is_looked_at_and_then_created(crewcall: Crewcall, ana: Person) -> None:
    ana.types("/crew import")
    ana.gives("Project", ("news.zip", zipped(PROJECT)))
    ana.submits()
    ana.sees("1 crew found.")
    ana.closes()

    ana.goes_to("Crew")
    ana.opens_thread("Nothing has been created yet")
    seen = ana.sees("Create it?")
    assert "Market News would be created." in seen
    assert "researcher: {topic} Senior Researcher" in seen
    assert "2. report by writer, uses research" in seen
    assert "tool Ledger of the agent “researcher”" in seen
    assert "SERPER_API_KEY" in seen
    ana.sees("picture.png")

    ana.presses("Create")
    ana.sees("Created Market News.")
    ana.presses("Open Market News")
    ana.sees("Market News", "researcher", "report")


def test_what_has_to_be_decided_is_asked_before_anything_is_created(
    crewcall: Crewcall, ana: Person, crew_of: CrewMaker
) -> None:
    crew_of.empty("Project")
    ana.types("/crew import")
    ana.gives("Project", ("agents.yaml", AGENTS), ("tasks.yaml", TASKS.replace("  agent: writer\n", "")))
    ana.submits()
    ana.sees("1 crew found.")
    ana.closes()
    ana.goes_to("Crew")
    ana.opens_thread("Nothing has been created yet")
    ana.presses("Decide and create")

    assert ana.options("Who does report?") == ["researcher", "writer"]
    ana.chooses("Who does report?", "writer")
    assert ana.field("There is already a crew called Project") == "Create it under a new name"
    ana.submits()

    ana.sees("Created Project 2.")


def test_what_is_no_project_is_refused_with_a_sentence(crewcall: Crewcall, ana: Person) -> None:
    ana.types("/crew import")
    ana.gives("Project", ("notes.yaml", "hello: world"))
    ana.submits()

    ana.sees("That didn’t work", "is not a CrewAI project")


def test_a_crew_is_sent_as_a_project(crewcall: Crewcall, ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Market research")
    ana.types("/crew export Market research form=cobol")
    ana.sees("There is no form called “cobol”. Use classic, json or flow.")
    ana.types("/crew export Market research form=json")
    ana.sees("on its way to you as a ZIP")

    ana.goes_to("Crew")
    ana.sees("market_research.zip")


def test_the_crew_page_sends_it_too(crewcall: Crewcall, ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Market research")
    ana.types("/crew edit Market research")
    ana.presses("Export")

    ana.sees("on its way to you as a ZIP")
