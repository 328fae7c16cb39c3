"""``/crew runs``: the last runs, a page at a time, of one crew, person or state only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from slack_bolt import Ack, App

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.run_history import RunFilter, RunHistory
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.text import escape, is_channel
from handlers.finding import find
from handlers.injection import Reply
from handlers.run_words import WORDS, open_button, run_line
from store.runs import Execution, RunState

_PAGE = 8
# A menu holds a hundred options.
_MOST_CREWS = 99
_ALL = "all"


def register(app: App, commands: Commands) -> None:
    """Answer the command, and the menus and buttons of the list."""
    commands.add("runs", list_runs, example="/crew runs", summary="The last runs and how they went")
    app.action(re.compile(r"^runs\.(state|who|crew|mine|all|older|newest)$"))(choose)


def list_runs(ack: Ack, words: Words, crews: Crews, run_history: RunHistory, actor: Actor, reply: Reply) -> None:
    ack()
    crew_id = find(words, crews, actor, reply) if words.name else None
    if crew_id is not None or not words.name:
        reply("The last runs", _rows(run_history, crews, actor, RunFilter(crew_id=crew_id)))


def choose(ack: Ack, action: Json, crews: Crews, run_history: RunHistory, actor: Actor, reply: Reply) -> None:
    ack()
    reply("Runs", _rows(run_history, crews, actor, _chosen(action, actor)), replace=True)


def last_rows(found: Sequence[Execution]) -> list[Json]:
    """These runs with a button for each one's page, where no menus belong."""
    return [_row(run) for run in found] or [blocks.section(_nothing(RunFilter()))]


def which_again(own: Sequence[Execution]) -> list[Json]:
    """Which run is meant? With a button for each that may be; runs of elsewhere are told about there again."""
    if not own:
        return [blocks.section(_nothing(RunFilter()))]
    return [blocks.section("Which one?"), *(_again_row(run) for run in own)]


def _again_row(run: Execution) -> Json:
    label = f"Run {run.crew_name} again"
    button = blocks.button("Run again", "run.again", str(run.id), accessibility_label=label)
    where = f" · in <#{run.channel}>" if is_channel(run.channel) else ""
    said = f"*{escape(run.crew_name)}*{where}\n{run_line(run)}"
    return blocks.section(said, accessory=button, block_id=f"again-{run.id}")


def _rows(run_history: RunHistory, crews: Crews, actor: Actor, which: RunFilter) -> list[Json]:
    """A page of runs, the newest first, with a button for each one's page."""
    found = run_history.page(which, by=actor, limit=_PAGE + 1)
    shown = [_row(run) for run in found[:_PAGE]] or [blocks.section(_nothing(which))]
    return [_filters(crews.names(by=actor), which), *shown, *_turning(found, which)]


def _row(run: Execution) -> Json:
    said = f"*{escape(run.crew_name)}*\n{run_line(run)}"
    return blocks.section(said, accessory=open_button(run), block_id=f"run-{run.id}")


def _nothing(which: RunFilter) -> str:
    if which == RunFilter():
        return "There are no runs yet. Start one with `/crew run`."
    return "No run is like this. Choose something else above, or *All runs*."


def _filters(crews: list[tuple[int, str]], which: RunFilter) -> Json:
    states = [(_ALL, "Any state"), *((state.value, word.capitalize()) for state, word in WORDS.items())]
    named = [(_ALL, "All crews"), *((str(crew_id), name) for crew_id, name in crews[:_MOST_CREWS])]
    elements = [
        blocks.select("runs.state", "State", states, chosen=which.status or _ALL),
        blocks.person("runs.who", "Started by", chosen=which.started_by),
        blocks.button("Mine", "runs.mine", accessibility_label="Only my runs"),
        blocks.button("All runs", "runs.all", accessibility_label="Show all runs"),
    ]
    if crews:
        elements.insert(1, blocks.select("runs.crew", "Crew", named, chosen=str(which.crew_id or _ALL)))
    return blocks.actions(*elements, block_id=_kept("filter", replace(which, before=None)))


def _turning(found: list[Execution], which: RunFilter) -> Iterable[Json]:
    buttons = [blocks.button("Newest", "runs.newest", accessibility_label="Newest runs")] if which.before else []
    if len(found) > _PAGE:
        older = str(found[_PAGE - 1].id)
        buttons.append(blocks.button("Older", "runs.older", older, accessibility_label="Older runs"))
    if buttons:
        yield blocks.actions(*buttons, block_id=_kept("pages", which))


def _kept(name: str, which: RunFilter) -> str:
    """An id that carries what is chosen: a message has no other place for it."""
    chosen = {key: value for key, value in asdict(which).items() if value is not None}
    return f"runs.{name}:{json.dumps(chosen, separators=(',', ':'))}"


def _chosen(action: Json, actor: Actor) -> RunFilter:
    """What was chosen before, and the change."""
    kept: dict[str, Any] = json.loads(action["block_id"].partition(":")[2])
    which = RunFilter(**{**kept, "status": RunState(kept["status"]) if "status" in kept else None})
    match action["action_id"].partition(".")[2]:
        case "state":
            value = action["selected_option"]["value"]
            return replace(which, status=None if value == _ALL else RunState(value))
        case "crew":
            value = action["selected_option"]["value"]
            return replace(which, crew_id=None if value == _ALL else int(value))
        case "who":
            return replace(which, started_by=action["selected_user"])
        case "mine":
            return replace(which, started_by=actor.user)
        case "older":
            return replace(which, before=int(action["value"]))
        case "newest":
            return replace(which, before=None)
    return RunFilter()
