"""Editing flows in Slack: steps, what comes after what, inputs, rules, the state, and the page with its picture."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.flows import Flows
from bot.services.sharing import Access
from store.crews import CrewInstance
from store.steps import AfterPlan, StepDraft, TaskLink
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


@pytest.fixture
def a_flow(crew_of: CrewMaker) -> CrewInstance:
    """“Weekly letter”, a flow without steps."""
    return crew_of.flow("Weekly letter")


def adds(person: Person, name: str, what: str, runs: str = "", **fields: str) -> None:
    """Add a step at the end, with further fields by their labels."""
    person.presses("Add step", beside="Steps (")
    person.fills("Name", name)
    person.chooses("What it does", what)
    if runs:
        person.chooses("Crew or flow it runs", runs)
    person.submits()
    for label, text in fields.items():
        person.fills(label.replace("_", " "), text)
    person.submits()
    person.sees(f"{name} is added.")


def test_steps_are_added_one_after_the_other(ana: Person, a_flow: CrewInstance, a_crew: CrewInstance) -> None:
    ana.types("/crew show weekly")
    ana.sees("Weekly letter", "Flow", "Steps (0)", "It has no steps yet. Add at least one.")
    adds(ana, "Gather", "Run a crew", "Market research (crew)")
    ana.sees("1. Gather · Run a crew: Market research", "Contains", "“Gather” needs “topic”.")
    adds(ana, "Approve", "Review by a person")

    ana.sees("2. Approve · Review by a person", "after Gather · comes to approved, changes, rejected")


def test_a_mend_leads_to_the_form_of_the_step(ana: Person, a_flow: CrewInstance, a_crew: CrewInstance) -> None:
    ana.types("/crew show weekly")
    adds(ana, "Gather", "Run a crew", "Market research (crew)")

    ana.presses("Edit step", beside="“Gather” needs “topic”.")
    ana.sees("Edit step", "Input “topic”")
    ana.fills("Input “topic”", '"solid-state batteries"')
    ana.submits()

    seen = ana.sees("Gather is saved.")
    assert "Before this flow can run" not in seen


def adds_gather(person: Person) -> None:
    """Begin a step that runs the crew, on the page of the flow."""
    person.presses("Add step", beside="Steps (")
    person.fills("Name", "Gather")
    person.chooses("What it does", "Run a crew")
    person.chooses("Crew or flow it runs", "Market research (crew)")
    person.submits()


def test_an_expression_that_cannot_be_read_is_refused_under_its_field(
    ana: Person, a_flow: CrewInstance, a_crew: CrewInstance
) -> None:
    ana.types("/crew show weekly")
    adds_gather(ana)
    ana.fills("Input “topic”", "state.topic ++")
    ana.submits()

    assert "This is no expression" in ana.sees_error("Input “topic”")
    assert ana.field("Name") == "Gather"


def test_a_field_of_the_state_that_is_named_alone_is_told_where_it_was_written(
    ana: Person, a_flow: CrewInstance, a_crew: CrewInstance, crewcall: Crewcall
) -> None:
    schema = {"type": "object", "properties": {"topic": {"type": "string"}, "tone": {"type": "string"}}}
    Flows(crewcall.store, crewcall.rights).reshape_state(a_flow.id, lambda _: schema, by=Actor("T0NORTHWIND", ana.id))
    ana.types("/crew show weekly")
    adds_gather(ana)
    ana.fills("Or an expression in CEL", "tone + topics")
    ana.submits()
    assert ana.sees_error("Or an expression in CEL") == "It does not know “tone”. Did you mean state.tone?"
    ana.fills("Or an expression in CEL", "state.tone + topics")
    ana.submits()
    said = "It does not know “topics”. It knows state, inputs and outputs."
    assert ana.sees_error("Or an expression in CEL") == said

    ana.fills("Or an expression in CEL", "state.tone + state.topic")
    ana.submits()
    ana.sees("Gather is added.")


def test_a_step_is_inserted_between_two_others(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew show weekly")
    adds(ana, "First", "Wait", Seconds="1")
    adds(ana, "Last", "Wait", Seconds="1")

    ana.picks("2. Last", "Insert a step before")
    ana.fills("Name", "Middle")
    ana.chooses("What it does", "Wait")
    assert ana.field("Where") == "Before “Last”"
    ana.submits()
    assert ana.field("Comes after") == "First"
    ana.fills("Seconds", "5")
    ana.submits()

    ana.sees("2. Middle · Wait\nafter First", "3. Last · Wait\nafter Middle")


def test_steps_move_and_go(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew show weekly")
    for name in ("One", "Two", "Three"):
        adds(ana, name, "Wait", Seconds="1")

    ana.picks("3. Three", "Move earlier")
    ana.sees("2. Three · Wait\nafter Two", "3. Two")
    ana.picks("2. Three", "Move later")
    ana.sees("2. Two", "3. Three")
    ana.picks("2. Two", "Test or remove…")
    ana.presses("Remove step", and_confirms="Remove")
    ana.sees("Two is removed.")
    ana.closes(everything=False)

    ana.sees("2. Three · Wait\nafter One")


def test_rules_are_rows_and_lead_to_branches(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew show weekly")
    has_a_score(ana)
    ana.presses("Add step", beside="Steps (")
    ana.fills("Name", "Good enough?")
    ana.chooses("What it does", "Decide")
    ana.submits()
    ana.chooses("Rule 1: if", "state.score · number")
    ana.chooses("Rule 1: comparison", "is more than")
    ana.fills("Rule 1: value", "seven")
    ana.fills("Rule 1: outcome", "good")
    ana.fills("Otherwise", "bad")
    ana.submits()
    assert ana.sees_error("Rule 1: if") == "“seven” is no number, and “state.score” is one."

    ana.fills("Rule 1: value", "7")
    ana.submits()
    ana.sees("comes to good, bad", "When “Good enough?” comes to “good”, nothing follows.")

    ana.presses("Add step", beside="Steps (")
    ana.fills("Name", "Celebrate")
    ana.chooses("What it does", "Wait")
    ana.submits()
    ana.chooses("Comes after", "Good enough?: good")
    ana.fills("Seconds", "1")
    ana.submits()
    ana.sees("↳ 2. Celebrate · Wait", "after Good enough? (good)")


def test_a_rule_is_shown_as_a_row_again_with_its_expression(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew show weekly")
    has_a_score(ana)
    adds_decision(ana, "state.score >= 3", "enough")
    ana.picks("1. Decision", "Edit")

    assert [ana.field(f"Rule 1: {part}") for part in ("if", "comparison", "value", "outcome")] == [
        "state.score · number",
        "is at least",
        "3",
        "enough",
    ]
    ana.sees("As an expression: state.score >= 3")
    ana.chooses("Rule 1: if", "Leave this rule out")
    ana.fills("Rule 1: outcome", "")
    ana.submits()
    assert ana.sees_error("Rule 1: if") == "Write at least one rule."


def has_a_score(person: Person) -> None:
    person.presses("State", beside="State\n")
    person.presses("Add field")
    person.fills("Name", "score")
    person.chooses("Type", "Number")
    person.chooses("Needed")
    person.submits()
    person.sees("score · number")
    person.closes(everything=False)


def adds_decision(person: Person, when: str, outcome: str) -> None:
    person.presses("Add step", beside="Steps (")
    person.fills("Name", "Decision")
    person.chooses("What it does", "Decide")
    person.submits()
    person.fills("Rule 1: or an expression", when)
    person.fills("Rule 1: outcome", outcome)
    person.submits()
    person.sees("Decision is added.")


def test_what_somebody_else_saved_meanwhile_is_told_and_can_be_overwritten(
    ana: Person, ben: Person, a_flow: CrewInstance
) -> None:
    ana.types("/crew show weekly")
    adds(ana, "Pause", "Wait", Seconds="1")
    ana.picks("1. Pause", "Edit")
    ana.fills("Name", "Rest")
    ben.types("/crew show weekly")
    ben.picks("1. Pause", "Edit")
    ben.fills("Seconds", "60")
    ben.submits()
    ben.sees("Pause is saved.")

    ana.submits()
    ana.sees("Ben Okafor changed this step while you were editing it.", "Save mine")
    assert ana.field("Name") == "Rest"
    ana.submits()
    ana.sees("Rest is saved.", "1. Rest · Wait")


def test_the_page_of_a_flow_leads_to_its_crews_and_back(
    ana: Person, a_flow: CrewInstance, a_crew: CrewInstance
) -> None:
    ana.types("/crew show weekly")
    adds(ana, "Gather", "Run a crew", "Market research (crew)")

    ana.presses("Market research (crew)")
    ana.sees("Tasks (1)", "Used by the flow Weekly letter")
    ana.presses("Weekly letter")
    ana.sees("Steps (1)")


def gets_steps(flow: CrewInstance, count: int, crewcall: Crewcall) -> None:
    """Give the flow so many steps, one after the other."""
    flows, by = Flows(crewcall.store, crewcall.rights), Actor(flow.team, flow.owner)
    after: list[AfterPlan] = []
    for number in range(1, count + 1):
        draft = StepDraft(name=f"Step {number}", kind="wait", settings={"seconds": 1}, after=after)
        after = [AfterPlan(step=flows.add_step(flow.id, draft, by=by).key)]


def test_more_steps_than_a_window_holds_are_turned_in_stretches(
    ana: Person, crewcall: Crewcall, a_flow: CrewInstance
) -> None:
    gets_steps(a_flow, 53, crewcall)
    ana.types("/crew show weekly")
    ana.sees("Steps (53)", "50. Step 50", without="51. Step 51")

    ana.presses("Steps 51 to 53")
    ana.sees("51. Step 51", "53. Step 53", "Steps 1 to 50", without="50. Step 50")
    ana.picks("52. Step 52", "Edit")
    ana.fills("Name", "Rest")
    ana.submits()
    ana.sees("Rest is saved.", "52. Rest", "53. Step 53")
    ana.presses("Steps 1 to 50")

    ana.sees("50. Step 50")


def test_forty_steps_have_a_page_and_a_picture(ana: Person, crewcall: Crewcall, a_flow: CrewInstance) -> None:
    gets_steps(a_flow, 40, crewcall)
    ana.types("/crew show weekly")

    ana.sees("Steps (40)", "40. Step 40 · Wait\nafter Step 39")
    alt, png = ana.picture()
    assert alt.startswith("Weekly letter: 40 steps. 1. Step 1 (Wait). 2. Step 2 (Wait), after Step 1.")
    assert png.startswith(b"\x89PNG")


def test_a_step_keeps_what_it_runs_when_somebody_edits_it_who_may_not_use_that(
    ana: Person, ben: Person, a_flow: CrewInstance, crew_of: CrewMaker, crewcall: Crewcall
) -> None:
    secret = crew_of("Secret plans", "Plan.", everybody=Access.NOTHING)
    actor, flows = Actor("T0NORTHWIND", ana.id), Flows(crewcall.store, crewcall.rights)
    [task] = Crews(crewcall.store, crewcall.rights).sheet(secret.id, by=actor).tasks
    first = flows.add_step(a_flow.id, StepDraft(name="Plan", kind="crew", target_id=secret.id), by=actor)
    link = TaskLink(task_id=task.id, step=first.key, depends_on_id=task.id)
    then = {"kind": "crew", "target_id": secret.id, "after": [AfterPlan(step=first.key)], "links": [link]}
    flows.add_step(a_flow.id, StepDraft(name="Again", **then), by=actor)

    ben.types("/crew show weekly")
    ben.sees("2. Again · Run a crew: a crew you can’t see", "1 not shared with you (ask @Ana")
    ben.picks("2. Again", "Edit")
    assert ben.field("Crew") == "a crew you can’t see"
    ben.fills("Name", "Once more")
    ben.submits()
    assert "Secret" not in ben.sees("Once more is saved.")

    ana.types("/crew show weekly")
    ana.sees("2. Once more · Run a crew: Secret plans", without="connects a task")
    assert flows.sheet(a_flow.id, by=actor).steps[1].links == [link]
