"""Shortcuts: a new crew, a run, and a run on a message, from wherever one is in Slack."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.sharing import Access
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

ROW = "Which crew is to run?"


def test_a_new_crew_from_anywhere(ana: Person) -> None:
    ana.uses("New crew")
    ana.fills("Name", "Podcast")
    ana.submits()

    ana.sees("Podcast is created.")


def test_a_run_from_anywhere_is_told_about_directly(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")

    ana.uses("Run a crew")
    ana.picks_found(ROW, "mark", "Market research")
    ana.fills("topic", "tides")
    ana.submits()
    ana.sees("Market research is on its way.")
    ana.closes()

    ana.goes_to("Crew")
    ana.reads_thread(of="Started by", until="They rise.")


def test_a_crew_runs_on_a_message_in_its_thread(ana: Person, ben: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research Tides rise & fall.").says("Indeed they do.")
    ben.types("Tides rise & fall")

    ana.uses_on("Tides rise", "Run a crew on this message")
    ana.sees("It runs on this message:", "Tides rise & fall")
    ana.picks_found(ROW, "", "Market research")
    assert ana.field("topic") == "Tides rise & fall"
    ana.submits()

    assert "Indeed they do." in ana.reads_thread(of="Tides rise", until="Indeed they do.")[-1]


def test_of_several_inputs_one_chooses_which_the_message_is(
    ana: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    crew_of(description="Research {question} in {year}.")
    llm.when("Research What of tides?", "in 2026").says("They rise.")
    ana.types("What of tides?")

    ana.uses_on("What of tides?", "Run a crew on this message")
    ana.picks_found(ROW, "", "Market research")
    assert ana.field("The message goes into") == "question"
    ana.submits()
    assert ana.sees_error("year") == "This can’t be empty."
    ana.fills("year", "2026")
    ana.submits()

    ana.reads_thread(of="What of tides?", until="They rise.")


def test_a_crew_that_asks_for_nothing_can_read_the_message(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of(description="Sum up what you were given.")
    llm.when("Sum up what you were given.").calls_tool(
        "read_the_runs_files", {"file": "message.txt", "from_character": 0}
    )
    llm.when("Tides rise every day").says("Tides: daily.")
    ana.types("Tides rise every day")

    ana.uses_on("Tides rise", "Run a crew on this message")
    ana.picks_found(ROW, "", "Market research")
    ana.sees("its agents can read the message")
    ana.submits()

    ana.reads_thread(of="Tides rise", until="Tides: daily.")


def test_where_the_bot_is_not_the_run_is_told_about_directly_with_a_link(
    ana: Person, llm: ScriptedModel, a_crew: object
) -> None:
    llm.when("Research Tides rise.").says("Indeed.")
    ana.goes_to("#random")
    ana.types("Tides rise")

    ana.uses_on("Tides rise", "Run a crew on this message")
    ana.picks_found(ROW, "", "Market research")
    ana.submits()
    ana.sees_no_window()

    ana.goes_to("Crew")
    ana.sees("You asked for a run on this message: ", "/archives/C0RANDOM003/p")
    ana.reads_thread(of="You asked for a run", until="Indeed.")


def test_crews_that_are_not_shared_are_not_offered(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of("Salaries", everybody=Access.NOTHING)
    crew_of("Tides")

    ben.uses("Run a crew")

    assert ben.searches(ROW, "") == ["Tides"]


def test_a_crew_deleted_meanwhile_is_said_to_be_gone(ana: Person, crewcall: Crewcall, a_crew: CrewInstance) -> None:
    ana.types("Tides rise")
    ana.uses_on("Tides rise", "Run a crew on this message")
    ana.picks_found(ROW, "", "Market research")
    ana.fills("topic", "tides")
    Crews(crewcall.store, crewcall.rights).delete(a_crew.id, by=Actor("T0NORTHWIND", ana.id))
    ana.submits()

    ana.sees("That crew has been deleted in the meantime.")


def test_a_crew_that_cannot_run_says_why(ana: Person, crew_of: CrewMaker) -> None:
    crew_of.empty()

    ana.uses("Run a crew")
    ana.picks_found(ROW, "", "Market research")

    ana.sees("Market research can’t run yet:")
