"""The state of a flow: its fields as rows, or all of it as JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from pydantic import Field
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.engine.state import StateField
from bot.errors import FormRefused, UserError
from bot.services import Actor
from bot.services.flows import Flows, FlowSheet
from bot.services.runs import Runs
from bot.services.state_fields import KINDS, FieldDraft, draft_of, kind_of_field, moved, with_field, without
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.forms import Checkbox, Form, Lines, Select, Text
from bot.slack.text import escape, fit_escaped
from handlers.injection import in_window
from handlers.pages import Pages
from handlers.run_words import run_line
from store.database import Draft
from store.runs import Execution

NEW_FIELD = Form(
    FieldDraft,
    callback_id="state.create",
    title="New field",
    submit="Add",
    widgets={
        "kind": Select(labels={kind: words.capitalize() for kind, words in KINDS.items()}),
        "choices": Lines(),
        "required": Checkbox("A run must be given it, unless it has a default"),
        "description": Text(multiline=True),
    },
)
EDIT_FIELD = replace(NEW_FIELD, callback_id="state.change", title="Edit field", submit="Save")


class SchemaDraft(Draft):
    """The whole state, for those who know JSON Schema."""

    state: str = Field(
        "",
        title="JSON Schema",
        max_length=30_000,
        description='Of an object: {"type": "object", "properties": {…}}. Empty: the flow has no state.',
    )


AS_JSON = Form(SchemaDraft, callback_id="state.json", title="State", widgets={"state": Text(multiline=True)})

_MOST_FIELDS = 60
_MENU = (("Edit", "edit"), ("Move up", "up"), ("Move down", "down"), ("Remove", "remove"))


def register(app: App, commands: Commands) -> None:
    """Answer the buttons and forms about a flow's state."""
    app.action("flow.state")(show_state)
    app.action("state.add")(ask_for_field)
    app.view(NEW_FIELD.callback_id)(save_field)
    app.action("state.menu")(choose)
    app.view(EDIT_FIELD.callback_id)(save_field)
    app.action("state.as_json")(ask_for_schema)
    app.view(AS_JSON.callback_id)(save_schema)
    app.action("run.state")(show_run_state)


def show_state(
    ack: Ack, body: Json, action: Json, client: WebClient, flows: Flows, actor: Actor, place: str | None
) -> None:
    ack()
    sheet = flows.sheet(int(action["value"]), by=actor)
    client.views_push(trigger_id=body["trigger_id"], view=_page(sheet, place))


def ask_for_field(ack: Ack, body: Json, client: WebClient, flows: Flows, actor: Actor, place: str | None) -> None:
    ack()
    sheet = flows.sheet(meta_of(body["view"])["crew"], by=actor)
    client.views_push(trigger_id=body["trigger_id"], view=NEW_FIELD.view(meta=_meta(sheet, place)))


def choose(
    ack: Ack, body: Json, action: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    ack()
    what, _, name = action["selected_option"]["value"].partition(":")
    sheet = flows.sheet(meta_of(body["view"])["crew"], by=actor)
    if what == "edit":
        client.views_push(trigger_id=body["trigger_id"], view=_edit(sheet, name, place))
        return
    change = partial(without, name=name) if what == "remove" else partial(moved, name=name, later=what == "down")
    flows.reshape_state(sheet.flow.id, change, by=actor)
    _refresh(client, body["view"]["id"], body["view"]["previous_view_id"], sheet.flow.id, flows, pages, actor, place)


def save_field(
    ack: Ack, view: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    meta, draft = NEW_FIELD.meta(view), (EDIT_FIELD if "field" in meta_of(view) else NEW_FIELD).read(view)
    schema = with_field(flows.sheet(meta["crew"], by=actor).flow.state_schema, draft, meta.get("field"))
    flows.set_state(meta["crew"], schema, version=meta["version"], by=actor)
    ack()
    _refresh(client, view["previous_view_id"], view["root_view_id"], meta["crew"], flows, pages, actor, place)


def ask_for_schema(ack: Ack, body: Json, client: WebClient, flows: Flows, actor: Actor, place: str | None) -> None:
    ack()
    sheet = flows.sheet(meta_of(body["view"])["crew"], by=actor)
    schema = sheet.flow.state_schema
    text = json.dumps(schema, indent=2, ensure_ascii=False) if schema else ""
    client.views_push(trigger_id=body["trigger_id"], view=AS_JSON.view(meta=_meta(sheet, place), state=text))


def save_schema(
    ack: Ack, view: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    meta = AS_JSON.meta(view)
    flows.set_state(meta["crew"], _read(AS_JSON.read(view).state), version=meta["version"], by=actor)
    ack()
    _refresh(client, view["previous_view_id"], view["root_view_id"], meta["crew"], flows, pages, actor, place)


class FieldGone(UserError):
    """The state has no field called “{name}” any more."""


def show_run_state(ack: Ack, body: Json, action: Json, client: WebClient, runs: Runs, actor: Actor) -> None:
    ack()
    run = runs.get(int(action["value"]), by=actor)
    view = _state_of_run(run, runs.state(run.id, by=actor))
    opening = client.views_push if in_window(body) else client.views_open
    opening(trigger_id=body["trigger_id"], view=view)


def _refresh(
    client: WebClient,
    window: str,
    page: str,
    flow_id: int,
    flows: Flows,
    pages: Pages,
    actor: Actor,
    place: str | None,
) -> None:
    """Bring the window with the state up to date, and the page behind it."""
    client.views_update(view_id=window, view=_page(flows.sheet(flow_id, by=actor), place))
    pages.show(client, page, flow_id, by=actor, place=place)


def _edit(sheet: FlowSheet, name: str, place: str | None) -> Json:
    field = next((each for each in sheet.fields if each.name == name), None)
    if field is None:
        raise FieldGone(name=name)
    return EDIT_FIELD.view(draft_of(field), meta={**_meta(sheet, place), "field": name})


def _meta(sheet: FlowSheet, place: str | None) -> Json:
    return {"crew": sheet.flow.id, "version": sheet.flow.version, "place": place}


def _page(sheet: FlowSheet, place: str | None) -> Json:
    """The fields, each with a menu, and the ways to add some."""
    rows = [
        blocks.section(
            f"*State of {escape(sheet.flow.name)}*\nThe steps read and set these values; a run begins with them."
        ),
        *(_row(each) for each in sheet.fields[:_MOST_FIELDS]),
        *([] if sheet.fields else [blocks.context("It has no fields yet.")]),
        blocks.actions(*_buttons(sheet), block_id="state.controls"),
    ]
    return blocks.modal("State", rows, callback_id="state.page", meta={"crew": sheet.flow.id, "place": place})


def _state_of_run(run: Execution, state: dict[str, Any]) -> Json:
    """What each field holds now, in a window."""
    rows = [blocks.section(f"*{escape(run.crew_name)}*"), blocks.context(run_line(run))]
    rows += [blocks.section(f"`{escape(name)}`\n{_value(value)}") for name, value in state.items()]
    return blocks.modal("State", rows, callback_id="run.state_page")


def _value(value: Any) -> str:
    if value is None or value == "":
        return "_nothing_"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    return fit_escaped(text, 1_500)


def _buttons(sheet: FlowSheet) -> Iterable[Json]:
    # The next field is another click than the last one, however fast it comes.
    yield blocks.button("Add field", "state.add", str(len(sheet.fields)), style="primary")
    yield blocks.button("As JSON Schema", "state.as_json")


def _row(each: StateField) -> Json:
    default = "" if each.default is None else f" · begins with `{fit_escaped(json.dumps(each.default), 100)}`"
    needed = " · needed" if each.required and each.default is None else ""
    kind = KINDS[kind_of_field(each)]
    below = f"\n{fit_escaped(each.description, 300)}" if each.description else ""
    menu = blocks.overflow("state.menu", *(blocks.option(label, f"{what}:{each.name}") for label, what in _MENU))
    return blocks.section(
        f"`{each.name}` · {kind}{needed}{default}{below}", accessory=menu, block_id=f"field-{each.name}"
    )


def _read(text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FormRefused(fields={"state": f"This is no JSON{where}."}) from error
    if not isinstance(schema, dict):
        raise FormRefused(fields={"state": "It must be an object in braces."})
    return schema
