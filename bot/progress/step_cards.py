"""The cards of a flow's steps in the progress message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.progress.steps import InnerPicture, StepPicture, StepsPicture
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, duration, fit, unmarked
from bot.words import listed

# A message has room for so many cards that can still be read; of a longer flow the part where it is at is shown.
_MOST_CARDS = 20
_SIGNS = {"complete": "✓", "error": "✗", "in_progress": "▸", "pending": "·"}


def cards(picture: StepsPicture, now: datetime, result: str | None) -> list[Json]:
    """A card for each step, or for those around the one that is worked on, with what is before and after in one."""
    steps = list(picture.steps.values())
    if len(steps) <= _MOST_CARDS:
        return [_card(step, now, result) for step in steps]
    first = _window(steps)
    last = first + _MOST_CARDS - 2
    shown = [_card(step, now, result) for step in steps[first:last]]
    return [*_summary("before", steps[:first]), *shown, *_summary("after", steps[last:])]


def working_on(picture: StepsPicture) -> str:
    """What goes on, in a few words: “Working on Draft and Check”; empty where nothing does."""
    names = [step.name for step in picture.current]
    if not names:
        return ""
    if all(step.waits for step in picture.current):
        return f"Waiting at {listed(names)}"
    return f"Working on {listed(names)}"


def _window(steps: Sequence[StepPicture]) -> int:
    """The number of the first step that is shown."""
    at = next((number for number, step in enumerate(steps) if step.status in ("in_progress", "error")), None)
    if at is None:
        at = max((number for number, step in enumerate(steps) if step.ended_at), default=0)
    room = _MOST_CARDS - 2
    return max(0, min(at - room // 3, len(steps) - room))


def _summary(where: str, steps: Sequence[StepPicture]) -> list[Json]:
    """The steps that are not shown, as one card."""
    if not steps:
        return []
    marks = [step.mark for step in steps]
    said = ", ".join(f"{marks.count(mark)} {mark.replace('_', ' ')}" for mark in dict.fromkeys(marks))
    failed, going = "failed" in marks, any(mark in ("in_progress", "waiting") for mark in marks)
    over = all(mark in ("done", "skipped") for mark in marks)
    status: blocks.TaskStatus = "error" if failed else "in_progress" if going else "complete" if over else "pending"
    return [blocks.task_card(f"steps-{where}", f"{count(len(steps), 'step')} {where}", status, said)]


def _card(step: StepPicture, now: datetime, result: str | None) -> Json:
    title = f"{step.name} (round {step.round})" if step.round > 1 else step.name
    # The result stands whole below the plan; its card need not begin it again.
    output = "" if step.output == result else unmarked(step.output or "")
    parts = [step.outcome, *([output] if output != step.outcome else [])]
    said = step.reason or ". ".join(filter(None, parts))
    return blocks.task_card(f"step-{step.key}", title, step.status, _details(step, now), said)


def _details(step: StepPicture, now: datetime) -> str | None:
    parts = [step.runs] if step.runs else []
    parts += [
        word for word, true in (("waiting", step.waits), ("stopped", step.stopped), ("skipped", step.skipped)) if true
    ]
    spent = ((step.ended_at or now) - step.started_at).total_seconds() if step.started_at else 0
    if step.started_at and (step.ended_at or spent >= 1):
        parts.append(duration(spent))
    inner = ", ".join(_inner(each) for each in step.inner.values())
    if inner:
        parts.append(fit(inner, 200))
    return " · ".join(parts) or None


def _inner(each: InnerPicture) -> str:
    going = each.status == "in_progress"
    who = f" ({each.agent}{f', using {each.tool}' if each.tool else ''})" if going and each.agent else ""
    return f"{_SIGNS[each.status]} {each.name}{who}"
