"""Moving an agent or a task to another crew, from the window that also removes it."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.tasks import Tasks
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.text import escape
from handlers.crew_page import crew_page
from handlers.finding import found
from store.shares import Level


def register(app: App, commands: Commands) -> None:
    """Answer the search for a crew, and what is chosen there."""
    app.options("moving.to")(offer_crews)
    app.action("moving.to")(move)


def other_crew(noun: str, leaves: str) -> list[Json]:
    """The rows of a window that ask for another crew; its meta has the id of the ``noun`` and its ``crew``."""
    select = {
        "type": "external_select",
        "action_id": "moving.to",
        "min_query_length": 0,
        "placeholder": blocks.plain("Choose a crew", 150),
    }
    return [
        blocks.divider(),
        blocks.section(f"*Or move it to another crew.* {leaves}", accessory=select, block_id=f"moving-{noun}"),
    ]


def offer_crews(ack: Ack, body: Json, payload: Json, crews: Crews, actor: Actor) -> None:
    here = meta_of(body["view"])["crew"]
    known = [each for each in crews.names(by=actor, to=Level.EDIT) if each[0] != here]
    ack(options=[blocks.option(name, str(crew_id)) for crew_id, name in found(known, payload.get("value") or "")])


def move(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    agents: Agents,
    tasks: Tasks,
    crews: Crews,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    view, meta, there = body["view"], meta_of(body["view"]), int(action["selected_option"]["value"])
    moving = agents.move_to if "agent" in meta else tasks.move_to
    thing, crew = moving(meta.get("agent") or meta["task"], there, by=actor)
    said = f"*{escape(thing.name)}* is now in *{escape(crew.name)}*."
    page = crew_page(crews.sheet(meta["crew"], by=actor), place=place, notice=said)
    client.views_update(view_id=view["previous_view_id"], view=page)
    client.views_update(view_id=view["id"], view=_moved(said, crew.name))


def _moved(said: str, crew: str) -> Json:
    way = f"`/crew edit {escape(crew)}` opens that crew."
    return blocks.modal("Moved", [blocks.section(said), blocks.context(way)], callback_id="moving.moved")
