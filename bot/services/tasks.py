"""Adding, changing and removing a crew's tasks."""

from __future__ import annotations

from bot.errors import FormRefused
from bot.services import Actor
from bot.services.texts import refuse_malformed
from store import agents, crews, tasks
from store.database import Store
from store.tasks import Task, TaskDraft


class Tasks:
    """The tasks of the workspace's crews."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, crew_id: int, draft: TaskDraft, *, by: Actor) -> Task:
        """Add a task at the end of the crew; raise ``Gone``, ``NameTaken`` or ``FormRefused``."""
        _check(draft)
        with self.store.transaction() as session:
            crews.get(session, crew_id, team=by.team)
            earlier = {task.id for task in tasks.list_all(session, crew_id, team=by.team)}
            members = {agent.id for agent in agents.list_all(session, crew_id, team=by.team)}
            _refuse_strangers(draft, members, earlier)
            return tasks.add(session, draft, crew_id=crew_id, team=by.team, by=by.user)

    def change(self, task_id: int, draft: TaskDraft, *, version: int, by: Actor) -> Task:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        _check(draft)
        with self.store.transaction() as session:
            was = tasks.get(session, task_id, team=by.team)
            order = tasks.list_all(session, was.crew_id, team=by.team)
            earlier = {task.id for task in order if (task.position, task.id) < (was.position, was.id)}
            members = {agent.id for agent in agents.list_all(session, was.crew_id, team=by.team)}
            _refuse_strangers(draft, members, earlier)
            return tasks.change(session, task_id, draft, team=by.team, version=version, by=by.user)

    def get(self, task_id: int, *, by: Actor) -> Task:
        """One task; raise ``Gone``."""
        with self.store.reading() as session:
            return tasks.get(session, task_id, team=by.team)

    def remove(self, task_id: int, *, by: Actor) -> Task:
        """Remove a task and return what it was; tasks that used its result no longer do. Raise ``Gone``."""
        with self.store.transaction() as session:
            return tasks.remove(session, task_id, team=by.team)


def _check(draft: TaskDraft) -> None:
    refuse_malformed(description=draft.description, expected_output=draft.expected_output)


def _refuse_strangers(draft: TaskDraft, agent_ids: set[int], earlier: set[int]) -> None:
    if draft.agent_id is not None and draft.agent_id not in agent_ids:
        raise FormRefused(fields={"agent_id": "That agent has been removed in the meantime. Choose another one."})
    if not set(draft.depends_on) <= earlier:
        raise FormRefused(fields={"depends_on": "Choose only tasks of this crew that come before this one."})
