"""``/crew models``: which models work here, connections with their keys, and the default model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.models import ConnectionAnswers, Connections, DefaultModel, Saved
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.forms import Choice, Form, Suggested
from bot.slack.later import Later
from bot.slack.loading import loading, show
from handlers.injection import Reply
from handlers.model_page import answer_page, model_page, removal
from store.connections import Connection

NEW_CONNECTION = Form(
    ConnectionAnswers,
    callback_id="connection.create",
    title="New connection",
    submit="Test and save",
    widgets={"provider": Choice(empty="No provider’s package is installed on the server.")},
)
EDIT_CONNECTION = replace(NEW_CONNECTION, callback_id="connection.change", title="Edit connection")
DEFAULT_MODEL = Form(
    DefaultModel,
    callback_id="model.default",
    title="Default model",
    widgets={"llm": Suggested(nothing="What the server’s settings name", other="Another model")},
)


def register(app: App, commands: Commands) -> None:
    """Answer the command, forms and buttons about models."""
    commands.add("models", open_models, summary="Which models work here, and their keys")
    app.action("connection.add")(ask_for_connection)
    app.view(NEW_CONNECTION.callback_id)(save_connection)
    app.action("connection.menu")(choose)
    app.view(EDIT_CONNECTION.callback_id)(save_connection)
    app.view("connection.remove")(remove_connection)
    app.action("model.choose_default")(ask_for_default)
    app.view(DEFAULT_MODEL.callback_id)(change_default)


def open_models(
    ack: Ack, words: Words, client: WebClient, connections: Connections, actor: Actor, later: Later
) -> None:
    ack()
    window = loading("Models", "Looking for models…")
    client.views_open(trigger_id=words.trigger_id, view=window)
    later(client, window, lambda: show(client, window, model_page(connections.sheet(by=actor))))


def ask_for_connection(ack: Ack, body: Json, client: WebClient, connections: Connections, actor: Actor) -> None:
    ack()
    view = NEW_CONNECTION.view(options={"provider": connections.providers(by=actor)})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def choose(
    ack: Ack, body: Json, action: Json, client: WebClient, connections: Connections, actor: Actor, later: Later
) -> None:
    ack()
    what, _, connection_id = action["selected_option"]["value"].partition(":")
    connection = connections.get(int(connection_id), by=actor)
    if what == "test":
        window = loading("Models", f"Asking {connection.name} for a word…")
        client.views_push(trigger_id=body["trigger_id"], view=window)
        later(client, window, partial(_test, client, window, connection, connections, actor))
    elif what == "edit":
        client.views_push(trigger_id=body["trigger_id"], view=_edit(connection, connections, actor))
    else:
        client.views_push(trigger_id=body["trigger_id"], view=removal(connection, connections.users(connection)))


def save_connection(
    ack: Ack, view: Json, client: WebClient, connections: Connections, actor: Actor, reply: Reply, later: Later
) -> None:
    form = NEW_CONNECTION if view["callback_id"] == NEW_CONNECTION.callback_id else EDIT_CONNECTION
    meta = form.meta(view)
    place = {"connection_id": meta.get("connection"), "version": meta.get("version", 0)}
    draft = connections.prepared(form.read(view), **place, kept=meta.get("kept", ""), by=actor)
    window = loading(form.title, f"Asking {draft.models[0]} for a word…")
    ack(response_action="update", view=window)
    later(client, window, partial(_save, form, draft, place, window, view, client, connections, actor, reply))


def remove_connection(ack: Ack, view: Json, client: WebClient, connections: Connections, actor: Actor) -> None:
    connection = connections.remove(meta_of(view)["connection"], by=actor)
    ack()
    page = model_page(connections.sheet(by=actor), notice=f"{connection.name} and its key are deleted.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def ask_for_default(ack: Ack, body: Json, client: WebClient, connections: Connections, actor: Actor) -> None:
    ack()
    sheet = connections.sheet(by=actor)
    chosen = sheet.default if sheet.own_default else ""
    view = DEFAULT_MODEL.view(llm=chosen, options={"llm": connections.offered(by=actor)})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def change_default(ack: Ack, view: Json, client: WebClient, connections: Connections, actor: Actor) -> None:
    connections.choose_default(DEFAULT_MODEL.read(view), by=actor)
    ack()
    page = model_page(connections.sheet(by=actor), notice="Saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def _save(
    form: Form[ConnectionAnswers],
    draft: ConnectionAnswers,
    place: dict[str, Any],
    window: Json,
    view: Json,
    client: WebClient,
    connections: Connections,
    actor: Actor,
    reply: Reply,
) -> None:
    saved = connections.save(draft, **place, by=actor)
    if not show(client, window, _outcome(form, draft, form.meta(view), saved, connections, actor)):
        reply(_in_a_message(draft.name, saved))
    elif saved.connection:
        client.views_update(view_id=view["previous_view_id"], view=model_page(connections.sheet(by=actor)))


def _test(client: WebClient, window: Json, connection: Connection, connections: Connections, actor: Actor) -> None:
    show(client, window, answer_page(connection.name, connections.test(connection.id, by=actor)))


def _edit(connection: Connection, connections: Connections, actor: Actor) -> Json:
    return EDIT_CONNECTION.view(
        connection.draft(),
        key=connection.has_key,
        meta={"connection": connection.id, "version": connection.version, "keyed": connection.has_key},
        options={"provider": connections.providers(by=actor)},
    )


def _outcome(
    form: Form[ConnectionAnswers],
    draft: ConnectionAnswers,
    meta: Mapping[str, object],
    saved: Saved,
    connections: Connections,
    actor: Actor,
) -> Json:
    """That it is stored; else the form with everything typed but the key: that is kept here, and never shown."""
    if saved.connection:
        return answer_page(draft.name, saved.refusal, saved=True)
    assert saved.refusal
    fields = saved.refusal.fields
    return form.view(
        draft,
        key=bool(saved.kept) or meta.get("keyed"),
        meta={**meta, "kept": saved.kept},
        options={"provider": connections.providers(by=actor)},
        notice="It is not saved yet." if fields else saved.refusal.sentence,
        faults=fields,
    )


def _in_a_message(name: str, saved: Saved) -> str:
    if saved.refusal is None:
        return f"The connection “{name}” answers and is saved."
    done = "is saved, but does not answer" if saved.connection else "is not saved"
    return f"The connection “{name}” {done}: {saved.refusal.sentence}"
