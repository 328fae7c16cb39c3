"""``/crew retry``, the buttons with which a run is tried again, and the shortcut that stops one."""

from __future__ import annotations

from slack_bolt import Ack, App

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.runs import Runs
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.conversations import Conversations
from bot.slack.text import escape, named_place
from handlers.finding import find
from handlers.injection import Reply


def register(app: App, commands: Commands) -> None:
    """Answer the command, the buttons and the shortcut."""
    commands.add("retry", retry_latest, example="/crew retry", summary="Try a run again from where it failed")
    app.action("run.again")(run_again)
    app.action("run.newest")(run_newest)
    app.action("run.retry")(retry_run)
    app.shortcut("run.stop_this")(stop_told_here)


def retry_latest(ack: Ack, words: Words, crews: Crews, runs: Runs, actor: Actor, reply: Reply) -> None:
    ack()
    crew_id = find(words, crews, actor, reply) if words.name else None
    if words.name and crew_id is None:
        return
    run = runs.retry_latest(by=actor, crew_id=crew_id)
    reply(f"Trying {run.crew_name} again. Follow it in its thread.")


def retry_run(ack: Ack, action: Json, runs: Runs, actor: Actor) -> None:
    ack()
    runs.retry(int(action["value"]), by=actor)


def run_again(
    ack: Ack,
    action: Json,
    runs: Runs,
    conversations: Conversations,
    actor: Actor,
    place: str | None,
    thread: str | None,
    reply: Reply,
) -> None:
    ack()
    into = thread if conversations.holds(place, thread) else None
    run, newest = runs.again(int(action["value"]), by=actor, tell=reply, thread_ts=into)
    if run.channel != place:
        where = named_place(run.channel, "our direct message")
        reply(f"{run.crew_name} runs again.", [blocks.section(f"*{escape(run.crew_name)}* runs again in {where}.")])
    if newest > run.crew_version:
        reply(f"{run.crew_name} runs as it was", _older(run.id, run.crew_name, run.crew_version, newest))


def run_newest(ack: Ack, action: Json, runs: Runs, actor: Actor, reply: Reply) -> None:
    ack()
    runs.newest(int(action["value"]), by=actor, tell=reply)


def stop_told_here(ack: Ack, shortcut: Json, runs: Runs, actor: Actor, reply: Reply) -> None:
    ack()
    message = shortcut["message"]
    thread_ts = message.get("thread_ts", message["ts"])
    run = runs.stop_in_thread(shortcut["channel"]["id"], thread_ts, by=actor)
    reply(f"Stopping {run.crew_name}.")


def _older(run_id: int, name: str, version: int, newest: int) -> list[Json]:
    said = (
        f"This runs *{escape(name)}* once more as it was then (version {version}). It has been changed since "
        f"(version {newest})."
    )
    button = blocks.button("Run with the newest version", "run.newest", str(run_id))
    return [blocks.section(said), blocks.actions(button, block_id="run.older")]
