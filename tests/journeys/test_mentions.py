"""Writing to the bot: a crew is run, a question answered, anything else met with what helps."""

from __future__ import annotations

import threading

import pytest

from bot.services.sharing import Access
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_a_mention_runs_a_crew_about_what_it_says(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research solid-state batteries & more.").says("They are near.")

    ana.types("@Crew run market research about solid-state batteries & more")

    ana.sees("Market research · ", "topic: solid-state batteries & more")
    assert "They are near." in ana.reads_thread(of="Started by", until="They are near.")[-1]


def test_what_is_not_certain_is_asked_for(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of(description="Research {topic} in {year}.")
    llm.when("Research tides in 2026.").says("They rise.")

    ana.types("@Crew run market research about tides")
    ana.sees("Market research still needs topic, year.")
    ana.presses("Fill in")
    ana.fills("topic", "tides")
    ana.fills("year", "2026")
    ana.submits()

    ana.reads_thread(of="Started by", until="They rise.")


def test_words_that_may_be_the_input_are_put_into_the_form(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")

    ana.types("@Crew run market research tides")
    ana.presses("Fill in")
    assert ana.field("topic") == "tides"
    ana.submits()

    ana.reads_thread(of="Started by", until="They rise.")


def test_inputs_may_be_written_out(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of(description="Research {topic} in {year}.")
    llm.when("Research tides in 2026.").says("They rise.")

    ana.types('@Crew run "market research" year=2026 topic=tides')

    ana.reads_thread(of="Started by", until="They rise.")


def test_a_misspelt_name_is_asked_back_with_what_was_said(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")

    ana.types("@Crew run marcet research about tides")
    ana.sees("There is no crew called “marcet research”. Did you mean …?")
    ana.presses("Run Market research")

    ana.reads_thread(of="Started by", until="They rise.")


def test_a_double_click_starts_one_run(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They rise.")

    ana.types("@Crew run marcet research about tides")
    ana.presses("Run Market research", times=2)

    ana.reads_thread(of="Started by", until="They rise.")
    assert sum("Started by" in said for said in ana.reads()) == 1


def test_what_others_may_not_see_is_answered_to_the_asker_alone(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of("Salaries", everybody=Access.NOTHING)

    ana.types("@Crew list")
    ana.sees("Salaries")
    ben.types("@Crew run salaries")
    ben.sees("You may not see or run this crew. Ask its owner, @Ana Ferreira")
    ben.types("@Crew what crews are there?")
    ben.sees("There are no crews for you yet.")

    assert sum("Salaries" in said for said in ben.reads()) == 0


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("what can you do?", "You can write to me, for example:"),
        ("what is running?", "Nothing is running at the moment."),
        ("show the last runs", "There are no runs yet."),
        ("show market research", "👥 Market research · crew, yours"),
        ("what does market research do?", "👥 Market research · crew, yours"),
        ("run", "Which crew? Write for example run market research about tides."),
        ("thanks!", "You’re welcome."),
        ("run nothing at all", "There is no crew called “nothing at all”."),
        ("the weather is nice", "I don’t know what to do with “the weather is nice”."),
        ("market research about tides", "Market research still needs a look at its inputs."),
        ("stop", "You have no run going on."),
        ("create a flow", "and a flow connects crews."),
        ("create a crew called Podcast", "A crew is a few agents who do tasks"),
    ],
)
def test_everything_written_to_the_bot_is_answered(ana: Person, a_crew: object, said: str, answer: str) -> None:
    ana.goes_to("Crew")
    ana.types(said)

    ana.sees(answer)


def test_what_a_command_does_is_a_button_away(ana: Person, a_crew: object) -> None:
    ana.types("@Crew please schedule market research every Monday")
    ana.sees("That is what /crew schedule Market research does:")
    ana.presses("Schedule")
    ana.sees("“Market research” will run by itself:")
    ana.closes()

    ana.types("@Crew delete market research")
    ana.presses("Delete")
    ana.sees("Delete Market research?")


def test_a_new_crew_begins_with_the_name_that_was_said(ana: Person) -> None:
    ana.types("@Crew create a crew called Podcast")
    ana.presses("New crew")

    assert ana.field("Name") == "Podcast"


def test_what_runs_is_told_and_can_be_stopped(
    ana: Person, llm: ScriptedModel, a_crew: object, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They rise.", after=gate)

    ana.types("@Crew run market research about tides")
    ana.sees("▶️ Running")
    ana.types("@Crew what is running?")
    ana.sees("▶️ running · by @Ana Ferreira")
    ana.types("@Crew stop market research")

    ana.sees("Stopping Market research.", "Stopped after")


def test_where_the_bot_is_no_member_nothing_is_heard(ana: Person) -> None:
    """Slack itself says so; a message there never reaches the bot."""
    ana.goes_to("#random")
    ana.types("@Crew what can you do?")

    assert ana.reads() == ["@Crew what can you do?"]


def test_several_people_and_the_bot_can_talk(ana: Person, ben: Person, llm: ScriptedModel, a_crew: object) -> None:
    ana.writes_together_with("Ben Okafor")
    ana.types("@Crew what can you do?")

    ana.sees("You can write to me, for example:")
