"""The step “Run a crew” of Workflow Builder: it completes or fails as its run does, once."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.services.sharing import Access
from bot.settings import Settings
from handlers.workflows import run_crew
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.office import BEN, OWNER, Office
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

STEP = "Run a crew"


def begins(person: Person, **inputs: str) -> str:
    return person.runs_step(STEP, **{"crew": "Market research", "channel": "#general", **inputs})


def test_a_step_completes_with_the_result(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research deep tides.").says("They rise.")

    step = begins(ana, inputs='topic="deep tides"')

    ended = ana.sees_step(step, "completed")
    assert ended["outputs"]["result"] == "They rise."
    assert ended["outputs"]["link"].startswith("http")
    ana.sees("Market research · ✅ Done", "Started by @Ana Ferreira in a workflow", "topic: deep tides")


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"crew": "Nothing"}, "There is no crew called “Nothing”."),
        ({}, "“Market research” needs topic."),
    ],
)
def test_what_is_wrong_fails_the_step_at_once(
    ana: Person, a_crew: CrewInstance, inputs: dict[str, str], sentence: str
) -> None:
    assert ana.sees_step(begins(ana, **inputs), "failed")["error"] == sentence


def test_a_failed_run_fails_its_step(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(401)

    error = ana.sees_step(begins(ana, inputs="topic=tides"), "failed")["error"]

    assert error.startswith("The run of “Market research” failed at “Research”.")


def test_a_workflow_runs_only_what_is_shared_with_everybody(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of(everybody=Access.NOTHING)
    ana.types("/crew edit market")
    ana.presses("Share")
    ana.chooses("Channels whose members may run it", "#research")
    ana.submits()

    # Not for those who may run it either: whoever built the workflow reads the result, too.
    step = ana.runs_step(STEP, crew="Market research", inputs="topic=tides", channel="#research")
    assert ana.sees_step(step, "failed")["error"].startswith("“Market research” is not shared with everybody")
    step = ben.runs_step(STEP, crew="Market research", inputs="topic=tides", channel="#research")

    assert ben.sees_step(step, "failed")["error"].startswith("“Market research” is not shared with everybody")


def test_nobody_who_builds_a_workflow_says_who_runs_it(office: Office) -> None:
    office.share(everybody="run")
    inputs = {"crew": office.crew.name, "channel": "C0GENERAL"}

    def told(step: str, person: object) -> None:
        run_crew({"function_execution_id": step, "inputs": {**inputs, "person": person}}, office.workflows, BEN)

    for number, person in enumerate((OWNER.user, {}, None, [OWNER.user])):
        told(f"Fx{number}", person)

    assert {end.error for end in office.ends} == {
        "Slack does not say who used this workflow. Add the step again, in a workflow that begins with a person."
    }
    assert [run.id for run in office.runs.latest(by=OWNER)] == [office.run.id]
    told("Fx9", {"id": BEN.user})
    assert office.runs.latest(by=OWNER)[0].started_by == BEN.user


def test_the_crew_is_deleted_before_its_step_begins(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew delete market")
    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("Market research is deleted.")

    step = begins(ana, inputs="topic=tides")

    assert ana.sees_step(step, "failed")["error"] == "There is no crew called “Market research”."


def test_a_step_is_completed_after_a_restart(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, settings: Settings, a_crew: CrewInstance, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They rise.", after=gate)
    step = begins(ana, inputs="topic=tides")
    llm.heard("Research tides.")
    crewcall.close()
    gate.set()

    with closing(Crewcall(settings, default_model="openai/scripted")) as again:
        again.start()
        assert ana.sees_step(step, "completed")["outputs"]["result"] == "They rise."


@pytest.mark.parametrize(
    "inputs", ["topic=deep tides", 'topic="deep tides"', '{"topic": "deep tides"}', "topic=deep\ntides"]
)
def test_an_input_is_all_of_its_line_or_json(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, inputs: str
) -> None:
    llm.when("Research deep").says("They rise.")

    ana.sees_step(begins(ana, inputs=inputs), "completed")

    said = "\n".join(ana.reads())
    assert "deep tides" in said or "deep\ntides" in said


@pytest.mark.parametrize("inputs", ["tides", '{"topic": '])
def test_inputs_that_are_not_understood_fail_the_step(ana: Person, a_crew: CrewInstance, inputs: str) -> None:
    error = ana.sees_step(begins(ana, inputs=inputs), "failed")["error"]

    assert error.startswith("I do not understand the inputs.")


def test_a_step_that_is_told_of_twice_runs_once(
    ana: Person, llm: ScriptedModel, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They rise.")
    workspace.misbehave({"duplicate_deliveries": True})

    ana.sees_step(begins(ana, inputs="topic=tides"), "completed")

    assert sum("topic: tides" in said for said in ana.reads()) == 1


def test_a_stopped_run_fails_its_step(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They rise.", after=gate)
    step = begins(ana, inputs="topic=tides")
    llm.heard("Research tides.")

    ana.types("/crew stop")
    ana.sees("Stopping Market research.")

    assert ana.sees_step(step, "failed")["error"] == "The run of “Market research” was stopped."


def test_a_crew_that_is_deleted_meanwhile_completes_its_step(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They rise.", after=gate)
    step = begins(ana, inputs="topic=tides")
    llm.heard("Research tides.")
    ana.types("/crew delete market")
    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("Market research is deleted.")
    gate.set()

    assert ana.sees_step(step, "completed")["outputs"]["result"] == "They rise."


def test_a_refusal_reaches_slack_when_it_listens_again(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    workspace.misbehave({"methods": {"functions.completeError": {"status": 500, "times": 1}}})

    assert ana.sees_step(begins(ana, crew="Nothing"), "failed")["error"] == "There is no crew called “Nothing”."


def test_a_refusal_that_slack_did_not_hear_is_told_after_a_restart(
    ana: Person, workspace: LocalSlack, crewcall: Crewcall, settings: Settings, a_crew: CrewInstance
) -> None:
    workspace.misbehave({"methods": {"functions.completeError": {"status": 500}}})
    step = begins(ana, crew="Nothing")
    ana.waits(lambda: bool(workspace.calls("functions.completeError")), "Slack to be told")
    crewcall.close()
    workspace.heal()

    with closing(Crewcall(settings, default_model="openai/scripted")) as again:
        again.start()
        assert ana.sees_step(step, "failed")["error"] == "There is no crew called “Nothing”."


def test_a_step_is_told_at_once_without_the_clock(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They rise.")
    crewcall.scheduler.close()

    assert ana.sees_step(begins(ana, inputs="topic=tides"), "completed")["outputs"]["result"] == "They rise."


def test_a_step_completes_where_slack_gives_no_link(
    ana: Person, llm: ScriptedModel, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They rise.")
    workspace.misbehave({"methods": {"chat.getPermalink": {"status": 500, "times": 1}}})

    assert ana.sees_step(begins(ana, inputs="topic=tides"), "completed")["outputs"] == {"result": "They rise."}
