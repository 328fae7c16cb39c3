"""Adding, editing and removing agents on the crew page."""

from __future__ import annotations

from dataclasses import replace

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.agents import Agents, EquippedDraft
from bot.services.crews import Crews
from bot.services.models import Connections
from bot.services.tools import Tools
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.forms import Choices, Form, Offered, Suggested, Text, Texts
from bot.slack.text import escape
from handlers import more_settings
from handlers.crew_page import crew_page
from handlers.moving import other_crew

NEW_AGENT = Form(
    EquippedDraft,
    callback_id="agent.create",
    title="New agent",
    submit="Add",
    widgets={
        "goals": Texts(),
        "backstory": Text(multiline=True),
        "llm": Suggested(nothing="The default model", other="Another model"),
        "tools": Choices(empty="Your team has no tools yet. Set them up with `/crew tools`."),
    },
)
EDIT_AGENT = replace(NEW_AGENT, callback_id="agent.change", title="Edit agent", submit="Save")


def register(app: App, commands: Commands) -> None:
    """Answer the forms and buttons about agents."""
    app.action("agent.add")(ask_for_agent)
    app.view(NEW_AGENT.callback_id)(add_agent)
    app.action("agent.menu")(choose)
    app.action("agent.mend")(choose)
    app.view(EDIT_AGENT.callback_id)(change_agent)
    app.view("agent.remove")(remove_agent)


def ask_for_agent(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    tools: Tools,
    connections: Connections,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    meta = {"crew": int(action["value"]), "place": place}
    view = NEW_AGENT.view(meta=meta, options=_options(tools, connections, actor))
    client.views_push(trigger_id=body["trigger_id"], view=view)


def add_agent(
    ack: Ack, view: Json, client: WebClient, agents: Agents, crews: Crews, actor: Actor, place: str | None
) -> None:
    agent = agents.add(NEW_AGENT.meta(view)["crew"], NEW_AGENT.read(view), by=actor)
    ack()
    notice = f"*{escape(agent.name)}* is added."
    page = crew_page(crews.sheet(agent.crew_id, by=actor), place=place, notice=notice, near=agent)
    client.views_update(view_id=view["previous_view_id"], view=page)


def choose(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    agents: Agents,
    tools: Tools,
    connections: Connections,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    what, _, agent_id = action.get("selected_option", action)["value"].partition(":")
    agent = agents.get(int(agent_id), by=actor)
    meta = {"agent": agent.id, "version": agent.version, "place": place}
    if what == "edit":
        options, held = _options(tools, connections, actor), tools.held(agent.id, by=actor)
        view = EDIT_AGENT.view(agent.draft(), meta=meta, options=options, tools=held)
    elif what == "settings":
        view = more_settings.of_agent(agent, meta)
    else:
        view = _removal(agent.name, {**meta, "crew": agent.crew_id})
    client.views_push(trigger_id=body["trigger_id"], view=view)


def change_agent(
    ack: Ack, view: Json, client: WebClient, agents: Agents, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = EDIT_AGENT.meta(view)
    agent = agents.change(meta["agent"], EDIT_AGENT.read(view), version=meta["version"], by=actor)
    ack()
    notice = f"*{escape(agent.name)}* is saved."
    page = crew_page(crews.sheet(agent.crew_id, by=actor), place=place, notice=notice, near=agent)
    client.views_update(view_id=view["previous_view_id"], view=page)


def remove_agent(
    ack: Ack, view: Json, client: WebClient, agents: Agents, crews: Crews, actor: Actor, place: str | None
) -> None:
    agent = agents.remove(meta_of(view)["agent"], by=actor)
    ack()
    page = crew_page(crews.sheet(agent.crew_id, by=actor), place=place, notice=f"*{escape(agent.name)}* is removed.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def _options(tools: Tools, connections: Connections, actor: Actor) -> dict[str, Offered]:
    """The workspace's tools, and the models that can be used."""
    return {"tools": tools.names(by=actor), "llm": connections.offered(by=actor)}


def _removal(name: str, meta: Json) -> Json:
    sure = blocks.section(f"Remove *{escape(name)}*? Tasks that this agent does stay, and wait for another agent.")
    rows = [sure, *other_crew("agent", "Tasks that it does stay here and wait for another agent.")]
    return blocks.modal("Remove agent", rows, callback_id="agent.remove", submit="Remove", close="Cancel", meta=meta)
