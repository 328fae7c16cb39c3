"""Making a crew what a definition says: for roll back, copies and whatever else brings whole crews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services import Actor
from store import agents, crews, tasks, tools
from store.agents import Agent, AgentDraft
from store.crews import CrewDraft, CrewInstance
from store.definitions import AgentPlan, Definition, TaskPlan
from store.names import name_key
from store.tasks import TaskDraft

if TYPE_CHECKING:
    from store.database import Session


def write(session: Session, crew: CrewInstance, wanted: Definition, *, by: Actor) -> None:
    """Change the crew, its agents and its tasks until they are as ``wanted``; things are matched by name.

    What the crew has more than that is removed; tools that no longer exist stay away.
    Raise ``NameTaken`` if another crew has the name by now.
    """
    draft = CrewDraft(name=wanted.name, description=wanted.description, process_type=wanted.process)
    if draft != crew.draft():
        crew = crews.change(session, crew.id, draft, team=crew.team, version=crew.version, by=by.user)
    members = _write_agents(session, crew, wanted.agents, by)
    manager = members[wanted.manager].id if wanted.manager in members else None
    settings = wanted.settings.model_copy(update={"manager_agent_id": manager})
    if settings != crew.settings:
        crews.configure(session, crew.id, settings, team=crew.team, version=crew.version, by=by.user)
    _write_tasks(session, crew, wanted.tasks, members, by)


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
