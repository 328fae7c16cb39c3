"""A flow's state in Slack: fields as rows, JSON Schema, conflicts and refusals."""

from __future__ import annotations

import json

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


@pytest.fixture
def a_flow(crew_of: CrewMaker) -> CrewInstance:
    """“Weekly letter”, a flow without steps."""
    return crew_of.flow("Weekly letter")


def opens_state(person: Person) -> None:
    person.types("/crew show weekly")
    person.presses("State", beside="State\n")


def adds(person: Person, name: str, kind: str = "Text", **fields: str) -> None:
    person.presses("Add field")
    person.fills("Name", name)
    person.chooses("Type", kind)
    for label, text in fields.items():
        person.fills(label, text)
    person.submits()


def test_fields_are_added_changed_moved_and_removed(ana: Person, a_flow: CrewInstance) -> None:
    opens_state(ana)
    ana.sees("It has no fields yet.")
    adds(ana, "topic", Description="What it is about")
    ana.sees("topic · text")
    adds(ana, "rounds", "Whole number", Default="3")
    ana.sees("rounds · whole number")
    adds(ana, "tone", "One of several", Choices="friendly\nformal")
    ana.sees("tone · one of several")
    adds(ana, "due", "Date")
    ana.sees("topic · text · needed\nWhat it is about", "rounds · whole number · begins with 3", "due · date · needed")

    ana.picks("tone · one of several", "Edit")
    assert ana.field("Choices") == "friendly\nformal"
    ana.fills("Name", "voice")
    ana.submits()
    ana.sees("voice · one of several")
    ana.picks("due", "Move up")
    ana.sees("due · date · needed\nvoice")
    ana.picks("topic", "Remove")
    ana.sees_no_more("topic")
    seen = ana.sees("voice · one of several")
    assert seen.index("rounds") < seen.index("due") < seen.index("voice")

    ana.closes(everything=False)
    ana.sees("rounds whole number · due date, needed · voice one of several, needed")


def test_what_does_not_fit_is_said_under_its_field(ana: Person, a_flow: CrewInstance) -> None:
    opens_state(ana)
    adds(ana, "due", "Date", Default="soon")
    assert ana.sees_error("Default") == "It must be a date like 2030-01-31."
    ana.fills("Name", "two words")
    ana.submits()
    assert "Letters, digits and _" in ana.sees_error("Name")
    ana.fills("Name", "tone")
    ana.fills("Default", "")
    ana.chooses("Type", "One of several")
    ana.submits()
    assert ana.sees_error("Choices") == "Write at least one choice."


def test_an_expert_writes_the_schema(ana: Person, a_flow: CrewInstance) -> None:
    opens_state(ana)
    ana.presses("As JSON Schema", beside="Add field")
    ana.fills("JSON Schema", '{"type": "object", "properties": ')
    ana.submits()
    assert ana.sees_error("JSON Schema").startswith("This is no JSON")

    company = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {"type": "object", "properties": {"companies": {"type": "array", "items": company}}}
    ana.fills("JSON Schema", json.dumps(schema))
    ana.submits()
    ana.sees("companies · list")
    ana.closes(everything=False)
    ana.sees("companies list")
    ana.presses("State", beside="State\n")
    ana.presses("As JSON Schema")
    assert json.loads(ana.field("JSON Schema"))["properties"] == schema["properties"]


def test_what_somebody_else_saved_meanwhile_is_told_and_nothing_typed_is_lost(
    ana: Person, ben: Person, a_flow: CrewInstance
) -> None:
    opens_state(ana)
    ana.presses("Add field")
    ana.fills("Name", "topic")
    opens_state(ben)
    adds(ben, "audience")
    ben.sees("audience · text")
    ana.submits()
    ana.sees("Ben Okafor changed this flow while you were editing it.", "Save mine")
    assert ana.field("Name") == "topic"

    ana.submits()
    ana.sees("topic · text", "audience · text")
