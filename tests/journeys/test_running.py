"""Runs: started in every way there is, looked back at, and started again."""

from __future__ import annotations

import threading

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

INTO = "The files’ text goes into"


def test_inputs_on_the_command_line_start_the_run_at_once(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research solid-state batteries.").says("They charge faster.")

    ana.types('/crew run "Market research" topic="solid-state batteries"')

    assert "They charge faster." in ana.reads_thread(of="Market research", until="Run again")[-1]
    assert ana.windows == []


def test_quotes_from_a_phone_work_like_plain_ones(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    ana.types("/crew run “market research” topic=“the tides”")

    llm.heard("Research the tides.")
    ana.reads_thread(of="Market research", until="Run again")


def test_missing_inputs_are_asked_for_and_given_ones_are_there_already(
    ana: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    crew_of("Market research", "Research {topic} in {country} for {copy}.")

    ana.types("/crew run market country=Norway")
    ana.sees("“Market research” needs to know:")
    assert (ana.labels, ana.field("country")) == ([*["topic", "country", "copy"], "Files", INTO], "Norway")
    ana.fills("topic", "tides")
    ana.submits()
    assert ana.sees_error("copy") == "This can’t be empty."
    ana.fills("copy", "Chloé")
    ana.submits()

    llm.heard("Research tides in Norway for Chloé.")
    ana.reads_thread(of="Market research", until="Run again")


def test_an_unknown_input_is_named_together_with_the_known_ones(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew run market topc=tides")

    ana.sees("“Market research” has no input called topc. It asks for topic.")
    assert len(ana.reads()) == 1


def test_an_empty_input_counts_as_missing(ana: Person, a_crew: CrewInstance) -> None:
    ana.types('/crew run market topic=""')

    ana.sees("“Market research” needs to know:")


def test_a_crew_without_placeholders_runs_from_its_page(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of("Market news", "Find the news.")

    ana.types("/crew show market news")
    ana.presses("Run")
    ana.sees("Market news is on its way.")
    ana.closes()

    ana.reads_thread(of="Market news", until="Run again")


def test_a_crew_without_tasks_says_what_is_missing(ana: Person, crew_of: CrewMaker) -> None:
    crew_of.empty("Market research")

    ana.types("/crew run market")

    ana.sees("Market research", "can’t run yet", "It has no agents yet. Add at least one.", "It has no tasks yet.")


def test_a_task_without_an_agent_keeps_its_crew_from_running(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Researcher", "Remove")
    ana.submits()
    ana.sees("Researcher is removed.")
    ana.presses("Add agent")
    ana.fills("Name", "Writer")
    ana.fills("Role", "Editor")
    ana.fills("Goals", "Be short")
    ana.fills("Backstory", "None")
    ana.submits()
    ana.sees("Writer is added.")
    ana.closes()

    ana.types("/crew run market topic=tides")
    ana.sees("can’t run yet", "The task “Research” has no agent. Choose who does it.")
    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    ana.chooses("Agent", "Writer")
    ana.submits()
    ana.sees("1. Research · Writer")
    assert "Before this crew can run" not in ana.seen


def test_the_state_of_every_run_stands_in_the_list(
    ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker, gate: threading.Event
) -> None:
    crew_of("Good news", "Find the good news.")
    crew_of("Bad news", "Find the bad news.")
    crew_of("No news", "Find no news.")
    llm.when("Find the bad news.").fails(401)
    llm.when("Find no news.").says("None.", after=gate)
    for name in ("Good news", "Bad news"):
        ben.types(f'/crew run "{name}"')
        ben.reads_thread(of=name, until="Show log")
    ana.types('/crew run "No news"')
    llm.heard("Find no news.")

    ana.types("/crew runs")

    said = ana.sees(
        "Good news", "✅ done · by @Ben Okafor", "Bad news", "❌ failed", "No news", "running", "@Ana Ferreira"
    )
    assert said.rindex("No news") < said.rindex("Bad news") < said.rindex("Good news")
    ana.types("/crew runs bad")
    ana.waits(lambda: "refused the key" in (last := ana.reads()[-1]) and "Good news" not in last, "only Bad news")
    gate.set()
    ana.reads_thread(of="No news · ", until="Run again")


def test_the_list_shows_the_log_of_a_run(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")

    ana.types("/crew runs")
    ana.presses("Open", beside="✅ done")

    ana.sees("Run", "The run began", "Research · Researcher", "They come and go.", "The run is done")


def test_the_log_is_shown_from_the_thread_and_by_command(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.opens_thread(of="Market research")
    ana.presses("Show log")
    ana.sees("The run is done")
    ana.closes()
    ana.closes_thread()

    ana.types("/crew logs")
    ana.sees("The run is done")


def test_a_run_is_started_again_with_the_same_inputs(
    ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")

    ben.opens_thread(of="Market research")
    ben.presses("Run again")

    llm.heard("Research tides.", times=2)
    ben.closes_thread()
    ben.sees("Started by @Ben Okafor")
    ben.reads_thread(of="@Ben Okafor", until="Run again")


def test_a_run_is_started_again_with_other_inputs(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.opens_thread(of="Market research")

    ana.presses("Edit inputs")
    assert ana.field("topic") == "tides"
    ana.fills("topic", "waves")
    ana.submits()

    llm.heard("Research waves.")
    ana.closes_thread()
    ana.reads_thread(of="topic: waves", until="Run again")


def test_an_edit_during_a_run_does_not_touch_it(
    ana: Person, llm: ScriptedModel, gate: threading.Event, a_crew: CrewInstance
) -> None:
    ana.types("/crew edit market")
    ana.presses("Add task")
    ana.fills("Name", "Write")
    ana.fills("What to do", "Write about {topic}.")
    ana.fills("Expected result", "A post")
    ana.submits()
    ana.sees("Write is added.")
    ana.closes()
    llm.when("Research tides.").says("They come and go.", after=gate)
    ana.types("/crew run market topic=tides")
    llm.heard("Research tides.")

    ana.types("/crew edit market")
    ana.picks("2. Write", "Edit")
    ana.fills("What to do", "Sing about {moon}.")
    ana.submits()
    ana.sees("Write is saved.")
    ana.presses("Delete", and_confirms="Delete")
    ana.sees("Market research is deleted.")
    ana.closes()
    gate.set()

    llm.heard("Write about tides.")
    ana.reads_thread(of="Market research", until="Write · Complete")
    ana.sees("Market research · ✅ Done")


def test_a_second_click_of_impatience_starts_no_second_run(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of("Market news", "Find the news.")
    ana.types("/crew run markt news")
    ana.presses("Run Market news", times=2)

    ana.reads_thread(of="Market news · ", until="Run again")
    assert sum("Started by" in said for said in ana.reads()) == 1


def test_a_run_in_a_channel_without_the_bot_says_how_to_invite_it(ana: Person, a_crew: CrewInstance) -> None:
    for channel in ("#random", "#board"):
        ana.goes_to(channel)
        ana.types("/crew run market topic=tides")
        ana.sees(
            "I’m not in this channel, so I can’t post the run here. Invite me with /invite @crew, then run it again."
        )

    ana.invites_the_bot()
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research · ", until="Run again")


def test_a_run_from_the_home_tab_is_read_in_the_direct_messages(ana: Person, a_crew: CrewInstance) -> None:
    ana.opens_home()
    ana.presses("Open", beside="Market research")
    ana.presses("Run")
    ana.fills("topic", "tides")
    ana.submits()
    ana.sees("Follow it in its thread in our direct message.")
    ana.closes()

    ana.goes_to("Crew")
    ana.reads_thread(of="Market research", until="Run again")
    ana.opens_home()
    ana.sees("Last runs", "✅ done")
