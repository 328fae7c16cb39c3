"""The page of a workspace's models, and the windows that say how a test ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from bot.engine.connected import host
from bot.errors import UserError
from bot.services.models import ModelSheet, Standing
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import escape, fit_escaped
from store.connections import Connection

_MOST_CONNECTIONS = 40


def model_page(sheet: ModelSheet, *, notice: str | None = None) -> Json:
    """Default model, connections, and providers; ``notice`` is a plain sentence on top."""
    rows = [
        *([blocks.alert(escape(notice), "success")] if notice else []),
        *_default(sheet),
        blocks.divider(),
        *_connections(sheet),
        blocks.divider(),
        *_providers(sheet.standings),
    ]
    if not sheet.may_change:
        rows.append(blocks.context(f"Administrators of this workspace change this. Ask {escape(sheet.whom_to_ask)}."))
    return blocks.modal("Models", rows, callback_id="models")


def answer_page(name: str, refusal: UserError | None, *, saved: bool = False) -> Json:
    """How a test of a connection ended; ``saved`` says that the connection was stored."""
    if refusal is None:
        said = blocks.alert(f"*{escape(name)}* answers{' and is saved' if saved else ''}.", "success")
    elif saved:
        said = blocks.alert(f"*{escape(name)}* is saved, but: {escape(refusal.sentence)}", "warning")
    else:
        said = blocks.alert(f"*{escape(name)}*: {escape(refusal.sentence)}")
    return blocks.modal("Models", [said], callback_id="models.tested")


def removal(connection: Connection, users: Sequence[str]) -> Json:
    """“Are you sure?”, with the agents that lose their model."""
    sure = f"Delete *{escape(connection.name)}* and its key?"
    if users:
        sure += f" These agents then need another model: {fit_escaped(', '.join(users), 1_500)}."
    return blocks.modal(
        "Delete connection",
        [blocks.section(sure)],
        callback_id="connection.remove",
        submit="Delete",
        close="Cancel",
        meta={"connection": connection.id},
    )


def _default(sheet: ModelSheet) -> Iterable[Json]:
    change = blocks.button("Change", "model.choose_default", accessibility_label="Change the default model")
    origin = "chosen for this workspace" if sheet.own_default else "from the server’s settings"
    said = f"`{escape(sheet.default)}` ({origin})" if sheet.default else "none"
    yield blocks.section(f"*Default model*\n{said}", accessory=change if sheet.may_change else None)
    if sheet.default_problem:
        yield blocks.context(f":warning: {escape(sheet.default_problem)}")


def _connections(sheet: ModelSheet) -> Iterable[Json]:
    add = blocks.button("Add connection", "connection.add") if sheet.may_change else None
    yield blocks.section(f"*Connections* ({len(sheet.connections)})", accessory=add)
    if not sheet.connections:
        yield blocks.context("A connection is a provider or a server of yours with its key, for this workspace alone.")
    for connection in sheet.connections[:_MOST_CONNECTIONS]:
        menu = _menu(connection) if sheet.may_change else None
        yield blocks.section(_line(connection), accessory=menu, block_id=f"connection-{connection.id}")
    if len(sheet.connections) > _MOST_CONNECTIONS:
        yield blocks.context(f"and {len(sheet.connections) - _MOST_CONNECTIONS} more")


def _line(connection: Connection) -> str:
    facts = [host(connection.provider, connection.base_url), "key stored" if connection.has_key else "no key"]
    if connection.context_window:
        facts.append(f"{connection.context_window:,} tokens")
    prices = (connection.prompt_price, connection.completion_price)
    if prices != (None, None):
        facts.append(f"${prices[0] or 0:g} / ${prices[1] or 0:g} a million tokens")
    names = ", ".join(f"`{connection.name}/{model}`" for model in connection.models)
    return f"*{escape(connection.name)}* · {escape(' · '.join(facts))}\n{fit_escaped(names, 1_000)}"


def _menu(connection: Connection) -> Json:
    options = [
        blocks.option(words, f"{what}:{connection.id}")
        for what, words in (("edit", "Edit"), ("test", "Test"), ("remove", "Delete"))
    ]
    return blocks.overflow("connection.menu", *options)


def _providers(standings: Sequence[Standing]) -> Iterable[Json]:
    ready = [f"• {standing.title} {standing.note}".rstrip() for standing in standings if standing.ready]
    yield blocks.section("*Set up on the server*\n" + escape("\n".join(ready) or "No provider yet."))
    missing = sorted((each for each in standings if not each.ready), key=lambda each: each.note)
    lines = [
        f"• {', '.join(each.title for each in group)}: {note}."
        for note, group in groupby(missing, key=lambda each: each.note)
    ]
    if lines:
        yield blocks.section("*Not set up*\n" + fit_escaped("\n".join(lines), 2_900))
