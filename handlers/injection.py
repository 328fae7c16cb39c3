"""What every handler can ask for by name: the services, who acts, from where, and a way to answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from slack_bolt import App, BoltContext
from slack_sdk import WebClient

from bot.services import Actor
from bot.slack.blocks import Json, meta_of, modal, section
from bot.slack.commands import Words
from bot.slack.gate import Gate
from bot.slack.said import Said
from bot.slack.text import escape, fit

# Slack opens a window within three seconds of what a person did, and not later.
_PATIENCE = 2.5
WINDOW = "reply"


@dataclass(frozen=True)
class Reply:
    """Answers the person who acted, where nobody else sees it. It returns at once.

    To a command or a button in a message the answer is a message that only they see; to words in a channel too, to
    words in a direct message a message there. To a button in App Home it is a window, and a button in that window
    changes it. What comes later than Slack opens windows is a direct message.
    """

    gate: Gate
    actor: Actor
    response_url: str | None
    said: Said | None = None
    client: WebClient | None = None
    body: Json = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def __call__(self, text: str, blocks: Sequence[Json] | None = None, *, replace: bool = False) -> None:
        """Say ``text``; ``replace`` puts it in the place of the message whose button was pressed."""
        if self.response_url:
            self.gate.respond(self.response_url, text, blocks, replace, team=self.actor.team)
        elif self.said:
            self._among_others(self.said, text, blocks)
        elif self._window(text, blocks):
            return
        else:
            self.gate.post(self.actor.user, text, blocks, team=self.actor.team)

    def _among_others(self, said: Said, text: str, blocks: Sequence[Json] | None) -> None:
        if said.direct:
            self.gate.post(said.channel, text, blocks, thread_ts=said.thread_ts, team=self.actor.team)
            return

        def tell_directly(sent: Future[None]) -> None:
            if sent.exception():
                self.gate.post(self.actor.user, text, blocks, team=self.actor.team)

        whisper = self.gate.whisper(
            said.channel, self.actor.user, text, blocks, thread_ts=said.thread_ts, team=self.actor.team
        )
        whisper.add_done_callback(tell_directly)

    def _window(self, text: str, blocks: Sequence[Json] | None) -> bool:
        """Answer in a window where the person is in App Home, or in such a window already."""
        view = self.body.get("view") or {}
        if self.client is None or time.monotonic() - self.since > _PATIENCE:
            return False
        window = modal(fit(text, 24) if blocks else "Crew", blocks or [section(escape(text))], callback_id=WINDOW)
        if view.get("callback_id") == WINDOW:
            self.client.views_update(view_id=view["id"], view=window)
        elif view.get("type") == "home" and self.body.get("trigger_id"):
            self.client.views_open(trigger_id=self.body["trigger_id"], view=window)
        else:
            return False
        return True


def in_window(body: Json) -> bool:
    """Whether it happened in a window, on which the next one is put."""
    return bool((body.get("view") or {}).get("type") == "modal")


def inject(app: App, services: Mapping[str, object], gate: Gate) -> None:
    """Hand ``services`` to handlers by name, and ``actor``, ``reply``, ``place``, ``thread`` and ``said``.

    ``place`` is the id of the channel the person is in, also behind a modal that was opened there; elsewhere ``None``.
    ``thread`` is the thread of their direct messages in which they pressed a button, where they did.
    ``said`` is what they wrote to the bot or in a channel that it is in, where it is that what happened.
    """

    def middleware(context: BoltContext, body: dict[str, Any], next: Callable[[], None]) -> None:
        actor = Actor(team=context.team_id or "", user=context.user_id or "")
        place = context.channel_id or meta_of(body.get("view") or {}).get("place")
        said = Said.of(body.get("event") or {}, bot=context.bot_user_id or "")
        context.update(services)
        context["actor"] = actor
        context["said"] = said
        context["reply"] = Reply(gate, actor, context.response_url, said, context.client, body)
        context["place"] = place
        context["thread"] = _thread(body) if (place or "").startswith("D") else None
        if pressed := Words.pressed(body, place):
            context["words"] = pressed
        next()

    app.use(middleware)


def _thread(body: Json) -> str | None:
    return (body.get("container") or {}).get("thread_ts")
