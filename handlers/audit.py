"""``/crew audit``: who did what, for administrators, and the whole log as a file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.audit import AuditLog
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.gate import Gate
from bot.slack.people import direct_channel
from bot.slack.text import fit_escaped
from handlers.run_words import moment
from store.audit import AuditEntry

_PAGE = 20
# People and channels as the log names them, after escaping.
_NAMED = re.compile(r"&lt;([@#][A-Z0-9]+)&gt;")


def register(app: App, commands: Commands) -> None:
    """Answer the command and the log's buttons."""
    commands.add("audit", open_log, example="/crew audit", summary="Who did what", admins_only=True)
    app.action("audit.older")(show_older)
    app.action("audit.export")(export)


def open_log(ack: Ack, words: Words, client: WebClient, audit: AuditLog, actor: Actor) -> None:
    ack()
    client.views_open(trigger_id=words.trigger_id, view=_page(audit.page(by=actor, limit=_PAGE + 1)))


def show_older(ack: Ack, body: Json, action: Json, client: WebClient, audit: AuditLog, actor: Actor) -> None:
    ack()
    older = audit.page(by=actor, before=int(action["value"]), limit=_PAGE + 1)
    client.views_update(view_id=body["view"]["id"], view=_page(older))


def export(ack: Ack, body: Json, client: WebClient, audit: AuditLog, gate: Gate, actor: Actor) -> None:
    ack()
    text = audit.export(by=actor)
    gate.upload(direct_channel(client, actor.user), "audit-log.csv", text, "Audit log", team=actor.team)
    entries = audit.page(by=actor, limit=_PAGE + 1)
    notice = "The whole log is on its way to you as a file, in your direct messages with the bot."
    client.views_update(view_id=body["view"]["id"], view=_page(entries, notice))


def _page(entries: Sequence[AuditEntry], notice: str = "") -> Json:
    """A page of the log, the newest entry first; ``entries`` has one more if there are more."""
    shown = entries[:_PAGE]
    rows = [blocks.alert(notice, "success")] if notice else []
    rows += [blocks.section(_line(entry), block_id=f"entry-{entry.id}") for entry in shown]
    rows += [] if shown else [blocks.section("Nothing has happened yet.")]
    buttons = [blocks.button("Export", "audit.export", accessibility_label="Export the whole log as a file")]
    if len(entries) > _PAGE:
        older = blocks.button("Older", "audit.older", str(shown[-1].id), accessibility_label="Older entries")
        buttons.append(older)
    rows.append(blocks.actions(*buttons, block_id="audit.pages"))
    return blocks.modal("Audit log", rows, callback_id="audit.page")


def _line(entry: AuditEntry) -> str:
    name = f" *{fit_escaped(entry.name, 200)}*" if entry.name else ""
    line = f"{moment(entry.at)} · <@{entry.actor}> {entry.verb} {entry.kind}{name}"
    said = _NAMED.sub(r"<\1>", fit_escaped(entry.details, 600))
    return f"{line}\n{said}" if said else line
