"""App Home, and an answer to people who write to the bot."""

from __future__ import annotations

import re

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.admins import Admins
from bot.services.crews import Crews
from bot.services.runs import Runs
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.gate import Gate
from bot.slack.text import escape
from handlers.crew_list import NOTHING, filter_buttons, row
from handlers.help import menu
from handlers.run_words import run_line
from store.crews import Filter

_MOST_CREWS = 20


def register(app: App, commands: Commands) -> None:
    """Show App Home when it is opened; answer mentions and direct messages."""
    app.event("app_home_opened")(open_home)
    app.action(re.compile(r"^home\.show\."))(filter_home)
    app.event("app_mention")(answer)
    app.event("message")(answer_direct)


def open_home(event: Json, client: WebClient, crews: Crews, runs: Runs, actor: Actor) -> None:
    if event.get("tab") == "home":
        client.views_publish(user_id=actor.user, view=home(crews, runs, actor))


def filter_home(ack: Ack, action: Json, client: WebClient, crews: Crews, runs: Runs, actor: Actor) -> None:
    ack()
    client.views_publish(user_id=actor.user, view=home(crews, runs, actor, Filter(action["value"])))


def answer(event: Json, gate: Gate, actor: Actor, commands: Commands) -> None:
    thread_ts = event.get("thread_ts") or event["ts"]
    gate.post(event["channel"], "What I can do", menu(commands), thread_ts=thread_ts, team=actor.team)


def answer_direct(event: Json, gate: Gate, actor: Actor, commands: Commands, admins: Admins) -> None:
    # Edits and joins are messages with a subtype; an answer of our own carries a bot's id.
    if event.get("channel_type") == "im" and not event.get("subtype") and not event.get("bot_id"):
        said = menu(commands, admin=admins.is_admin(actor))
        gate.post(event["channel"], "What I can do", said, thread_ts=event.get("thread_ts"), team=actor.team)


def home(crews: Crews, runs: Runs, actor: Actor, which: Filter = Filter.ALL) -> Json:
    """The crews that the person may use and the last runs."""
    found, total = crews.page(by=actor, which=which, limit=_MOST_CREWS)
    rows = [
        blocks.header("Crews"),
        blocks.actions(blocks.button("New crew", "crew.new", style="primary"), block_id="home.new"),
        blocks.actions(*filter_buttons("home.show", which, str), block_id="home.filter"),
        *(row(crew, actor) for crew in found),
    ]
    if not found:
        rows.append(blocks.section(NOTHING[which]))
    if total > len(found):
        rows.append(blocks.context(f"and {total - len(found)} more: `/crew list` shows them all"))
    latest = runs.latest(by=actor, limit=5)
    if latest:
        rows += [blocks.divider(), blocks.header("Last runs")]
        rows += [blocks.context(f"*{escape(run.crew_name)}* · {run_line(run)}") for run in latest]
    return blocks.home(rows)
