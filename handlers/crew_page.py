"""The crew page: one window that shows everything about a crew and leads everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.services.checks import Place, Problem
from bot.services.crews import CrewSheet
from bot.services.flows import in_the_way
from bot.services.sharing import in_words
from bot.services.unseen import unseen, whom
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape, fit_escaped, fit_markup
from handlers.flow_page import flow_rows, openers
from handlers.run_words import run_line
from handlers.schedule_list import crew_lines
from handlers.stretches import Thing, first_of, turns
from store.agents import Agent
from store.crews import Process
from store.shares import Level
from store.tasks import Task

# Slack shows 100 rows in a window; both lists and the rest of the page must fit.
_MOST_AGENTS = 25
_MOST_TASKS = 35
_MOST_PROBLEMS = 6
_MOVES = (("Move up", "up"), ("Move down", "down"))


def crew_page(
    sheet: CrewSheet,
    *,
    place: str | None,
    notice: str | None = None,
    picture: Json | None = None,
    near: Thing | None = None,
) -> Json:
    """The page; ``place`` is the channel its runs are posted in, ``notice`` a mrkdwn sentence on top.

    ``picture`` is the block with that of a flow, once it is drawn; a long list shows the stretch with ``near``.
    """
    rows = [
        *([blocks.alert(notice, "success")] if notice else []),
        *_basics(sheet),
        *_problems(sheet),
        *(flow_rows(sheet.flow, picture, near) if sheet.flow else [*_agents(sheet, near), *_tasks(sheet, near)]),
        *contained(sheet),
        *crew_lines(sheet.schedules),
        *_runs(sheet),
    ]
    meta = {"crew": sheet.crew.id, "place": place}
    return blocks.modal(sheet.crew.kind.capitalize(), rows, callback_id="crew.page", meta=meta)


def deleted_page(name: str) -> Json:
    """What stands where the page of a deleted crew was."""
    return blocks.modal("Crew", [blocks.section(f"*{escape(name)}* is deleted.")], callback_id="crew.deleted")


def delete_confirmation(sheet: CrewSheet) -> Json:
    """“Are you sure?”, with what goes with the crew, what stays, and what stands in the way."""
    if flows := in_the_way([name for _, name in sheet.used_by], len(sheet.used_unseen)):
        text = f"“{sheet.crew.name}” can’t be deleted while flows run it. Remove its steps first from {flows}."
    else:
        stay = f"What belongs to it ({sheet.parts_in_all}) and its past runs stay" if sheet.parts else "Past runs stay"
        going = " Runs that have begun go on to their end." if any(not run.status.over for run in sheet.runs) else ""
        text = f"“{sheet.crew.name}” goes with its {_goes(sheet)}. {stay}.{going} This can’t be undone."
    return blocks.confirm(f"Delete this {sheet.crew.kind}?", text, "Delete", "Keep it", danger=True)


def _goes(sheet: CrewSheet) -> str:
    """What is deleted with the crew or flow, in numbers."""
    things = [count(len(sheet.agents), "agent"), count(len(sheet.tasks), "task")]
    if sheet.flow:
        things = [count(len(sheet.flow.steps), "step")]
    if sheet.schedules:
        things.append(count(len(sheet.schedules), "schedule"))
    if sheet.facts:
        things.append(count(sheet.facts, "remembered fact"))
    return f"{', '.join(things)} and {count(sheet.version, 'version')}"


def not_ready(sheet: CrewSheet) -> list[Json]:
    """Why the crew can’t run yet, and the way to its page."""
    lines = "\n".join(f"• {escape(problem.sentence)}" for problem in sheet.problems)
    button = blocks.button("Open", "crew.open", str(sheet.crew.id), accessibility_label=f"Open {sheet.crew.name}")
    return [blocks.section(f"*{escape(sheet.crew.name)}* can’t run yet:\n{lines}", accessory=button)]


def _basics(sheet: CrewSheet) -> Iterable[Json]:
    crew = sheet.crew
    yield blocks.header(crew.name)
    yield blocks.section(fit_escaped(crew.description, 500) if crew.description else "_No description yet._")
    marked = "`{0}`" if crew.is_flow else "`{{{0}}}`"
    asked = ", ".join(marked.format(name) for name in sheet.inputs) or "nothing"
    how = "Flow" if crew.is_flow else f"{crew.process_type.capitalize()}{_managed(sheet)}"
    yield blocks.context(f"{how} · owner <@{crew.owner}> · version {sheet.version} · asks for {asked}")
    ask = "" if sheet.parent_seen or not sheet.parent else f" (ask {whom([sheet.parent.owner])})"
    belongs = f" · part of *{escape(sheet.parent.name)}*{ask}" if sheet.parent else ""
    shared = f"Shared with {in_words(sheet.shares)}" if sheet.shares else "Not shared with anybody yet"
    yield blocks.context(f"{shared}{belongs}")
    if sheet.link:
        yield blocks.context(f"Link to it: `{sheet.link}`")
    yield blocks.actions(*_buttons(sheet), block_id="crew.controls")


def _buttons(sheet: CrewSheet) -> Iterable[Json]:
    """What the reader may do with the crew."""
    crew = sheet.crew
    yield blocks.button(
        "Run",
        "crew.run",
        str(crew.id),
        style=None if sheet.problems else "primary",
        accessibility_label=f"Run {crew.name}",
    )
    label = f"Schedule {crew.name}"
    yield blocks.button("Schedule", "schedule.new", str(crew.id), accessibility_label=label)
    if sheet.level >= Level.EDIT:
        yield blocks.button("Edit", "crew.edit", str(crew.id), accessibility_label=f"Edit {crew.name}")
        if not crew.is_flow:
            label = f"Describe a change to {crew.name}"
            yield blocks.button("Describe a change", "describe.change", str(crew.id), accessibility_label=label)
            label = f"Settings of {crew.name}"
            yield blocks.button("More settings", "crew.settings", str(crew.id), accessibility_label=label)
    yield blocks.button("Picture", "crew.picture", str(crew.id), accessibility_label=f"Picture of {crew.name}")
    # What it remembers stays when its memory is turned off, and can be read and forgotten then, too.
    if crew.settings.memory or sheet.facts:
        yield blocks.button("Memory", "crew.memory", str(crew.id), accessibility_label=f"Memory of {crew.name}")
    yield blocks.button("Copy", "crew.copy", str(crew.id), accessibility_label=f"Copy {crew.name}")
    yield blocks.button("Export", "project.export", str(crew.id), accessibility_label=f"Export {crew.name}")
    yield blocks.button("History", "history.open", str(crew.id), accessibility_label=f"History of {crew.name}")
    yield blocks.button("Limits", "limits.open", str(crew.id), accessibility_label=f"Limits of {crew.name}")
    if sheet.level >= Level.OWN:
        label = f"Publish {crew.name} as a template"
        yield blocks.button("Publish as template", "template.publish", str(crew.id), accessibility_label=label)
        yield blocks.button("Share", "crew.share", str(crew.id), accessibility_label=f"Share {crew.name}")
        yield blocks.button("Delete", "crew.delete", str(crew.id), confirm=delete_confirmation(sheet))


def _managed(sheet: CrewSheet) -> str:
    chosen = sheet.crew.settings.manager_agent_id if sheet.crew.process_type is Process.HIERARCHICAL else None
    manager = next((agent for agent in sheet.agents if agent.id == chosen), None)
    return f", managed by {escape(manager.name)}" if manager else ""


def _problems(sheet: CrewSheet) -> Iterable[Json]:
    if sheet.problems:
        yield blocks.alert(f"Before this {sheet.crew.kind} can run:", "warning")
    for number, problem in enumerate(sheet.problems[:_MOST_PROBLEMS]):
        mend = _mend(problem, sheet) if sheet.level >= Level.EDIT else None
        yield blocks.section(escape(problem.sentence), accessory=mend, block_id=f"problem-{number}")
    yield from _more(sheet.problems, _MOST_PROBLEMS, "problem")


def _mend(problem: Problem, sheet: CrewSheet) -> Json:
    """The button that leads to where the problem is mended."""
    label, action_id, value = {
        Place.NEW_AGENT: ("Add agent", "agent.add", str(sheet.crew.id)),
        Place.NEW_TASK: ("Add task", "task.add", str(sheet.crew.id)),
        Place.AGENT: ("Edit agent", "agent.mend", f"edit:{problem.subject}"),
        Place.AGENT_SETTINGS: ("Settings", "agent.mend", f"settings:{problem.subject}"),
        Place.TASK: ("Edit task", "task.mend", f"edit:{problem.subject}"),
        Place.TASK_SETTINGS: ("Settings", "task.mend", f"settings:{problem.subject}"),
        Place.TOOLS: ("Tools", "tool.open", "tools"),
        Place.NEW_STEP: ("Add step", "step.add", str(sheet.crew.id)),
        Place.STEP: ("Edit step", "step.mend", f"edit:{problem.subject}"),
        Place.STEP_SETTINGS: ("Edit step", "step.mend", f"edit:{problem.subject}"),
        Place.STATE: ("State", "flow.state", str(sheet.crew.id)),
        Place.CREW: ("Open", "page.open", str(problem.subject)),
    }[problem.place]
    return blocks.button(label, action_id, value, accessibility_label=f"{label}: {problem.sentence}")


def _agents(sheet: CrewSheet, near: Thing | None) -> Iterable[Json]:
    yield blocks.divider()
    may_edit = sheet.level >= Level.EDIT
    add = blocks.button("Add agent", "agent.add", str(sheet.crew.id)) if may_edit else None
    yield blocks.section(f"*Agents* ({len(sheet.agents)})", accessory=add, block_id="agents.add")
    if not sheet.agents:
        yield blocks.context("An agent has a role, goals and a backstory, and does tasks.")
    first = first_of(sheet.agents, _MOST_AGENTS, near)
    for agent in sheet.agents[first : first + _MOST_AGENTS]:
        menu = _menu("agent", agent) if may_edit else None
        yield blocks.section(_agent_line(agent, sheet), accessory=menu, block_id=f"agent-{agent.id}")
    yield from turns("agent", sheet.crew.id, sheet.agents, _MOST_AGENTS, first)


def _tasks(sheet: CrewSheet, near: Thing | None) -> Iterable[Json]:
    yield blocks.divider()
    may_edit = sheet.level >= Level.EDIT
    add = blocks.button("Add task", "task.add", str(sheet.crew.id)) if may_edit else None
    title = f"*Tasks* ({len(sheet.tasks)}), in the order they run"
    yield blocks.section(title, accessory=add, block_id="tasks.add")
    if not sheet.tasks:
        yield blocks.context(
            "A task says what to do and what a good result looks like. Write {topic} to be asked for it."
        )
    first = first_of(sheet.tasks, _MOST_TASKS, near)
    for number, task in enumerate(sheet.tasks[first : first + _MOST_TASKS], first + 1):
        line, menu = _task_line(number, task, sheet), _menu("task", task, *_MOVES) if may_edit else None
        yield blocks.section(line, accessory=menu, block_id=f"task-{task.id}")
    yield from turns("task", sheet.crew.id, sheet.tasks, _MOST_TASKS, first)


def contained(sheet: CrewSheet) -> Iterable[Json]:
    """What belongs to the crew or flow, and the flows that run it."""
    if sheet.parts:
        yield blocks.divider()
        yield blocks.section(f"*Belongs to it* ({sheet.parts_in_all})")
    for part in sheet.parts:
        label = f"Open {part.name}"
        button = blocks.button("Open", "crew.part", str(part.id), accessibility_label=label)
        yield blocks.section(f"{part.kind.capitalize()} *{escape(part.name)}*", accessory=button)
    if sheet.parts_in_all > len(sheet.parts):
        yield blocks.context("The list of crews shows all of them: choose this one there under “Part of”.")
    if sheet.used_by:
        names = ", ".join(f"*{escape(name)}*" for _, name in sheet.used_by)
        yield blocks.context(fit_markup(f"Used by the {'flows' if len(sheet.used_by) > 1 else 'flow'} {names}", 2_000))
        yield openers(sheet.used_by, "used_by")
    if owners := sheet.used_unseen:
        yield blocks.context(fit_markup(f"Used by {unseen(len(owners), 'flow')} (ask {whom(owners)})", 2_000))


def _runs(sheet: CrewSheet) -> Iterable[Json]:
    if sheet.runs:
        yield blocks.divider()
        yield blocks.section("*Last runs*")
        yield from (blocks.context(run_line(run)) for run in sheet.runs)


def _agent_line(agent: Agent, sheet: CrewSheet) -> str:
    model = f" · `{escape(agent.llm)}`" if agent.llm else ""
    uses = "".join(f" · :wrench: {escape(tool.name)}" for tool in sheet.tools.get(agent.id, ()))
    goals = fit_escaped("; ".join(agent.goals), 200)
    return f"*{escape(agent.name)}* · {fit_escaped(agent.title, 150)}{model}{uses}\n{goals}"


def _task_line(number: int, task: Task, sheet: CrewSheet) -> str:
    agent = sheet.agent_of(task)
    who = escape(agent.name) if agent else "no agent yet"
    after = ", ".join(escape(other.name) for other in sheet.before(task))
    if not after and number > 1 and task.settings.uses_all:
        after = "everything before"
    uses = f" · uses {after}" if after else ""
    what = fit_escaped(" ".join(task.description.split()), 200)
    return f"{number}. *{escape(task.name)}* · {who}{uses}{_special(task)}\n{what}"


def _special(task: Task) -> str:
    """What is out of the ordinary in how the task is done."""
    wanted = task.settings
    said = [
        "in parallel" if wanted.async_execution else "",
        "reviewed by people" if wanted.review else "",
        f"only if `{fit_escaped(wanted.condition, 80)}`" if wanted.condition else "",
        "guarded" if wanted.guardrail else "",
        f"as {escape(wanted.output_file)}" if wanted.output_file else "",
    ]
    return "".join(f" · {words}" for words in said if words)


def _menu(noun: str, thing: Agent | Task, *more: tuple[str, str]) -> Json:
    choices = (("Edit", "edit"), ("More settings", "settings"), *more, ("Remove or move…", "remove"))
    return blocks.overflow(f"{noun}.menu", *(blocks.option(label, f"{what}:{thing.id}") for label, what in choices))


def _more(things: Sequence[object], shown: int, noun: str) -> Iterable[Json]:
    if len(things) > shown:
        yield blocks.context(f"and {count(len(things) - shown, noun)} more, which Slack has no room for here")
