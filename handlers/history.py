"""``/crew history``: a crew's versions, what changed, and back to an earlier one."""

from __future__ import annotations

from collections.abc import Sequence

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.history import History
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.gate import Gate
from bot.slack.text import escape, fit_escaped
from handlers.comparison import comparison, in_thread
from handlers.crew_page import crew_page
from handlers.finding import find
from handlers.injection import Reply
from handlers.run_words import moment
from store.versions import CrewVersion


def register(app: App, commands: Commands) -> None:
    """Answer the command and the buttons about versions."""
    commands.add("history", open_history, example="/crew history Market research", summary="Who changed what")
    app.action("history.open")(push_history)
    app.action("history.older")(show_older)
    app.action("history.compare")(compare)
    app.action("history.against")(compare_against)
    app.action("history.post")(post_comparison)
    app.view("history.roll_back")(roll_back)


def open_history(
    ack: Ack, words: Words, client: WebClient, crews: Crews, history: History, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is not None:
        meta = {"crew": crew_id, "place": words.channel}
        view = history_page(history.versions(crew_id, by=actor), meta)
        client.views_open(trigger_id=words.trigger_id, view=view)


def push_history(
    ack: Ack, body: Json, action: Json, client: WebClient, history: History, actor: Actor, place: str | None
) -> None:
    ack()
    crew_id = int(action["value"])
    view = history_page(history.versions(crew_id, by=actor), {"crew": crew_id, "place": place})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def show_older(ack: Ack, body: Json, action: Json, client: WebClient, history: History, actor: Actor) -> None:
    ack()
    meta = meta_of(body["view"])
    older = history.versions(meta["crew"], by=actor, before=int(action["value"]))
    client.views_update(view_id=body["view"]["id"], view=history_page(older, meta))


def compare(ack: Ack, body: Json, action: Json, client: WebClient, history: History, actor: Actor) -> None:
    ack()
    meta = meta_of(body["view"])
    pair = history.pair(meta["crew"], int(action["value"]), by=actor)
    client.views_push(trigger_id=body["trigger_id"], view=comparison(pair, meta))


def compare_against(ack: Ack, body: Json, action: Json, client: WebClient, history: History, actor: Actor) -> None:
    ack()
    meta = meta_of(body["view"])
    pair = history.pair(meta["crew"], meta["version"], by=actor, other=int(action["selected_option"]["value"]))
    client.views_update(view_id=body["view"]["id"], view=comparison(pair, meta))


def post_comparison(ack: Ack, body: Json, action: Json, history: History, gate: Gate, actor: Actor) -> None:
    ack()
    meta = meta_of(body["view"])
    pair = history.pair(meta["crew"], meta["version"], by=actor, other=int(action["value"]))
    in_thread(gate, actor, meta["place"], pair)


def roll_back(
    ack: Ack, view: Json, client: WebClient, history: History, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = meta_of(view)
    version = history.roll_back(meta["crew"], meta["version"], by=actor)
    ack()
    notice = f"*{escape(version.definition.name)}* is as in version {meta['version']} again."
    if view["root_view_id"] != view["previous_view_id"]:
        page = crew_page(crews.sheet(meta["crew"], by=actor), place=place, notice=notice)
        client.views_update(view_id=view["root_view_id"], view=page)
    versions = history.versions(meta["crew"], by=actor)
    client.views_update(view_id=view["previous_view_id"], view=history_page(versions, meta, notice=notice))


def history_page(versions: Sequence[CrewVersion], meta: Json, *, notice: str | None = None) -> Json:
    """The versions, the newest first, each with a button that compares it with what is now."""
    rows = [blocks.alert(notice, "success")] if notice else []
    rows += [_row(version) for version in versions] or [blocks.section("There are no earlier versions.")]
    if versions and versions[-1].number > 1:
        older = blocks.button("Older", "history.older", str(versions[-1].number), accessibility_label="Older versions")
        rows.append(blocks.actions(older, block_id="history.pages"))
    return blocks.modal("History", rows, callback_id="history.page", meta=meta)


def _row(version: CrewVersion) -> Json:
    label = f"Compare version {version.number} with the newest"
    button = blocks.button("Compare", "history.compare", str(version.number), accessibility_label=label)
    head = f"*Version {version.number}* · <@{version.saved_by}> · {moment(version.saved_at)}"
    return blocks.section(
        f"{head}\n{fit_escaped(version.summary, 600)}", accessory=button, block_id=f"version-{version.number}"
    )
