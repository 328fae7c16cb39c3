"""When the model, Slack or the network fails: people read what happened, and the end of every run, once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bot.errors import Gone
from bot.local_slack import LocalSlack
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.runs import Runs
from bot.services.tasks import Tasks
from store.agents import AgentDraft
from store.crews import CrewInstance
from store.runs import Execution
from store.tasks import TaskDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

if TYPE_CHECKING:
    from bot.app import Crewcall

pytestmark = pytest.mark.usefixtures("crewcall")


# --- The model -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "refused the key"), (404, "does not know the model"), (400, "The model call failed")],
)
def test_a_failing_model_is_spoken_of_in_plain_words(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, status: int, sentence: str
) -> None:
    llm.when("Research tides.").fails(status, error="Traceback: pydantic <!channel>")
    ana.types("/crew run market topic=tides")

    ending = ana.reads_thread(of="Market research", until="Show log")[-1]
    assert ending.startswith("The run failed at Research (Researcher).")
    assert sentence in ending
    assert "Run again" in ending
    ana.sees("Market research · ❌ Failed at “Research”")
    ana.reads_thread(of="Market research", until="Research · Error")


def test_what_was_done_before_a_failure_is_named(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add task")
    ana.fills("Name", "Write")
    ana.fills("What to do", "Write it down.")
    ana.fills("Expected result", "A post")
    ana.submits()
    ana.sees("Write is added.")
    ana.closes()
    llm.when("Write it down.").fails(401)

    ana.types("/crew run market topic=tides")

    ending = ana.reads_thread(of="Market research", until="Show log")[-1]
    assert ending.startswith("The run failed at Write (Researcher).")
    assert "Done before that: Research." in ending


def test_a_failed_run_is_started_again_and_succeeds(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(401).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="❌ Failed", until="Run again")
    ana.opens_thread(of="Market research")
    ana.presses("Run again")

    ana.closes_thread()
    ana.reads_thread(of="✅ Done", until="They come and go.")


# --- Slack and the network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["drop", "refresh"])
def test_a_lost_connection_during_a_run_loses_nothing(
    ana: Person, workspace: LocalSlack, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance, word: str
) -> None:
    llm.when("Research tides.").says("They come and go.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    workspace.misbehave({"socket": word})
    workspace.wait_until_connected(2)
    gate.set()

    thread = ana.reads_thread(of="Market research", until="Run again")
    assert sum("They come and go." in said for said in thread) >= 1
    assert_told_once(ana)
    ana.opens_thread(of="Market research")
    ana.presses("Show log")
    ana.sees("The run is done")


def test_commands_delivered_twice_are_carried_out_once(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    workspace.misbehave({"duplicate_deliveries": True})
    ana.types("/crew run market topic=tides")

    assert_told_once(ana)


def test_a_storm_of_429s_delays_the_end_of_a_run_but_does_not_lose_it(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    storm = {"status": 429, "retry_after": 1, "times": 2}
    workspace.misbehave({"methods": {"chat.update": storm, "chat.postMessage": {**storm, "times": 1}}})
    ana.types("/crew run market topic=tides")

    assert_told_once(ana)


def test_failures_of_slack_delay_the_end_of_a_run_but_do_not_lose_it(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    workspace.misbehave(
        {"methods": {"chat.update": {"status": 500, "times": 3}, "chat.postMessage": {"status": 503, "times": 1}}}
    )
    ana.types("/crew run market topic=tides")

    assert_told_once(ana)


def test_a_result_that_slack_took_without_an_answer_is_there_once(
    ana: Person, workspace: LocalSlack, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They come and go.", after=gate)
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Stop")
    workspace.misbehave({"methods": {"chat.postMessage": {"then_drop": True, "times": 1}}})
    gate.set()

    assert_told_once(ana)


def assert_told_once(person: Person) -> None:
    """The one run has a parent that says it is done, one progress message and one result."""
    person.sees("Market research · ✅ Done")
    person.reads_thread(of="Started by", until="Research · Complete")
    thread = person.reads_thread(of="Started by", until="Run again")
    results = [said for said in thread if "Run again" in said]
    assert (len(person.reads()), len(thread), len(results)) == (1, 2, 1)


def test_a_bot_that_is_away_is_said_to_be_by_slack(ana: Person, workspace: LocalSlack, crewcall: Crewcall) -> None:
    workspace.misbehave({"socket": ["drop", "refuse"]})
    workspace.wait_until_connected(0)

    with pytest.raises(AssertionError, match="/crew failed with the error “dispatch_failed”"):
        ana.types("/crew help")

    workspace.heal()
    workspace.wait_until_connected(2, timeout=20)
    ana.types("/crew help")
    ana.sees("I build and run crews")


# --- What has gone, and what belongs to others ---------------------------------------------------------------------


def test_buttons_about_a_deleted_crew_say_that_it_is_gone(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of(by=ben.id)
    ana.types("/crew list")
    ana.sees("Market research")
    ben.types("/crew delete market")
    ben.presses("Delete…", and_confirms="Delete")
    ben.sees("Market research is deleted.")

    ana.presses("Open", beside="Market research")

    ana.sees("That crew has been deleted in the meantime.")


def test_the_thread_of_a_deleted_crews_run_says_that_it_cannot_run_again(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.types("/crew delete market")
    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("Market research is deleted.")

    ana.opens_thread(of="Started by")
    ana.presses("Run again")

    ana.sees("That crew has been deleted in the meantime.")
    ana.closes_thread()
    ana.types("/crew runs")
    ana.sees("Market research", "✅ done")


def test_another_workspace_reaches_nothing_by_its_id(ana: Person, crewcall: Crewcall, a_crew: CrewInstance) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    crews = Crews(crewcall.store, crewcall.rights)
    agents = Agents(crewcall.store, crewcall.rights, crewcall.connections.problem)
    tasks = Tasks(crewcall.store, crewcall.rights)
    runs = Runs(crewcall.store, crewcall.rights, NeverReached(), crewcall.connections.problem)
    mallory = Actor("T0ELSEWHERE", ana.id)
    sheet = crews.sheet(a_crew.id, by=Actor("T0NORTHWIND", ana.id))
    agent, task, draft = sheet.agents[0], sheet.tasks[0], a_crew.draft()
    role = AgentDraft(name="Spy", role="Spy", goals=["Spy"], backstory="Spy.")
    work = TaskDraft(name="Spy", description="Spy.", expected_output="Spy.")

    for deed in (
        lambda: crews.sheet(a_crew.id, by=mallory),
        lambda: crews.get(a_crew.id, by=mallory),
        lambda: crews.change(a_crew.id, draft, version=a_crew.version, by=mallory),
        lambda: crews.delete(a_crew.id, by=mallory),
        lambda: agents.add(a_crew.id, role, by=mallory),
        lambda: agents.get(agent.id, by=mallory),
        lambda: agents.change(agent.id, role, version=agent.version, by=mallory),
        lambda: agents.remove(agent.id, by=mallory),
        lambda: tasks.add(a_crew.id, work, by=mallory),
        lambda: tasks.get(task.id, by=mallory),
        lambda: tasks.change(task.id, work, version=task.version, by=mallory),
        lambda: tasks.remove(task.id, by=mallory),
        lambda: runs.start(a_crew.id, {"topic": "tides"}, by=mallory, channel=ana.channel, tell=print),
        lambda: runs.get(1, by=mallory),
        lambda: runs.log(1, by=mallory),
        lambda: runs.stop(1, by=mallory),
        lambda: runs.again(1, by=mallory, tell=print),
    ):
        with pytest.raises(Gone):
            deed()
    assert crews.names(by=mallory) == []
    assert crews.page(by=mallory) == ([], 0)
    assert runs.latest(by=mallory) == []
    assert crews.sheet(a_crew.id, by=Actor("T0NORTHWIND", ana.id)).agents == [agent]


class NeverReached:
    """A launcher for runs that must not come to pass."""

    def launch(self, run: Execution, tell: object) -> None:
        pytest.fail("a run was started")

    def stop(self, run: Execution, by: str) -> None:
        pytest.fail("a run was stopped")
