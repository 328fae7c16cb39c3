"""Projects dropped into a message to the bot: imported as ``/crew import`` does."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from slack_bolt import App
from slack_sdk import WebClient

from bot.services import Actor
from bot.slack import blocks
from bot.slack.commands import Commands
from bot.slack.later import Later
from bot.slack.said import Said
from bot.slack.text import escape
from bot.slack.wishes import Wants
from handlers.importing import LIMITS, Importing
from handlers.injection import Reply

_PACKED = (".zip",)
# A run can be given these, too, so alone they are a project only if nothing else is said.
_WRITTEN = (".yaml", ".yml", ".jsonc", ".py")


def register(app: App, commands: Commands) -> None:
    """Answer messages that bring a project, or ask for an import without one."""
    for event in ("app_mention", "message"):
        app.event(event, matchers=[_brings_project])(look_at_dropped)
        app.event(event, matchers=[_wants_import])(ask_for_files)


def look_at_dropped(
    said: Said, client: WebClient, importing: Importing, later: Later, actor: Actor, reply: Reply
) -> None:
    ids = [str(file["id"]) for file in said.files]
    thread = (said.thread_ts or said.ts) if said.direct else None
    tell = replace(reply, said=replace(said, thread_ts=thread)) if thread else reply
    where = "" if thread else " What I find comes in your direct messages with me."
    tell(f"I’m reading it. Nothing in it is run, and nothing is created yet.{where}")
    later.behind(tell, partial(importing.report, client, ids, actor, thread=thread))


def ask_for_files(reply: Reply) -> None:
    button = blocks.button("Import…", "do.import", accessibility_label="Choose the files of a project to import")
    said = f"Send me the project with the word `import`, or choose it here. {escape(LIMITS)}"
    reply("Import a project", [blocks.section(said, accessory=button)])


def _brings_project(said: Said | None) -> bool:
    if said is None or not said.to_us or not said.files:
        return False
    endings = (*_PACKED, *(() if said.text else _WRITTEN))
    dropped = all(str(file.get("name")).lower().endswith(endings) for file in said.files)
    return said.wish.wants is Wants.IMPORT or (dropped and said.wish.wants is Wants.SOMETHING)


def _wants_import(said: Said | None) -> bool:
    return said is not None and said.to_us and said.wish.wants is Wants.IMPORT and not said.files
