"""The crew page's “Memory” button: what the crew remembers from its runs, and having it forgotten."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.memories import Memories
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.text import count, escape, fit_escaped
from store.crews import CrewInstance
from store.memories import Fact


def register(app: App, commands: Commands) -> None:
    """Answer the buttons about what crews remember."""
    app.action("crew.memory")(show_memory)
    app.action("memory.forget")(forget)


def show_memory(ack: Ack, body: Json, action: Json, client: WebClient, memories: Memories, actor: Actor) -> None:
    ack()
    page = _page(*memories.newest(int(action["value"]), by=actor))
    client.views_push(trigger_id=body["trigger_id"], view=page)


def forget(ack: Ack, body: Json, action: Json, client: WebClient, memories: Memories, actor: Actor) -> None:
    ack()
    crew = memories.forget(int(action["value"]), by=actor)
    client.views_update(view_id=body["view"]["id"], view=_page(crew, [], 0, True))


def _page(crew: CrewInstance, facts: list[Fact], total: int, may_forget: bool) -> Json:
    rows = [blocks.section(f"*{escape(crew.name)}* remembers {count(total, 'fact')}.")]
    if not crew.settings.memory:
        rows.append(blocks.context("Its memory is off: nothing is recalled or added. *More settings* turns it on."))
    rows += [
        blocks.context(f"{fact.created_at:%Y-%m-%d} · {fit_escaped(' '.join(fact.content.split()), 500)}")
        for fact in facts
    ]
    if total > len(facts):
        rows.append(blocks.context(f"and {total - len(facts)} older ones"))
    if total and may_forget:
        sure = blocks.confirm(
            "Forget everything?", "The next run begins with nothing in mind.", "Forget", "Keep it", danger=True
        )
        button = blocks.button("Forget everything", "memory.forget", str(crew.id), style="danger", confirm=sure)
        rows.append(blocks.actions(button, block_id="memory.controls"))
    return blocks.modal("Memory", rows, callback_id="crew.memory")
