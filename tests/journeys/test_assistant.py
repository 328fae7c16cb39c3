"""Talking with the bot as with an assistant: suggestions, titles, where a run goes, and a Slack that refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.manifest import View, manifest
from bot.services import Actor
from bot.services.sharing import Access
from bot.slack.said import Said
from handlers.assistant import NotInThere, said_elsewhere
from tests.journeys.conftest import CrewMaker
from tests.support.office import Slack
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel


@pytest.fixture
def view() -> View:
    """How the workspace shows conversations with the bot."""
    return "assistant"


@pytest.fixture
def workspace(view: View) -> Iterator[LocalSlack]:
    """Northwind's workspace, with the view that its manifest asks for."""
    with LocalSlack(manifest(view)) as workspace:
        yield workspace


@pytest.fixture
def allowed_errors() -> set[str]:
    """What Slack is told to refuse, and what it says to one who is no agent."""
    return {"fatal_error", "invalid_thread_ts"}


def status(person: Person) -> str:
    """What the bot says it is doing in the thread that the person has open."""
    return str(person.asks("messages", channel=person.channel, thread_ts=person._thread)["status"])


def looks_at(person: Person, workspace: LocalSlack, channel: str) -> None:
    """Go to a channel beside the conversation, once that has begun; the bot has taken note of it."""
    person.sees("What shall we do?")
    person.goes_elsewhere(channel)
    person.waits(lambda: bool(workspace.calls("chat.update")), "the bot to take note")


def test_somebody_without_crews_is_offered_to_make_one(crewcall: Crewcall, ana: Person) -> None:
    ana.starts_a_conversation()

    assert ana.suggestions == ["What can you do?", "Create a crew"]
    ana.types("Create a crew")
    ana.sees("What shall we do?", "A crew is a few agents who do tasks")


def test_what_one_runs_is_suggested_and_answered_in_the_conversation(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    crew_of("Weather")
    crew_of("Tides")
    crew_of("News")
    llm.when("Research storms.").says("They come.")
    ana.types("/crew run weather topic=storms")
    ana.reads_thread(of="topic: storms", until="Run again")
    ana.starts_a_conversation()
    assert ana.suggestions == ["What can you do?", "Run Weather", "Run Tides", "What is waiting for me?"]

    ana.types("run Weather")
    ana.sees("Weather still needs topic.")
    ana.presses("Fill in")
    ana.fills("topic", "storms")
    ana.submits()

    ana.sees("They come.", "Run again")
    ana.types("run it again")
    ana.waits(lambda: ana.seen.count("They come.") == 2, "the result a second time")
    ana.waits(lambda: not status(ana), "no status any more")
    assert [call["args"]["status"] for call in workspace.calls("assistant.threads.setStatus")] == ["is thinking…"] * 2


def test_a_conversation_is_called_by_its_first_words_only(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person
) -> None:
    ana.starts_a_conversation()
    ana.sees("What shall we do?")
    ana.types("what is running?")
    ana.sees("what is running?\nWhat shall we do?", "Nothing is running at the moment.")

    ana.types("list")

    ana.sees("There are no crews for you yet.")
    crewcall.later.close()
    assert [call["args"]["title"] for call in workspace.calls("assistant.threads.setTitle")] == ["what is running?"]


def test_here_is_the_channel_that_one_looks_at(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, llm: ScriptedModel, a_crew: object
) -> None:
    llm.when("Research tides.").says("They rise.")
    ana.starts_a_conversation()
    looks_at(ana, workspace, "#research")

    ana.types("run market research about tides here")
    ana.sees("Market research is on its way in #research.")

    ana.goes_to("#research")
    ana.reads_thread(of="topic: tides", until="They rise.")


def test_what_a_run_here_still_needs_is_asked_for_first(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, llm: ScriptedModel, a_crew: object
) -> None:
    llm.when("Research tides.").says("They rise.")
    ana.starts_a_conversation()
    looks_at(ana, workspace, "#research")
    ana.types("run market research in this channel")
    ana.presses("Fill in")
    ana.fills("topic", "tides")
    ana.submits()

    ana.goes_to("#research")
    ana.reads_thread(of="topic: tides", until="They rise.")


def test_where_the_bot_is_not_it_says_so_in_the_conversation(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, a_crew: object
) -> None:
    ana.starts_a_conversation()
    looks_at(ana, workspace, "#random")

    ana.types("run market research about tides here")

    ana.sees("I’m not in this channel, so I can’t post the run here.")


def test_nothing_is_posted_where_one_is_no_member(crewcall: Crewcall, workspace: LocalSlack, ana: Person) -> None:
    """Here everybody is in every channel that they see, so this asks for a Slack that knows of no membership."""
    ana.starts_a_conversation()
    looks_at(ana, workspace, "#research")
    ana.types("run it here")
    ana.sees("There is no crew called “it”.")
    said = Said("run it here", ana.channel, "9999999999.1", ana._thread, direct=True, to_us=True)

    with pytest.raises(NotInThere):
        said_elsewhere(said, crewcall.conversations, Slack(), Actor("T0NORTHWIND", ana.id))  # type: ignore[arg-type]


def test_a_refusal_is_said_in_the_conversation(
    crewcall: Crewcall, ana: Person, ben: Person, crew_of: CrewMaker
) -> None:
    crew_of("Salaries", everybody=Access.NOTHING)
    ben.starts_a_conversation()
    assert ben.suggestions == ["What can you do?", "Create a crew"]

    ben.types("run salaries")

    ben.sees("You may not see or run this crew. Ask its owner, @Ana Ferreira")
    ben.waits(lambda: not status(ben), "no status any more")


def test_what_slack_refuses_of_it_harms_nothing(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, a_crew: object
) -> None:
    methods = ("setStatus", "setTitle", "setSuggestedPrompts")
    workspace.misbehave({"methods": {f"assistant.threads.{one}": {"error": "fatal_error"} for one in methods}})
    ana.starts_a_conversation()
    ana.sees("What shall we do?")

    ana.types("list")

    ana.sees("Market research · crew, yours")


@pytest.mark.parametrize("view", ["agent"])
def test_an_agent_suggests_at_the_top_of_the_direct_messages(crewcall: Crewcall, ana: Person, a_crew: object) -> None:
    ana.goes_to("Crew")
    ana.does("open_home", tab="messages")

    assert ana.suggestions == ["What can you do?", "Run Market research", "What is waiting for me?"]


def test_that_it_is_no_agent_is_learnt_once(crewcall: Crewcall, workspace: LocalSlack, ana: Person) -> None:
    ana.goes_to("Crew")
    ana.does("open_home", tab="messages")
    ana.waits(lambda: bool(workspace.calls("assistant.threads.setSuggestedPrompts")), "the bot to try")

    for _ in range(3):
        ana.does("open_home", tab="messages")
    ana.starts_a_conversation()

    assert ana.suggestions == ["What can you do?", "Create a crew"]
    assert len(workspace.calls("assistant.threads.setSuggestedPrompts")) == 2


@pytest.mark.parametrize("view", [""])
def test_where_the_workspace_has_no_such_view_nothing_of_it_is_asked_for(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person
) -> None:
    ana.goes_to("Crew")
    ana.does("open_home", tab="messages")
    ana.types("Hello")
    ana.opens_thread("Hello")
    ana.types("what is running?")

    ana.sees("Nothing is running at the moment.")
    assert not [call for call in workspace.calls() if call["method"].startswith("assistant.")]
