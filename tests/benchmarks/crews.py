"""The crews that are run, in plain words, for Crewcall and for bare CrewAI alike."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Size(NamedTuple):
    """So many agents and tasks; the tasks go round among the agents, and each uses the result of the one before."""

    name: str
    agents: int
    tasks: int
    chained: bool = True


ONE = Size("One by one", 1, 1)
THREE = Size("Three by three", 3, 3)
# Twenty of these keep a bot busy for as long as acks are measured.
LONG = Size("Long work", 1, 80, chained=False)

ROLE, GOAL, BACKSTORY = "Analyst {}", "Find out what matters", "You have read a great deal and write briefly."
DESCRIPTION, EXPECTED = "Write part {} of a report on solid-state batteries.", "Three short paragraphs."


def store_crews(data_dir: Path, team: str, user: str) -> None:
    """Make the crews in the database of a bot that has not started yet."""
    from bot.services import Actor
    from bot.services.agents import Agents
    from bot.services.crews import Crews
    from bot.services.rights import NoPeople, Rights
    from bot.services.tasks import Tasks
    from store.agents import AgentDraft
    from store.crews import CrewDraft
    from store.database import Store
    from store.tasks import TaskDraft

    store, by = Store(f"sqlite:///{data_dir / 'crewcall.db'}"), Actor(team, user)
    store.upgrade()
    rights = Rights(NoPeople())
    for size in (ONE, THREE, LONG):
        crew = Crews(store, rights).create(CrewDraft(name=size.name), by=by).id
        agents = Agents(store, rights, lambda _name, _team: None)
        members = [
            agents.add(crew, AgentDraft(name=role, role=role, goals=[GOAL], backstory=BACKSTORY), by=by).id
            for role in (ROLE.format(number) for number in range(size.agents))
        ]
        before: list[int] = []
        for number in range(size.tasks):
            draft = TaskDraft(
                name=f"Part {number}",
                description=DESCRIPTION.format(number),
                expected_output=EXPECTED,
                agent_id=members[number % size.agents],
                depends_on=before,
            )
            task = Tasks(store, rights).add(crew, draft, by=by)
            before = [task.id] if size.chained else []
    store.close()
