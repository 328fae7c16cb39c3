"""Finding the crew that a person means."""

from __future__ import annotations

from collections.abc import Iterable

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Words
from bot.slack.pickers import pick
from bot.slack.text import fit_escaped
from handlers.injection import Reply

_MOST_OPTIONS = 100

# What the buttons of “Did you mean …?” do; for everything else they open the crew.
_ACTIONS = {"run": ("Run", "crew.run"), "schedule": ("Schedule", "schedule.new")}


def find(words: Words, crews: Crews, actor: Actor, reply: Reply) -> int | None:
    """The id of the crew that ``words`` name, exactly or by a unique beginning.

    ``None`` when it is not clear; then the person has been asked which one they mean. Raises ``NotAllowed`` for the
    name of a crew that is not shared with them.
    """
    known = crews.names(by=actor)
    picked = pick(words.name, known)
    # As it was typed comes first: a name may have quotes of its own.
    if meant := pick(words.rest, known).found or picked.found:
        return meant[0]
    if words.name:
        crews.refuse_unshared(words.name, by=actor)
    close = picked.close if words.name else known[:5]
    reply("Which crew?", [blocks.section(_question(words, close)), _choice(words.subcommand, close)])
    return None


def found(known: Iterable[tuple[int, str]], words: str) -> list[tuple[int, str]]:
    """Those with these words in their names, in the order of the alphabet; as many as a menu takes."""
    matching = [each for each in known if words.casefold() in each[1].casefold()]
    return sorted(matching, key=lambda each: each[1].casefold())[:_MOST_OPTIONS]


def _question(words: Words, close: list[tuple[int, str]]) -> str:
    """What to say above the crews that may have been meant."""
    if words.name:
        quotes = " Put an input of several words in quotes." if words.inputs else ""
        next_step = "Did you mean …?" if close else "`/crew list` shows them all."
        return f"There is no crew called “{fit_escaped(words.name, 200)}”.{quotes} {next_step}"
    if not close:
        return "There are no crews for you yet. Make one, or ask for one to be shared with you."
    example = f"/crew {words.subcommand} {fit_escaped(close[0][1], 80)}"
    return f"Which crew? Type for example `{example}`, or choose one:"


def _choice(subcommand: str, close: list[tuple[int, str]]) -> Json:
    word, action = _ACTIONS.get(subcommand, ("Open", "crew.open"))
    buttons = [
        blocks.button(f"{word} {name}", f"{action}.{number}", str(crew_id))
        for number, (crew_id, name) in enumerate(close)
    ]
    return blocks.actions(*(buttons or [blocks.button("New crew", "crew.new")]), block_id="found")
