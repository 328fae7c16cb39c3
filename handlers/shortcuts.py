"""Shortcuts: a new crew, a run, and a run on a message, from wherever one is in Slack."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.said import typed
from bot.slack.text import count
from handlers.crew_page import not_ready
from handlers.crews import NEW_CREW
from handlers.run_form import Source, ask_inputs, carried, carrying, message_rows

_MOST_OFFERED = 100


def register(app: App, commands: Commands) -> None:
    """Answer the shortcuts, and the search for a crew that two of them begin with."""
    app.shortcut("crew.create")(ask_for_new_crew)
    app.shortcut("crew.run")(choose_crew)
    app.shortcut("crew.run_on_message")(choose_crew_for_message)
    app.action("shortcut.search")(choose_crew_in_home)
    app.options("shortcut.crew")(offer_crews)
    app.action("shortcut.crew")(ask_for_inputs)


def ask_for_new_crew(ack: Ack, shortcut: Json, client: WebClient) -> None:
    ack()
    client.views_open(trigger_id=shortcut["trigger_id"], view=NEW_CREW.view())


def choose_crew(ack: Ack, shortcut: Json, client: WebClient) -> None:
    ack()
    client.views_open(trigger_id=shortcut["trigger_id"], view=_choice(None))


def choose_crew_in_home(ack: Ack, body: Json, client: WebClient, place: str | None) -> None:
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=_choice(None, place=place))


def choose_crew_for_message(ack: Ack, shortcut: Json, client: WebClient) -> None:
    ack()
    source = _source(shortcut)
    client.views_open(trigger_id=shortcut["trigger_id"], view=_choice(source, place=source.channel))


def offer_crews(ack: Ack, payload: Json, crews: Crews, actor: Actor) -> None:
    found, _ = crews.page(by=actor, words=payload.get("value") or "", limit=_MOST_OFFERED)
    ack(options=[blocks.option(crew.name, str(crew.id), crew.description or None) for crew in found])


def ask_for_inputs(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, actor: Actor, place: str | None
) -> None:
    ack()
    view, sheet = body["view"], crews.sheet(int(action["selected_option"]["value"]), by=actor)
    if sheet.problems:
        form = blocks.modal("Run", not_ready(sheet), callback_id="shortcut.not_ready", meta={"place": place})
    else:
        form = ask_inputs(sheet.crew, sheet.inputs, {}, place=place, source=carried(view))
    client.views_update(view_id=view["id"], view=form)


def _choice(source: Source | None, *, place: str | None = None) -> Json:
    """The window in which one finds the crew, with the message below that it is to run on."""
    search = {
        "type": "external_select",
        "action_id": "shortcut.crew",
        "min_query_length": 0,
        "placeholder": blocks.plain("Find a crew", 150),
    }
    rows = [blocks.section("*Which crew is to run?*", accessory=search, block_id="shortcut.choice")]
    meta: dict[str, object] = {"place": place}
    if source:
        meta |= carrying(source)
        rows += [blocks.divider(), blocks.context(_about(source)), *message_rows(source)]
    return blocks.modal("Run a crew", rows, callback_id="shortcut.choose", meta=meta)


def _about(source: Source) -> str:
    files = f" and its {count(len(source.files), 'file')}" if source.files else ""
    return (
        f"It runs on this message{files}:" if source.text else f"It runs on this message’s files ({len(source.files)})"
    )


def _source(shortcut: Json) -> Source:
    """The message of a message shortcut; what a bot wrote stands in its blocks as often as in its text."""
    message = shortcut["message"]
    files = [str(file["id"]) for file in message.get("files") or []]
    ts = str(message["ts"])
    thread = str(message.get("thread_ts") or ts)
    return Source(shortcut["channel"]["id"], ts, thread, typed(message.get("text") or ""), files)
