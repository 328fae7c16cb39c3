"""``/crew import`` and ``/crew export``: CrewAI projects into the workspace and out of it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from pydantic import BaseModel, Field
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.projects.shelf import Form as ProjectForm
from bot.projects.writing import packed
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.projects import Projects
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form
from bot.slack.gate import Gate
from bot.slack.later import Later
from bot.slack.loading import loading
from bot.slack.people import direct_channel
from bot.slack.text import fit_escaped
from bot.slack.widgets import Attachments
from handlers import project_words
from handlers.finding import find
from handlers.importing import Importing
from handlers.injection import Reply


class ProjectDraft(BaseModel):
    """What somebody gives to be imported."""

    files: list[dict[str, Any]] = Field(
        title="Project",
        min_length=1,
        max_length=10,
        description="A ZIP of the whole folder, or its files: agents.yaml, tasks.yaml, crew.py, crew.jsonc, flow.yaml.",
    )


IMPORT = Form(ProjectDraft, callback_id="project.look", title="Import", submit="Look", widgets={"files": Attachments()})


def register(app: App, commands: Commands) -> None:
    """Answer the commands, the form and the button of an import."""
    commands.add("import", ask_for_project, example="/crew import", summary="Bring a CrewAI project in")
    commands.add("export", export, example="/crew export Market research", summary="A crew as a CrewAI project")
    app.view(IMPORT.callback_id)(look)
    app.action("project.create")(create)
    app.view(project_words.DECIDE)(decide)


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
    ack: Ack, words: Words, client: WebClient, crews: Crews, projects: Projects, gate: Gate, actor: Actor, reply: Reply
) -> None:
    ack()
    crew_id = find(words, crews, actor, reply)
    if crew_id is not None:
        form = ProjectForm(words.inputs["form"]) if words.inputs.get("form") in set(ProjectForm) else None
        written = projects.export(crew_id, form, by=actor)
        channel = direct_channel(client, actor.user)
        gate.upload(channel, f"{written.name}.zip", packed(written), f"{written.name} for CrewAI", team=actor.team)
        without = "".join(f"\n• {fit_escaped(sentence, 300)}" for sentence in written.lost[:10])
        reply(f"The project is on its way to you as a ZIP, in your direct messages with the bot.{without}")
