"""``/crew limits``: what runs may take, and the windows in which that is decided and raised."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.progress.messages import limit_settled
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.limits import Limits, NewLimit
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form
from bot.slack.gate import Gate
from handlers.finding import find
from handlers.injection import Reply
from handlers.limits_page import asked, crew_page, workspace_page
from store.limits import CrewLimits, WorkspaceLimits

WORKSPACE_LIMITS = Form(WorkspaceLimits, callback_id="limits.workspace", title="Workspace limits")
CREW_LIMITS = Form(CrewLimits, callback_id="limits.crew", title="Limits")
NEW_LIMIT = Form(NewLimit, callback_id="limit.raised", title="Raise the limit", submit="Raise and go on")


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
    app.action("limit.raise")(ask_for_more)
    app.view(NEW_LIMIT.callback_id)(allow)


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


def ask_for_more(ack: Ack, body: Json, action: Json, client: WebClient, limits: Limits, actor: Actor) -> None:
    ack()
    run_id, pause_id = map(int, action["value"].split(":"))
    _, pause = limits.asked(run_id, pause_id, by=actor)
    meta = {"run": run_id, "pause": pause_id, "channel": body["channel"]["id"], "ts": body["message"]["ts"]}
    client.views_open(trigger_id=body["trigger_id"], view=NEW_LIMIT.view(asked(pause), meta=meta, notice=pause.said))


def allow(ack: Ack, view: Json, limits: Limits, gate: Gate, actor: Actor) -> None:
    meta, wanted = NEW_LIMIT.meta(view), NEW_LIMIT.read(view)
    run, pause = limits.allow(meta["run"], meta["pause"], wanted, by=actor)
    ack()
    decided = limit_settled(pause)
    gate.edit(meta["channel"], meta["ts"], decided.text, decided.blocks, team=run.team)
