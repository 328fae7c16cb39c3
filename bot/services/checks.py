"""What keeps a crew from running, said with the mend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from store.agents import Agent
from store.crews import CrewInstance, Process
from store.tasks import Task
from store.tools import Tool

# What keeps a model, by its name, from being used in a workspace, with the mend, or nothing.
ModelProblem = Callable[[str, str], str | None]
# What keeps a tool from being used in a workspace, with the mend, or nothing.
ToolProblem = Callable[[Tool, str], str | None]


def no_tool_problem(tool: Tool, team: str) -> str | None:
    """Where nobody asks: nothing is wrong with any tool."""
    return None


def no_model_problem(name: str, team: str) -> str | None:
    """Where nobody asks: nothing is wrong with any model."""
    return None


class Place(StrEnum):
    """Where a problem is mended."""

    NEW_AGENT = "agent.add"
    NEW_TASK = "task.add"
    AGENT = "agent.edit"
    AGENT_SETTINGS = "agent.settings"
    TASK = "task.edit"
    TASK_SETTINGS = "task.settings"
    TOOLS = "tools"
    NEW_STEP = "step.add"
    STEP = "step.edit"
    STEP_SETTINGS = "step.settings"
    STATE = "flow.state"
    CREW = "crew.open"


@dataclass(frozen=True)
class Problem:
    """One thing to mend before a run: a sentence, and where to go; ``subject`` is the id of what is there."""

    sentence: str
    place: Place
    subject: int = 0


def tool_problems(held: Collection[list[Tool]], problem: ToolProblem, *, team: str) -> list[Problem]:
    """What keeps agents' tools from being used, each once."""
    tools = {tool.id: tool for each in held for tool in each}
    return [Problem(found, Place.TOOLS) for tool in tools.values() if (found := problem(tool, team))]


def crew_models(crew: CrewInstance) -> list[str]:
    """The models that the crew itself asks, besides its agents'."""
    settings = crew.settings
    planner = [settings.planning_llm] if settings.planning else []
    managed = crew.process_type is Process.HIERARCHICAL and settings.manager_agent_id is None
    return [*planner, *([settings.manager_llm] if managed else [])]


def problems(
    crew: CrewInstance, agents: list[Agent], tasks: list[Task], tools: Mapping[int, list[Tool]] | None = None
) -> list[Problem]:
    """Everything that would stop a run of this crew, the first to mend first."""
    found = []
    if not agents:
        found.append(Problem("It has no agents yet. Add at least one.", Place.NEW_AGENT))
    if not tasks:
        found.append(Problem("It has no tasks yet. Add at least one.", Place.NEW_TASK))
    if crew.process_type is Process.SEQUENTIAL:
        found += [
            Problem(f"The task “{task.name}” has no agent. Choose who does it.", Place.TASK, task.id)
            for task in tasks
            if task.agent_id is None
        ]
        found += _parallel_problems(tasks)
    else:
        found += _manager_problems(crew, agents, tools or {})
        found += [
            Problem(
                f"In a hierarchical crew agents can’t ask people. Untick “Ask people” of “{agent.name}”.",
                Place.AGENT_SETTINGS,
                agent.id,
            )
            for agent in agents
            if agent.settings.ask_people
        ]
        found += [
            Problem(
                f"The manager gives out one task at a time. Untick “In parallel” of “{task.name}”.",
                Place.TASK_SETTINGS,
                task.id,
            )
            for task in tasks
            if task.settings.async_execution
        ]
    return [*found, *_condition_problems(tasks)]


def _manager_problems(crew: CrewInstance, agents: list[Agent], tools: Mapping[int, list[Tool]]) -> Iterator[Problem]:
    manager = next((agent for agent in agents if agent.id == crew.settings.manager_agent_id), None)
    if manager is None:
        return
    if len(agents) == 1:
        yield Problem(f"“{manager.name}” has nobody to manage. Add another agent.", Place.NEW_AGENT)
    elif tools.get(manager.id):
        yield Problem(
            f"“{manager.name}” manages the crew and so can’t have tools. Take them away from it.",
            Place.AGENT,
            manager.id,
        )


def _parallel_problems(tasks: list[Task]) -> Iterator[Problem]:
    """CrewAI's rules for tasks at the same time; a group of them ends at the next task that waits."""
    group: list[Task] = []
    for task in tasks:
        if not task.settings.async_execution:
            group = []
            continue
        for other in group:
            if other.id in task.depends_on:
                said = f"“{other.name}” and “{task.name}” run at the same time, so one can’t use the other’s result."
                yield Problem(f"{said} Untick “In parallel” of “{other.name}”.", Place.TASK_SETTINGS, other.id)
        group.append(task)
    if len(group) > 1:
        names = f"“{group[-2].name}” and “{group[-1].name}”"
        said = f"{names} run in parallel at the end. Add a task that brings their results together"
        yield Problem(f"{said}, or untick “In parallel” of the last.", Place.TASK_SETTINGS, group[-1].id)


def _condition_problems(tasks: list[Task]) -> Iterator[Problem]:
    for number, task in enumerate(tasks):
        if not task.settings.condition:
            continue
        if number == 0:
            said = f"“{task.name}” comes first, so no result can decide whether it runs."
            yield Problem(f"{said} Empty its “Only if”, or move it.", Place.TASK_SETTINGS, task.id)
        if task.settings.async_execution:
            said = f"“{task.name}” can’t both wait for a condition and run in parallel."
            yield Problem(f"{said} Choose one of them.", Place.TASK_SETTINGS, task.id)
