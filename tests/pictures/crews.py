"""Crews to draw."""

from __future__ import annotations

from collections.abc import Sequence

from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan

HOSTILE = '<script>alert("1")</script> & \x00\x1b\u202e\ufffe\ud800 ]]> &amp; {topic}'


def definition(
    *tasks: tuple[str, str | None, Sequence[str]],
    name: str = "Market research",
    agents: Sequence[str] = ("Researcher", "Writer"),
    process: Process = Process.SEQUENTIAL,
) -> Definition:
    """A crew whose ``tasks`` are (name, agent, the tasks it uses)."""
    return Definition(
        name=name,
        process=process,
        agents=[AgentPlan(name=agent, role=f"{agent}’s role", goals=[], backstory="") for agent in agents],
        tasks=[_task(task, agent, uses) for task, agent, uses in tasks],
    )


def _task(name: str, agent: str | None, uses: Sequence[str]) -> TaskPlan:
    return TaskPlan(name=name, description="", expected_output="", agent=agent, context=list(uses))


TWO = definition(("Research", "Researcher", []), ("Write", "Writer", ["Research"]))


def chain(length: int) -> Definition:
    """So many tasks, each using the one before."""
    names = [f"Step {number}" for number in range(1, length + 1)]
    return definition(*((name, "Researcher", names[max(0, at - 1) : at]) for at, name in enumerate(names)))
