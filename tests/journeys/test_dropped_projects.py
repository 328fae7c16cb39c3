"""A project dropped into a message to the bot is looked at, and created when somebody says so."""

from __future__ import annotations

import pytest

from tests.journeys.test_projects import PROJECT, zipped
from tests.projects.conftest import AGENTS, TASKS
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


@pytest.fixture
def allowed_errors() -> set[str]:
    """The window that the ack announces may come after what replaces it; then it is replaced a moment later."""
    return {"not_found"}


def test_a_zip_in_a_direct_message_is_imported_in_its_thread(ana: Person) -> None:
    ana.goes_to("Crew")
    ana.attaches("news.zip", zipped(PROJECT))
    ana.types("")
    ana.opens_thread("news.zip")
    ana.sees("Nothing has been created yet", "Market News would be created.", "Create it?")

    ana.presses("Create")

    ana.sees("Created Market News.")
    ana.presses("Open Market News")
    ana.sees("Market News", "researcher", "report")


def test_the_files_of_a_project_are_asked_about_before_anything_is_created(ana: Person) -> None:
    ana.goes_to("Crew")
    ana.attaches("agents.yaml", AGENTS)
    ana.attaches("tasks.yaml", TASKS.replace("  agent: writer\n", ""))
    ana.types("import this")
    ana.opens_thread("agents.yaml")

    ana.presses("Decide and create")
    ana.chooses("Who does report?", "writer")
    ana.submits()

    ana.sees("Created Project.")


def test_in_a_channel_the_report_is_for_the_one_who_asked(ana: Person, ben: Person) -> None:
    ana.attaches("news.zip", zipped(PROJECT))
    ana.types("@Crew import")
    ana.sees("What I find comes in your direct messages with me.")
    assert not any("What I find" in said for said in ben.reads())

    ana.goes_to("Crew")
    ana.opens_thread("Nothing has been created yet")
    ana.sees("Market News would be created.")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("notes.yaml", b"hello: world", "is not a CrewAI project"),
        ("news.zip", b"PK\x03\x04 torn", "This is not a ZIP that can be read"),
        ("huge.zip", b"x" * 10_000_001, "“huge.zip” is too big: it has 11 MB, and I take files of up to 10 MB."),
    ],
)
def test_what_is_no_project_is_refused_with_a_sentence(ana: Person, name: str, content: bytes, sentence: str) -> None:
    ana.goes_to("Crew")
    ana.attaches(name, content)
    ana.types("")
    ana.opens_thread(name)

    ana.sees(sentence)


def test_without_a_file_the_limits_are_said_and_the_window_is_offered(ana: Person) -> None:
    ana.types("@Crew import")
    ana.sees("Send me the project", "At most 10 files of up to 10 MB each.")

    ana.presses("Import…")

    assert "Project" in ana.labels


def test_a_file_alone_that_is_no_project_is_asked_about(ana: Person) -> None:
    ana.goes_to("Crew")
    ana.attaches("tides.csv", "place;height\nBrest;7\n")
    ana.types("")

    ana.sees("Which crew is to work on it?")
