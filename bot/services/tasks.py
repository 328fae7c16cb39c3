"""Adding, changing and removing a crew's tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.engine.conditions import condition_problem
from bot.engine.schemas import schema_problem
from bot.errors import FormRefused, UserError
from bot.services import Actor
from bot.services.history import record, telling_what_changed
from bot.services.rights import Rights, Viewer
from bot.services.texts import refuse_malformed
from store import agents, tasks
from store.crews import CrewInstance
from store.database import Store
from store.more_settings import ReviewSettings, TaskSettings
from store.shares import Level
from store.tasks import Task, TaskDraft

if TYPE_CHECKING:
    from store.database import Session


class MustComeFirst(UserError):
    """“{second}” uses the result of “{first}”, so “{first}” must come first."""


class Tasks:
    """The tasks of the workspace's crews. Whoever may not change the crew is told ``NotAllowed``."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def add(self, crew_id: int, draft: TaskDraft, *, by: Actor) -> Task:
        """Add a task at the end of the crew; raise ``Gone``, ``NameTaken`` or ``FormRefused``."""
        _check(draft)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            viewer.hold(session, crew_id)
            earlier = {task.id for task in tasks.list_all(session, crew_id, team=by.team)}
            members = {agent.id for agent in agents.list_all(session, crew_id, team=by.team)}
            _refuse_strangers(draft, members, earlier)
            task = tasks.add(session, draft, crew_id=crew_id, team=by.team, by=by.user)
            record(session, crew_id, by=by)
            return task

    def change(self, task_id: int, draft: TaskDraft, *, version: int, by: Actor) -> Task:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        _check(draft)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = _held(session, task_id, viewer)
            order = tasks.list_all(session, was.crew_id, team=by.team)
            earlier = {task.id for task in order if (task.position, task.id) < (was.position, was.id)}
            members = {agent.id for agent in agents.list_all(session, was.crew_id, team=by.team)}
            _refuse_strangers(draft, members, earlier)
            with telling_what_changed(session, was.crew_id, by=by):
                task = tasks.change(session, task_id, draft, team=by.team, version=version, by=by.user)
            record(session, task.crew_id, by=by)
            return task

    def configure(self, task_id: int, settings: TaskSettings, *, version: int, by: Actor) -> Task:
        """Save an edit of ``version``'s settings, its review aside.

        Raises ``EditedMeanwhile``, ``Gone`` or ``FormRefused``.
        """
        refuse_unusable(settings)
        return self._configure(task_id, version, by, lambda was: settings.model_copy(update={"review": was.review}))

    def set_review(self, task_id: int, review: ReviewSettings | None, *, version: int, by: Actor) -> Task:
        """Save an edit of ``version``'s human review alone; raise ``EditedMeanwhile`` or ``Gone``."""
        return self._configure(task_id, version, by, lambda was: was.model_copy(update={"review": review}))

    def _configure(self, task_id: int, version: int, by: Actor, wanted: Callable[[TaskSettings], TaskSettings]) -> Task:
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = _held(session, task_id, viewer)
            settings = wanted(was.settings)
            with telling_what_changed(session, was.crew_id, by=by):
                task = tasks.configure(session, task_id, settings, team=by.team, version=version, by=by.user)
            record(session, task.crew_id, by=by)
            return task

    def move(self, task_id: int, *, later: bool, by: Actor) -> Task:
        """Swap a task with its neighbour; raise ``Gone``, or ``MustComeFirst`` when one needs the other's result."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            task = _held(session, task_id, viewer)
            order = tasks.list_all(session, task.crew_id, team=by.team)
            at = next(index for index, other in enumerate(order) if other.id == task_id)
            to = at + 1 if later else at - 1
            if 0 <= to < len(order):
                first, second = sorted((order[at], order[to]), key=order.index)
                if first.id in second.depends_on:
                    raise MustComeFirst(first=first.name, second=second.name)
                order[at], order[to] = order[to], order[at]
                tasks.reorder(session, task.crew_id, [other.id for other in order], team=by.team)
                record(session, task.crew_id, by=by)
            return task

    def move_to(self, task_id: int, crew_id: int, *, by: Actor) -> tuple[Task, CrewInstance]:
        """Put a task at the end of another crew; its agent and the results it uses stay behind.

        Raises ``Gone``, ``NotAllowed``, or ``NameTaken`` when that crew has a task of this name.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = tasks.get(session, task_id, team=by.team)
            # In one order for everybody, so that two who move things to and fro never wait for each other.
            held = {each: viewer.hold(session, each) for each in sorted((was.crew_id, crew_id))}
            task = tasks.move(session, task_id, crew_id, team=by.team, by=by.user)
            for each in held:
                record(session, each, by=by)
            return task, held[crew_id]

    def get(self, task_id: int, *, by: Actor) -> Task:
        """One task, to be changed; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            task = tasks.get(session, task_id, team=by.team)
            viewer.require(session, task.crew_id, Level.EDIT)
            return task

    def remove(self, task_id: int, *, by: Actor) -> Task:
        """Remove a task and return what it was; tasks that used its result no longer do. Raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            _held(session, task_id, viewer)
            task = tasks.remove(session, task_id, team=by.team)
            record(session, task.crew_id, by=by)
            return task


def _held(session: Session, task_id: int, viewer: Viewer) -> Task:
    """The task, if its crew may be changed, which nobody else does meanwhile; raise ``Gone`` or ``NotAllowed``."""
    viewer.hold(session, tasks.get(session, task_id, team=viewer.actor.team).crew_id)
    return tasks.get(session, task_id, team=viewer.actor.team)


def refuse_unusable(settings: TaskSettings) -> None:
    """Raise ``FormRefused`` with a sentence at each setting that no run could use."""
    refuse_malformed(guardrail=settings.guardrail)
    found = {
        "condition": condition_problem(settings.condition),
        "output_schema": schema_problem(settings.output_schema),
    }
    if faults := {field: problem for field, problem in found.items() if problem}:
        raise FormRefused(fields=faults)


def _check(draft: TaskDraft) -> None:
    refuse_malformed(description=draft.description, expected_output=draft.expected_output)


def _refuse_strangers(draft: TaskDraft, agent_ids: set[int], earlier: set[int]) -> None:
    if draft.agent_id is not None and draft.agent_id not in agent_ids:
        raise FormRefused(fields={"agent_id": "That agent has been removed in the meantime. Choose another one."})
    if not set(draft.depends_on) <= earlier:
        raise FormRefused(fields={"depends_on": "Choose only tasks of this crew that come before this one."})
