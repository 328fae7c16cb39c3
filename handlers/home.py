"""App Home: opened, turned to other crews, and its own buttons."""

from __future__ import annotations

import re

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.home import Home
from bot.services.schedules import Schedules
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from handlers.crew_list import PAGE, Look
from handlers.home_page import MOST, home_page


def register(app: App, commands: Commands) -> None:
    """Show App Home when it is opened, and answer the buttons that only it has."""
    app.event("app_home_opened")(open_home)
    app.action(re.compile(r"^home\.show\."))(turn)
    app.action("home.resume")(resume)
    app.action("home.schedules")(pause_schedules)


def open_home(event: Json, client: WebClient, home: Home, actor: Actor) -> None:
    if event.get("tab") == "home":
        _show(client, home, actor, look_of(event.get("view") or {}))


def turn(ack: Ack, action: Json, client: WebClient, home: Home, actor: Actor) -> None:
    ack()
    _show(client, home, actor, Look.of(action))


def resume(
    ack: Ack, body: Json, action: Json, client: WebClient, home: Home, schedules: Schedules, actor: Actor
) -> None:
    ack()
    schedules.resume(int(action["value"]), by=actor)
    _show(client, home, actor, look_of(body["view"]))


def pause_schedules(
    ack: Ack, body: Json, action: Json, client: WebClient, home: Home, schedules: Schedules, actor: Actor
) -> None:
    ack()
    schedules.pause_all(action["value"] == "pause", by=actor)
    _show(client, home, actor, look_of(body["view"]))


def look_of(view: Json) -> Look:
    """Which page of the crews a person has before them."""
    value = meta_of(view).get("look")
    return Look.read(value) if value else Look()


def _show(client: WebClient, home: Home, actor: Actor, look: Look) -> None:
    sheet = home.sheet(by=actor, which=look.which, offset=look.offset, page=PAGE, most=MOST)
    client.views_publish(user_id=actor.user, view=home_page(sheet, look, client))
