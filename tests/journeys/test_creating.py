"""Crews, agents and tasks: made, changed, removed, listed and deleted."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.tasks import Tasks
from store.agents import AgentDraft
from store.crews import CrewInstance
from store.tasks import TaskDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


def fills_in_an_agent(person: Person, name: str) -> None:
    person.fills("Name", name)
    person.fills("Role", "Editor")
    person.fills("Goals", "Be short")
    person.fills("Backstory", "Worked for a newspaper.")


def test_the_form_explains_what_goes_where(ana: Person) -> None:
    ana.types("/crew create")

    ana.sees("New crew", "Name", "What your team calls it", "Description", "Process", "Create", "Cancel")
    assert ana.options("Process") == ["Sequential", "Hierarchical"]
    assert ana.field("Process") == "Sequential"


def test_the_name_may_be_typed_with_the_command(ana: Person) -> None:
    ana.types('/crew create "Market research"')

    assert ana.field("Name") == "Market research"


def test_everybody_sees_the_new_crew_once_it_is_shared(ana: Person, ben: Person) -> None:
    ana.types("/crew create Market research")
    ana.submits()
    ana.sees("Market research is created", "Not shared with anybody yet")
    ana.presses("Share")
    ana.chooses("Everybody in the workspace", "May run it")
    ana.submits()
    ana.sees("Shared with everybody (may run)")

    ben.types("/crew list")
    ben.sees("1 crew", "Market research", "of @Ana Ferreira")
    ana.closes()
    ana.types("/crew list")
    ana.sees("Market research", "yours")


def test_a_changed_crew_is_shown_changed(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market research")
    ana.presses("Edit")
    assert ana.field("Description") == a_crew.description
    ana.fills("Name", "Trend research")
    ana.chooses("Process", "Hierarchical")
    ana.submits()

    ana.sees("Saved.", "Trend research", "Hierarchical")


def test_a_changed_agent_is_shown_changed(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Researcher", "Edit")
    assert ana.field("Goals") == "Find facts"
    ana.fills("Goals", "Find facts\nDoubt them")
    ana.fills("Name", "Skeptic")
    ana.submits()

    ana.sees("Skeptic is saved.", "Find facts; Doubt them", "1. Research · Skeptic")


def test_a_double_click_opens_one_window(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add agent", times=2)
    fills_in_an_agent(ana, "Writer")
    ana.submits()

    ana.sees("Writer is added.", "Agents (2)")


def test_a_removed_agent_leaves_its_task_waiting_for_another(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Researcher", "Remove")
    ana.sees("Remove Researcher?", "Tasks that this agent does stay")
    ana.submits()

    ana.sees("Researcher is removed.", "Agents (0)", "The task “Research” has no agent. Choose who does it.")


def test_a_removed_task_is_forgotten_by_those_that_used_it(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add task")
    ana.fills("Name", "Write")
    ana.fills("What to do", "Write it down")
    ana.fills("Expected result", "A post")
    assert ana.field("Agent") == "Researcher"
    assert ana.options("Uses the results of") == ["Research"]
    ana.chooses("Uses the results of", "Research")
    ana.submits()
    ana.sees("2. Write · Researcher · uses Research")

    ana.picks("1. Research", "Remove")
    ana.submits()

    ana.sees("Research is removed.", "1. Write · Researcher")
    assert "uses" not in ana.seen


def test_a_task_can_use_only_the_tasks_before_it(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")

    ana.sees("Edit task")
    assert "Uses the results of" not in ana.labels


def test_what_a_page_has_no_room_for_is_a_press_away(ana: Person, crewcall: Crewcall, a_crew: CrewInstance) -> None:
    by = Actor("T0NORTHWIND", ana.id)
    tasks = Tasks(crewcall.store, crewcall.rights)
    members = Agents(crewcall.store, crewcall.rights, crewcall.connections.problem)
    for number in range(2, 37):
        tasks.add(a_crew.id, TaskDraft(name=f"Step {number}", description="Go on.", expected_output="Facts."), by=by)
        members.add(
            a_crew.id, AgentDraft(name=f"Agent {number}", role="Analyst", goals=["Go"], backstory="New."), by=by
        )

    ana.types("/crew edit market")
    assert "Step 36" not in ana.sees("35. Step 35", "Tasks 36 to 36", "Agents 26 to 36")
    ana.presses("Tasks 36 to 36")
    ana.sees("36. Step 36", "Tasks 1 to 35", "Agent 25")
    ana.picks("36. Step 36", "Edit")
    ana.fills("Name", "Last step")
    ana.submits()
    ana.sees("Last step is saved.", "36. Last step")
    ana.picks("36. Last step", "Move up")
    ana.sees("35. Last step")

    ana.presses("Agents 26 to 36")
    ana.picks("Agent 36", "Edit")
    ana.fills("Name", "Ida")
    ana.submits()
    ana.sees("Ida is saved.", "Ida · Analyst")


def test_nothing_is_deleted_before_the_question_is_answered(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew delete market research")
    ana.sees("Delete Market research?")
    ana.types("/crew list")
    ana.sees("1 crew")

    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("Market research is deleted.")
    ana.types("/crew list")
    ana.sees("There are no crews for you yet.")


def test_a_crew_is_deleted_from_its_page(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show market research")
    ana.presses("Delete", and_confirms="Delete")

    ana.sees("Market research is deleted.")


def test_a_long_list_is_turned_page_by_page(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    for number in range(1, 11):
        crew_of.empty(f"Crew {number:02}", by=ben.id)
    crew_of.empty("My own", by=ana.id)

    ana.types("/crew list")
    first = ana.sees("11 crews", "1 to 8 of 11", "My own")
    assert first.index("My own") < first.index("Crew 10")
    ana.presses("More")
    ana.sees("9 to 11 of 11", "Crew 01")
    ana.presses("Back")
    ana.sees("1 to 8 of 11", "My own")


def test_words_narrow_the_list_and_percent_signs_are_only_words(ana: Person, crew_of: CrewMaker) -> None:
    for name in ("Market research", "Market news", "100% sure"):
        crew_of.empty(name)

    ana.types("/crew list market")
    ana.sees("2 crews matching “market”", "Market research", "Market news")
    ana.types("/crew list %")
    ana.sees("1 crew matching “%”", "100% sure")
    ana.types("/crew list nothing like it")
    ana.sees("No crew matches “nothing like it”. /crew list shows them all.")


def test_a_crew_is_opened_from_the_list(ana: Person, crew_of: CrewMaker) -> None:
    for name in ("Market research", "Market news"):
        crew_of.empty(name)

    ana.types("/crew list")
    ana.presses("Open", beside="Market news")

    ana.sees("Market news", "Agents (0)", "Tasks (0)")


def test_the_second_of_two_editors_is_refused_and_keeps_what_they_typed(
    ana: Person, ben: Person, a_crew: CrewInstance
) -> None:
    for person in (ana, ben):
        person.types("/crew edit market")
        person.presses("Edit")
    ana.fills("Description", "Ana’s words")
    ana.submits()
    ana.sees("Saved.", "Ana’s words")

    ben.fills("Description", "Ben’s words")
    ben.submits()

    ben.sees(
        "@Ana Ferreira changed this crew while you were editing it.",
        "Crew: description changed from “Finds things out.” to “Ana’s words”.",
    )
    assert ben.field("Description") == "Ben’s words"
    ben.submits()
    ben.sees("Saved.", "Ben’s words")
    ben.presses("History")
    ben.sees("Version 5 · @Ben Okafor", "Version 4 · @Ana Ferreira", "from “Ana’s words” to “Ben’s words”")


@pytest.mark.parametrize(("row", "field"), [("Researcher", "Backstory"), ("1. Research", "What to do")])
def test_two_editors_of_an_agent_or_a_task_do_not_overwrite_each_other(
    ana: Person, ben: Person, a_crew: CrewInstance, row: str, field: str
) -> None:
    for person in (ana, ben):
        person.types("/crew edit market")
        person.picks(row, "Edit")
        person.fills(field, f"{person.name} wrote this")
    ana.submits()
    ana.sees("is saved.")

    ben.submits()

    ben.sees("That didn’t work", "while you were editing it")
    assert ben.field(field) == "Ben Okafor wrote this"


def test_what_somebody_else_deleted_is_said_to_be_gone(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    for person in (ana, ben):
        person.types("/crew edit market")
        person.sees("Agents (1)")
    ben.presses("Add agent")
    fills_in_an_agent(ben, "Writer")
    ana.presses("Delete", and_confirms="Delete")
    ana.sees("Market research is deleted.")

    ben.submits()

    ben.sees("That crew has been deleted in the meantime.")
    assert ben.field("Name") == "Writer"


def test_the_home_tab_shows_crews_and_makes_new_ones(ana: Person, a_crew: CrewInstance) -> None:
    ana.opens_home()
    ana.sees("Crews", "Market research", "yours")

    ana.presses("Open", beside="Market research")
    ana.sees("Agents (1)")
    ana.closes()
    ana.presses("New crew")
    ana.fills("Name", "Trend research")
    ana.submits()
    ana.sees("Trend research is created")


def test_an_empty_home_says_how_to_begin(ana: Person) -> None:
    ana.opens_home()

    ana.sees("There are no crews for you yet.", "A crew is a few agents who do tasks one after the other.")
    ana.presses("New crew")
    ana.sees("Create")
