"""Asking the bot what waits, what is scheduled, and for what ran last to run again."""

from __future__ import annotations

import threading

import pytest

from tests.journeys.conftest import CrewMaker
from tests.journeys.test_schedules import RULE, make
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def runs_it(person: Person, name: str = "Market research", topic: str = "tides") -> None:
    person.types(f'/crew run "{name}" topic={topic}')
    person.reads_thread(of=f"topic: {topic}", until="Run again")


def test_where_nothing_waits_and_nothing_is_scheduled(ana: Person) -> None:
    ana.types("@Crew what is waiting for me?")
    ana.sees("Nothing waits for you.")

    ana.types("@Crew show schedules")
    ana.sees("No schedules yet.")
    ana.types("@Crew run it again")
    ana.sees("There are no runs yet.")


def test_what_failed_waits_until_it_goes_on(ana: Person, ben: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").fails(401)
    runs_it(ana)
    ben.types("@Crew what is waiting for me?")
    ben.sees("Nothing waits for you.")
    ana.types("@Crew what is waiting for me?")
    ana.sees("Failed", "❌ failed · by @Ana Ferreira")
    llm.when("Research tides.").says("They rise.")

    ana.presses("Try again")

    ana.sees("Trying Market research again.", "✅ Done")
    ana.types("@Crew what is waiting for me?")
    ana.sees("Nothing waits for you.")


def test_what_was_run_since_it_failed_waits_no_more(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").fails(401)
    runs_it(ana)
    llm.when("Research ebb.").says("It falls.")
    runs_it(ana, topic="ebb")

    ana.types("@Crew what is waiting for me?")

    ana.sees("Nothing waits for you.")


def test_paused_schedules_wait_for_their_owner(ana: Person, ben: Person, a_crew: object) -> None:
    make(ana)
    ana.closes()
    ana.types("@Crew show schedules")
    ana.sees(f"Market research · {RULE}", "Next: ", "in #general · yours", "To pause, edit or delete one:")

    ana.presses("Schedules")
    ana.picks("Market research", "Pause")
    ana.sees("Market research is paused.")
    ana.closes()

    ben.types("@Crew what is waiting for me?")
    ben.sees("Nothing waits for you.")
    ana.types("@Crew what is waiting for me?")
    ana.sees("Paused schedules", f"Market research · {RULE} · ⏸️ Paused")
    ana.presses("Schedules", beside="Paused schedules")
    ana.picks("Market research", "Resume")
    ana.sees("Market research runs")


def test_again_means_what_one_ran_here_last(ana: Person, ben: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")
    llm.when("Research ebb.").says("It falls.")
    runs_it(ana)
    runs_it(ben, topic="ebb")

    ana.types("@Crew run it again")

    ana.sees("Market research runs again, with the same inputs.")
    llm.heard("Research tides.", times=2)


def test_what_one_ran_elsewhere_is_asked_about(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    llm.when("Research tides.").says("They rise.")
    crew_of("Weather")
    runs_it(ana, "Weather")
    ana.goes_to("Crew")

    ana.types("run it again")
    ana.sees("Which one?", "Weather · in #general")
    ana.presses("Run again")

    ana.sees("Weather runs again in #general.")
    llm.heard("Research tides.", times=2)


def test_what_still_goes_on_is_asked_about(
    ana: Person, llm: ScriptedModel, a_crew: object, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They rise.", after=gate)
    ana.types("/crew run market topic=tides")
    ana.sees("▶️ Running")

    ana.types("@Crew run it again")

    ana.sees("Which one?", "▶️ running")


def test_in_a_thread_without_a_run_it_is_the_last_one_here(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")
    ana.types("Shall we?")
    runs_it(ana)
    ana.opens_thread("Shall we?")

    ana.types("@Crew run it again")

    ana.sees("Market research runs again, with the same inputs.")
