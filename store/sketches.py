"""Crews in outline: what a model drafts from a description and a person corrects, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan
from store.names import Name, name_key

Text = Annotated[str, Field(min_length=1, max_length=6_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class AgentSketch(_Part):
    """Who works."""

    name: Name
    role: Annotated[str, Field(min_length=1, max_length=1_000)]
    goals: Annotated[list[Annotated[str, Field(min_length=1, max_length=1_000)]], Field(min_length=1, max_length=10)]
    backstory: Text


class TaskSketch(_Part):
    """What is done: ``agent`` and ``uses`` are names of agents and of earlier tasks."""

    name: Name
    agent: str
    description: Text
    expected_output: Text
    uses: list[str] = []


class CrewSketch(_Part):
    """A crew of agents and their tasks in order; names stand for things, each once."""

    name: Name
    description: Annotated[str, Field(max_length=2_000)] = ""
    agents: Annotated[list[AgentSketch], Field(min_length=1, max_length=12)]
    tasks: Annotated[list[TaskSketch], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _names_fit(self) -> CrewSketch:
        if faults := list(self._faults()):
            raise ValueError(" ".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        for what, names in (("agents", self.agents), ("tasks", self.tasks)):
            keys = [name_key(each.name) for each in names]
            if len(set(keys)) < len(keys):
                yield f"Two {what} have the same name."
        members, earlier = {agent.name for agent in self.agents}, set[str]()
        for task in self.tasks:
            if task.agent not in members:
                yield f"The task “{task.name}” is for “{task.agent}”, who is not among the agents."
            for other in task.uses:
                if other not in earlier:
                    yield f"The task “{task.name}” uses “{other}”, which is no task before it."
            earlier.add(task.name)


def sketch_of(definition: Definition) -> CrewSketch:
    """A crew in outline; raises ``ValueError`` for one that has no such outline, as without an agent for a task."""
    told: dict[str, Any] = {
        "name": definition.name,
        "description": definition.description[:2_000],
        "agents": [agent.model_dump(include={*AgentSketch.model_fields}) for agent in definition.agents],
        "tasks": [
            {**task.model_dump(include={*TaskSketch.model_fields}), "uses": task.context} for task in definition.tasks
        ],
    }
    return CrewSketch.model_validate(told)


def definition_of(sketch: CrewSketch, *, over: Definition | None = None) -> Definition:
    """The crew that a sketch describes; what a sketch does not say is kept from ``over``, by the names of things."""
    base = over or Definition(name=sketch.name, process=Process.SEQUENTIAL)
    agents = {agent.name: agent.model_dump() for agent in base.agents}
    tasks = {task.name: task.model_dump() for task in base.tasks}
    return base.model_copy(
        update={
            "name": sketch.name,
            "description": sketch.description,
            "manager": base.manager if base.manager in {agent.name for agent in sketch.agents} else None,
            "agents": [
                AgentPlan.model_validate({**agents.get(each.name, {}), **each.model_dump()}) for each in sketch.agents
            ],
            "tasks": [
                TaskPlan.model_validate(
                    {**tasks.get(each.name, {}), **each.model_dump(exclude={"uses"}), "context": each.uses}
                )
                for each in sketch.tasks
            ],
        }
    )
