"""Definitions: a crew with its agents and tasks, frozen, by names instead of ids."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from store.agents import Agent
from store.crews import CrewInstance, Process
from store.tasks import Task


class AgentPlan(BaseModel):
    """An agent, as it was at that moment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    role: str
    goals: list[str]
    backstory: str
    allow_delegation: bool = False
    llm: str = ""
    temperature: float | None = None
    max_tokens: int | None = None


class TaskPlan(BaseModel):
    """A task, as it was at that moment; agents and other tasks by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str
    expected_output: str
    agent: str | None
    context: list[str] = []
    markdown: bool = False


class Definition(BaseModel):
    """A whole crew as it was at one moment: what a run carries out, whatever is edited meanwhile."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str = ""
    process: Process = Process.SEQUENTIAL
    agents: list[AgentPlan]
    tasks: list[TaskPlan]


def freeze(crew: CrewInstance, agents: list[Agent], tasks: list[Task]) -> Definition:
    """Freeze a crew as it is now."""
    agent_names = {agent.id: agent.name for agent in agents}
    task_names = {task.id: task.name for task in tasks}
    return Definition(
        name=crew.name,
        description=crew.description,
        process=crew.process_type,
        agents=[
            AgentPlan(
                name=agent.name,
                role=agent.title,
                goals=agent.goals,
                backstory=agent.backstory,
                allow_delegation=agent.allow_delegation,
                llm=agent.llm,
                temperature=agent.llm_temperature,
                max_tokens=agent.llm_max_tokens,
            )
            for agent in agents
        ],
        tasks=[
            TaskPlan(
                name=task.name,
                description=task.description,
                expected_output=task.expected_output,
                agent=agent_names.get(task.agent_id or 0),
                context=[task_names[other] for other in task.depends_on if other in task_names],
                markdown=task.markdown,
            )
            for task in tasks
        ],
    )
