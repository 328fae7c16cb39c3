"""One run's page: how it went, what each task came to, and its log step by step, here or as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.run_history import RunHistory, RunSheet
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.gate import Gate
from bot.slack.people import direct_channel
from bot.slack.permalinks import permalink
from bot.slack.text import escape, fit_escaped, unmarked
from handlers.finding import find
from handlers.injection import Reply
from handlers.run_words import EVENTS, log_file, moment, run_line, where_failed
from store.logs import LogEntry
from store.runs import NOBODY

# Slack shows 100 rows in a window: the facts, the tasks and a page of the log must fit.
_MOST_TASKS = 20
_LINES = 40


def register(app: App, commands: Commands) -> None:
    """Answer the command, and the buttons that lead to a run's page and are on it."""
    commands.add("logs", show_latest, example="/crew logs", summary="What happened in the latest run")
    app.action(re.compile(r"^run\.(page|log)$"))(show)
    app.action(re.compile(r"^run\.log_(earlier|latest)$"))(turn)
    app.action("run.log_file")(send_file)


def show_latest(
    ack: Ack, words: Words, client: WebClient, crews: Crews, run_history: RunHistory, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply) if words.name else None
    if words.name and crew_id is None:
        return
    sheet = run_history.latest_sheet(by=actor, crew_id=crew_id, lines=_LINES)
    if sheet is None:
        reply("There are no runs yet. Start one with `/crew run`.")
        return
    client.views_open(trigger_id=words.trigger_id, view=run_page(sheet, _thread(sheet, client)))


def show(ack: Ack, body: Json, action: Json, client: WebClient, run_history: RunHistory, actor: Actor) -> None:
    ack()
    sheet = run_history.sheet(int(action["value"]), by=actor, lines=_LINES)
    opening = client.views_push if body.get("view", {}).get("type") == "modal" else client.views_open
    opening(trigger_id=body["trigger_id"], view=run_page(sheet, _thread(sheet, client)))


def turn(ack: Ack, body: Json, action: Json, client: WebClient, run_history: RunHistory, actor: Actor) -> None:
    ack()
    meta = meta_of(body["view"])
    before = int(action["value"]) if action["action_id"] == "run.log_earlier" else None
    sheet = run_history.sheet(meta["run"], by=actor, lines=_LINES, before=before)
    client.views_update(view_id=body["view"]["id"], view=run_page(sheet, meta["thread"]))


def send_file(
    ack: Ack, body: Json, action: Json, client: WebClient, run_history: RunHistory, gate: Gate, actor: Actor
) -> None:
    ack()
    sheet = run_history.sheet(int(action["value"]), by=actor)
    run, name = sheet.run, f"{sheet.run.crew_name} {sheet.run.id} log.txt"
    gate.upload(direct_channel(client, actor.user), name, log_file(sheet), f"Log of {run.crew_name}", team=run.team)
    said = "The log is on its way to you as a file, in your direct messages with the bot."
    shown = run_history.sheet(run.id, by=actor, lines=_LINES)
    page = run_page(shown, meta_of(body["view"])["thread"], notice=said)
    client.views_update(view_id=body["view"]["id"], view=page)


def run_page(sheet: RunSheet, thread: str | None, *, notice: str | None = None) -> Json:
    """The page; ``thread`` is the address of the run's thread, ``notice`` a plain sentence on top."""
    run = sheet.run
    rows = [
        *([blocks.alert(escape(notice), "success")] if notice else []),
        blocks.header(run.crew_name),
        blocks.context(run_line(run, error=False)),
        *_about(sheet, thread),
        *_tasks(sheet),
        *_log(sheet),
    ]
    return blocks.modal("Run", rows, callback_id="run.shown", meta={"run": run.id, "thread": thread})


def _thread(sheet: RunSheet, client: WebClient) -> str | None:
    run = sheet.run
    return permalink(client, run.channel, run.thread_ts) if run.thread_ts else None


def _about(sheet: RunSheet, thread: str | None) -> Iterable[Json]:
    run = sheet.run
    link = f" · <{thread}|Its thread>" if thread else ""
    yield blocks.context(f"Run {run.id} of version {run.crew_version}{link}")
    if sheet.link:
        yield blocks.context(f"Link to it: `{sheet.link}`")
    if run.inputs:
        given = [f"*{escape(name)}:* {fit_escaped(str(value), 300)}" for name, value in run.inputs.items()]
        yield blocks.section("\n".join(given)[:2_900])
    if run.error:
        yield blocks.alert(f"Failed{where_failed(run)}. {escape(run.error)}", "error")
    label = f"Log of run {run.id} of {run.crew_name} as a file"
    file = blocks.button("Log as a file", "run.log_file", str(run.id), accessibility_label=label)
    yield blocks.actions(file, block_id="run.page_controls")


def _tasks(sheet: RunSheet) -> Iterable[Json]:
    """What each finished task and step came to, the first words of it."""
    yield blocks.divider()
    for result in sheet.results[:_MOST_TASKS]:
        yield blocks.section(f"*{escape(result.name)}*\n{fit_escaped(unmarked(result.text), 600) or '_Nothing._'}")
    if not sheet.results:
        yield blocks.context(f"No {'step' if sheet.run.definition.is_flow else 'task'} is finished.")
    if len(sheet.results) > _MOST_TASKS:
        yield blocks.context(f"and {len(sheet.results) - _MOST_TASKS} more, for which there is no room here")


def _log(sheet: RunSheet) -> Iterable[Json]:
    yield blocks.divider()
    if sheet.run.log_pruned_at:
        yield blocks.context(f"The log was deleted because of its age, {moment(sheet.run.log_pruned_at)}.")
    elif not sheet.entries:
        yield blocks.section("Nothing has happened yet.")
    yield from (_line(entry) for entry in sheet.entries if entry.log_type != "RunTraced")
    buttons = []
    if sheet.more:
        earlier = str(sheet.entries[0].id)
        buttons.append(blocks.button("Earlier", "run.log_earlier", earlier, accessibility_label="Earlier log lines"))
    if not sheet.newest:
        buttons.append(blocks.button("Latest", "run.log_latest", accessibility_label="Latest log lines"))
    if buttons:
        yield blocks.actions(*buttons, block_id="run.log_pages")


def _line(entry: LogEntry) -> Json:
    where = " · ".join(escape(part) for part in (entry.task, entry.agent) if part)
    line = f"{moment(entry.timestamp, '{time_secs}')} *{EVENTS.get(entry.log_type, entry.log_type)}* {where}"
    said = _said(entry)
    return blocks.section(f"{line}\n{said}" if said else line)


def _said(entry: LogEntry) -> str:
    if entry.log_type in ("RunCancelled", "Decided"):
        user, _, what = entry.message.partition(" ")
        who = f"by <@{escape(user)}>" if user != NOBODY else "by the deadline"
        return f"{who} · {fit_escaped(what, 400)}" if what else who
    return fit_escaped(unmarked(entry.message), 400)
