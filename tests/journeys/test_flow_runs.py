"""A flow's run as people see it: its thread with pictures, the cards of steps, the state, a failure, one step alone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.services import Actor
from bot.services.agents import Agents, EquippedDraft
from bot.services.flows import Flows
from bot.services.tasks import Tasks
from store import agents, crews, logs, tasks
from store.crews import CrewInstance
from store.more_settings import TaskSettings
from store.steps import AfterPlan, StepDraft
from store.tools import ToolDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

STATE = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "letter": {"type": "string"}},
    "required": ["topic"],
}


@pytest.fixture
def a_flow(crew_of: CrewMaker, crewcall: Crewcall) -> CrewInstance:
    """“Weekly letter”: a crew researches the topic, its result goes into the letter, and a rule looks at it."""
    crew, flow, by = crew_of("Market research"), crew_of.flow("Weekly letter"), Actor("T0NORTHWIND", "U0ANA000001")
    flows = Flows(crewcall.store, crewcall.rights)
    flows.set_state(flow.id, STATE, version=flow.version, by=by)
    gather = StepDraft(name="Gather", kind="crew", target_id=crew.id, inputs={"topic": "state.topic"}, result="letter")
    flows.add_step(flow.id, gather, by=by)
    rules = {"rules": [{"when": "size(state.letter) > 5", "outcome": "long"}], "otherwise": "short", "ends": ["short"]}
    after = [AfterPlan(step="gather")]
    flows.add_step(flow.id, StepDraft(name="Long enough?", kind="decide", after=after, settings=rules), by=by)
    last = StepDraft(
        name="Take over",
        kind="set",
        after=[AfterPlan(step="long_enough", outcome="long")],
        result="letter",
        settings={"value": "state.letter + '!'"},
    )
    flows.add_step(flow.id, last, by=by)
    return flow


def pictures(workspace: LocalSlack) -> int:
    """How many files were shared so far."""
    return len(workspace.calls("files.completeUploadExternal"))


def test_the_thread_shows_the_steps_the_picture_and_the_state(
    ana: Person, workspace: LocalSlack, a_flow: CrewInstance, llm: ScriptedModel, gate: threading.Event
) -> None:
    llm.when("Research batteries").says("Facts about batteries", after=gate)
    ana.types("/crew run weekly topic=batteries")
    ana.opens_thread("Weekly letter")
    ana.sees(
        "Gather · In progress · Market research", "▸ Research (Researcher)", "Long enough? · Pending", "flow start.png"
    )
    ana.presses("State")
    ana.sees("topic\nbatteries", "letter\nnothing")
    ana.closes()

    gate.set()
    ana.sees("Facts about batteries!", "Gather · Complete", "Take over · Complete", "Run again")
    ana.presses("State", beside="Run again")
    ana.sees("letter\nFacts about batteries!")
    ana.closes()
    assert pictures(workspace) >= 1


def test_the_files_of_two_steps_are_both_there_though_their_tasks_have_one_name(
    ana: Person, crew_of: CrewMaker, crewcall: Crewcall, llm: ScriptedModel
) -> None:
    by, flow = Actor("T0NORTHWIND", "U0ANA000001"), crew_of.flow("Weekly letter")
    flows, work = Flows(crewcall.store, crewcall.rights), Tasks(crewcall.store, crewcall.rights)
    for name in ("Tides", "Winds"):
        crew = crew_of(name, description=f"Research {name}.")
        with crewcall.store.reading() as session:
            [task] = tasks.list_all(session, crew.id, team=by.team)
        file = TaskSettings(output_file=f"{name}.md")
        work.configure(task.id, file, version=task.version, by=by)
        flows.add_step(flow.id, StepDraft(name=name, kind="crew", target_id=crew.id), by=by)
    llm.when("Research Tides.").says("They come.")
    llm.when("Research Winds.").says("They go.")

    ana.types("/crew run weekly")
    ana.opens_thread("Weekly letter")

    ana.sees("Tides.md", "Winds.md", "Run again")


def test_the_page_of_a_run_tells_results_of_one_name_apart_even_when_its_log_is_gone(
    ana: Person, crew_of: CrewMaker, crewcall: Crewcall, llm: ScriptedModel
) -> None:
    by, flow = Actor("T0NORTHWIND", "U0ANA000001"), crew_of.flow("Weekly letter")
    flows = Flows(crewcall.store, crewcall.rights)
    for name in ("Tides", "Winds"):
        crew = crew_of(name, description=f"Research {name}.")
        flows.add_step(flow.id, StepDraft(name=f"About {name}", kind="crew", target_id=crew.id), by=by)
    llm.when("Research Tides.").says("They come.")
    llm.when("Research Winds.").says("They go.")
    for name in ("weekly", "tides"):
        ana.types(f"/crew run {name}")
    ana.reads_thread("Weekly letter", until="Run again")
    ana.reads_thread("Tides", until="Run again")
    with crewcall.store.transaction() as session:
        logs.prune(session, team=by.team, ended_before=datetime.now(UTC))

    ana.types("/crew logs weekly")
    said = ana.sees("The log was deleted", "About Tides · Research", "About Winds · Research")
    assert "They come." in said
    assert "They go." in said
    ana.closes()
    ana.types("/crew logs tides")
    assert "Research\nThey come." in ana.sees("The log was deleted", "Research")


def test_a_failure_shows_where_it_happened(
    ana: Person, workspace: LocalSlack, a_flow: CrewInstance, llm: ScriptedModel
) -> None:
    llm.when("Research batteries").fails(401)
    ana.types("/crew run weekly topic=batteries")
    ana.opens_thread("Weekly letter")

    ana.sees("Gather · Error", "Long enough? · Pending", "The run failed")


def test_a_failure_names_the_task_the_agent_and_the_tool(
    ana: Person, a_flow: CrewInstance, crewcall: Crewcall, llm: ScriptedModel
) -> None:
    by, members = (
        Actor("T0NORTHWIND", "U0ANA000001"),
        Agents(crewcall.store, crewcall.rights, crewcall.connections.problem),
    )
    tool = crewcall.tools.add(ToolDraft(name="Pause", tool_type="WaitTool", config={"max_seconds": 1.0}), by=by)
    with crewcall.store.reading() as session:
        crew = crews.named(session, "Market research", team=by.team)
        assert crew
        [agent] = agents.list_all(session, crew.id, team=by.team)
    draft = EquippedDraft(**agent.draft().model_dump(), tools=[tool.id])
    members.change(agent.id, draft, version=agent.version, by=by)
    # The same thing again and again, which CrewAI ends.
    llm.when("Research tides").calls_tool("pause", {"seconds": 0.01})

    ana.types("/crew run market topic=tides")
    thread = "\n".join(ana.reads_thread("Market research", until="Retry from"))
    assert "The run failed at Research (Researcher, tool Pause). The agent asked “Pause”" in thread

    ana.types("/crew run weekly topic=tides")
    thread = "\n".join(ana.reads_thread("Weekly letter", until="Retry from"))
    assert "The run failed at Gather (Research, Researcher, tool Pause). The agent asked “Pause”" in thread


def test_a_task_is_given_what_a_task_of_an_earlier_crew_came_to(
    ana: Person, crew_of: CrewMaker, llm: ScriptedModel
) -> None:
    for name, does in (("Tides", "Research tides."), ("Letters", "Write a letter.")):
        crew_of(name, does)
    crew_of.flow("Weekly letter")
    llm.when("Research tides.").says("They come twice a day.")
    llm.when("Write a letter.").says("Dear all.")
    ana.types("/crew show weekly")
    for step, crew in (("Gather", "Tides"), ("Write", "Letters")):
        ana.presses("Add step", beside="Steps (")
        ana.fills("Name", step)
        ana.chooses("What it does", "Run a crew")
        ana.chooses("Crew or flow it runs", f"{crew} (crew)")
        ana.submits()
        if step == "Write":
            ana.chooses("Connected tasks", "Research uses Research (Gather)")
        ana.submits()
        ana.sees(f"{step} is added.")
    ana.closes()

    ana.types("/crew run weekly")

    ana.reads_thread("Weekly letter", until="Run again")
    assert "They come twice a day." in llm.heard("Write a letter.").prompt
    assert len(llm.requests) == 2


def test_a_model_decides_which_way_a_flow_goes(ana: Person, crew_of: CrewMaker, llm: ScriptedModel) -> None:
    for name in ("Praise", "Mend"):
        crew_of(name, f"{name} it.")
        llm.when(f"{name} it.").says(f"{name}d.")
    crew_of.flow("Weekly letter")
    llm.when("Is the letter good?").says("**Bad.**")
    ana.types("/crew show weekly")
    ana.presses("Add step", beside="Steps (")
    ana.fills("Name", "Judge")
    ana.chooses("What it does", "Decide")
    ana.submits()
    ana.chooses("Decided by", "Model")
    ana.fills("Question", "Is the letter good?")
    ana.fills("Outcomes", "good\nbad")
    ana.submits()
    ana.sees("Judge is added.", "comes to good, bad")
    for outcome, crew in (("good", "Praise"), ("bad", "Mend")):
        ana.presses("Add step", beside="Steps (")
        ana.fills("Name", crew)
        ana.chooses("What it does", "Run a crew")
        ana.chooses("Crew or flow it runs", f"{crew} (crew)")
        ana.submits()
        ana.chooses("Comes after", f"Judge: {outcome}")
        ana.submits()
        ana.sees(f"{crew} is added.")
    ana.closes()

    ana.types("/crew run weekly")

    ana.reads_thread("Weekly letter", until="Mendd.")
    ana.opens_thread("Weekly letter")
    ana.sees("Judge · Complete", "Praise · Pending · Praise · skipped", "Run again")
    assert not [request for request in llm.requests if "Praise it." in request.prompt]


def test_one_step_is_tested_alone(ana: Person, a_flow: CrewInstance) -> None:
    ana.types("/crew show weekly")
    ana.picks("2. Long enough?", "Test or remove…")
    ana.sees("Long enough?: It runs alone")
    ana.fills("letter", "A long letter")
    ana.submits()
    ana.sees("Weekly letter: Long enough? is on its way.")
    ana.closes()

    ana.opens_thread("Weekly letter: Long enough?")
    seen = ana.sees("Long enough? · Complete", "long", "Show log")
    assert "Run again" not in seen
