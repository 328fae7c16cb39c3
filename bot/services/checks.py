"""What keeps a crew from running, said with the mend."""

from __future__ import annotations

from dataclasses import dataclass

from store.agents import Agent
from store.crews import CrewInstance, Process
from store.tasks import Task


@dataclass(frozen=True)
class Problem:
    """One thing to mend before a run: a sentence, and where to go."""

    sentence: str
    task_id: int | None = None


def problems(crew: CrewInstance, agents: list[Agent], tasks: list[Task]) -> list[Problem]:
    """Everything that would stop a run of this crew, the first to mend first."""
    found = []
    if not agents:
        found.append(Problem("It has no agents yet. Add at least one."))
    if not tasks:
        found.append(Problem("It has no tasks yet. Add at least one."))
    if crew.process_type is Process.SEQUENTIAL:
        found += [
            Problem(f"The task “{task.name}” has no agent. Choose who does it.", task_id=task.id)
            for task in tasks
            if task.agent_id is None
        ]
    return found
