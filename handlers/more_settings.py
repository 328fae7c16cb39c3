"""“More settings” of agents, tasks and crews: what is not asked for in the first form."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.models import Connections
from bot.services.tasks import Tasks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.forms import Checkbox, Choice, Form, Select, Suggested, Text
from bot.slack.text import escape
from handlers.crew_page import crew_page
from store.agents import Agent
from store.more_settings import AgentSettings, CrewSettings, TaskSettings
from store.shares import Level
from store.tasks import Task

AGENT_SETTINGS = Form(
    AgentSettings,
    callback_id="agent.settings",
    title="More settings",
    widgets={
        "planning": Checkbox("Make a plan before each task"),
        "inject_date": Checkbox("Tell it today’s date"),
        "respect_context_window": Checkbox("Summarise what grows too long"),
        "use_system_prompt": Checkbox("Put its role into a system message"),
        "tool_failure_policy": Select(
            labels={"ignore": "Go on in silence", "warn": "Go on and note it", "raise": "The task fails"}
        ),
        "verbose": Checkbox("Keep what its model answers"),
    },
)
TASK_SETTINGS = Form(
    TaskSettings,
    callback_id="task.settings",
    title="More settings",
    widgets={
        "async_execution": Checkbox("Go on with the next task meanwhile"),
        "markdown": Checkbox("Ask for Markdown"),
        "guardrail": Text(multiline=True),
        "output_schema": Text(multiline=True),
    },
)
CREW_SETTINGS = Form(
    CrewSettings,
    callback_id="crew.configure",
    title="More settings",
    widgets={
        "manager_agent_id": Choice(empty="The crew has no agents yet."),
        "manager_llm": Suggested(nothing="The default model", other="Another model for the manager"),
        "planning": Checkbox("Plan all tasks first"),
        "planning_llm": Suggested(nothing="The default model", other="Another planning model"),
        "cache": Checkbox("Make the same call only once"),
    },
)


def register(app: App, commands: Commands) -> None:
    """Answer the forms and the button about further settings."""
    app.view(AGENT_SETTINGS.callback_id)(configure_agent)
    app.view(TASK_SETTINGS.callback_id)(configure_task)
    app.action("crew.settings")(ask_crew)
    app.view(CREW_SETTINGS.callback_id)(configure_crew)


def of_agent(agent: Agent, meta: Json) -> Json:
    """The agent's form."""
    return AGENT_SETTINGS.view(agent.settings, meta=meta)


def of_task(task: Task, meta: Json) -> Json:
    """The task's form."""
    return TASK_SETTINGS.view(task.settings, meta=meta)


def configure_agent(
    ack: Ack, view: Json, client: WebClient, agents: Agents, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = AGENT_SETTINGS.meta(view)
    agent = agents.configure(meta["agent"], AGENT_SETTINGS.read(view), version=meta["version"], by=actor)
    ack()
    page = crew_page(crews.sheet(agent.crew_id, by=actor), place=place, notice=f"*{escape(agent.name)}* is saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def configure_task(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = TASK_SETTINGS.meta(view)
    task = tasks.configure(meta["task"], TASK_SETTINGS.read(view), version=meta["version"], by=actor)
    ack()
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=f"*{escape(task.name)}* is saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def ask_crew(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    crews: Crews,
    connections: Connections,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    sheet = crews.sheet(int(action["value"]), by=actor, to=Level.EDIT)
    models = connections.offered(by=actor)
    members = [(agent.id, agent.name) for agent in sheet.agents]
    view = CREW_SETTINGS.view(
        sheet.crew.settings,
        meta={"crew": sheet.crew.id, "version": sheet.crew.version, "place": place},
        options={"manager_agent_id": members, "manager_llm": models, "planning_llm": models},
    )
    client.views_push(trigger_id=body["trigger_id"], view=view)


def configure_crew(ack: Ack, view: Json, client: WebClient, crews: Crews, actor: Actor, place: str | None) -> None:
    meta = CREW_SETTINGS.meta(view)
    crew = crews.configure(meta["crew"], CREW_SETTINGS.read(view), version=meta["version"], by=actor)
    ack()
    page = crew_page(crews.sheet(crew.id, by=actor), place=place, notice="Saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)
