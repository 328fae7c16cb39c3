"""What the bot answers to commands, mentions and messages: nothing is silently ignored."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


@pytest.mark.parametrize("line", ["/crew", "/crew help"])
def test_help_lists_every_command_with_an_example(ana: Person, line: str) -> None:
    ana.types(line)

    said = ana.sees("I build and run crews", "/crew create Market research", "/crew list market", "New crew")
    for word in ("edit", "delete", "run", "runs", "stop", "logs", "help"):
        assert f"/crew {word}" in said


@pytest.mark.parametrize("word", ["run", "Run"])
def test_help_with_a_word_explains_that_word(ana: Person, word: str) -> None:
    ana.types(f"/crew help {word}")

    said = ana.sees('/crew run "Market research" topic="solid-state batteries"')
    assert "/crew list" not in said


def test_help_is_seen_by_the_person_who_asked_alone(ana: Person, ben: Person) -> None:
    ana.types("/crew help")
    ana.sees("I build and run crews")

    assert ben.reads() == []


def test_an_unknown_word_gets_an_answer_and_a_guess(ana: Person) -> None:
    ana.types("/crew craete Market research")

    ana.sees("I don’t know “craete”. Did you mean /crew create?", "/crew list")


def test_an_unknown_word_that_is_like_none_gets_the_menu(ana: Person) -> None:
    ana.types("/crew <!channel> & co")

    ana.sees("I don’t know “<!channel>”.", "/crew list")


def test_the_menu_leads_to_the_list_and_to_a_new_crew(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew help")
    ana.presses("Crews")
    ana.sees("1 crew", "Market research")
    ana.types("/crew help")
    ana.presses("New crew")
    ana.sees("Create", "Name")


def test_an_unknown_name_is_answered_with_those_that_are_near(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit markt reserch")
    ana.sees("There is no crew called “markt reserch”. Did you mean …?")

    ana.presses("Open Market research")
    ana.sees("Agents (1)")


def test_an_ambiguous_beginning_is_answered_with_a_choice(ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Market research", "Research {topic}.")
    crew_of("Market news", "Find the news.")

    ana.types("/crew run market")
    ana.sees("Did you mean …?", "Run Market research", "Run Market news")
    ana.presses("Run Market news")

    ana.sees("Market news · ")


def test_a_name_like_no_other_is_answered_with_the_list(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show xylophone")

    ana.sees("There is no crew called “xylophone”.", "/crew list shows them all.")


def test_without_a_name_one_is_asked_which_crew(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit")
    ana.sees("Which crew?", "Open Market research")
    ana.presses("Open Market research")

    ana.sees("Agents (1)")


def test_without_any_crew_one_is_led_to_the_first(ana: Person) -> None:
    ana.types("/crew run")
    ana.sees("There are no crews for you yet.")

    ana.presses("New crew")
    ana.sees("Create", "Name")


def test_the_commands_about_runs_say_so_when_there_are_none(ana: Person) -> None:
    ana.types("/crew runs")
    ana.sees("There are no runs yet. Start one with /crew run.")
    ana.types("/crew logs")
    ana.sees("There are no runs yet. Start one with /crew run.")
    ana.types("/crew stop")
    ana.sees("You have no run going on.")


def test_a_mention_is_answered_to_whoever_asked(ana: Person, ben: Person) -> None:
    ana.types("@Crew what can you do?")

    ana.sees("I build and run crews")
    assert len(ben.reads()) == 1


def test_a_direct_message_is_answered_once(ana: Person) -> None:
    ana.goes_to("Crew")
    ana.types("hello")

    ana.sees("hello", "I build and run crews")
    assert len(ana.reads()) == 2


def test_a_command_is_refused_in_a_thread_by_slack_itself(ana: Person) -> None:
    ana.types("@Crew hello")
    thread_ts = ana.messages()[0]["ts"]

    with pytest.raises(AssertionError, match="/crew is not supported in threads"):
        ana.does("command", channel=ana.channel, command="/crew", text="help", thread_ts=thread_ts)
