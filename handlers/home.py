"""App Home: opened, turned to other crews, and its own buttons."""

from __future__ import annotations

import re
from collections.abc import Callable

from slack_bolt import Ack, App, BoltContext

from bot.services import Actor
from bot.services.schedules import Schedules
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from handlers.crew_list import Look
from handlers.live_home import LiveHome


def register(app: App, commands: Commands) -> None:
    """Show App Home when it is opened, and answer the buttons that only it has."""
    app.middleware(note_what_is_done)
    app.event("app_home_opened")(open_home)
    app.action(re.compile(r"^home\.show\."))(turn)
    app.action("home.resume")(resume)
    app.action("home.schedules")(pause_schedules)


def note_what_is_done(body: Json, context: BoltContext, next_: Callable[[], None]) -> None:
    """What somebody does with a button or a form may show in their App Home."""
    if body.get("type") in ("block_actions", "view_submission"):
        context["live_home"].acted(context["actor"])
    next_()


def open_home(event: Json, live_home: LiveHome, actor: Actor) -> None:
    if event.get("tab") == "home":
        live_home.show(actor, _look_of(event.get("view")))


def turn(ack: Ack, action: Json, live_home: LiveHome, actor: Actor) -> None:
    ack()
    live_home.show(actor, Look.of(action))


def resume(ack: Ack, body: Json, action: Json, live_home: LiveHome, schedules: Schedules, actor: Actor) -> None:
    ack()
    schedules.resume(int(action["value"]), by=actor)
    live_home.show(actor, _look_of(body["view"]))


def pause_schedules(
    ack: Ack, body: Json, action: Json, live_home: LiveHome, schedules: Schedules, actor: Actor
) -> None:
    ack()
    schedules.pause_all(action["value"] == "pause", by=actor)
    live_home.show(actor, _look_of(body["view"]))


def _look_of(view: Json | None) -> Look:
    """Which page of the crews somebody has before them; the first one where there is no App Home yet."""
    value = meta_of(view or {}).get("look")
    return Look.read(value) if value else Look()
