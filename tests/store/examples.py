"""What the store tests put into the store, and how: one transaction for each call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from store import agents, crews, reviews, runs, tasks
from store.agents import Agent, AgentDraft
from store.crews import CrewDraft, CrewInstance
from store.database import Store
from store.definitions import freeze
from store.more_settings import ReviewSettings
from store.reviews import Review
from store.runs import Execution
from store.tasks import Task, TaskDraft

P = ParamSpec("P")
T = TypeVar("T")

NORTHWIND, CONTOSO = "T0NORTHWIND", "T0CONTOSO"
ANA, BEN = "U0ANA", "U0BEN"


class Shelf:
    """A store with one transaction for each call: ``shelf.write(crews.add, draft, team=…, by=…)``."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(self, do: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.store.transaction() as session:
            return do(session, *args, **kwargs)

    def read(self, ask: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.store.reading() as session:
            return ask(session, *args, **kwargs)

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """The rows that a statement gives, as the database has them."""
        with self.store.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def count(self, table: str) -> int:
        return int(self.sql(f"SELECT count(*) FROM {table}")[0][0])

    # The things themselves

    def crew(self, name: str = "Market research", *, team: str = NORTHWIND, by: str = ANA, **more: Any) -> CrewInstance:
        return self.write(crews.add, CrewDraft(name=name, **more), team=team, by=by)

    def agent(self, crew: CrewInstance, name: str = "Researcher", *, by: str = ANA, **more: Any) -> Agent:
        return self.write(agents.add, agent_draft(name, **more), crew_id=crew.id, team=crew.team, by=by)

    def task(self, crew: CrewInstance, name: str = "Find sources", *, by: str = ANA, **more: Any) -> Task:
        return self.write(tasks.add, task_draft(name, **more), crew_id=crew.id, team=crew.team, by=by)

    def run(
        self,
        crew: CrewInstance,
        inputs: dict[str, str] | None = None,
        *,
        by: str = ANA,
        thread_ts: str | None = "1700000000.000100",
    ) -> Execution:
        """A queued run of the crew as it is, which has a thread already unless told otherwise."""
        members = self.read(agents.list_all, crew.id, team=crew.team)
        work = self.read(tasks.list_all, crew.id, team=crew.team)
        frozen = freeze(crew, members, work)
        return self.write(
            runs.add, crew, frozen, inputs or {}, version=1, by=by, channel="C0RESEARCH", thread_ts=thread_ts
        )

    def claimed(self, crew: CrewInstance, *, owner: str = "here") -> Execution:
        """A run that ``owner`` works on."""
        run = self.write(runs.claim, self.run(crew).id, owner=owner)
        assert run is not None
        return run

    def ages(self, run: Execution, column: str, seconds: int) -> None:
        """Make the run's ``created_at`` or ``heartbeat_at`` so many seconds older."""
        if self.store.engine.dialect.name == "sqlite":
            older = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{seconds} seconds')"
        else:
            older = f"{column} - interval '{seconds} seconds'"
        self.sql(f"UPDATE executions SET {column} = {older} WHERE id = :id", id=run.id)


def asked_of(shelf: Shelf, run: Execution, key: str = "review#0:task:Write", **more: Any) -> Review:
    """A question of the run, asked now."""
    facts = {"kind": "review", "task": "Write", "agent": "Writer", "produced": "A poem.", "prompt": "", "round": 0}
    settings, now = ReviewSettings(**more.pop("settings", {})), more.pop("now", datetime.now(UTC))
    review = shelf.write(reviews.ask, run, key, **{**facts, **more}, settings=settings, now=now)
    assert review is not None
    return review


def agent_draft(name: str = "Researcher", **more: Any) -> AgentDraft:
    told = {"role": "Senior researcher", "goals": ["Find what is new"], "backstory": "Twenty years of it.", **more}
    return AgentDraft(name=name, **told)


def task_draft(name: str = "Find sources", **more: Any) -> TaskDraft:
    told = {"description": "Find five sources on {topic}.", "expected_output": "Five links.", **more}
    return TaskDraft(name=name, **told)
