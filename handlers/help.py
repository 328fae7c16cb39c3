"""``/crew help``, and the answer to words that mean nothing here."""

from __future__ import annotations

from slack_bolt import Ack, App

from bot.services import Actor
from bot.services.admins import Admins
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.text import escape, fit_escaped
from handlers.crew_list import Look
from handlers.injection import Reply


def register(app: App, commands: Commands) -> None:
    """Answer ``help`` and, as the last of all, everything that no other handler knows."""
    commands.add("help", help_with, example="/crew help run", summary="This list")
    commands.register_unknown(unknown)


def help_with(ack: Ack, words: Words, reply: Reply, commands: Commands, admins: Admins, actor: Actor) -> None:
    ack()
    admin = admins.is_admin(actor)
    known = [shown for shown in commands.listing(admin=admin) if shown.name == words.name.casefold()]
    if words.name and not known:
        reply("Help", [_unknown(words.name, commands, admin), *menu(commands, admin=admin)])
    elif known:
        reply("Help", [blocks.section(f"*{known[0].summary}*\n`{escape(known[0].example)}`")])
    else:
        reply("What I can do", menu(commands, admin=admin))


def unknown(ack: Ack, words: Words, reply: Reply, commands: Commands, admins: Admins, actor: Actor) -> None:
    ack()
    admin = admins.is_admin(actor)
    said = [_unknown(words.subcommand, commands, admin), *menu(commands, admin=admin)]
    reply("I don’t know that one", said)


def menu(commands: Commands, *, admin: bool = False) -> list[Json]:
    """The commands with an example each, an administrator's too, and buttons for the common things."""
    lines = "\n".join(f"`{escape(shown.example)}` {escape(shown.summary)}" for shown in commands.listing(admin=admin))
    return [
        blocks.section("I build and run crews: agents who do tasks and post the result in a thread."),
        blocks.section(lines),
        blocks.actions(
            blocks.button("New crew", "crew.new", style="primary"),
            blocks.button("Templates", "do.templates", accessibility_label="Start from a template"),
            blocks.button("Crews", "crew.list_page.first", Look().value, accessibility_label="List the crews"),
            block_id="help.menu",
        ),
    ]


def _unknown(word: str, commands: Commands, admin: bool) -> Json:
    close = " or ".join(f"`/crew {name}`" for name in commands.closest(word, admin=admin))
    hint = f" Did you mean {close}?" if close else ""
    return blocks.section(f"I don’t know “{fit_escaped(word, 100)}”.{hint}")
