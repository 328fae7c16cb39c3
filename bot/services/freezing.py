"""Crews and flows as definitions: as they are now, and for a flow's run with everything that its steps run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import Gone
from store import agents, crews, steps, tasks, tools
from store.crews import CrewInstance
from store.definitions import DELETED, Definition, freeze, freeze_flow
from store.steps import FlowStep

if TYPE_CHECKING:
    from store.database import Session


def frozen(session: Session, crew: CrewInstance) -> Definition:
    """The crew or flow as it is in this transaction, with its tools; a flow without what its steps run."""
    parent = crews.get(session, crew.parent_crew_id, team=crew.team).name if crew.parent_crew_id else None
    return _frozen(session, crew).model_copy(update={"parent": parent})


def _frozen(session: Session, crew: CrewInstance) -> Definition:
    if crew.is_flow:
        return _frozen_flow(session, crew, steps.list_all(session, crew.id, team=crew.team))
    members = agents.list_all(session, crew.id, team=crew.team)
    held = tools.of_agents(session, [agent.id for agent in members], team=crew.team)
    return freeze(crew, members, tasks.list_all(session, crew.id, team=crew.team), held)


def frozen_whole(session: Session, crew: CrewInstance) -> Definition:
    """The same, a flow with everything that its steps run, and that those of the flows among it run."""
    whole = frozen(session, crew)
    if not crew.is_flow:
        return whole
    inside = everything_in(session, crew)
    return whole.model_copy(update={"parts": {each.name: frozen(session, each) for each in inside}})


def everything_in(session: Session, flow: CrewInstance) -> list[CrewInstance]:
    """Each crew and flow that the flow's steps run, or the steps of flows among them, once; never the flow itself."""
    found: dict[int, CrewInstance] = {}
    waiting = [flow]
    while waiting:
        for step in steps.list_all(session, waiting.pop().id, team=flow.team):
            if step.target_id is None or step.target_id in found or step.target_id == flow.id:
                continue
            part = found[step.target_id] = crews.get(session, step.target_id, team=flow.team)
            if part.is_flow:
                waiting.append(part)
    return list(found.values())


def contained(session: Session, flow_steps: list[FlowStep], *, team: str) -> list[CrewInstance]:
    """Each crew and flow that these steps run, once, in their order."""
    ids = dict.fromkeys(step.target_id for step in flow_steps if step.target_id is not None)
    return [crews.get(session, each, team=team) for each in ids]


def _frozen_flow(session: Session, flow: CrewInstance, flow_steps: list[FlowStep]) -> Definition:
    targets = {each.id: each.name for each in contained(session, flow_steps, team=flow.team)}
    linked = {link.task_id for step in flow_steps for link in step.links}
    linked |= {link.depends_on_id for step in flow_steps for link in step.links}
    names = {}
    for task_id in sorted(linked):
        try:
            names[task_id] = tasks.get(session, task_id, team=flow.team).name
        except Gone:
            names[task_id] = DELETED
    return freeze_flow(flow, flow_steps, targets, names)
