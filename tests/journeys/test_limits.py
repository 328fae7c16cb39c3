"""Limits: who sees and who sets them, and what happens to a run that comes to one."""

from __future__ import annotations

import threading

import pytest
from pydantic import SecretStr

from bot.app import Crewcall
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.flows import Flows
from bot.services.sharing import Access, ShareDraft, Sharing
from bot.services.tasks import Tasks
from store import connections, usage, workspace_settings
from store.connections import ConnectionDraft
from store.crews import CrewInstance
from store.steps import AfterPlan, StepDraft
from store.tasks import TaskDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import KEY, ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_an_administrator_sets_the_workspaces_limits_and_others_read_them(ana: Person, ben: Person) -> None:
    ana.types("/crew limits")
    ana.sees("Limits of this workspace", "None.", "All runs: 0 tokens")
    ana.presses("Change")
    ana.fills("Tokens per run", "5000")
    ana.fills("US dollars per month", "12.5")
    ana.fills("Runs at once", "3")
    ana.submits()
    ana.sees("Saved.", "Tokens per run: 5,000", "US dollars per month: 12.5", "Runs at once: 3")

    ben.types("/crew limits")
    said = ben.sees("Tokens per run: 5,000", "Administrators of this workspace change this. Ask Ana Ferreira")
    assert "Change\n" not in said
    ana.closes()
    ana.types("/crew audit")
    ana.sees("changed workspace limits", "Tokens per run: 5,000 · US dollars per month: 12.5 · Runs at once: 3")


def test_an_owner_sets_the_limits_of_a_crew_from_its_page(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Limits")
    ana.presses("Change")
    ana.fills("Minutes per run", "10")
    ana.submits()
    ana.sees("Saved.", "Limits of Market research", "Minutes per run: 10")
    ana.closes()

    ben.types("/crew limits market")
    said = ben.sees("Minutes per run: 10", "Its owner changes this: @Ana Ferreira")
    assert "Change\n" not in said


def test_what_makes_no_sense_is_refused_under_its_field(ana: Person) -> None:
    ana.types("/crew limits")
    ana.presses("Change")
    ana.fills("Minutes per run", "0")
    ana.submits()

    assert "1" in ana.sees_error("Minutes per run")


# --- Runs that come to a limit -------------------------------------------------------------------------------------


def sets_limit(person: Person, crew: str, label: str, most: str) -> None:
    person.types(f"/crew limits {crew}")
    person.presses("Change")
    person.fills(label, most)
    person.submits()
    person.sees("Saved.")
    person.closes()


@pytest.fixture
def a_crew_of_two(ana: Person, llm: ScriptedModel, crewcall: Crewcall, crew_of: CrewMaker) -> CrewInstance:
    """Market research, whose second task writes about what the first has found."""
    crew = crew_of()
    by = Actor("T0NORTHWIND", ana.id)
    members = Crews(crewcall.store, crewcall.rights).sheet(crew.id, by=by).agents
    draft = TaskDraft(name="Write", description="Write it up.", expected_output="A text.", agent_id=members[0].id)
    Tasks(crewcall.store, crewcall.rights).add(crew.id, draft, by=by)
    llm.when("Research tides.").says("They come and go.")
    llm.when("Write it up.").says("A text about tides.")
    return crew


def test_a_run_pauses_at_its_limit_and_goes_on_from_what_is_done(
    ana: Person, llm: ScriptedModel, a_crew_of_two: CrewInstance
) -> None:
    sets_limit(ana, "market", "Tokens per run", "10")
    ana.types("/crew run market topic=tides")
    asked = ana.reads_thread(of="Market research · ", until="Raise the limit…")
    assert any("The crew’s limit is 10 tokens a run." in said for said in asked)
    ana.sees("✋ Waiting for an answer at “Write”")

    ana.opens_thread(of="Market research")
    ana.presses("Raise the limit…")
    ana.sees("This run has used")
    ana.fills("New limit for this run", "5")
    ana.submits()
    assert "already. Write more than that" in ana.sees_error("New limit for this run")
    ana.fills("New limit for this run", "100000")
    ana.submits()
    ana.sees_no_window()

    ana.closes_thread()
    ana.reads_thread(of="✅ Done", until="A text about tides.")
    ana.reads_thread(of="✅ Done", until="@Ana Ferreira let this run go on to 100,000 tokens.")
    assert len(llm.requests) == 2
    ana.types("/crew audit")
    ana.sees("raised limit Market research", "100,000 tokens")


@pytest.mark.parametrize(("crew", "most"), [("market", "100000"), ("market", ""), ("", "100000")])
def test_a_run_goes_on_when_the_limit_that_it_waits_at_is_raised_or_taken_away(
    ana: Person, llm: ScriptedModel, a_crew_of_two: CrewInstance, crew: str, most: str
) -> None:
    sets_limit(ana, crew, "Tokens per run", "10")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="✋ Waiting", until="Raise the limit…")
    sets_limit(ana, crew, "Tokens per run", "11")
    ana.reads_thread(of="✋ Waiting", until="Raise the limit…")

    sets_limit(ana, crew, "Tokens per run", most)

    thread = ana.reads_thread(of="✅ Done", until="A text about tides.")
    assert len([said for said in thread if "@Ana Ferreira let this run go on" in said]) == 1
    assert not any("Raise the limit…" in said for said in thread)
    assert len(llm.requests) == 2


def test_a_run_at_a_limit_can_be_stopped_instead(ana: Person, a_crew_of_two: CrewInstance) -> None:
    sets_limit(ana, "market", "Tokens per run", "10")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research · ", until="Raise the limit…")
    ana.opens_thread(of="Market research")

    ana.presses("Stop", beside="Raise the limit…", and_confirms="Stop it")

    ana.closes_thread()
    ana.reads_thread(of="⏹️ Stopped", until="Done before that: Research.")
    ana.opens_thread(of="Market research")
    seen = ana.sees("The run is over.")
    assert "Raise the limit…" not in seen


def test_only_administrators_raise_a_limit_of_the_workspace(
    ana: Person, ben: Person, a_crew_of_two: CrewInstance
) -> None:
    sets_limit(ana, "", "Tokens per run", "10")
    ben.types("/crew run market topic=tides")
    asked = ben.reads_thread(of="Market research · ", until="Raise the limit…")
    assert any("An administrator can raise the limit for it." in said for said in asked)

    ben.opens_thread(of="Market research")
    ben.presses("Raise the limit…")

    ben.sees("Only administrators of this workspace may raise its limits. Ask Ana Ferreira")


def test_a_month_that_is_used_up_keeps_the_next_run_from_asking_a_model(
    ana: Person, llm: ScriptedModel, a_crew_of_two: CrewInstance
) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="✅ Done", until="Run again")
    before = len(llm.requests)
    sets_limit(ana, "", "Tokens per month", "10")

    ana.types("/crew run market topic=tides")

    ana.reads_thread(of="✋ Waiting", until="This workspace’s runs have used")
    assert len(llm.requests) == before


def test_cost_stands_beside_tokens_where_a_price_is_known_and_pauses_a_run(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_crew_of_two: CrewInstance
) -> None:
    connection = ConnectionDraft(
        name="Paid",
        provider="openai",
        base_url=llm.base_url,
        key=SecretStr(KEY),
        models=["scripted"],
        prompt_price=1_000,
        completion_price=2_000,
    )
    with crewcall.store.transaction() as session:
        connections.add(session, connection, team="T0NORTHWIND", by=ana.id, keyring=crewcall.keyring)
        workspace_settings.change(session, "T0NORTHWIND", default_model="Paid/scripted")
    sets_limit(ana, "market", "US dollars per run", "0.01")

    ana.types("/crew run market topic=tides")

    ana.reads_thread(of="Market research · ", until="The crew’s limit is $0.01 a run.")
    ana.reads_thread(of="Market research · ", until=" tokens · $0.")
    ana.types("/crew runs")
    ana.sees(" tokens · $0.")
    ana.types("/crew limits market")
    ana.sees("All its runs: ", " tokens · $0.")


def test_a_call_that_takes_too_long_is_cut_and_the_run_asks(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew_of_two: CrewInstance
) -> None:
    llm.when("Write it up.").says("Too late.", after=gate).says("In time.")
    sets_limit(ana, "market", "Seconds per model call", "1")

    ana.types("/crew run market topic=tides")

    asked = ana.reads_thread(of="Market research · ", until="Raise the limit…")
    assert any("A call to a model took 1 second. The crew’s limit is 1 second a call." in said for said in asked)
    ana.opens_thread(of="Market research")
    ana.presses("Raise the limit…")
    ana.fills("New limit for this run", "60")
    ana.submits()
    ana.closes_thread()
    ana.reads_thread(of="✅ Done", until="In time.")


@pytest.fixture
def a_flow(llm: ScriptedModel, crewcall: Crewcall, crew_of: CrewMaker, a_crew_of_two: CrewInstance) -> CrewInstance:
    """Weekly letter: “Gather” runs Market research, then “Polish” runs Editors."""
    by, flows = Actor("T0NORTHWIND", "U0ANA000001"), Flows(crewcall.store, crewcall.rights)
    flow, editors = crew_of.flow("Weekly letter"), crew_of("Editors", "Polish it.")
    inputs = {"topic": "'tides'"}
    gather = StepDraft(name="Gather", kind="crew", target_id=a_crew_of_two.id, inputs=inputs)
    flows.add_step(flow.id, gather, by=by)
    polish = StepDraft(name="Polish", kind="crew", target_id=editors.id, after=[AfterPlan(step="gather")])
    flows.add_step(flow.id, polish, by=by)
    llm.when("Polish it.").says("A fine letter.")
    return flow


def test_a_crew_inside_a_flow_is_held_to_its_own_limits(
    ana: Person, ben: Person, llm: ScriptedModel, crewcall: Crewcall, a_flow: CrewInstance
) -> None:
    sets_limit(ana, "market", "Tokens per run", "10")
    ana.types("/crew run weekly")
    asked = ana.reads_thread(of="Weekly letter · ", until="Raise the limit…")
    [said] = [each for each in asked if "Raise the limit…" in each]
    assert said.startswith("✋ In this run “Market research” has used ")
    assert "“Market research”’s limit is 10 tokens a run." in said
    assert "Somebody who may edit “Market research” can raise the limit for it." in said
    ana.sees("✋ Waiting for an answer at “Gather”")

    ana.opens_thread(of="Weekly letter")
    ana.presses("Raise the limit…")
    ana.fills("New limit for this run", "100000")
    ana.submits()
    ana.sees_no_window()

    ana.closes_thread()
    ana.reads_thread(of="✅ Done", until="A fine letter.")
    assert len(llm.requests) == 3
    ana.types("/crew limits market")
    counted = ana.sees("Limits of Market research", "Tokens per run: 10", "All its runs: ")
    assert "All its runs: 0 tokens" not in counted


def test_what_a_crew_used_in_earlier_steps_counts_and_what_others_use_does_not(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_crew_of_two: CrewInstance, a_flow: CrewInstance
) -> None:
    by, flows = Actor("T0NORTHWIND", "U0ANA000001"), Flows(crewcall.store, crewcall.rights)
    again = StepDraft(
        name="Again",
        kind="crew",
        target_id=a_crew_of_two.id,
        inputs={"topic": "'tides'"},
        after=[AfterPlan(step="polish")],
    )
    flows.add_step(a_flow.id, again, by=by)
    sets_limit(ana, "editors", "Tokens per run", "100000")
    ana.types("/crew run weekly")
    ana.reads_thread(of="✅ Done", until="Run again")
    with crewcall.store.reading() as session:
        used = usage.in_month(session, usage.crew(a_crew_of_two.id), team=by.team).tokens
        all_used = usage.in_month(session, usage.crew(a_flow.id), team=by.team).tokens
    assert 0 < used < all_used
    # Twice the same work: the limit lies within the second half of it.
    sets_limit(ana, "market", "Tokens per run", str(used // 2 + 1))

    ana.types("/crew run weekly")

    ana.reads_thread(of="✋ Waiting for an answer at “Again”", until="“Market research”’s limit is")


def test_a_limit_of_time_holds_inside_a_flow(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_flow: CrewInstance
) -> None:
    llm.when("Polish it.").says("Too late.", after=gate).says("In time.")
    sets_limit(ana, "editors", "Seconds per model call", "1")

    ana.types("/crew run weekly")

    ana.reads_thread(of="✋ Waiting for an answer at “Polish”", until="“Editors”’s limit is 1 second a call.")
    ana.opens_thread(of="Weekly letter")
    ana.presses("Raise the limit…")
    ana.fills("New limit for this run", "60")
    ana.submits()
    ana.closes_thread()
    ana.reads_thread(of="✅ Done", until="In time.")
    assert len([request for request in llm.requests if "Research tides." in request.prompt]) == 1


def test_a_flow_inside_a_flow_and_the_crews_in_it_are_held_to_their_own_limits(
    ana: Person, crewcall: Crewcall, crew_of: CrewMaker, a_flow: CrewInstance
) -> None:
    by, flows = Actor("T0NORTHWIND", "U0ANA000001"), Flows(crewcall.store, crewcall.rights)
    outer = crew_of.flow("Whole week")
    flows.add_step(outer.id, StepDraft(name="Letter", kind="flow", target_id=a_flow.id), by=by)
    sets_limit(ana, "market", "Tokens per run", "10")
    ana.types("/crew run whole")
    ana.reads_thread(of="Whole week · ", until="In this run “Market research” has used ")
    sets_limit(ana, "market", "Tokens per run", "")
    ana.reads_thread(of="✅ Done", until="A fine letter.")
    ana.types("/crew limits weekly")
    counted = ana.sees("Limits of Weekly letter", "All its runs: ")
    assert "All its runs: 0 tokens" not in counted
    ana.closes()

    sets_limit(ana, "weekly", "Tokens per run", "10")
    ana.types("/crew run whole")

    ana.reads_thread(of="✋ Waiting for an answer", until="In this run “Weekly letter” has used ")


def test_who_may_not_edit_the_crew_inside_does_not_raise_its_limit(
    ana: Person, ben: Person, crewcall: Crewcall, a_crew_of_two: CrewInstance, a_flow: CrewInstance
) -> None:
    by = Actor("T0NORTHWIND", "U0ANA000001")
    Sharing(crewcall.store, crewcall.rights).share(a_crew_of_two.id, ShareDraft(everybody=Access.RUN), by=by)
    sets_limit(ana, "market", "Tokens per run", "10")
    ben.types("/crew run weekly")
    ben.reads_thread(of="Weekly letter · ", until="Raise the limit…")
    ben.opens_thread(of="Weekly letter")

    ben.presses("Raise the limit…")

    ben.sees("Only those who may edit this crew can raise its limits. Ask its owner, @Ana Ferreira")


def test_a_run_that_waits_for_its_turn_says_its_place_in_line(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    sets_limit(ana, "", "Runs at once", "1")
    llm.when("Research tides.").says("They come and go.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")
    ana.types("/crew run market topic=waves")
    ana.types("/crew run market topic=foam")

    ana.sees("Waiting for its turn, 1st in line", "Waiting for its turn, 2nd in line")
    gate.set()
    for topic in ("tides", "waves", "foam"):
        ana.reads_thread(of=f"topic: {topic}", until="Run again")
