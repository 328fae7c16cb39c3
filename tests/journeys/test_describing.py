"""A crew from a sentence: drafted by a model, looked at, corrected, and only then created or changed."""

from __future__ import annotations

import json

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

READER = {"name": "Reader", "role": "Analyst", "goals": ["Read all of it"], "backstory": "Patient."}
SORT = {"name": "Sort", "agent": "Reader", "description": "Sort {feedback}.", "expected_output": "A list."}
WRITE = {**SORT, "name": "Write", "description": "Write a page.", "expected_output": "A page.", "uses": ["Sort"]}
FEEDBACK = {"name": "Feedback", "description": "Sorts feedback.", "agents": [READER], "tasks": [SORT, WRITE]}


def describes(person: Person, wish: str) -> None:
    person.types("/crew create")
    person.presses("Describe it")
    person.fills("What is it for?", wish)
    person.submits()


def test_a_described_crew_is_shown_before_it_is_created(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort our feedback.").says(f"Here it is:\n```json\n{json.dumps(FEEDBACK)}\n```")

    describes(ana, "Sort our feedback.")
    ana.sees("Proposal", "Feedback", "• Reader: Analyst", "2. Write · Reader", "Nothing is created before")
    ana.submits()

    ana.sees("Feedback is saved.", "version 1", "1. Sort · Reader", "2. Write · Reader · uses Sort")
    ana.sees("asks for {feedback}")


def test_the_proposal_is_corrected_by_hand_and_by_words(ana: Person, llm: ScriptedModel) -> None:
    shorter = {**FEEDBACK, "tasks": [{**SORT, "name": "Sort by topic"}]}
    llm.when("Sort our feedback.").says(json.dumps(FEEDBACK))
    llm.when("Only one task, please.", "Grumpy").says(json.dumps(shorter))
    describes(ana, "Sort our feedback.")
    ana.sees("Proposal")

    ana.fills("The crew as text", ana.field("The crew as text").replace("Patient.", "Grumpy."))
    ana.fills("What else should be different?", "Only one task, please.")
    ana.submits()
    ana.sees("1. Sort by topic · Reader")
    ana.fills("The crew as text", ana.field("The crew as text").replace("Sort by topic", "Sort by mood"))
    ana.submits()

    ana.sees("Feedback is saved.", "1. Sort by mood · Reader")


def test_what_is_wrong_in_the_text_is_said_under_it(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort our feedback.").says(json.dumps(FEEDBACK))
    describes(ana, "Sort our feedback.")
    ana.sees("Proposal")
    text = ana.field("The crew as text")

    for wrong, said in (
        (text.replace("agent: Reader", "agent: Nobody", 1), "“Sort” is for “Nobody”, who is not among the agents."),
        (text.replace("- Sort", "- Later"), "uses “Later”, which is no task before it."),
        ("name: [", "can’t be read."),
    ):
        ana.fills("The crew as text", wrong)
        ana.submits()
        assert said in ana.sees_error("The crew as text")
    ana.fills("The crew as text", text)
    ana.submits()
    ana.sees("Feedback is saved.")


def test_a_faulty_draft_is_repaired_once(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort our feedback.").says(json.dumps({**FEEDBACK, "tasks": [{**SORT, "agent": "Nobody"}]}))
    llm.when("That does not fit", "who is not among the agents").says(json.dumps(FEEDBACK))

    describes(ana, "Sort our feedback.")

    ana.sees("Proposal", "2. Write · Reader")
    assert len(llm.requests) == 2


def test_a_model_that_is_too_weak_is_named(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort our feedback.").says("I would love to!")

    describes(ana, "Sort our feedback.")

    ana.sees("“openai/scripted” drafted no crew that can be used: it is no JSON", "choose a stronger model")
    assert len(llm.requests) == 2


def test_a_model_that_cannot_be_asked_is_named(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort our feedback.").fails(401, error="Incorrect API key provided.")

    describes(ana, "Sort our feedback.")

    ana.sees("The model “openai/scripted” could not be asked", "key")


def test_a_taken_name_is_refused_and_nothing_is_lost(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Sort our feedback.").says(json.dumps({**FEEDBACK, "name": a_crew.name}))
    describes(ana, "Sort our feedback.")
    ana.sees("Proposal")

    ana.submits()

    assert ana.sees_error("The crew as text").startswith("There is already a crew called “Market research”.")
    ana.fills("The crew as text", ana.field("The crew as text").replace("Market research", "Feedback"))
    ana.submits()
    ana.sees("Feedback is saved.")


def test_a_described_change_is_approved_as_a_difference(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    changed = {
        "name": a_crew.name,
        "description": a_crew.description,
        "agents": [{"name": "Researcher", "role": "Analyst", "goals": ["Find facts"], "backstory": "Reads a lot."}],
        "tasks": [
            {
                "name": "Research",
                "agent": "Researcher",
                "description": "Research {topic}.",
                "expected_output": "Facts.",
            },
            {**WRITE, "agent": "Researcher", "uses": ["Research"]},
        ],
    }
    llm.when("Add a page at the end.", "Research {topic}.").says(json.dumps(changed))
    ana.types("/crew edit market")
    ana.presses("Describe a change")
    ana.fills("What is it for?", "Add a page at the end.")
    ana.submits()

    ana.sees("What would change:", "Task “Write” added.")
    ana.submits()

    ana.sees("Market research is saved.", "2. Write · Researcher · uses Research")


def test_somebody_elses_save_in_between_is_not_written_over(
    ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Call it Trends.").says(json.dumps({**FEEDBACK, "name": "Trends"}))
    ana.types("/crew edit market")
    ana.presses("Describe a change")
    ana.fills("What is it for?", "Call it Trends.")
    ana.submits()
    ana.sees("What would change:")
    ben.types("/crew edit market")
    ben.presses("Edit")
    ben.fills("Description", "Ben’s words.")
    ben.submits()
    ben.sees("Saved.")

    ana.submits()

    ana.sees("@Ben Okafor changed this crew while you were editing it.")


def test_nobody_changes_what_they_may_only_run(ben: Person, crew_of: CrewMaker) -> None:
    from bot.services.sharing import Access

    crew_of(everybody=Access.RUN)
    ben.types("/crew edit market")

    assert "Describe a change" not in ben.sees("Market research")
