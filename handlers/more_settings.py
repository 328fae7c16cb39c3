"""“More settings” of agents, tasks and crews: what is not asked for in the first form."""

from __future__ import annotations

from pydantic import Field
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.models import Connections
from bot.services.tasks import Tasks
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.forms import Checkbox, Choice, Choices, Form, People, Period, Radio, Select, Suggested, Text
from bot.slack.people import People as Colleagues
from bot.slack.text import escape
from handlers.crew_page import crew_page
from store.agents import Agent
from store.more_settings import AgentSettings, CrewSettings, ReviewSettings, TaskSettings
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
        "knowledge": Text(multiline=True),
        "ask_people": Checkbox("It may ask people what it can’t find out"),
        "verbose": Checkbox("Keep what its model answers"),
    },
)
TASK_SETTINGS = Form(
    TaskSettings,
    callback_id="task.settings",
    title="More settings",
    fields=[name for name in TaskSettings.model_fields if name != "review"],
    widgets={
        "async_execution": Checkbox("Go on with the next task meanwhile"),
        "uses_all": Checkbox("Give it all earlier results"),
        "markdown": Checkbox("Ask for Markdown"),
        "guardrail": Text(multiline=True),
        "output_schema": Text(multiline=True),
    },
)


class ReviewAsked(ReviewSettings):
    """What is asked about a task's review, and whether there is one at all."""

    wanted: bool = Field(True, title="Human review")

    def settings(self) -> ReviewSettings | None:
        """The review, if one is wanted."""
        return ReviewSettings.model_validate(self.model_dump(exclude={"wanted"})) if self.wanted else None


REVIEW = Form(
    ReviewAsked,
    callback_id="task.review",
    title="Human review",
    fields=["wanted", *ReviewSettings.model_fields],
    widgets={
        "wanted": Checkbox("Somebody approves the result before it is used"),
        "reviewers": People(),
        "groups": Choices(empty="This workspace has no user groups."),
        "not_starter": Checkbox("Not the person who started the run"),
        "remind_after": Period(),
        "deadline": Period(),
        "outcome": Radio(
            labels={"approve": "The result counts as approved", "reject": "The run fails", "stop": "The run is stopped"}
        ),
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
        "memory": Checkbox("Remember what was learnt"),
        "knowledge": Text(multiline=True),
        "cache": Checkbox("Make the same call only once"),
    },
)


def register(app: App, commands: Commands) -> None:
    """Answer the forms and the button about further settings."""
    app.view(AGENT_SETTINGS.callback_id)(configure_agent)
    app.view(TASK_SETTINGS.callback_id)(configure_task)
    app.action("task.ask_review")(ask_review)
    app.view(REVIEW.callback_id)(set_review)
    app.action("crew.settings")(ask_crew)
    app.view(CREW_SETTINGS.callback_id)(configure_crew)


def of_agent(agent: Agent, meta: Json) -> Json:
    """The agent's form."""
    return AGENT_SETTINGS.view(agent.settings, meta=meta)


def of_task(task: Task, meta: Json) -> Json:
    """The task's form, with the way to its review on top."""
    view = TASK_SETTINGS.view(task.settings, meta=meta)
    return view | {"blocks": [_review_line(task), *view["blocks"]]}


def configure_agent(
    ack: Ack, view: Json, client: WebClient, agents: Agents, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = AGENT_SETTINGS.meta(view)
    agent = agents.configure(meta["agent"], AGENT_SETTINGS.read(view), version=meta["version"], by=actor)
    ack()
    notice = f"*{escape(agent.name)}* is saved."
    page = crew_page(crews.sheet(agent.crew_id, by=actor), place=place, notice=notice, near=agent)
    client.views_update(view_id=view["previous_view_id"], view=page)


def configure_task(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = TASK_SETTINGS.meta(view)
    task = tasks.configure(meta["task"], TASK_SETTINGS.read(view), version=meta["version"], by=actor)
    ack()
    notice = f"*{escape(task.name)}* is saved."
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=notice, near=task)
    client.views_update(view_id=view["previous_view_id"], view=page)


def ask_review(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    tasks: Tasks,
    people: Colleagues,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    task = tasks.get(int(action["value"]), by=actor)
    meta = {"task": task.id, "version": task.version, "place": place}
    groups = people.groups(actor.team)
    view = REVIEW.view(task.settings.review or ReviewSettings(), meta=meta, options={"groups": groups}, wanted=True)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def set_review(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = REVIEW.meta(view)
    task = tasks.set_review(meta["task"], REVIEW.read(view).settings(), version=meta["version"], by=actor)
    ack()
    notice = f"*{escape(task.name)}* is saved."
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=notice, near=task)
    client.views_update(view_id=view["root_view_id"], view=page)
    # The window below saves over what is the newest version now; what was typed in it stays.
    settings = of_task(task, {**meta, "version": task.version})
    client.views_update(view_id=view["previous_view_id"], view=settings)


def _review_line(task: Task) -> Json:
    review = task.settings.review
    said = "Somebody approves its result before it is used." if review else "Nobody looks at its result."
    button = blocks.button("Human review", "task.ask_review", str(task.id))
    return blocks.section(f"*Human review*\n{said}", accessory=button, block_id="human_review")


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
