"""Definitions: a crew with its agents and tasks, or a flow with its steps, frozen, by names instead of ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from store.agents import Agent
from store.crews import CrewInstance, Process
from store.more_settings import AgentSettings, CrewSettings, TaskSettings
from store.steps import AfterPlan, FlowStep, Join
from store.tasks import Task
from store.tools import Tool

# The name of a task that was deleted while a connection still needs it; no task has it.
DELETED = ""


class ToolPlan(BaseModel):
    """A tool, as it was at that moment; ``config`` names environment variables in place of secrets."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: int
    name: str
    description: str = ""
    tool_type: str
    config: dict[str, Any] = {}


class AgentPlan(BaseModel):
    """An agent, as it was at that moment; its tools by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    role: str
    goals: list[str]
    backstory: str
    allow_delegation: bool = False
    llm: str = ""
    tools: list[str] = []
    settings: AgentSettings = AgentSettings()


class TaskPlan(BaseModel):
    """A task, as it was at that moment; agents and other tasks by name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str
    expected_output: str
    agent: str | None
    context: list[str] = []
    # What tasks of other crews came to, by their names; only in a flow, while it runs.
    given: dict[str, str] = {}
    settings: TaskSettings = TaskSettings()


class LinkPlan(BaseModel):
    """A task that is given what a task of an earlier step's crew came to; tasks by name, the step by its key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: str
    step: str
    depends_on: str


class StepPlan(BaseModel):
    """A step of a flow, as it was at that moment; the crew or flow that it runs by name, other steps by their keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    name: str
    kind: str
    target: str | None = None
    # The inputs of what it runs by name, each as an expression in CEL.
    inputs: dict[str, str] = {}
    after: list[AfterPlan] = []
    join: Join = "all"
    # The field of the state that its result goes to; empty where it goes nowhere.
    result: str = ""
    links: list[LinkPlan] = []
    settings: dict[str, Any] = {}


class Definition(BaseModel):
    """A whole crew or flow as it was at one moment: what a run carries out, whatever is edited meanwhile."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    description: str = ""
    process: Process = Process.SEQUENTIAL
    # Names stand in place of ids, which mean nothing in a copy.
    manager: str | None = None
    parent: str | None = None
    settings: CrewSettings = CrewSettings()
    agents: list[AgentPlan] = []
    tasks: list[TaskPlan] = []
    # What a run needs to make the tools; a version of the crew, whose tools are others' too, knows only their names.
    tools: list[ToolPlan] = []
    is_flow: bool = False
    # A flow's state, as the JSON Schema of an object.
    state: dict[str, Any] | None = None
    steps: list[StepPlan] = []
    # What the steps run, by name, each with what its own steps run left out; only a run has them.
    parts: dict[str, Definition] = {}


def freeze(
    crew: CrewInstance, agents: list[Agent], tasks: list[Task], tools: Mapping[int, list[Tool]] | None = None
) -> Definition:
    """Freeze a crew as it is now; ``tools`` are its agents' by the agents' ids."""
    tools = tools or {}
    kit = {tool.id: tool for held in tools.values() for tool in held}
    agent_names = {agent.id: agent.name for agent in agents}
    task_names = {task.id: task.name for task in tasks}
    return Definition(
        name=crew.name,
        description=crew.description,
        process=crew.process_type,
        manager=agent_names.get(crew.settings.manager_agent_id or 0),
        settings=crew.settings.model_copy(update={"manager_agent_id": None}),
        agents=[
            AgentPlan(
                name=agent.name,
                role=agent.title,
                goals=agent.goals,
                backstory=agent.backstory,
                allow_delegation=agent.allow_delegation,
                llm=agent.llm,
                tools=[tool.name for tool in tools.get(agent.id, ())],
                settings=agent.settings,
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
                settings=task.settings,
            )
            for task in tasks
        ],
        tools=[ToolPlan.model_validate(tool, from_attributes=True) for tool in kit.values()],
    )


def freeze_flow(
    flow: CrewInstance, steps: list[FlowStep], targets: Mapping[int, str], tasks: Mapping[int, str]
) -> Definition:
    """Freeze a flow as it is now; ``targets`` are the names of crews and flows by id, ``tasks`` those of their tasks.

    A connection with a task that is not among them is left out.
    """
    return Definition(
        name=flow.name,
        description=flow.description,
        is_flow=True,
        state=flow.state_schema,
        steps=[
            StepPlan(
                **step.model_dump(include={"key", "name", "kind", "inputs", "join", "result", "settings"}),
                target=targets.get(step.target_id or 0),
                after=step.after,
                links=[
                    LinkPlan(task=tasks[link.task_id], step=link.step, depends_on=tasks[link.depends_on_id])
                    for link in step.links
                    if link.task_id in tasks and link.depends_on_id in tasks
                ],
            )
            for step in steps
        ],
    )
