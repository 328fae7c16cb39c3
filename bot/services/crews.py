"""Creating, reading, changing and deleting crews."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.engine import placeholders
from bot.errors import FormRefused
from bot.links import Links
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.checks import (
    ModelProblem,
    Problem,
    ToolProblem,
    no_model_problem,
    no_tool_problem,
    problems,
    tool_problems,
)
from bot.services.flows import FlowSheet, refuse_used, sheet_of, users_of
from bot.services.history import current, record, telling_what_changed
from bot.services.rights import Rights, Viewer
from bot.services.unseen import refuse_unseen, shown
from bot.services.writing import write
from store import agents, crews, memories, run_lists, schedules, shares, tasks, tools, versions
from store.agents import Agent
from store.crews import CrewDraft, CrewInstance, Filter
from store.database import Store
from store.definitions import freeze
from store.more_settings import CrewSettings
from store.runs import Execution
from store.schedules import Schedule, ScheduleState
from store.shares import Level
from store.tasks import Task
from store.tools import Tool

if TYPE_CHECKING:
    from store.database import Session


@dataclass(frozen=True)
class ScheduleLine:
    """A schedule on the page of its crew: what the crew asks for by now and the schedule does not give it."""

    schedule: Schedule
    missing: list[str]
    may_change: bool


@dataclass(frozen=True)
class CrewSheet:
    """Everything about one crew that its page shows."""

    crew: CrewInstance
    agents: list[Agent]
    tasks: list[Task]
    runs: list[Execution]
    inputs: list[str]
    problems: list[Problem]
    version: int
    # The tools of each agent, by the agent's id.
    tools: dict[int, list[Tool]] = field(default_factory=dict)
    # The flows that run it and that the reader may use, by id and name; and the owners of the others, one for each.
    used_by: list[tuple[int, str]] = field(default_factory=list)
    used_unseen: list[str] = field(default_factory=list)
    # What the reader may do with it, and with whom it is shared besides, by their ids.
    level: Level = Level.RUN
    shares: dict[str, Level] = field(default_factory=dict)
    schedules: list[ScheduleLine] = field(default_factory=list)
    # What a flow has in place of agents and tasks.
    flow: FlowSheet | None = None
    # The link to it, where the server has an address for links.
    link: str = ""
    # What it is a part of, without its name unless the reader may use it.
    parent: CrewInstance | None = None
    parent_seen: bool = True
    # Its own parts that the reader may use, the first of so many.
    parts: list[CrewInstance] = field(default_factory=list)
    parts_in_all: int = 0
    # How many facts it remembers.
    facts: int = 0

    @property
    def takes(self) -> list[str]:
        """Everything that a run can be given: the inputs, or all fields of a flow's state."""
        return [each.name for each in self.flow.fields] if self.flow else self.inputs

    def agent_of(self, task: Task) -> Agent | None:
        """Who does the task."""
        return next((agent for agent in self.agents if agent.id == task.agent_id), None)

    def before(self, task: Task) -> list[Task]:
        """The tasks whose results the task is given."""
        return [other for other in self.tasks if other.id in task.depends_on]


class Crews:
    """The workspace's crews. Whoever may not do as much with one as they ask for is told ``NotAllowed``."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        tool_problem: ToolProblem = no_tool_problem,
        model_problem: ModelProblem = no_model_problem,
        links: Links | None = None,
    ) -> None:
        """The two say what keeps a tool, or a model by its name, from being used in a workspace, or nothing."""
        self.links = links or Links()
        self.store = store
        self.rights = rights
        self.tool_problem = tool_problem
        self.model_problem = model_problem

    def create(self, draft: CrewDraft, *, by: Actor) -> CrewInstance:
        """Add a crew or flow owned by ``by``; raise ``NameTaken`` or ``FormRefused``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            _refuse_parent(session, draft, viewer)
            crew = crews.add(session, draft, team=by.team, by=by.user)
            record(session, crew.id, by=by, verb=Verb.CREATED)
            return crew

    def copy(self, crew_id: int, name: str, *, by: Actor) -> CrewInstance:
        """A new crew of ``by`` with copies of everything in the old one.

        Raises ``Gone``, ``NotAllowed``, ``HoldsOthers`` or ``NameTaken``.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            refuse_unseen(session, viewer.require(session, crew_id, Level.RUN), viewer)
            original = current(session, crew_id, by=by).model_copy(update={"name": name})
            draft = CrewDraft(
                name=name,
                description=original.description,
                process_type=original.process,
                is_flow=original.is_flow,
            )
            crew = crews.add(session, draft, team=by.team, by=by.user)
            write(session, crew, original, viewer)
            record(session, crew.id, by=by, summary="Copied.", verb=Verb.COPIED)
            return crew

    def change(self, crew_id: int, draft: CrewDraft, *, version: int, by: Actor) -> CrewInstance:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            _refuse_parent(session, draft, viewer, of=viewer.require(session, crew_id, Level.EDIT))
            with telling_what_changed(session, crew_id, by=by):
                crew = crews.change(session, crew_id, draft, team=by.team, version=version, by=by.user)
            record(session, crew_id, by=by)
            return crew

    def configure(self, crew_id: int, settings: CrewSettings, *, version: int, by: Actor) -> CrewInstance:
        """Save an edit of ``version``'s settings; raise ``EditedMeanwhile``, ``Gone`` or ``FormRefused``."""
        named = {"manager_llm": settings.manager_llm, "planning_llm": settings.planning_llm}
        if faults := {
            field: problem for field, name in named.items() if name and (problem := self.model_problem(name, by.team))
        }:
            raise FormRefused(fields=faults)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            viewer.require(session, crew_id, Level.EDIT)
            members = {agent.id for agent in agents.list_all(session, crew_id, team=by.team)}
            if settings.manager_agent_id is not None and settings.manager_agent_id not in members:
                sentence = "That agent has been removed in the meantime. Choose another one."
                raise FormRefused(fields={"manager_agent_id": sentence})
            with telling_what_changed(session, crew_id, by=by):
                crew = crews.configure(session, crew_id, settings, team=by.team, version=version, by=by.user)
            record(session, crew_id, by=by)
            return crew

    def delete(self, crew_id: int, *, by: Actor) -> CrewInstance:
        """Delete a crew with its agents and tasks, keep its runs, and return what it was.

        Raises ``Gone``, or ``UsedByFlows`` while flows run it.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            refuse_used(session, viewer.require(session, crew_id, Level.OWN), viewer)
            crew = crews.remove(session, crew_id, team=by.team)
            note(session, Verb.DELETED, crew.kind, crew.name, by=by)
            return crew

    def get(self, crew_id: int, *, by: Actor, to: Level = Level.RUN) -> CrewInstance:
        """One crew, if the person may do as much with it; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return viewer.require(session, crew_id, to)

    def names(self, *, by: Actor, to: Level = Level.RUN) -> list[tuple[int, str]]:
        """Id and name of every crew with which the person may do as much, to find one by what was typed."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return crews.names(session, team=by.team, seer=viewer.seer, least=to)

    def refuse_unshared(self, name: str, *, by: Actor) -> None:
        """Raise ``NotAllowed`` if there is a crew with just this name and the person may not use it."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            if crew := crews.named(session, name, team=by.team):
                viewer.require_of(session, crew, Level.RUN)

    def page(
        self,
        *,
        by: Actor,
        which: Filter = Filter.ALL,
        words: str = "",
        parent: int | None = None,
        offset: int = 0,
        limit: int = 10,
    ) -> tuple[list[CrewInstance], int]:
        """One page of the crews that the person may use, their own first, and how many there are in all.

        With ``parent`` only what is a part of that crew or flow.
        """
        seer = self.rights.of(by).seer
        with self.store.reading() as session:
            return crews.page(
                session,
                team=by.team,
                mine=by.user,
                seer=seer,
                which=which,
                words=words,
                parent=parent,
                offset=offset,
                limit=limit,
            )

    def sheet(self, crew_id: int, *, by: Actor, to: Level = Level.RUN) -> CrewSheet:
        """The crew with its agents, tasks, latest runs and what is wrong with it, if the person may do as much with it.

        Raises ``Gone`` or ``NotAllowed``.
        """
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, to)
            level = viewer.level(session, crew) or Level.RUN
            flow = sheet_of(session, crew, viewer) if crew.is_flow else None
            shared = shares.of_crew(session, crew_id, team=by.team)
            members = agents.list_all(session, crew_id, team=by.team)
            work = tasks.list_all(session, crew_id, team=by.team)
            latest = run_lists.latest(session, team=by.team, crew_id=crew_id, limit=3)
            scheduled = schedules.list_all(session, team=by.team, crew_id=crew_id)
            version = versions.number(session, crew_id, team=by.team)
            used_by, used_unseen = users_of(session, crew, viewer)
            held = tools.of_agents(session, [agent.id for agent in members], team=by.team)
            above = crews.get(session, crew.parent_crew_id, team=by.team) if crew.parent_crew_id else None
            parent = shown(session, above, viewer) if above else None
            parts, parts_in_all = crews.page(session, team=by.team, mine=by.user, seer=viewer.seer, parent=crew_id)
            facts = memories.count(session, crew_id, team=by.team)
        inputs = flow.inputs if flow else needed_inputs(crew, members, work)
        return CrewSheet(
            crew=crew,
            agents=members,
            tasks=work,
            runs=latest,
            inputs=inputs,
            problems=flow.problems
            if flow
            else problems(crew, members, work, held) + tool_problems(held.values(), self.tool_problem, team=by.team),
            version=version,
            tools=held,
            used_by=used_by,
            used_unseen=[flow.owner for flow in used_unseen],
            level=level,
            shares=shared,
            schedules=[_line(each, inputs, mine=level is Level.OWN or each.owner == by.user) for each in scheduled],
            flow=flow,
            link=self.links.to("crews", crew.id),
            parent=parent,
            parent_seen=parent is above,
            parts=parts,
            parts_in_all=parts_in_all,
            facts=facts,
        )


def _refuse_parent(session: Session, draft: CrewDraft, viewer: Viewer, *, of: CrewInstance | None = None) -> None:
    """Raise ``FormRefused`` for a new parent that the person may not use, or that is itself a part of the crew."""
    if draft.parent_crew_id is None or (of is not None and draft.parent_crew_id == of.parent_crew_id):
        return
    parent = viewer.require(session, draft.parent_crew_id, Level.RUN)
    if of is not None and any(each.id == of.id for each in crews.above(session, parent.id, team=parent.team)):
        inside = "the same one" if parent.id == of.id else f"a part of “{of.name}”"
        raise FormRefused(fields={"parent_crew_id": f"“{parent.name}” is {inside}. Choose another one."})


def _line(schedule: Schedule, inputs: list[str], *, mine: bool) -> ScheduleLine:
    """The one who owns the crew changes every schedule of it, others only their own."""
    missing = [name for name in inputs if not str(schedule.inputs.get(name) or "").strip()]
    return ScheduleLine(schedule, [] if schedule.state is ScheduleState.DONE else missing, mine)


def needed_inputs(crew: CrewInstance, members: list[Agent], work: list[Task]) -> list[str]:
    """The placeholders that a run must be given, those of the tasks first."""
    return placeholders.needed(freeze(crew, members, work))
