"""Adding, editing and removing tasks on the crew page."""

from __future__ import annotations

from dataclasses import replace

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews, CrewSheet
from bot.services.tasks import Tasks
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.forms import Choice, Choices, Form, Text
from bot.slack.text import escape
from handlers import more_settings
from handlers.crew_page import crew_page
from handlers.moving import other_crew
from store.shares import Level
from store.tasks import Task, TaskDraft

NEW_TASK = Form(
    TaskDraft,
    callback_id="task.create",
    title="New task",
    submit="Add",
    widgets={
        "description": Text(multiline=True),
        "expected_output": Text(multiline=True),
        "agent_id": Choice(),
        "depends_on": Choices(),
    },
)
EDIT_TASK = replace(NEW_TASK, callback_id="task.change", title="Edit task", submit="Save")


def register(app: App, commands: Commands) -> None:
    """Answer the forms and buttons about tasks."""
    app.action("task.add")(ask_for_task)
    app.view(NEW_TASK.callback_id)(add_task)
    app.action("task.menu")(choose)
    app.action("task.mend")(choose)
    app.view(EDIT_TASK.callback_id)(change_task)
    app.view("task.remove")(remove_task)


def ask_for_task(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, actor: Actor, place: str | None
) -> None:
    ack()
    sheet = crews.sheet(int(action["value"]), by=actor, to=Level.EDIT)
    only = sheet.agents[0].id if len(sheet.agents) == 1 else None
    meta = {"crew": sheet.crew.id, "place": place}
    view = NEW_TASK.view(meta=meta, options=_options(sheet, None), agent_id=only)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def add_task(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    task = tasks.add(NEW_TASK.meta(view)["crew"], NEW_TASK.read(view), by=actor)
    ack()
    notice = f"*{escape(task.name)}* is added."
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=notice, near=task)
    client.views_update(view_id=view["previous_view_id"], view=page)


def choose(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    tasks: Tasks,
    crews: Crews,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    what, _, task_id = action.get("selected_option", action)["value"].partition(":")
    task = tasks.get(int(task_id), by=actor)
    meta = {"task": task.id, "version": task.version, "place": place}
    if what in ("up", "down"):
        _move(task.id, what, body, client, tasks, crews, actor, place)
        return
    options = _options(crews.sheet(task.crew_id, by=actor), task)
    client.views_push(trigger_id=body["trigger_id"], view=_window(what, task, meta, options))


def _window(what: str, task: Task, meta: Json, options: dict[str, list[tuple[int, str]]]) -> Json:
    match what:
        case "edit":
            return EDIT_TASK.view(task.draft(), meta=meta, options=options)
        case "settings":
            return more_settings.of_task(task, meta)
    return _removal(task.name, {**meta, "crew": task.crew_id})


def _move(
    task_id: int,
    where: str,
    body: Json,
    client: WebClient,
    tasks: Tasks,
    crews: Crews,
    actor: Actor,
    place: str | None,
) -> None:
    task = tasks.move(task_id, later=where == "down", by=actor)
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, near=task)
    client.views_update(view_id=body["view"]["id"], view=page)


def change_task(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    meta = EDIT_TASK.meta(view)
    task = tasks.change(meta["task"], EDIT_TASK.read(view), version=meta["version"], by=actor)
    ack()
    notice = f"*{escape(task.name)}* is saved."
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=notice, near=task)
    client.views_update(view_id=view["previous_view_id"], view=page)


def remove_task(
    ack: Ack, view: Json, client: WebClient, tasks: Tasks, crews: Crews, actor: Actor, place: str | None
) -> None:
    task = tasks.remove(meta_of(view)["task"], by=actor)
    ack()
    page = crew_page(crews.sheet(task.crew_id, by=actor), place=place, notice=f"*{escape(task.name)}* is removed.")
    client.views_update(view_id=view["previous_view_id"], view=page)


def _options(sheet: CrewSheet, task: Task | None) -> dict[str, list[tuple[int, str]]]:
    """Who can do it, and the tasks that come before it."""
    before = sheet.tasks if task is None else [other for other in sheet.tasks if other.position < task.position]
    return {
        "agent_id": [(agent.id, agent.name) for agent in sheet.agents],
        "depends_on": [(other.id, other.name) for other in before],
    }


def _removal(name: str, meta: Json) -> Json:
    sure = blocks.section(f"Remove *{escape(name)}*? Tasks that use its result go on without it.")
    rows = [sure, *other_crew("task", "Its agent and the results it uses stay here.")]
    return blocks.modal("Remove task", rows, callback_id="task.remove", submit="Remove", close="Cancel", meta=meta)
