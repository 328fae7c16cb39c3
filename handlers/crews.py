"""``/crew create``, ``edit``, ``show``, ``list`` and ``delete``, and the crew page's own buttons."""

from __future__ import annotations

import re
from dataclasses import replace

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form, Radio, Sought, Text
from bot.slack.text import escape, fit
from handlers import crew_list
from handlers.crew_list import Look
from handlers.crew_page import crew_page, delete_confirmation, deleted_page
from handlers.finding import find, found
from handlers.injection import Reply, in_window
from handlers.pages import Pages
from store.crews import CrewDraft
from store.shares import Level

NEW_CREW = Form(
    CrewDraft,
    callback_id="crew.create",
    title="New crew",
    submit="Create",
    fields=["name", "description", "is_flow", "process_type", "parent_crew_id"],
    widgets={
        "description": Text(multiline=True),
        "is_flow": Radio(labels={"False": "Crew", "True": "Flow"}),
        "parent_crew_id": Sought(placeholder="Choose a crew or flow"),
    },
)
EDIT_CREW = replace(
    NEW_CREW,
    callback_id="crew.change",
    title="Edit crew",
    submit="Save",
    fields=["name", "description", "process_type", "parent_crew_id"],
    widgets={name: widget for name, widget in NEW_CREW.widgets.items() if name != "is_flow"},
)
COPY_CREW = replace(NEW_CREW, callback_id="crew.copied", title="Copy crew", submit="Copy", fields=["name"], widgets={})


def register(app: App, commands: Commands) -> None:
    """Answer the commands, forms and buttons about crews."""
    commands.add("create", ask_for_crew, example="/crew create Market research", summary="Make a new crew")
    commands.add("edit", open_crew, example="/crew edit Market research", summary="Open a crew to read or change it")
    commands.add("show", open_crew, example="/crew show Market research", hidden=True)
    commands.add("list", list_crews, example="/crew list market", summary="Your team’s crews, yours first")
    commands.add("delete", offer_deletion, example="/crew delete Market research", summary="Delete a crew")
    app.action("crew.new")(ask_for_new_crew)
    app.view(NEW_CREW.callback_id)(create_crew)
    app.options(re.compile(r"^crew\.(list_parent|(create|change)\.parent_crew_id)$"))(offer_parents)
    app.action("crew.list_parent")(turn_page)
    app.action(re.compile(r"^crew\.open"))(open_pressed_crew)
    app.action("crew.part")(turn_to_page)
    app.action(re.compile(r"^page\.open"))(turn_to_page)
    app.action(re.compile(r"^crew\.turn\."))(turn_to_stretch)
    app.action("crew.edit")(edit_crew)
    app.view(EDIT_CREW.callback_id)(change_crew)
    app.action("crew.copy")(ask_for_copy)
    app.view(COPY_CREW.callback_id)(copy_crew)
    app.action("crew.delete")(delete_crew)
    app.action("crew.delete_listed")(delete_listed_crew)
    app.action(re.compile(r"^crew\.list_page\."))(turn_page)


def new_crew(place: str | None, name: str = "") -> Json:
    """The form for a crew made by hand, and on top of it the way to one from a description."""
    view = NEW_CREW.view(name=name, meta={"place": place})
    button = blocks.button("Describe it", "describe.new", "new", accessibility_label="Describe the crew in your words")
    way = blocks.section("Say what it is for, and a model drafts it.", accessory=button, block_id="describe")
    return view | {"blocks": [way, *view["blocks"]]}


def ask_for_crew(ack: Ack, words: Words, client: WebClient) -> None:
    ack()
    client.views_open(trigger_id=words.trigger_id, view=new_crew(words.channel, name=words.rest))


def ask_for_new_crew(ack: Ack, body: Json, client: WebClient, place: str | None) -> None:
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=new_crew(place))


def create_crew(ack: Ack, view: Json, crews: Crews, actor: Actor, place: str | None) -> None:
    crew = crews.create(NEW_CREW.read(view), by=actor)
    next_step = "Add its first step." if crew.is_flow else "Add agents and tasks next."
    notice = f"*{escape(crew.name)}* is created. {next_step}"
    ack(response_action="update", view=crew_page(crews.sheet(crew.id, by=actor), place=place, notice=notice))


def open_crew(
    ack: Ack, words: Words, client: WebClient, crews: Crews, pages: Pages, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is not None:
        pages.open(client.views_open, client, words.trigger_id, crew_id, by=actor, place=words.channel)


def open_pressed_crew(
    ack: Ack, body: Json, action: Json, client: WebClient, pages: Pages, actor: Actor, place: str | None
) -> None:
    ack()
    opening = client.views_push if in_window(body) else client.views_open
    pages.open(opening, client, body["trigger_id"], int(action["value"]), by=actor, place=place)


def turn_to_page(
    ack: Ack, body: Json, action: Json, client: WebClient, pages: Pages, actor: Actor, place: str | None
) -> None:
    ack()
    pages.show(client, body["view"]["id"], int(action["value"]), by=actor, place=place)


def turn_to_stretch(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, pages: Pages, actor: Actor, place: str | None
) -> None:
    ack()
    crew_id, noun, first = action["value"].split(":")
    if noun == "step":
        pages.show(client, body["view"]["id"], int(crew_id), by=actor, place=place, near=int(first))
        return
    sheet = crews.sheet(int(crew_id), by=actor)
    things = sheet.agents if noun == "agent" else sheet.tasks
    near = next((thing for thing in things if thing.id == int(first)), None)
    client.views_update(view_id=body["view"]["id"], view=crew_page(sheet, place=place, near=near))


def edit_crew(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, actor: Actor, place: str | None
) -> None:
    ack()
    sheet = crews.sheet(int(action["value"]), by=actor, to=Level.EDIT)
    crew, parent = sheet.crew, sheet.parent
    meta = {"crew": crew.id, "version": crew.version, "place": place}
    chosen = {"parent_crew_id": [(parent.id, parent.name)]} if parent else {}
    client.views_push(trigger_id=body["trigger_id"], view=EDIT_CREW.view(crew.draft(), meta=meta, options=chosen))


def offer_parents(ack: Ack, body: Json, payload: Json, crews: Crews, actor: Actor) -> None:
    here = meta_of(body.get("view") or {}).get("crew")
    known = [each for each in crews.names(by=actor) if each[0] != here]
    ack(options=[blocks.option(name, str(crew_id)) for crew_id, name in found(known, payload.get("value") or "")])


def change_crew(
    ack: Ack, view: Json, client: WebClient, crews: Crews, pages: Pages, actor: Actor, place: str | None
) -> None:
    meta = EDIT_CREW.meta(view)
    crew = crews.change(meta["crew"], EDIT_CREW.read(view), version=meta["version"], by=actor)
    ack()
    pages.show(client, view["previous_view_id"], crew.id, by=actor, place=place, notice="Saved.")


def ask_for_copy(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, actor: Actor, place: str | None
) -> None:
    ack()
    crew = crews.get(int(action["value"]), by=actor)
    view = COPY_CREW.view(name=f"{fit(crew.name, 70)} (copy)", meta={"crew": crew.id, "place": place})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def copy_crew(
    ack: Ack, view: Json, client: WebClient, crews: Crews, pages: Pages, actor: Actor, place: str | None
) -> None:
    crew = crews.copy(COPY_CREW.meta(view)["crew"], COPY_CREW.read(view).name, by=actor)
    ack()
    notice = f"*{escape(crew.name)}* is a copy of its own. Changes to it change nothing else."
    pages.show(client, view["previous_view_id"], crew.id, by=actor, place=place, notice=notice)


def delete_crew(ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, actor: Actor) -> None:
    ack()
    crew = crews.delete(int(action["value"]), by=actor)
    client.views_update(view_id=body["view"]["id"], view=deleted_page(crew.name))


def offer_deletion(ack: Ack, words: Words, crews: Crews, actor: Actor, reply: Reply) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is None:
        return
    sheet = crews.sheet(crew_id, by=actor, to=Level.OWN)
    button = blocks.button(
        "Delete…", "crew.delete_listed", str(sheet.crew.id), style="danger", confirm=delete_confirmation(sheet)
    )
    reply(f"Delete {sheet.crew.name}?", [blocks.section(f"Delete *{escape(sheet.crew.name)}*?", accessory=button)])


def delete_listed_crew(ack: Ack, action: Json, crews: Crews, actor: Actor, reply: Reply) -> None:
    ack()
    crew = crews.delete(int(action["value"]), by=actor)
    reply(f"{crew.name} is deleted.", [blocks.section(f"*{escape(crew.name)}* is deleted.")], replace=True)


def list_crews(ack: Ack, words: Words, crews: Crews, actor: Actor, reply: Reply) -> None:
    ack()
    reply("Your crews", crew_list.rows(crews, actor, Look(words.rest)))


def turn_page(ack: Ack, action: Json, crews: Crews, actor: Actor, reply: Reply) -> None:
    ack()
    reply("Your crews", crew_list.rows(crews, actor, Look.of(action)), replace=True)
