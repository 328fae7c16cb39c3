"""App Home."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.reviews import Reviews
from bot.services.runs import Runs
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.text import escape
from handlers.crew_list import NOTHING, filter_buttons, row
from handlers.review_rows import waiting_rows
from handlers.run_words import run_line
from store.crews import Filter

_MOST_CREWS = 20


def register(app: App, commands: Commands) -> None:
    """Show App Home when it is opened."""
    app.event("app_home_opened")(open_home)
    app.action(re.compile(r"^home\.show\."))(filter_home)


def open_home(event: Json, client: WebClient, crews: Crews, runs: Runs, reviews: Reviews, actor: Actor) -> None:
    if event.get("tab") == "home":
        waiting = waiting_rows(reviews.waiting_for(by=actor), client)
        client.views_publish(user_id=actor.user, view=home(crews, runs, actor, waiting=waiting))


def filter_home(
    ack: Ack, action: Json, client: WebClient, crews: Crews, runs: Runs, reviews: Reviews, actor: Actor
) -> None:
    ack()
    waiting = waiting_rows(reviews.waiting_for(by=actor), client)
    view = home(crews, runs, actor, Filter(action["value"]), waiting=waiting)
    client.views_publish(user_id=actor.user, view=view)


def home(crews: Crews, runs: Runs, actor: Actor, which: Filter = Filter.ALL, *, waiting: Sequence[Json] = ()) -> Json:
    """What waits for the person, the crews that they may use, and the last runs."""
    found, total = crews.page(by=actor, which=which, limit=_MOST_CREWS)
    rows = [
        *waiting,
        blocks.header("Crews"),
        blocks.actions(
            blocks.button("New crew", "crew.new", style="primary"),
            blocks.button("Start from a template", "do.templates"),
            block_id="home.new",
        ),
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
