"""What every handler can ask for by name: the services, who acts, from where, and a way to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_bolt import App, BoltContext

from bot.services import Actor
from bot.slack.blocks import Json, meta_of
from bot.slack.gate import Gate


@dataclass(frozen=True)
class Reply:
    """Answers the person who acted, where nobody else sees it. It returns at once."""

    gate: Gate
    actor: Actor
    response_url: str | None

    def __call__(self, text: str, blocks: Sequence[Json] | None = None, *, replace: bool = False) -> None:
        """Say ``text``; ``replace`` puts it in the place of the message whose button was pressed."""
        if self.response_url:
            self.gate.respond(self.response_url, text, blocks, replace, team=self.actor.team)
        else:
            self.gate.post(self.actor.user, text, blocks, team=self.actor.team)


def inject(app: App, services: Mapping[str, object], gate: Gate) -> None:
    """Hand ``services`` to handlers by name, and ``actor``, ``reply`` and ``place``.

    ``place`` is the id of the channel the person is in, also behind a modal that was opened there; elsewhere ``None``.
    """

    def middleware(context: BoltContext, body: dict[str, Any], next: Callable[[], None]) -> None:
        actor = Actor(team=context.team_id or "", user=context.user_id or "")
        context.update(services)
        context["actor"] = actor
        context["reply"] = Reply(gate, actor, context.response_url)
        context["place"] = context.channel_id or meta_of(body.get("view") or {}).get("place")
        next()

    app.use(middleware)
