"""Versions of a crew: listed with who and what, compared, and brought back; copies and order."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


def renames_the_agent(person: Person, name: str) -> None:
    person.types("/crew edit market")
    person.picks("Researcher", "Edit")
    person.fills("Name", name)
    person.submits()
    person.sees(f"{name} is saved.")
    person.closes()


def adds_a_task(person: Person, name: str, *, using: str | None = None) -> None:
    person.types("/crew edit market")
    person.presses("Add task")
    person.fills("Name", name)
    person.fills("What to do", "Write it down.")
    person.fills("Expected result", "A page.")
    if using:
        person.chooses("Uses the results of", using)
    person.submits()
    person.sees(f"{name} is added.")
    person.closes()


def test_every_save_is_a_version_with_its_author_and_words(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    renames_the_agent(ben, "Scout")

    ana.types("/crew history market")

    ana.sees("Version 4", "@Ben Okafor", "Agent “Scout” added.", "Agent “Researcher” removed.")
    ana.sees("Version 1", "@Ana Ferreira", "Created.")


def test_two_versions_are_compared_word_for_word(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Research {topic}", "Edit")
    ana.fills("What to do", "Look at {topic} from every side, and say how sure each statement is in the end.")
    ana.submits()
    ana.sees("Research is saved.")

    ana.presses("History")
    ana.presses("Compare", beside="Version 3")

    ana.sees(
        "Task “Research”: what to do changed.", "Before: Research {topic}.", "Now: Look at {topic} from every side"
    )


def test_a_crew_goes_back_to_an_earlier_version(ana: Person, a_crew: CrewInstance) -> None:
    renames_the_agent(ana, "Scout")
    ana.types("/crew edit market")
    ana.presses("History")
    ana.presses("Compare", beside="Version 3")
    ana.submits()

    ana.sees("Market research is as in version 3 again.", "Version 5", "Back to version 3.")
    ana.closes(everything=False)
    seen = ana.sees("Researcher", "version 5")
    assert "Scout" not in seen


def test_going_back_from_the_command_shows_the_history_again(ana: Person, a_crew: CrewInstance) -> None:
    renames_the_agent(ana, "Scout")
    ana.types("/crew history market")
    ana.presses("Compare", beside="Version 3")
    ana.submits()

    ana.sees("Market research is as in version 3 again.", "Version 5")


def test_the_newest_version_is_the_same_as_itself(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew history market")
    ana.presses("Compare", beside="Version 3")

    seen = ana.sees("Version 3 is the newest one.")
    assert "Roll back" not in seen


def test_a_copy_has_everything_and_a_life_of_its_own(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Copy")
    ana.fills("Name", "Trend research")
    ana.submits()
    ana.sees("Trend research is a copy of its own.", "Researcher", "Research {topic}.")
    ana.picks("Researcher", "Edit")
    ana.fills("Name", "Scout")
    ana.submits()
    ana.sees("Scout is saved.")
    ana.closes()

    ana.types("/crew show market")
    ana.sees("Market research", "Researcher", without="Scout")


def test_a_copy_needs_a_name_of_its_own(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Copy")
    assert ana.field("Name") == "Market research (copy)"
    ana.fills("Name", "MARKET research")
    ana.submits()

    assert ana.sees_error("Name") == "There is already a crew called “MARKET research”. Choose another name."


def test_tasks_change_their_order(ana: Person, a_crew: CrewInstance) -> None:
    adds_a_task(ana, "Write")
    ana.types("/crew edit market")
    ana.sees("1. Research", "2. Write")

    ana.picks("2. Write", "Move up")

    ana.sees("1. Write", "2. Research", "version 5")


def test_a_task_cannot_come_before_what_it_uses(ana: Person, a_crew: CrewInstance) -> None:
    adds_a_task(ana, "Write", using="Research")
    ana.types("/crew edit market")

    ana.picks("2. Write", "Move up")

    ana.sees("“Write” uses the result of “Research”, so “Research” must come first.", "1. Research", "2. Write")


def test_any_two_versions_are_compared_and_shown_to_everybody(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    renames_the_agent(ana, "Scout")
    adds_a_task(ana, "Write")
    ana.types("/crew history market")
    ana.presses("Compare", beside="Version 4")
    ana.sees("What has changed from version 4 to version 5", "Task “Write” added.")
    ana.picks("What has changed", "Version 3")
    ana.sees("What has changed from version 4 to version 3", "Agent “Researcher” added.")

    ana.presses("Post in the channel")

    ben.reads_thread(of="3 changes from version 4 to version 3, shown by @Ana Ferreira", until="“Researcher” added.")


def test_a_channel_without_the_bot_is_named_to_the_person(ana: Person, a_crew: CrewInstance) -> None:
    renames_the_agent(ana, "Scout")
    ana.goes_to("random")
    ana.types("/crew history market")
    ana.presses("Compare", beside="Version 3")

    ana.presses("Post in the channel")

    ana.closes()
    ana.goes_to("Crew")
    ana.sees("I can’t post in that channel. Invite me there first.")
