"""``/crew import`` and ``/crew export``: CrewAI projects into the workspace and out of it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from pydantic import BaseModel, Field
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.projects.shelf import form_named
from bot.services import Actor
from bot.services.crews import Crews
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.forms import Attachments, Form
from bot.slack.later import Later
from bot.slack.loading import loading
from handlers import project_words
from handlers.finding import find
from handlers.importing import LIMITS, MOST_FILES, Importing
from handlers.injection import Reply


class ProjectDraft(BaseModel):
    """What somebody gives to be imported."""

    files: list[dict[str, Any]] = Field(
        title="Project",
        min_length=1,
        max_length=MOST_FILES,
        description=LIMITS,
    )


IMPORT = Form(ProjectDraft, callback_id="project.look", title="Import", submit="Look", widgets={"files": Attachments()})


def register(app: App, commands: Commands) -> None:
    """Answer the commands, the form and the button of an import."""
    commands.add("import", ask_for_project, example="/crew import", summary="Bring a CrewAI project in")
    commands.add("export", export, example="/crew export Market research", summary="A crew as a CrewAI project")
    app.view(IMPORT.callback_id)(look)
    app.action("project.create")(create)
    app.view(project_words.DECIDE)(decide)
    app.action("project.export")(export_shown)


def ask_for_project(ack: Ack, words: Words, client: WebClient) -> None:
    ack()
    notice = "Nothing in it is run. First you are told what was found and what would be created."
    client.views_open(trigger_id=words.trigger_id, view=IMPORT.view(notice=notice))


def look(ack: Ack, view: Json, client: WebClient, importing: Importing, later: Later, actor: Actor) -> None:
    ids = [str(file["id"]) for file in IMPORT.read(view).files]
    window = loading("Import", "Reading the project…")
    ack(response_action="update", view=window)
    later(client, window, partial(importing.look, client, window, ids, actor))


def create(
    ack: Ack, body: Json, action: Json, client: WebClient, importing: Importing, later: Later, actor: Actor
) -> None:
    ack()
    window = loading("Import", "Reading the project once more…")
    client.views_open(trigger_id=body["trigger_id"], view=window)
    later(client, window, partial(importing.begin, client, window, json.loads(action["value"]), actor))


def decide(ack: Ack, view: Json, client: WebClient, importing: Importing, later: Later, actor: Actor) -> None:
    window = loading("Import", "Creating everything…")
    ack(response_action="update", view=window)
    later(client, window, partial(importing.decide, client, window, view, meta_of(view), actor))


def export(
    ack: Ack, words: Words, client: WebClient, crews: Crews, importing: Importing, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is not None:
        lost = importing.send(client, crew_id, form_named(words.inputs.get("form")), actor)
        reply(project_words.sent(lost))


def export_shown(
    ack: Ack, body: Json, action: Json, client: WebClient, importing: Importing, later: Later, actor: Actor
) -> None:
    ack()
    window = loading("Export", "Writing the project…")
    client.views_push(trigger_id=body["trigger_id"], view=window)
    later(client, window, partial(importing.send_shown, client, window, int(action["value"]), actor))
