"""Mentions and direct messages: a crew is run, a question answered, anything else met with what helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from slack_bolt import Ack, App, BoltContext
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.admins import Admins
from bot.services.crews import Crews, CrewSheet
from bot.services.home import Home
from bot.services.reviews import Reviews
from bot.services.run_history import RunHistory
from bot.services.runs import Runs
from bot.services.schedules import Schedules
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.conversations import Conversations
from bot.slack.people import People
from bot.slack.said import Said
from bot.slack.text import escape, fit, fit_escaped
from bot.slack.wishes import Meant, Wants, meant
from handlers import crew_list
from handlers.assistant import said_elsewhere
from handlers.crew_list import Look
from handlers.crew_page import not_ready
from handlers.help import menu
from handlers.injection import Reply
from handlers.review_rows import waiting_rows
from handlers.run_form import ask_inputs
from handlers.run_list import last_rows, which_again
from handlers.run_words import running_rows
from handlers.schedule_list import message_rows
from handlers.starting import Starter
from handlers.waiting import MOST, failed_rows, resting_rows
from handlers.wished_runs import ACTION, ask_for_rest, ask_which, carried_back, known_inputs


def register(app: App, commands: Commands) -> None:
    """Answer what is written to the bot, each wish in its own way; what nothing fits is answered too."""
    for event in ("app_mention", "message"):
        app.event(event, matchers=[_about_a_run])(change_result)
    for wants, answer in _ANSWERS.items():
        app.event("app_mention", matchers=[_to_us(wants)])(answer)
        app.event("message", matchers=[_to_us(wants)])(answer)
    app.action(re.compile(rf"^{re.escape(ACTION)}"))(run_wished)


def run_mentioned(
    said: Said,
    crews: Crews,
    starter: Starter,
    conversations: Conversations,
    people: People,
    actor: Actor,
    reply: Reply,
) -> None:
    there = said_elsewhere(said, conversations, people, actor)
    wanted = meant(there.wish.words, crews.names(by=actor))
    if wanted.found is None:
        crews.refuse_unshared(wanted.name, by=actor)
        reply("Which crew?", ask_which(wanted))
        return
    place = there.channel if there.channel != said.channel else ""
    _run_or_ask(crews.sheet(wanted.found[0], by=actor), wanted, there, place, starter, actor, reply)


def _run_or_ask(
    sheet: CrewSheet, wanted: Meant, there: Said, place: str, starter: Starter, actor: Actor, reply: Reply
) -> None:
    """Start the run where everything is known, else ask for the rest; ``place`` is where it is to be, if elsewhere."""
    inputs = known_inputs(sheet.inputs, wanted.inputs, wanted.about if wanted.certain else "")
    left = [name for name in sheet.inputs if not inputs.get(name)]
    if sheet.problems:
        reply(f"{sheet.crew.name} can’t run yet", not_ready(sheet))
    elif not left or (there.files and len(left) == 1):
        starter(sheet.crew.id, inputs, said=there, into="".join(left), by=actor, tell=reply)
        if place:
            told = f"*{escape(sheet.crew.name)}* is on its way in <#{place}>."
            reply(f"{sheet.crew.name} is on its way.", [blocks.section(told)])
    else:
        reply(f"{sheet.crew.name} needs more", ask_for_rest(sheet, inputs, wanted.about, place))


def run_wished(
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
    crew_id, given, about, ask, elsewhere = carried_back(action)
    place, thread = (elsewhere, None) if elsewhere else (place, thread)
    sheet = crews.sheet(crew_id, by=actor)
    inputs = known_inputs(sheet.inputs, given, about)
    if sheet.problems:
        reply(f"{sheet.crew.name} can’t run yet", not_ready(sheet))
    elif sheet.inputs and (ask or not all(inputs.get(name) for name in sheet.inputs)):
        view = ask_inputs(sheet.crew, sheet.inputs, inputs, place=place, thread=thread)
        client.views_open(trigger_id=body["trigger_id"], view=view)
    else:
        runs.start(crew_id, inputs, by=actor, channel=place or "", thread_ts=thread, tell=reply)


def show_mentioned(said: Said, crews: Crews, actor: Actor, reply: Reply) -> None:
    wanted = meant(said.wish.words, crews.names(by=actor))
    if wanted.found is None:
        crews.refuse_unshared(wanted.name, by=actor)
        reply("Which crew?", crew_list.rows(crews, actor, Look(said.wish.words)))
        return
    crew = crews.get(wanted.found[0], by=actor)
    reply(crew.name, [crew_list.row(crew, actor), crew_list.controls(crew)])


def list_crews(crews: Crews, actor: Actor, reply: Reply) -> None:
    reply("Your crews", crew_list.rows(crews, actor, Look()))


def say_what_runs(runs: Runs, actor: Actor, reply: Reply) -> None:
    reply("What is running", running_rows(runs.latest(by=actor, unfinished=True)))


def list_runs(runs: Runs, actor: Actor, reply: Reply) -> None:
    reply("The last runs", last_rows(runs.latest(by=actor)))


def say_what_waits(
    reviews: Reviews, home: Home, schedules: Schedules, client: WebClient, actor: Actor, reply: Reply
) -> None:
    rows = [
        *waiting_rows(reviews.waiting_for(by=actor), client),
        *failed_rows(home.failed(by=actor, most=MOST)),
        *resting_rows(schedules.list_all(by=actor).entries),
    ]
    reply("What waits for you", rows or [blocks.section("Nothing waits for you.")])


def show_schedules(schedules: Schedules, actor: Actor, reply: Reply) -> None:
    reply("Schedules", [*message_rows(schedules.list_all(by=actor))])


def run_mentioned_again(
    said: Said, runs: Runs, run_history: RunHistory, conversations: Conversations, actor: Actor, reply: Reply
) -> None:
    stay = conversations.of(said) is not None
    if said.thread_ts and runs.is_here(actor.team, said.channel, said.thread_ts):
        runs.again_in_thread(said.channel, said.thread_ts, by=actor, tell=reply, stay=stay)
        return
    own = run_history.own(by=actor)
    # What is told about elsewhere would run there again, in front of others; what still goes on is hardly meant.
    if own and own[0].channel == said.channel and own[0].status.over:
        runs.again(own[0].id, by=actor, tell=reply, thread_ts=said.thread_ts if stay else None)
        reply(f"{own[0].crew_name} runs again, with the same inputs.")
    else:
        reply("Which one?", which_again(own))


def retry_mentioned(said: Said, runs: Runs, actor: Actor, reply: Reply) -> None:
    if said.thread_ts and runs.is_here(actor.team, said.channel, said.thread_ts):
        runs.retry_in_thread(said.channel, said.thread_ts, by=actor)
        return
    reply(f"Trying {runs.retry_latest(by=actor).crew_name} again. Follow it in its thread.")


def change_result(said: Said, runs: Runs, actor: Actor, reply: Reply) -> None:
    runs.follow_up(said.channel, said.thread_ts or "", said.text, by=actor, tell=reply)


def offer_new_crew(said: Said, reply: Reply) -> None:
    words = "A crew is a few agents who do tasks, and a flow connects crews. Both begin with a name:"
    button = blocks.button("New crew", "do.create", said.wish.words or None, style="primary")
    reply("New crew", [blocks.section(words, accessory=button)])


def stop_mentioned(said: Said, crews: Crews, runs: Runs, actor: Actor, reply: Reply) -> None:
    wanted = meant(said.wish.words, crews.names(by=actor))
    if said.wish.words and wanted.found is None:
        reply("Which crew?", crew_list.rows(crews, actor, Look(said.wish.words)))
        return
    run = runs.stop_latest(by=actor, crew_id=wanted.found[0] if wanted.found else None)
    reply(f"Stopping {run.crew_name}.")


def help_mentioned(commands: Commands, admins: Admins, actor: Actor, reply: Reply) -> None:
    reply("What I can do", [*_sentences(), *menu(commands, admin=admins.is_admin(actor))])


def take_thanks(reply: Reply) -> None:
    reply("You’re welcome.")


def meet_anything_else(said: Said, commands: Commands, crews: Crews, actor: Actor, reply: Reply) -> None:
    names = crews.names(by=actor)
    wanted = meant(said.wish.words, names)
    if wanted.found:
        sheet = crews.sheet(wanted.found[0], by=actor)
        inputs = known_inputs(sheet.inputs, wanted.inputs, wanted.about)
        reply(f"Run {sheet.crew.name}?", ask_for_rest(sheet, inputs, wanted.about))
        return
    word, _, rest = said.wish.words.partition(" ")
    if word.casefold() in commands:
        reply("That is a command", [_command(commands.command, word.casefold(), rest, names)])
        return
    reply("How can I help?", [blocks.section(_met(said)), *_sentences(), *_ways()])


def _command(command: str, name: str, rest: str, crews: Sequence[tuple[int, str]]) -> Json:
    """What a command does as well as a sentence, which may open a window; so a button comes first."""
    found = meant(rest, crews).found
    words = found[1] if found else rest
    typed = fit_escaped(f"{command} {name} {words}".strip().replace("`", "’"), 300)
    button = blocks.button(name.capitalize(), f"do.{name}", fit(words, 1_900) or None)
    return blocks.section(f"That is what `{typed}` does:", accessory=button)


def _met(said: Said) -> str:
    """That nothing was understood, or nothing said."""
    if said.text:
        return f"I don’t know what to do with “{fit_escaped(said.text, 200)}”."
    if said.files:
        return "Which crew is to work on it? Send it once more with `run` and the crew’s name."
    return "Hello!"


def _about_a_run(said: Said | None, runs: Runs, context: BoltContext) -> bool:
    """Whether somebody wrote to us in the thread of a run, and it is no other wish."""
    wished = said is not None and said.to_us and said.thread_ts and said.wish.wants is Wants.SOMETHING and said.text
    return bool(wished and said and runs.is_here(context.team_id or "", said.channel, said.thread_ts or ""))


def _to_us(wants: Wants) -> Callable[..., bool]:
    def fits(said: Said | None) -> bool:
        return said is not None and said.to_us and said.wish.wants is wants

    return fits


def _sentences() -> list[Json]:
    """What one can write."""
    return [
        blocks.section(
            "You can write to me, for example:\n"
            "• `run market research about tides`\n"
            "• `what is running?` · `what is waiting for me?` · `show the last runs`\n"
            "• `show market research` · `list` · `create a crew called Podcast`\n"
            "• `import`, with the ZIP of a CrewAI project\n"
            "In the thread of a run, tell me what to change in its result, `run it again`, or `retry` what failed."
        )
    ]


def _ways() -> list[Json]:
    return [
        blocks.actions(
            blocks.button("Crews", "do.list", accessibility_label="List the crews"),
            blocks.button("New crew", "do.create", style="primary"),
            blocks.button("Help", "do.help"),
            block_id="wish.ways",
        )
    ]


_ANSWERS: dict[Wants, Callable[..., Any]] = {
    Wants.RUN: run_mentioned,
    Wants.SHOW: show_mentioned,
    Wants.LIST: list_crews,
    Wants.RUNNING: say_what_runs,
    Wants.RUNS: list_runs,
    Wants.WAITING: say_what_waits,
    Wants.SCHEDULES: show_schedules,
    Wants.AGAIN: run_mentioned_again,
    Wants.RETRY: retry_mentioned,
    Wants.CREATE: offer_new_crew,
    Wants.STOP: stop_mentioned,
    Wants.HELP: help_mentioned,
    Wants.THANKS: take_thanks,
    Wants.SOMETHING: meet_anything_else,
}
