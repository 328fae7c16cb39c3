"""Trying again: from where it failed, the same once more, and as the crew is now."""

from __future__ import annotations

import threading

import pytest

from bot.app import Crewcall
from store import run_lists
from store.crews import CrewInstance
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_a_failed_run_goes_on_in_its_thread_when_somebody_retries(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, crewcall: Crewcall
) -> None:
    llm.when("Research tides.").fails(400).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.opens_thread(of="Market research")
    ana.presses("Retry from the failed task")

    thread = "\n".join(ana.reads_thread(of="Market research", until="They come and go."))
    assert "@Ana Ferreira tries again: going on with Research." in thread
    assert thread.count("They come and go.") == 1
    ana.closes_thread()
    ana.sees("Market research · ✅ Done")
    with crewcall.store.reading() as session:
        assert len(run_lists.latest(session, team=a_crew.team)) == 1


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in its thread", "in the channel"])
def test_a_failed_run_goes_on_when_somebody_says_retry(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, elsewhere: bool
) -> None:
    llm.when("Research tides.").fails(400).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Retry from the failed task")
    if not elsewhere:
        ana.opens_thread(of="Market research")

    ana.types("@Crew retry")

    ana.reads_thread(of="Started by", until="They come and go.")
    assert len(llm.requests) == 2


def test_nothing_is_retried_that_is_done(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.opens_thread(of="Market research")

    ana.types("@Crew retry")

    ana.sees("cannot be tried again now: it goes on, or it is done.")
    assert len(llm.requests) == 1


def test_who_retries_second_is_told_that_it_goes_on_already(
    ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").fails(400).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.opens_thread(of="Market research")
    ana.presses("Retry from the failed task")
    ana.reads_thread(of="Market research", until="They come and go.")

    ben.opens_thread(of="Market research")
    ben.presses("Retry from the failed task")

    ben.sees("That run of “Market research” cannot be tried again now: it goes on, or it is done.")


def test_my_latest_failed_run_is_retried_by_command(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    ana.types("/crew retry")
    ana.sees("You have no run that failed or was stopped.")
    llm.when("Research tides.").fails(400).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Retry from the failed task")

    ana.types("/crew retry market")

    ana.sees("Trying Market research again. Follow it in its thread.")
    ana.reads_thread(of="Started by", until="They come and go.")


def test_run_again_runs_what_ran_and_offers_the_newest_version(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, crewcall: Crewcall
) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    with crewcall.store.transaction() as session:
        session.connection().exec_driver_sql("UPDATE tasks SET description = 'Rewritten {topic}.'")
    ana.types("/crew edit market")
    ana.presses("Edit")
    ana.fills("Description", "Changed since.")
    ana.submits()
    ana.sees("Changed since.", "version 4")
    ana.closes()
    ana.opens_thread(of="Market research")

    ana.presses("Run again")
    ana.closes_thread()
    ana.sees("This runs Market research once more as it was then")
    llm.heard("Research tides.", times=2)
    ana.presses("Run with the newest version")

    llm.heard("Rewritten tides.")


def test_a_run_is_stopped_by_the_shortcut_on_its_message(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Never read.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    ana.uses_on("Market research", "Stop this run")

    ana.reads_thread(of="Started by", until="@Ana Ferreira stopped this run.")


def test_the_shortcut_on_another_message_says_that_there_is_no_run(ana: Person, crewcall: Crewcall) -> None:
    crewcall.client.chat_postMessage(channel=ana.channel, text="Nothing to see here.")

    ana.uses_on("Nothing to see here.", "Stop this run")

    ana.sees("This message does not belong to a run.")
