"""What a run's messages say: the parent, the progress message and the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from bot.events import Fault
from bot.progress import step_cards
from bot.progress.picture import RunPicture, TaskPicture
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, duration, escape, fit, fit_escaped, markdown_parts, unmarked
from bot.words import listed
from store.limits import LimitPause, Scope, amount
from store.runs import NOBODY, TRIAL, Again, Execution, RunState
from store.usage import dollars

# Seen beside the words for a state, never instead of them.
MARKS = {
    RunState.QUEUED: "🕐",
    RunState.RUNNING: "▶️",
    RunState.WAITING: "✋",
    RunState.COMPLETED: "✅",
    RunState.FAILED: "❌",
    RunState.CANCELLED: "⏹️",
}

UNDECIDED = "Nobody decided before the deadline, so the run was stopped."

# A result of more parts than this is posted as its beginning and a file.
_MOST_PARTS = 2

# So many names are told in one sentence.
_MOST_NAMES = 5

# From this place in line on nobody is told which it is.
LAST_PLACE = 11


class Message(NamedTuple):
    """A message: plain words for notifications and screen readers, and blocks."""

    text: str
    blocks: list[Json]


def parent(picture: RunPicture) -> Message:
    """The message in the channel, which always shows how the run stands."""
    run = picture.run
    shown = [blocks.section(f"*{escape(run.crew_name)}* · {_state(picture)}\n{_starter(run)}")]
    if run.inputs:
        given = " · ".join(
            f"*{escape(name)}:* {fit_escaped(_line(_text(value)), 300)}" for name, value in run.inputs.items()
        )
        shown.append(blocks.context(given))
    return Message(f"{run.crew_name}: {_state_words(picture)}", shown)


def _starter(run: Execution) -> str:
    how = "’s schedule" if run.slot else " in a workflow" if run.source == "workflow" else ""
    return f"Started by <@{run.started_by}>{how}"


def progress(picture: RunPicture, now: datetime) -> Message:
    """The one message that moves: a plan with a card for each task, time, tokens and a Stop button."""
    if picture.steps:
        cards = step_cards.cards(picture.steps, now, picture.result)
    else:
        cards = [_card(number, task, now, picture.result) for number, task in enumerate(picture.tasks.values(), 1)]
    shown = [blocks.plan(_plan_title(picture), cards), blocks.context(_facts(picture, now))]
    if not picture.state.over:
        shown.append(blocks.actions(_stop_button(picture.run), *_state_button(picture), block_id="run.controls"))
    return Message(f"{picture.run.crew_name}: {_state_words(picture)}", shown)


def notice(payload: Mapping[str, Any]) -> Message:
    """Why a run goes on: ``why``, with which ``tasks``, and who wanted that where somebody did (``by``)."""
    where = f"going on with {_first(payload['tasks'])}" if payload["tasks"] else "going on"
    if payload["why"] == Again.RETRY:
        said = f"<@{payload['by']}> tries again: {where}."
    else:
        said = f"The bot was restarted; {where}."
    return Message(unmarked(said), [blocks.section(said)])


def _first(names: list[str]) -> str:
    """Names in a sentence; of many only the first."""
    shown = names if len(names) <= _MOST_NAMES else names[: _MOST_NAMES - 1]
    said = [f"*{escape(name)}*" for name in shown]
    if left := len(names) - len(shown):
        said.append(f"{left} more")
    return listed(said)


def limit_question(run: Execution, pause: LimitPause) -> Message:
    """What a run asks when it has come to a limit."""
    crew = f"“{pause.crew}”" if pause.crew else "the crew"
    who = f"Somebody who may edit {escape(crew)}" if pause.scope is Scope.CREW else "An administrator"
    more = blocks.button("Raise the limit…", "limit.raise", f"{run.id}:{pause.id}", style="primary")
    said = f"✋ *{escape(pause.said)}*\nThe run waits; what is done is kept. {who} can raise the limit for it."
    return Message(
        pause.said, [blocks.section(said), blocks.actions(more, _stop_button(run), block_id="limit.controls")]
    )


def limit_settled(pause: LimitPause) -> Message:
    """What stands there once somebody has raised it, or has stopped the run."""
    if pause.answered_by is None:
        return Message(f"{pause.said} The run is over.", [blocks.section(f"{escape(pause.said)}\nThe run is over.")])
    most = "" if pause.new_most is None else f" to {amount(pause.name, pause.new_most)}"
    said = f"{escape(pause.said)}\n<@{pause.answered_by}> let this run go on{most}."
    return Message(f"{pause.said} The limit is raised.", [blocks.section(said)])


def results(picture: RunPicture) -> tuple[list[Message], str | None]:
    """The last messages of the thread, and the whole result if it belongs into a file too.

    A result of up to two messages is shown whole. A longer one begins in the thread and says where the rest is.
    """
    if picture.state is not RunState.COMPLETED:
        return [Message(_state_words(picture), [blocks.section(_ending(picture)), _afterwards(picture)])], None
    whole = picture.result or ""
    parts = markdown_parts(whole) or [f"_The {'flow' if picture.steps else 'crew'} gave an empty result._"]
    file = whole if len(parts) > 1 else None
    if len(parts) > _MOST_PARTS:
        note = f"This is the beginning. The whole result ({len(whole):,} characters) is in the file in this thread."
        shown = [[blocks.markdown(parts[0]), blocks.context(note)]]
    else:
        shown = [[blocks.markdown(part)] for part in parts]
    if cut := [task.name for task in picture.tasks.values() if task.cut]:
        shown[-1].append(blocks.context(_cut_off(cut)))
    shown[-1].append(_afterwards(picture))
    title = f"Result of {picture.run.crew_name}"
    return [Message(f"{title}: {fit(_line(unmarked(whole)), 300)}", each) for each in shown], file


def _cut_off(tasks: list[str]) -> str:
    names = escape(", ".join(f"“{name}”" for name in tasks))
    return f"{names} ended at the model’s limit of tokens. “Longest answer” in the agent’s *More settings* raises it."


def _state(picture: RunPicture) -> str:
    return f"{MARKS[picture.state]} {escape(_state_words(picture))}"


def _state_words(picture: RunPicture) -> str:
    took = _took(picture.started_at, picture.ended_at)
    match picture.state:
        case RunState.QUEUED:
            return f"Waiting for its turn{_in_line(picture.place)}"
        case RunState.RUNNING:
            return "Running"
        case RunState.WAITING:
            where = f" at “{picture.waiting_for}”" if picture.waiting_for else ""
            if picture.wake_at:
                return f"Waiting{where} until {picture.wake_at:%d %B %Y, %H:%M} UTC"
            return f"Waiting for an answer{where}"
        case RunState.COMPLETED:
            return f"Done{took}"
        case RunState.FAILED:
            return f"Failed at “{picture.failed_task}”{took}" if picture.failed_task else f"Failed{took}"
        case RunState.CANCELLED:
            return f"Stopped{took}"


def _in_line(place: int) -> str:
    if not place:
        return ""
    if place >= LAST_PLACE:
        return f", more than {LAST_PLACE - 1} before it"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place, "th")
    return f", {place}{ending} in line"


def _took(started_at: datetime | None, ended_at: datetime | None) -> str:
    if started_at is None or ended_at is None:
        return ""
    return f" after {duration((ended_at - started_at).total_seconds())}"


def _plan_title(picture: RunPicture) -> str:
    if picture.state is RunState.RUNNING and picture.steps and (said := step_cards.working_on(picture.steps)):
        return said
    if picture.state is RunState.RUNNING and picture.current and not picture.steps:
        return f"Working on {picture.current.name}"
    return f"{picture.run.crew_name}: {_state_words(picture)}"


def _card(number: int, task: TaskPicture, now: datetime, result: str | None) -> Json:
    # The result stands whole below the plan; its card need not begin it again.
    output = "" if task.output == result else unmarked(task.output or "")
    return blocks.task_card(f"task-{number}", task.name, task.status, _details(task, now), task.reason or output)


def _details(task: TaskPicture, now: datetime) -> str | None:
    parts = [task.agent] if task.agent else []
    if task.waits:
        parts.append("waits for an answer")
    if task.tool:
        parts.append(f"using {task.tool}")
    spent = ((task.ended_at or now) - task.started_at).total_seconds() if task.started_at else 0
    if task.ended_at or spent >= 1:
        parts.append(duration(spent))
    if task.cut:
        parts.append("cut off at the model’s limit")
    return " · ".join(parts) or None


def _facts(picture: RunPicture, now: datetime) -> str:
    spent = duration(((picture.ended_at or now) - picture.started_at).total_seconds()) if picture.started_at else "0 s"
    cost = f" · {dollars(picture.cost)}" if picture.cost is not None else ""
    return f"{spent} · {count(picture.tokens, 'token')}{cost}"


def _stop_button(run: Execution) -> Json:
    sure = blocks.confirm(
        "Stop this run?", "What is done so far stays in this thread.", "Stop it", "Go on", danger=True
    )
    return blocks.button(
        "Stop",
        "run.stop",
        str(run.id),
        style="danger",
        confirm=sure,
        accessibility_label=f"Stop the run of {run.crew_name}",
    )


def _state_button(picture: RunPicture) -> list[Json]:
    """The way to a flow's state as it stands."""
    if not picture.run.definition.state:
        return []
    label = f"State of {picture.run.crew_name}"
    return [blocks.button("State", "run.state", str(picture.run.id), accessibility_label=label)]


def _ending(picture: RunPicture) -> str:
    parts = picture.steps.steps if picture.steps else picture.tasks
    done = [escape(part.name) for part in parts.values() if part.status == "complete"]
    finished = f"\nDone before that: {', '.join(done)}." if done else ""
    if picture.state is RunState.CANCELLED:
        who = UNDECIDED if picture.stopped_by == NOBODY else f"<@{picture.stopped_by}> stopped this run."
        return f"{who}{finished}"
    return f"The run failed{failed_at(picture.failed_task, picture.fault)}. {escape(picture.reason or '')}{finished}"


def failed_at(task: str | None, fault: Fault) -> str:
    """Where a run failed, and who was at it: “ at *Find sources* (Researcher, tool *Web*)”; empty if nobody knows."""
    where = f" at *{escape(task)}*" if task else ""
    said = [f"*{escape(name)}*" for name in fault.within]
    said += [escape(fault.agent)] if fault.agent else []
    said += [f"tool *{escape(fault.tool)}*"] if fault.tool else []
    return f"{where} ({', '.join(said)})" if said else where


def _afterwards(picture: RunPicture) -> Json:
    run_id = str(picture.run.id)
    # A step that was tested alone has inputs of its own, with which the whole flow cannot be run.
    again = picture.run.crew_id if picture.run.source != TRIAL else None
    buttons = []
    if picture.state is RunState.FAILED and picture.failed_task:
        failed = "step" if picture.steps else "task"
        buttons.append(blocks.button(f"Retry from the failed {failed}", "run.retry", run_id, style="primary"))
    elif picture.state in (RunState.FAILED, RunState.CANCELLED):
        buttons.append(blocks.button("Go on from there", "run.retry", run_id))
    if again:
        buttons.append(blocks.button("Run again", "run.again", run_id))
    if again and picture.run.inputs:
        buttons.append(blocks.button("Edit inputs", "run.edit_inputs", run_id))
    buttons += [*_state_button(picture), blocks.button("Show log", "run.log", run_id)]
    if again:
        buttons.append(blocks.button("Schedule", "schedule.new", f"{again}:{run_id}"))
    return blocks.actions(*buttons, block_id="run.afterwards")


def _text(value: object) -> str:
    """An input as people read it: a flow's may be any JSON value."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    return " ".join(text.split())
