"""A flow runs in Slack: branches go on while a person decides, and the answer leads on."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.flows import Flows
from store.crews import CrewInstance
from store.steps import AfterPlan, StepDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

STATE = {"type": "object", "properties": {"topic": {"type": "string"}}, "required": ["topic"]}


@pytest.fixture
def letter(crew_of: CrewMaker, crewcall: Crewcall) -> CrewInstance:
    """“Weekly letter”: a draft is reviewed while somebody looks for pictures, then both are put together."""
    draft = crew_of("Drafting", "Draft a letter about {topic}.")
    pictures = crew_of("Pictures", "Find pictures of {topic}.")
    both = crew_of("Putting together", "Put {letter} and {pictures} together.")
    flow, by = crew_of.flow("Weekly letter"), Actor("T0NORTHWIND", "U0ANA000001")
    flows = Flows(crewcall.store, crewcall.rights)
    flows.set_state(flow.id, STATE, version=flow.version, by=by)
    topic = {"topic": "state.topic"}
    approved = [AfterPlan(step="look_at_it", outcome="approved"), AfterPlan(step="pictures")]
    given = {"letter": "outputs.look_at_it.raw", "pictures": "outputs.pictures.raw"}
    for step in (
        StepDraft(name="Draft", kind="crew", target_id=draft.id, inputs=topic),
        StepDraft(name="Pictures", kind="crew", target_id=pictures.id, inputs=topic),
        StepDraft(
            name="Look at it",
            kind="review",
            after=[AfterPlan(step="draft")],
            settings={"shows": "outputs.draft.raw", "prompt": "Can this go out?"},
        ),
        StepDraft(name="Together", kind="crew", target_id=both.id, after=approved, inputs=given),
    ):
        flows.add_step(flow.id, step, by=by)
    assert flows.sheet(flow.id, by=by).problems == []
    return flow


def test_a_person_approves_in_one_branch_of_a_flow(ana: Person, llm: ScriptedModel, letter: CrewInstance) -> None:
    llm.when("Draft a letter about tides.").says("Dear all, tides come.")
    llm.when("Find pictures of tides.").says("Two pictures.")
    llm.when("Put Dear all, tides come. and Two pictures. together.").says("The finished letter.")

    ana.types("/crew run weekly topic=tides")
    asked = "\n".join(ana.reads_thread(of="Weekly letter", until="Please decide"))
    assert "Dear all, tides come." in asked
    ana.opens_thread(of="Weekly letter")
    ana.presses("Approve")

    assert "The finished letter." in "\n".join(ana.reads_thread(of="Weekly letter", until="The finished letter."))
    assert [len([each for each in llm.requests if words in each.prompt]) for words in ("Draft a", "Find pictures")] == [
        1,
        1,
    ]


def test_a_review_that_shows_nothing_only_asks(ana: Person, crew_of: CrewMaker, crewcall: Crewcall) -> None:
    flow, by = crew_of.flow("Weekly letter"), Actor("T0NORTHWIND", "U0ANA000001")
    ends = {"ends": ["approved", "changes", "rejected"]}
    go = StepDraft(name="Go ahead?", kind="review", settings=ends)
    Flows(crewcall.store, crewcall.rights).add_step(flow.id, go, by=by)

    ana.types("/crew run weekly")
    ana.opens_thread(of="Started by")
    seen = ana.sees("Go ahead? · Please decide.", "Who decides:")
    assert "The result is empty" not in seen
    ana.presses("Approve")

    ana.sees("Go ahead? · Complete", "approved", "Run again", without="approved. ")


def test_a_branch_fails_while_somebody_is_asked_in_the_other(
    ana: Person, llm: ScriptedModel, letter: CrewInstance
) -> None:
    llm.when("Draft a letter about tides.").says("Dear all, tides come.")
    llm.when("Find pictures of tides.").fails(401).says("Two pictures.")
    llm.when("Put Dear all, tides come. and Two pictures. together.").says("The finished letter.")
    ana.types("/crew run weekly topic=tides")
    thread = ana.reads_thread(of="Weekly letter", until="Retry from the failed step")
    assert thread[-1].startswith("The run failed at Pictures (Research, Researcher).")
    assert "Done before that: Draft." in thread[-1]
    ana.opens_thread(of="Weekly letter")
    ana.sees("Look at it")

    ana.presses("Retry from the failed step")
    ana.sees("tries again: going on with Pictures.")
    ana.presses("Approve")

    ana.sees("The finished letter.")
    asked = [request.prompt for request in llm.requests]
    assert len([prompt for prompt in asked if "Draft a letter" in prompt]) == 1
    assert len([prompt for prompt in asked if "Find pictures" in prompt]) == 2
