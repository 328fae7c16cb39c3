"""Looking back: the list of runs with its filters, one run's page, and its log as a file."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.past import Past
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel


def runs(person: Person, name: str, **inputs: str) -> None:
    """Run a crew and wait for its end."""
    given = " ".join(f"{key}={value}" for key, value in inputs.items())
    person.types(f'/crew run "{name}" {given}')
    person.reads_thread(of=f"topic: {inputs['topic']}" if inputs else f"{name} · ", until="Run again")


@pytest.fixture
def history(ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    """Ana ran Good news; Ben ran Bad news, which failed, and Other news."""
    crew_of("Good news", "Find the good news.")
    crew_of("Other news", "Find other news.")
    crew_of("Bad news", "Find the bad news.")
    llm.when("Find the bad news.").fails(401)
    runs(ana, "Good news")
    runs(ben, "Bad news")
    runs(ben, "Other news")


def sees_listed(person: Person, *crews: str) -> None:
    """Wait until the list has just these crews."""

    def as_wanted() -> bool:
        lines = person.reads()[-1].splitlines()
        return [line for line in lines if line in ("Good news", "Bad news", "Other news")] == list(crews)

    person.waits(as_wanted, f"a list of {crews}")


def test_the_list_is_narrowed_by_state_crew_and_person(ana: Person, history: None) -> None:
    ana.types("/crew runs")
    sees_listed(ana, "Other news", "Bad news", "Good news")

    ana.selects("State", "Failed")
    sees_listed(ana, "Bad news")
    ana.selects("State", "Done")
    sees_listed(ana, "Other news", "Good news")

    ana.selects("Started by", "Ben Okafor")
    sees_listed(ana, "Other news")
    ana.selects("Crew", "Bad news")
    sees_listed(ana)
    ana.sees("No run is like this.")

    ana.presses("All runs")
    sees_listed(ana, "Other news", "Bad news", "Good news")
    ana.presses("Mine")
    sees_listed(ana, "Good news")


def test_the_list_turns_pages_and_comes_back(ana: Person, crew_of: CrewMaker, past: Past) -> None:
    crew = crew_of("Good news", "Find the good news about {topic}.")
    for _ in range(10):
        past.failed(crew, by=ana.id)

    ana.types("/crew runs good")
    ana.sees("Older")
    ana.presses("Older")
    ana.sees("Newest")
    assert "Older" not in ana.reads()[-1]

    ana.presses("Newest")
    ana.sees("Older")


def test_a_runs_page_has_its_inputs_results_log_and_a_link_to_its_thread(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They come and go.")
    runs(ana, "Market research", topic="tides")

    ana.types("/crew runs")
    ana.presses("Open", beside="✅ done")

    said = ana.sees("topic: tides", "Research", "They come and go.", "The run began", "The run is done", "Its thread")
    assert "of version" in said
    assert said.index("They come and go.") < said.index("The run began")


def test_the_log_comes_as_a_file_with_what_a_developer_wants_and_nobody_else(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").fails(400, error="No verbs, please.")
    runs(ana, "Market research", topic="tides")
    ana.opens_thread(of="Market research")
    ana.presses("Show log")
    page = ana.sees("Failed at Research (Researcher).", "No verbs, please.")
    assert "Traceback" not in page

    ana.presses("Log as a file")
    ana.sees("The log is on its way to you")
    ana.closes()

    ana.goes_to("Crew")
    ana.sees("Market research 1 log.txt")
    file = ana.downloads("Market research 1 log.txt")
    assert "Market research, run 1 of version" in file
    assert "topic: tides" in file
    assert "UTC  Began  Research · Researcher" in file
    assert "Traceback (most recent call last)" in file
