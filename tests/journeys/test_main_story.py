"""The whole story: a crew is made in Slack, runs, and its result is read in the thread."""

from __future__ import annotations

import threading

import pytest

from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_ana_makes_a_crew_runs_it_and_reads_the_result(ana: Person, llm: ScriptedModel, gate: threading.Event) -> None:
    llm.when("Find out about solid-state batteries").says("Energy density doubles.", after=gate)
    llm.when("Write about solid-state batteries", "Energy density doubles.").says("## Batteries\n\n*Twice* the range.")

    ana.types("/crew create Market research")
    ana.fills("Description", "Finds out what is new.")
    ana.submits()
    ana.sees("Market research is created", "It has no agents yet", "It has no tasks yet")

    ana.presses("Add agent")
    ana.fills("Name", "Researcher")
    ana.fills("Role", "Analyst")
    ana.fills("Goals", "Find facts\nName the sources")
    ana.fills("Backstory", "Has read everything about {topic}.")
    ana.submits()
    ana.sees("Researcher is added.", "Agents (1)", "Find facts; Name the sources")
    ana.presses("Add agent")
    ana.fills("Name", "Writer")
    ana.fills("Role", "Editor")
    ana.fills("Goals", "Be short")
    ana.fills("Backstory", "Worked for a newspaper.")
    ana.submits()
    ana.sees("Writer is added.", "Agents (2)")

    ana.presses("Add task")
    ana.fills("Name", "Research")
    ana.fills("What to do", "Find out about {topic}")
    ana.fills("Expected result", "Five facts")
    ana.chooses("Agent", "Researcher")
    ana.submits()
    ana.sees("Research is added.", "1. Research · Researcher")
    ana.presses("Add task")
    ana.fills("Name", "Write")
    ana.fills("What to do", "Write about {topic}")
    ana.fills("Expected result", "A post")
    ana.chooses("Agent", "Writer")
    ana.chooses("Uses the results of", "Research")
    ana.submits()
    ana.sees("Write is added.", "2. Write · Writer · uses Research", "asks for {topic}")
    assert "Before this crew can run" not in ana.seen

    ana.closes()
    ana.types('/crew run "Market research" topic="solid-state batteries"')
    ana.sees("Market research · ▶️ Running", "Started by @Ana Ferreira", "topic: solid-state batteries")
    ana.opens_thread(of="Market research")
    ana.sees("Research · In progress · Researcher", "Write · Pending")
    gate.set()
    ana.sees("## Batteries\n\n*Twice* the range.", "Run again", "Edit inputs", "Show log")
    ana.sees("Research · Complete · Researcher", "Energy density doubles.", "Write · Complete · Writer", "tokens")
    ana.closes_thread()
    ana.sees("Market research · ✅ Done after")


def test_a_run_from_the_page_asks_for_the_input_and_tells_where_it_goes(
    ana: Person, llm: ScriptedModel, a_crew: object
) -> None:
    llm.when("Research tides.").says("They come and go.")

    ana.types("/crew show market")
    ana.presses("Run")
    ana.fills("topic", "tides")
    ana.submits()

    ana.sees_no_window()
    assert "They come and go." in ana.reads_thread(of="Market research", until="They come and go.")[-1]
