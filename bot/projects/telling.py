"""What was found in a project, as plain data for programs."""

from __future__ import annotations

from typing import Any

from bot.engine import placeholders
from bot.projects.bundle import Found, LeftOut, Trouble

Json = dict[str, Any]


def found_as_data(found: Found) -> Json:
    """A crew or flow with all its texts, its agents and its tasks in order."""
    definition = found.definition
    if definition.is_flow:
        return _flow_as_data(found)
    kinds = {tool.name: tool.tool_type for tool in definition.tools}
    return {
        "name": definition.name,
        "kind": "crew",
        "title": found.title,
        "file": found.file,
        "description": definition.description,
        "process": definition.process.value,
        "manager": definition.manager,
        "settings": definition.settings.model_dump(mode="json", exclude_defaults=True),
        "agents": [
            {
                "name": agent.name,
                "key": found.keys.get(agent.name) or agent.name,
                "role": agent.role,
                "goal": "\n".join(agent.goals),
                "goals": agent.goals,
                "backstory": agent.backstory,
                "llm": agent.llm,
                "tools": [kinds.get(name, name) for name in agent.tools],
                "allow_delegation": agent.allow_delegation,
                "settings": agent.settings.model_dump(mode="json", exclude_defaults=True),
            }
            for agent in definition.agents
        ],
        "tasks": [
            {
                "name": task.name,
                "key": found.keys.get(task.name) or task.name,
                "description": task.description,
                "expected_output": task.expected_output,
                "agent": task.agent,
                "context": task.context,
                "settings": task.settings.model_dump(mode="json", exclude_defaults=True),
            }
            for task in definition.tasks
        ],
        "tools": [{"name": tool.name, "kind": tool.tool_type, "settings": tool.config} for tool in definition.tools],
        "inputs": placeholders.needed(definition),
        "examples": found.examples,
    }


def _flow_as_data(found: Found) -> Json:
    definition = found.definition
    fields = (definition.state or {}).get("properties", {})
    return {
        "name": definition.name,
        "kind": "flow",
        "title": found.title,
        "file": found.file,
        "description": definition.description,
        "state": definition.state,
        "steps": [step.model_dump(mode="json") for step in definition.steps],
        "crews": list(dict.fromkeys(step.target for step in definition.steps if step.target)),
        # Those of its crews stand with the crews.
        "agents": [],
        "tasks": [],
        "inputs": list(fields),
        "examples": found.examples,
    }


def lost_as_data(lost: LeftOut, crew: str = "") -> Json:
    """What could not be carried over."""
    return {"crew": crew, "where": lost.where, "what": lost.what, "why": lost.why}


def trouble_as_data(trouble: Trouble, crew: str = "") -> Json:
    """What is wrong in a file."""
    return {"crew": crew, "file": trouble.file, "line": trouble.line, "sentence": trouble.sentence}
