"""Slack's assistant view: conversations of a person with the bot, each a thread of their direct messages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.blocks import Json
from bot.slack.gate import Gate
from bot.slack.said import Said
from bot.slack.text import fit

_log = logging.getLogger(__name__)

# What marks the bot's greeting, and keeps with it where the person is: Slack has no other place for that.
_MARK = "crewcall_conversation"
_GREETING = "What shall we do?"
_LONGEST_TITLE = 80
_LONGEST_PROMPT = 75


@dataclass(frozen=True)
class Conversation:
    """One conversation: the channel that the person looks at beside it, and whether they have written before."""

    place: str | None
    begun: bool


class Conversations:
    """Everything in them but the answers. All of it is an ornament: what Slack refuses is logged and left out."""

    def __init__(self, client: WebClient, scopes: Sequence[str]) -> None:
        """``client`` must not wait long; ``scopes`` are those of the bot's token."""
        self._client = client
        # The app's manifest asks for it only where the workspace is to have the view.
        self.on = "assistant:write" in scopes
        # No scope tells the newer agent view from the assistant view, so the first refusal does.
        self._may_be_agent = self.on

    def greet(self, thread: Json, prompts: Sequence[tuple[str, str]], gate: Gate, *, team: str) -> None:
        """Begin one, with suggestions: the words that people see, and those that they send."""
        self._may_be_agent = False
        channel, ts = thread["channel_id"], thread["thread_ts"]
        gate.post(channel, _GREETING, thread_ts=ts, metadata=_mark(thread), team=team)
        suggest = self._client.assistant_threads_setSuggestedPrompts
        self._try(partial(suggest, channel_id=channel, thread_ts=ts, prompts=_fit(prompts)))

    def suggest(self, channel: str, prompts: Sequence[tuple[str, str]]) -> None:
        """Offer suggestions at the top of a person's direct messages, where the bot is an agent."""
        if self._may_be_agent:
            suggest = self._client.assistant_threads_setSuggestedPrompts
            self._may_be_agent = self._try(partial(suggest, channel_id=channel, prompts=_fit(prompts)))

    def move(self, thread: Json) -> None:
        """Keep that the person has gone to another channel while the conversation is open."""

        def move() -> None:
            channel = thread["channel_id"]
            if greeting := self._greeting(self._first(channel, thread["thread_ts"])):
                self._client.chat_update(channel=channel, ts=greeting["ts"], text=_GREETING, metadata=_mark(thread))

        self._try(move)

    def think(self, said: Said) -> None:
        """Show that an answer is on its way; Slack takes it back when the bot writes there, or after two minutes."""
        if self.on and said.direct and said.thread_ts:
            set_status = partial(self._client.assistant_threads_setStatus, channel_id=said.channel)
            self._try(partial(set_status, thread_ts=said.thread_ts, status="is thinking…"))

    def name(self, said: Said) -> None:
        """Give a conversation its title: the first thing that the person wrote in it."""
        title = " ".join(said.text.split()) or next((str(file.get("name")) for file in said.files), "")
        found = self.of(said)
        if found and not found.begun and title:
            set_title = partial(self._client.assistant_threads_setTitle, channel_id=said.channel)
            self._try(partial(set_title, thread_ts=said.thread_ts or "", title=fit(title, _LONGEST_TITLE)))

    def holds(self, channel: str | None, thread_ts: str | None) -> bool:
        """Whether a thread is such a conversation; not where Slack does not say."""
        found: list[Json] = []
        if self.on and channel and thread_ts:
            self._try(lambda: found.extend(self._first(channel, thread_ts)))
        return self._greeting(found) is not None

    def of(self, said: Said) -> Conversation | None:
        """The conversation that something was said in; ``None`` where it is none, or Slack does not say."""
        if not (self.on and said.direct and said.thread_ts):
            return None
        found: list[Json] = []
        self._try(lambda: found.extend(self._first(said.channel, said.thread_ts or "")))
        greeting = self._greeting(found)
        if greeting is None:
            return None
        before = [one for one in found if not one.get("bot_id") and float(one["ts"]) < float(said.ts)]
        return Conversation(greeting["metadata"]["event_payload"].get("place") or None, begun=bool(before))

    def _first(self, channel: str, thread_ts: str) -> list[Json]:
        """The beginning of a thread: its first message, the greeting, and what was written next."""
        found = self._client.conversations_replies(channel=channel, ts=thread_ts, limit=4, include_all_metadata=True)
        return list(found["messages"])

    def _greeting(self, messages: Sequence[Json]) -> Json | None:
        return next((one for one in messages if (one.get("metadata") or {}).get("event_type") == _MARK), None)

    def _try(self, call: Callable[[], object]) -> bool:
        """Whether Slack has not refused it; nothing is known where it did not answer."""
        try:
            call()
        except (SlackClientError, HTTPException, OSError) as error:
            _log.warning("Slack did not take a part of the assistant view: %s", error)
            return not isinstance(error, SlackApiError) or error.response.get("error") == "ratelimited"
        return True


def _mark(thread: Json) -> Json:
    place = (thread.get("context") or {}).get("channel_id") or ""
    return {"event_type": _MARK, "event_payload": {"place": place}}


def _fit(prompts: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"title": fit(title, _LONGEST_PROMPT), "message": message} for title, message in prompts]
