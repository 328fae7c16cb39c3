"""Slack's assistant view: what it suggests, that an answer is on its way, and what a conversation is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from slack_bolt import App

from bot.errors import UserError
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.run_history import RunHistory
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.conversations import Conversations
from bot.slack.gate import Gate
from bot.slack.later import Later
from bot.slack.people import People
from bot.slack.said import Said

_MOST_CREWS = 2
_HERE = re.compile(r"(.+?),?\s+(?:right )?(?:here|in (?:this|the) channel)[\s!.]*", re.IGNORECASE | re.DOTALL)


class NotInThere(UserError):
    """You are not a member of the channel that you look at, so I don’t post there for you. Join it, then ask again."""


def register(app: App, commands: Commands) -> None:
    """Answer the view's own events; what is written there is answered like every direct message."""
    app.use(attend)
    app.event("assistant_thread_started")(begin)
    app.event("assistant_thread_context_changed")(follow)
    app.event("app_home_opened", matchers=[_in_messages])(suggest)


def attend(said: Said | None, conversations: Conversations, later: Later, next: Callable[[], None]) -> None:
    """Say that an answer is on its way, before it is."""
    if said is not None and said.direct and said.thread_ts and conversations.on:
        conversations.think(said)
        later.behind(lambda _: None, partial(conversations.name, said))
    next()


def begin(
    event: Json, conversations: Conversations, gate: Gate, crews: Crews, run_history: RunHistory, actor: Actor
) -> None:
    thread = event["assistant_thread"]
    by = Actor(actor.team, thread["user_id"])
    conversations.greet(thread, prompts(crews, run_history, by), gate, team=actor.team)


def follow(event: Json, conversations: Conversations) -> None:
    conversations.move(event["assistant_thread"])


def suggest(event: Json, conversations: Conversations, crews: Crews, run_history: RunHistory, actor: Actor) -> None:
    if conversations.on:
        conversations.suggest(event["channel"], prompts(crews, run_history, actor))


def prompts(crews: Crews, run_history: RunHistory, actor: Actor) -> list[tuple[str, str]]:
    """What fits the person: to run what they ran last or else may run, or to make a first crew."""
    known = dict(crews.names(by=actor))
    ran = [run.crew_id for run in run_history.own(by=actor) if run.crew_id in known]
    runs = [known[crew_id] for crew_id in dict.fromkeys([*ran, *known]) if crew_id][:_MOST_CREWS]
    offered = [("What can you do?", "What can you do?"), *((f"Run {name}", f"run {name}") for name in runs)]
    if runs:
        return [*offered, ("What is waiting for me?", "What is waiting for me?")]
    return [*offered, ("Create a crew", "Create a crew")]


def said_elsewhere(said: Said, conversations: Conversations, people: People, actor: Actor) -> Said:
    """The same, said in the channel that the person looks at, where they want a run to be “here”.

    Raises ``NotInThere`` for a channel that they are no member of.
    """
    found = _HERE.fullmatch(said.text)
    conversation = conversations.of(said) if found else None
    if found is None or conversation is None:
        return said
    meant = replace(said, text=found[1])
    if conversation.place is None:
        return meant
    if conversation.place not in people.channels(actor.team, actor.user):
        raise NotInThere
    return replace(meant, channel=conversation.place, thread_ts=None, direct=False)


def _in_messages(event: Json) -> bool:
    return event.get("tab") == "messages"
