"""Replies in the thread of a run: a change to its result, once more, and what people ask the bot about."""

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

pytestmark = pytest.mark.usefixtures("crewcall")


def runs_it(person: Person, llm: ScriptedModel) -> None:
    llm.when("Research tides.").says("They rise, and they fall.")
    person.types("/crew run market topic=tides")
    person.reads_thread(of="Started by", until="Run again")


def test_a_reply_changes_the_result(ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    runs_it(ana, llm)
    llm.when("They rise, and they fall.", "Make it shorter {topic}").says("Up, down.")
    ben.opens_thread(of="Started by")

    ben.types("@Crew Make it shorter {topic}")

    ana.reads_thread(of="Started by @Ana", until="Up, down.")
    assert len(llm.requests) == 2


def test_thanks_are_no_change_to_the_result(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    runs_it(ana, llm)
    ana.opens_thread(of="Started by")

    ana.types("@Crew Great, thanks a lot!")

    ana.sees("You’re welcome.")
    assert len(llm.requests) == 1


def test_a_reply_runs_it_again(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    runs_it(ana, llm)
    ana.opens_thread(of="Started by")

    ana.types("@Crew run it again")

    llm.heard("Research tides.", times=2)


@pytest.fixture
def a_flow(crew_of: CrewMaker, crewcall: Crewcall) -> CrewInstance:
    """“Weekly letter”: a crew researches what the state’s subject and the week make together."""
    crew, flow, by = crew_of("Market research"), crew_of.flow("Weekly letter"), Actor("T0NORTHWIND", "U0ANA000001")
    flows = Flows(crewcall.store, crewcall.rights)
    schema = {"type": "object", "properties": {"subject": {"type": "string"}}, "required": ["subject"]}
    flows.set_state(flow.id, schema, version=flow.version, by=by)
    prefix = StepDraft(name="Prefix", kind="set", result="subject", settings={"value": "'deep ' + state.subject"})
    flows.add_step(flow.id, prefix, by=by)
    topic = {"topic": "state.subject"}
    gather = StepDraft(name="Gather", kind="crew", target_id=crew.id, inputs=topic, after=[AfterPlan(step="prefix")])
    flows.add_step(flow.id, gather, by=by)
    return flow


def test_a_reply_changes_the_result_of_the_crew_that_ends_a_flow(
    ana: Person, llm: ScriptedModel, a_flow: CrewInstance
) -> None:
    llm.when("Research deep tides.").says("They rise, and they fall.")
    ana.types("/crew run weekly subject=tides")
    ana.reads_thread(of="Started by", until="Run again")
    llm.when("Research deep tides.", "They rise, and they fall.", "Make it shorter").says("Up, down.")
    ana.opens_thread(of="Started by")

    ana.types("@Crew Make it shorter")

    ana.sees("Up, down.")
    assert len(llm.requests) == 2


def test_a_result_of_several_steps_is_not_changed_by_a_reply(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_flow: CrewInstance
) -> None:
    again = StepDraft(name="Shout", kind="set", after=[AfterPlan(step="gather")], result="subject")
    shout = again.model_copy(update={"settings": {"value": "outputs.gather.raw + '!'"}})
    Flows(crewcall.store, crewcall.rights).add_step(a_flow.id, shout, by=Actor("T0NORTHWIND", "U0ANA000001"))
    llm.when("Research deep tides.").says("They rise.")
    ana.types("/crew run weekly subject=tides")
    ana.reads_thread(of="Started by", until="Run again")
    ana.opens_thread(of="Started by")

    ana.types("@Crew Make it shorter")

    ana.sees("“Weekly letter” puts its result together from several steps.", "or use “Edit inputs”")
    assert len(llm.requests) == 1


def test_there_must_be_a_result_to_change(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(401)
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Started by", until="Run again")
    ana.opens_thread(of="Started by")

    ana.types("@Crew make it shorter")

    ana.sees("“Market research” has no result here that can be changed.")


def test_who_may_not_run_the_crew_changes_nothing(
    ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    from bot.services.sharing import Access

    crew_of(everybody=Access.NOTHING)
    runs_it(ana, llm)
    ben.opens_thread(of="Started by")

    ben.types("@Crew make it shorter")

    ben.sees("You may not")
    assert len(llm.requests) == 1
