"""Starting a flow: a form made from its state, words and JSON in the command, and errors at the fields."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.flows import Flows
from store.crews import CrewInstance
from store.steps import StepDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")

STATE = {
    "type": "object",
    "properties": {
        "topic": {"type": "string", "description": "What it is about"},
        "rounds": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
        "budget": {"type": "number"},
        "urgent": {"type": "boolean", "default": False},
        "tone": {"type": "string", "enum": ["friendly", "formal"], "default": "formal"},
        "due": {"type": "string", "format": "date"},
        "companies": {"type": "array", "items": {"type": "string"}},
        "limits": {"type": "object", "properties": {"words": {"type": "integer"}}, "required": ["words"]},
    },
    "required": ["topic"],
}


@pytest.fixture
def a_flow(crew_of: CrewMaker, crewcall: Crewcall) -> CrewInstance:
    """“Weekly letter”, which begins with a value of every type and does nothing with them."""
    flow, by = crew_of.flow("Weekly letter"), Actor("T0NORTHWIND", "U0ANA000001")
    flows = Flows(crewcall.store, crewcall.rights)
    flows.set_state(flow.id, STATE, version=flow.version, by=by)
    value = StepDraft(name="Take over", kind="set", result="topic", settings={"value": "state.topic"})
    flows.add_step(flow.id, value, by=by)
    return flow


def test_the_form_asks_for_every_type_in_its_own_way(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly")

    ana.sees("“Weekly letter” begins with:", "What it is about", "One on each line", "As JSON: object")
    assert ana.labels == [*STATE["properties"], "Or all of it as JSON"]
    assert [ana.field(name) for name in ("rounds", "urgent", "tone")] == ["2", "No", "Formal"]
    assert ana.options("tone") == ["Friendly", "Formal"]


def test_what_does_not_fit_is_said_under_its_field_before_anything_starts(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly")
    ana.fills("topic", "batteries")
    ana.fills("limits", '{"words": "many"}')
    ana.submits()
    assert ana.sees_error("limits") == "“words” must be a whole number."
    ana.fills("limits", "many")
    ana.fills("Or all of it as JSON", "many")
    ana.submits()
    assert ana.sees_error("Or all of it as JSON").startswith("Write a JSON object")
    assert ana.field("topic") == "batteries"


def test_a_flow_is_started_with_what_was_filled_in(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly")
    ana.fills("topic", "batteries")
    ana.fills("companies", "Contoso\nFabrikam")
    ana.chooses("urgent", "Yes")
    ana.fills("limits", '{"words": 200}')
    ana.submits()

    ana.sees_no_window()
    ana.sees("Weekly letter", "Started by", "topic: batteries", 'companies: ["Contoso", "Fabrikam"]', "urgent: true")


def test_a_command_with_all_that_is_needed_starts_at_once(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly topic=batteries rounds=3")

    ana.sees("Started by", "topic: batteries", "rounds: 3")


def test_an_expert_writes_json_behind_the_name(ana: Person, a_flow: CrewInstance) -> None:
    ana.types('/crew run Weekly letter {"topic": "solid-state batteries", "companies": ["Contoso"]}')

    ana.sees("topic: solid-state batteries", 'companies: ["Contoso"]')


def test_a_command_that_does_not_fit_starts_nothing(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly topic=batteries rounds=many")
    ana.sees("rounds: It must be a whole number.")
    ana.types("/crew run weekly subject=batteries")

    seen = ana.sees("has no input called subject. It asks for topic, rounds")
    assert "Started by" not in seen


def test_what_the_command_says_is_in_the_form_that_asks_for_the_rest(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew run weekly rounds=3 tone=friendly")

    assert [ana.field(name) for name in ("topic", "rounds", "tone")] == ["", "3", "Friendly"]
