"""Stopping runs, and runs that wait for their turn; only one may go on at once here."""

from __future__ import annotations

import threading

import pytest

from bot.settings import Settings
from store.crews import CrewInstance
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One run at a time."""
    return settings.model_copy(update={"max_concurrent_runs": 1})


def test_a_run_is_stopped_from_its_thread_while_the_model_thinks(
    ana: Person, ben: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Never read.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    ben.opens_thread(of="Market research")
    ben.presses("Stop", and_confirms="Stop it")

    ben.sees("@Ben Okafor stopped this run.", "Run again")
    ben.closes_thread()
    ben.sees("Market research · ⏹️ Stopped")
    assert "Never read." not in "\n".join(ben.reads_thread(of="Market research"))


def test_my_latest_run_is_stopped_by_command(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Never read.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    ana.types("/crew stop")
    ana.sees("Stopping Market research.")

    ana.reads_thread(of="Started by", until="@Ana Ferreira stopped this run.")

    ana.types("/crew logs")
    ana.sees("The run was stopped", "by @Ana Ferreira")


def test_nobody_stops_somebody_elses_run_by_a_command_without_a_name(
    ana: Person, ben: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Read.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    ben.types("/crew stop")
    ben.sees("You have no run going on.")
    gate.set()

    ana.reads_thread(of="Market research", until="Read.")


def test_a_waiting_run_is_stopped_before_it_begins(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They come and go.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")
    ana.types("/crew run market topic=waves")
    ana.sees("topic: waves", "Waiting for its turn")

    ana.opens_thread(of="topic: waves")
    ana.presses("Stop", and_confirms="Stop it")
    ana.sees("@Ana Ferreira stopped this run.")
    ana.closes_thread()
    gate.set()

    ana.reads_thread(of="topic: tides", until="They come and go.")
    ana.sees("⏹️ Stopped", "✅ Done")
    assert not [asked for asked in llm.requests if "waves" in asked.prompt]


def test_waiting_runs_take_their_turns(
    ana: Person, ben: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Tides done.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")
    ben.types("/crew run market topic=waves")
    ben.sees("Waiting for its turn")
    gate.set()

    ben.reads_thread(of="topic: waves", until="Run again")
    ana.reads_thread(of="topic: tides", until="Tides done.")
    ana.types("/crew runs")
    assert ana.sees("✅ done").count("✅ done") == 2


def test_a_run_that_is_over_cannot_be_stopped(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("Done.", after=gate)
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Stop")
    old = next(one for one in ana.messages(ana.messages()[0]["ts"]) if "run.stop" in str(one))
    gate.set()
    ana.reads_thread(of="Market research", until="Run again")

    ana.types("/crew stop")
    ana.sees("You have no run going on.")
    ana.reads_thread(of="Started by", until="Research · Complete")
    assert "run.stop" not in str(next(one for one in ana.messages(ana.messages()[0]["ts"]) if one["ts"] == old["ts"]))
