"""Making a crew what a definition says: for roll back, copies and whatever else brings whole crews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services import Actor
from bot.services.rights import Viewer
from store import agents, crews, steps, tasks, tools
from store.agents import Agent, AgentDraft
from store.crews import CrewInstance
from store.definitions import AgentPlan, Definition, StepPlan, TaskPlan
from store.names import name_key
from store.steps import StepDraft, TaskLink
from store.tasks import TaskDraft

if TYPE_CHECKING:
    from store.database import Session


def write(session: Session, crew: CrewInstance, wanted: Definition, viewer: Viewer) -> None:
    """Change the crew, its agents and its tasks until they are as ``wanted``; things are matched by name.

    The same with a flow, its state and its steps, which are matched by key. What it has more than that is removed;
    tools stay away where they no longer exist, and so do crews that a flow is to run or that it is to be a part of,
    also where the person may not use them and it is not so already.
    Raise ``NameTaken`` if another crew has the name by now.
    """
    by = viewer.actor
    told = {
        "name": wanted.name,
        "description": wanted.description,
        "process_type": wanted.process,
        "parent_crew_id": _parent(session, crew, wanted, viewer),
    }
    draft = crew.draft().model_copy(update=told)
    if draft != crew.draft():
        crew = crews.change(session, crew.id, draft, team=crew.team, version=crew.version, by=by.user)
    if crew.is_flow:
        _write_flow(session, crew, wanted, viewer)
        return
    members = _write_agents(session, crew, wanted.agents, by)
    manager = members[wanted.manager].id if wanted.manager in members else None
    settings = wanted.settings.model_copy(update={"manager_agent_id": manager})
    if settings != crew.settings:
        crews.configure(session, crew.id, settings, team=crew.team, version=crew.version, by=by.user)
    _write_tasks(session, crew, wanted.tasks, members, by)


def _parent(session: Session, crew: CrewInstance, wanted: Definition, viewer: Viewer) -> int | None:
    """What it is to be a part of, where that still exists and is not itself a part of it."""
    parent = crews.named(session, wanted.parent, team=crew.team) if wanted.parent else None
    if parent is None or (parent.id != crew.parent_crew_id and not viewer.level(session, parent)):
        return None
    if any(each.id == crew.id for each in crews.above(session, parent.id, team=crew.team)):
        return None
    return parent.id


def _write_flow(session: Session, flow: CrewInstance, wanted: Definition, viewer: Viewer) -> None:
    by = viewer.actor
    if flow.state_schema != wanted.state:
        flow = crews.set_state(session, flow.id, wanted.state, team=flow.team, version=flow.version, by=by.user)
    known = {step.key: step for step in steps.list_all(session, flow.id, team=flow.team)}
    targets = _targets(session, wanted, flow, viewer, {step.target_id for step in known.values()})
    gone = known.keys() - {plan.key for plan in wanted.steps}
    for key in gone:
        steps.remove(session, known[key].id, team=flow.team)
    changed = [plan for plan in wanted.steps if plan.key in known and known[plan.key].name != plan.name]
    for number, plan in enumerate(changed):
        # Two steps may have swapped their names, which no moment may see twice.
        was = known[plan.key]
        aside = was.draft().model_copy(update={"name": f"{was.name[:60]} ({number}) …"})
        known[plan.key] = steps.change(session, was.id, aside, team=flow.team, version=was.version, by=by.user)
    ids = []
    for plan in wanted.steps:
        draft, step = _step_draft(session, plan, targets, flow), known.get(plan.key)
        if step is None:
            step = steps.add(session, draft, flow_id=flow.id, team=flow.team, by=by.user, key=plan.key)
        elif step.draft() != draft:
            step = steps.change(session, step.id, draft, team=flow.team, version=step.version, by=by.user)
        ids.append(step.id)
    steps.reorder(session, flow.id, ids, team=flow.team)


def _targets(
    session: Session, wanted: Definition, flow: CrewInstance, viewer: Viewer, already: set[int | None]
) -> dict[str, int | None]:
    """What each step is to run, by the steps' keys; ``already`` is what the flow runs before."""
    found: dict[str, int | None] = {}
    for plan in wanted.steps:
        crew = crews.named(session, plan.target, team=flow.team) if plan.target else None
        found[plan.key] = crew.id if crew and (crew.id in already or viewer.level(session, crew)) else None
    return found


def _step_draft(session: Session, plan: StepPlan, targets: dict[str, int | None], flow: CrewInstance) -> StepDraft:
    work = {key: _tasks_by_name(session, target, flow) for key, target in targets.items()}
    links = [
        TaskLink(task_id=work[plan.key][link.task], step=link.step, depends_on_id=work[link.step][link.depends_on])
        for link in plan.links
        if link.task in work[plan.key] and link.depends_on in work.get(link.step, {})
    ]
    told = plan.model_dump(include={"name", "kind", "inputs", "join", "result", "settings"})
    return StepDraft(**told, target_id=targets[plan.key], after=plan.after, links=links)


def _tasks_by_name(session: Session, crew_id: int | None, flow: CrewInstance) -> dict[str, int]:
    found = tasks.list_all(session, crew_id, team=flow.team) if crew_id is not None else []
    return {task.name: task.id for task in found}


def _write_agents(session: Session, crew: CrewInstance, wanted: list[AgentPlan], by: Actor) -> dict[str, Agent]:
    known = {name_key(agent.name): agent for agent in agents.list_all(session, crew.id, team=crew.team)}
    known_tools = {tool.name: tool.id for tool in tools.list_all(session, team=crew.team)}
    written = {}
    for plan in wanted:
        draft = AgentDraft.model_validate({name: getattr(plan, name) for name in AgentDraft.model_fields})
        was = known.pop(name_key(plan.name), None)
        if was is None:
            was = agents.add(session, draft, crew_id=crew.id, team=crew.team, by=by.user)
        elif was.draft() != draft:
            was = agents.change(session, was.id, draft, team=crew.team, version=was.version, by=by.user)
        if was.settings != plan.settings:
            was = agents.configure(session, was.id, plan.settings, team=crew.team, version=was.version, by=by.user)
        tools.give(session, was.id, [known_tools[name] for name in plan.tools if name in known_tools], team=crew.team)
        written[plan.name] = was
    for extra in known.values():
        agents.remove(session, extra.id, team=crew.team)
    agents.reorder(session, crew.id, [written[plan.name].id for plan in wanted], team=crew.team)
    return written


def _write_tasks(
    session: Session, crew: CrewInstance, wanted: list[TaskPlan], members: dict[str, Agent], by: Actor
) -> None:
    known = {name_key(task.name): task for task in tasks.list_all(session, crew.id, team=crew.team)}
    ids: dict[str, int] = {}
    for plan in wanted:
        fields = {name: getattr(plan, name) for name in TaskDraft.model_fields if name in TaskPlan.model_fields}
        agent_id = members[plan.agent].id if plan.agent else None
        draft = TaskDraft.model_validate(
            {**fields, "agent_id": agent_id, "depends_on": [ids[other] for other in plan.context]}
        )
        was = known.pop(name_key(plan.name), None)
        if was is None:
            was = tasks.add(session, draft, crew_id=crew.id, team=crew.team, by=by.user)
        elif was.draft() != draft:
            was = tasks.change(session, was.id, draft, team=crew.team, version=was.version, by=by.user)
        if was.settings != plan.settings:
            was = tasks.configure(session, was.id, plan.settings, team=crew.team, version=was.version, by=by.user)
        ids[plan.name] = was.id
    for extra in known.values():
        tasks.remove(session, extra.id, team=crew.team)
    tasks.reorder(session, crew.id, list(ids.values()), team=crew.team)
