"""What a flow's page shows in place of agents and tasks: its picture, its steps, its state and what it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.engine.steps import kind_of
from bot.services.flows import FlowSheet, outcomes_of
from bot.services.state_fields import KINDS, kind_of_field
from bot.services.unseen import whom
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import escape, fit_escaped, fit_markup
from handlers.stretches import Thing, first_of, turns
from store.shares import Level
from store.steps import START, AfterPlan, FlowStep

# Slack shows 100 rows in a window; the steps and the rest of the page must fit.
_MOST_STEPS = 50
_DEEPEST = 5
_INDENT = "\u2003"
_MENU = (
    ("Edit", "edit"),
    ("Insert a step before", "insert"),
    ("Move earlier", "earlier"),
    ("Move later", "later"),
    ("Test or remove…", "test"),
)


def flow_rows(sheet: FlowSheet, picture: Json | None, near: Thing | None) -> Iterable[Json]:
    """The rows of a flow; ``picture`` is the block with it, once it is drawn; ``near`` as in ``stretches``."""
    if picture:
        yield picture
    yield from _steps(sheet, near)
    yield from _state(sheet)
    yield from _contained(sheet)


def openers(things: list[tuple[int, str]], block_id: str) -> Json:
    """A button for each crew and flow, by id and name, that shows its page in place of this one."""
    buttons = [
        blocks.button(name, f"page.open.{number}", str(crew_id), accessibility_label=f"Open {name}")
        for number, (crew_id, name) in enumerate(things[:25])
    ]
    return blocks.actions(*buttons, block_id=block_id)


def depths(sheet: FlowSheet) -> Mapping[str, int]:
    """How far each step is indented, by its key: one more after a fork, one less where branches meet."""
    followers: dict[str, int] = {}
    for step in sheet.steps:
        for each in step.after or [AfterPlan(step=START)]:
            followers[each.step] = followers.get(each.step, 0) + 1
    found = {START: 0}
    for step in sheet.steps:
        before = [each for each in step.after or [AfterPlan(step=START)] if each.step in found]
        inner = [found[each.step] + (followers[each.step] > 1 or bool(each.outcome)) for each in before]
        found[step.key] = min(_DEEPEST, min(inner, default=0) - (len(inner) > 1 and min(inner) > 0))
    return found


def comes_after(step: FlowStep, sheet: FlowSheet) -> str:
    """What a step comes after, in mrkdwn: “after *Check* and *Draft* (good)”; empty for one of the first."""
    names = [_way(each, sheet) for each in step.after]
    if not names or names == ["the start"]:
        return ""
    joined = (" or " if step.join == "any" else " and ").join(names)
    return f"after {joined}"


def _steps(sheet: FlowSheet, near: Thing | None) -> Iterable[Json]:
    yield blocks.divider()
    may_edit = sheet.level >= Level.EDIT
    add = blocks.button("Add step", "step.add", f"{sheet.flow.id}:{len(sheet.steps)}") if may_edit else None
    # A page that is drawn anew, with its picture, must not lose the press of a button meanwhile.
    yield blocks.section(f"*Steps* ({len(sheet.steps)})", accessory=add, block_id="steps.add")
    if not sheet.steps:
        yield blocks.context("A step runs a crew or a flow, decides, asks a person, sets the state, repeats or waits.")
    deep = depths(sheet)
    first = first_of(sheet.steps, _MOST_STEPS, near)
    for number, step in enumerate(sheet.steps[first : first + _MOST_STEPS], first + 1):
        choices = [blocks.option(label, f"{what}:{step.id}:{number}") for label, what in _MENU]
        menu = blocks.overflow("step.menu", *choices) if may_edit else None
        line = _line(number, step, sheet, _INDENT * 2 * deep[step.key])
        yield blocks.section(line, accessory=menu, block_id=f"step-{step.id}")
    yield from turns("step", sheet.flow.id, sheet.steps, _MOST_STEPS, first)


def _line(number: int, step: FlowStep, sheet: FlowSheet, indent: str) -> str:
    kind, target = kind_of(step.kind), sheet.target(step)
    does = kind.title if kind else escape(step.kind)
    runs = f": {escape(target.name)}" if target else ""
    said = [comes_after(step, sheet), _result(step)]
    if outcomes := outcomes_of(step):
        said.append("comes to " + ", ".join(fit_escaped(each, 60) for each in outcomes))
    below = " · ".join(filter(None, said))
    branch = f"{indent}↳ " if indent else ""
    return f"{branch}{number}. *{escape(step.name)}* · {does}{runs}" + (f"\n{indent}{below}" if below else "")


def _result(step: FlowStep) -> str:
    return f"result goes to `state.{escape(step.result)}`" if step.result else ""


def _way(each: AfterPlan, sheet: FlowSheet) -> str:
    step = sheet.step(each.step)
    name = "the start" if each.step == START else f"*{escape(step.name)}*" if step else "_a step that is gone_"
    return f"{name} ({fit_escaped(each.outcome, 60)})" if each.outcome else name


def _state(sheet: FlowSheet) -> Iterable[Json]:
    yield blocks.divider()
    change = blocks.button("State", "flow.state", str(sheet.flow.id)) if sheet.level >= Level.EDIT else None
    said = [
        f"`{each.name}` {KINDS[kind_of_field(each)]}{', needed' if each.name in sheet.inputs else ''}"
        for each in sheet.fields
    ]
    listed = " · ".join(said) or "_Nothing yet. The steps can keep values there, and a run asks for them._"
    yield blocks.section(f"*State*\n{listed}", accessory=change, block_id="flow.state.open")


def _contained(sheet: FlowSheet) -> Iterable[Json]:
    if sheet.contained:
        yield blocks.section("*Contains*")
    if sheet.usable:
        usable = [each for each in sheet.contained if each.id in sheet.usable]
        yield openers([(each.id, f"{each.name} ({each.kind})") for each in usable], "contains")
    if others := [each for each in sheet.contained if each.id not in sheet.usable]:
        ask = whom([each.owner for each in others])
        yield blocks.context(fit_markup(f"{len(others)} not shared with you (ask {ask})", 2_000))
