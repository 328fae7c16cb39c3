"""``/crew run`` and ``stop``, and the buttons in a run's thread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews, CrewSheet
from bot.services.runs import Runs
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.people import direct_channel
from bot.slack.text import escape
from handlers.crew_page import not_ready
from handlers.finding import find
from handlers.injection import Reply
from handlers.run_form import RUN, ask_inputs, asked
from handlers.starting import Starter
from handlers.state_form import read_object


def register(app: App, commands: Commands) -> None:
    """Answer the commands, forms and buttons about runs."""
    commands.add(
        "run", run_named, example='/crew run "Market research" topic="solid-state batteries"', summary="Run a crew"
    )
    commands.add("stop", stop_latest, example="/crew stop", summary="Stop your latest run")
    app.action(re.compile(r"^crew\.run"))(run_pressed)
    app.view(RUN)(run_with_inputs)
    app.action("run.stop")(stop_run)
    app.action("run.edit_inputs")(edit_inputs)


def run_named(ack: Ack, words: Words, client: WebClient, crews: Crews, runs: Runs, actor: Actor, reply: Reply) -> None:
    ack()
    words, inputs = _with_json(words)
    if (crew_id := find(words, crews, actor, reply)) is None:
        return
    sheet = crews.sheet(crew_id, by=actor)
    if unknown := _unknown_inputs(sheet, inputs):
        reply(unknown)
    elif sheet.problems:
        reply(f"{sheet.crew.name} can’t run yet", not_ready(sheet))
    elif all(inputs.get(name) not in (None, "") for name in sheet.inputs):
        runs.start(crew_id, inputs, by=actor, channel=words.channel, tell=reply)
    else:
        asked = ask_inputs(sheet.crew, sheet.inputs, inputs, place=words.channel)
        client.views_open(trigger_id=words.trigger_id, view=asked)


def run_pressed(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    crews: Crews,
    runs: Runs,
    actor: Actor,
    place: str | None,
    thread: str | None,
    reply: Reply,
) -> None:
    ack()
    sheet = crews.sheet(int(action["value"]), by=actor)
    in_page = "view" in body and body["view"]["type"] == "modal"
    if sheet.takes and not sheet.problems:
        view = ask_inputs(sheet.crew, sheet.inputs, {}, place=place, thread=thread)
        opening = client.views_push if in_page else client.views_open
        opening(trigger_id=body["trigger_id"], view=view)
        return
    channel = place or direct_channel(client, actor.user)
    runs.start(sheet.crew.id, {}, by=actor, channel=channel, thread_ts=thread, tell=reply)
    if in_page:
        client.views_update(view_id=body["view"]["id"], view=_started_page(sheet.crew.name, place))


def run_with_inputs(
    ack: Ack,
    view: Json,
    client: WebClient,
    crews: Crews,
    starter: Starter,
    actor: Actor,
    place: str | None,
    reply: Reply,
) -> None:
    answers = asked(view)
    crew = crews.get(answers.crew, by=actor)
    channel = place or direct_channel(client, actor.user)
    starter.answered(answers, by=actor, channel=channel, tell=reply)
    if place:
        ack(response_action="clear")
    else:
        ack(response_action="update", view=_started_page(crew.name, place))


def stop_latest(ack: Ack, words: Words, crews: Crews, runs: Runs, actor: Actor, reply: Reply) -> None:
    ack()
    crew_id = find(words, crews, actor, reply) if words.name else None
    if words.name and crew_id is None:
        return
    run = runs.stop_latest(by=actor, crew_id=crew_id)
    reply(f"Stopping {run.crew_name}.")


def stop_run(ack: Ack, action: Json, runs: Runs, actor: Actor) -> None:
    ack()
    runs.stop(int(action["value"]), by=actor)


def edit_inputs(
    ack: Ack, body: Json, action: Json, client: WebClient, crews: Crews, runs: Runs, actor: Actor, place: str | None
) -> None:
    ack()
    run = runs.get(int(action["value"]), by=actor)
    sheet = crews.sheet(run.crew_id or 0, by=actor)
    given = {name: value for name, value in run.inputs.items() if name in sheet.takes}
    view = ask_inputs(sheet.crew, sheet.inputs, given, place=place)
    client.views_open(trigger_id=body["trigger_id"], view=view)


def _with_json(words: Words) -> tuple[Words, dict[str, Any]]:
    """The words without a JSON object at their end, and all inputs that are named."""
    name, brace, rest = words.rest.partition("{")
    found = read_object(brace + rest) if brace else None
    if found is None:
        return words, dict(words.inputs)
    parsed = Words.parse(f"{words.subcommand} {name}", trigger_id=words.trigger_id, channel=words.channel)
    return parsed, {**found, **parsed.inputs}


def _unknown_inputs(sheet: CrewSheet, inputs: Mapping[str, Any]) -> str | None:
    unknown = [name for name in inputs if name not in sheet.takes]
    if not unknown:
        return None
    takes = f"It asks for {', '.join(sheet.takes)}." if sheet.takes else "It asks for nothing."
    return f"“{sheet.crew.name}” has no input called {' or '.join(unknown)}. {takes}"


def _started_page(name: str, place: str | None) -> Json:
    """Without a ``place`` a run is posted in the person’s direct message with the bot."""
    where = f"<#{place}>" if place and not place.startswith("D") else "our direct message"
    said = blocks.section(f"*{escape(name)}* is on its way. Follow it in its thread in {where}.")
    return blocks.modal("Run", [said], callback_id="run.started")
