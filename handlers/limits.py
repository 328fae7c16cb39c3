"""``/crew limits``: what runs may take, and the windows in which that is decided and raised."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.limits import Limits
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form
from handlers.finding import find
from handlers.injection import Reply
from handlers.limits_page import crew_page, workspace_page
from store.limits import CrewLimits, WorkspaceLimits

WORKSPACE_LIMITS = Form(WorkspaceLimits, callback_id="limits.workspace", title="Workspace limits")
CREW_LIMITS = Form(CrewLimits, callback_id="limits.crew", title="Limits")


def register(app: App, commands: Commands) -> None:
    """Answer the command, forms and buttons about limits."""
    commands.add(
        "limits", open_limits, example="/crew limits Market research", summary="What runs may take, and what they took"
    )
    app.action("limits.open")(open_crew_limits)
    app.action("limits.change_workspace")(ask_workspace)
    app.view(WORKSPACE_LIMITS.callback_id)(change_workspace)
    app.action("limits.change_crew")(ask_crew)
    app.view(CREW_LIMITS.callback_id)(change_crew)


def open_limits(
    ack: Ack, words: Words, client: WebClient, crews: Crews, limits: Limits, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply) if words.name else None
    if crew_id is not None:
        client.views_open(trigger_id=words.trigger_id, view=crew_page(limits.of_crew(crew_id, by=actor)))
    elif not words.name:
        client.views_open(trigger_id=words.trigger_id, view=workspace_page(limits.of_workspace(by=actor)))


def open_crew_limits(ack: Ack, body: Json, action: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    ack()
    sheet = limits.of_crew(int(action["value"]), by=actor)
    client.views_push(trigger_id=body["trigger_id"], view=crew_page(sheet))


def ask_workspace(ack: Ack, body: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    ack()
    view = WORKSPACE_LIMITS.view(limits.of_workspace(by=actor).limits)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def change_workspace(ack: Ack, view: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    limits.change_workspace(WORKSPACE_LIMITS.read(view), by=actor)
    ack()
    page = workspace_page(limits.of_workspace(by=actor), notice="Saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def ask_crew(ack: Ack, body: Json, action: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    ack()
    sheet = limits.of_crew(int(action["value"]), by=actor)
    view = CREW_LIMITS.view(sheet.limits, meta={"crew": sheet.crew.id})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def change_crew(ack: Ack, view: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    crew_id = CREW_LIMITS.meta(view)["crew"]
    limits.change_crew(crew_id, CREW_LIMITS.read(view), by=actor)
    ack()
    page = crew_page(limits.of_crew(crew_id, by=actor), notice="Saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)
