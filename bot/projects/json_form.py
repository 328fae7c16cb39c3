"""A crew as CrewAI's JSON declares it: ``crew.jsonc`` with ``agents/*.jsonc``."""

from __future__ import annotations

import json
from typing import Any

from bot.projects import extras
from bot.projects.writing import (
    Keys,
    Written,
    agent_settings,
    context_of,
    doer_of,
    environment_file,
    folder_name,
    goal_of,
    inputs_of,
    keys_of,
    lost_of,
    model_name,
    model_settings,
    pyproject,
    readme,
    task_settings,
    usable_tools,
)
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan

Json = dict[str, Any]
_BUILD = '[tool.hatch.build.targets.wheel]\nonly-include = ["agents", "crew.jsonc"]'


def as_json(definition: Definition) -> Written:
    """The crew as a project that runs with CrewAI alone."""
    keys, folder = keys_of(definition), folder_name(definition.name)
    inputs, lost = inputs_of(definition), lost_of(definition)
    declared = crew_as_json(definition, keys)
    agents = declared.pop("agents")
    manager = declared.get("manager_agent")
    files = {
        "README.md": readme(definition.name, definition.description, "`crewai run`", inputs, lost),
        "pyproject.toml": pyproject(
            folder, f"{definition.name} using crewAI", {}, {"type": "crew", "definition": "crew.jsonc"}, _BUILD
        ),
        ".env.example": environment_file([definition]),
        ".gitignore": ".env\n__pycache__/\n",
        "crew.jsonc": _dump(
            {"name": declared.pop("name"), "agents": [key for key in agents if key != manager], **declared}
        ),
        **{f"agents/{key}.jsonc": _dump(body) for key, body in agents.items()},
    }
    return extras.with_extras(Written(folder, files, lost), [definition])


def crew_as_json(definition: Definition, keys: Keys) -> Json:
    """The whole crew as one declaration, its agents by their keys."""
    settings = definition.settings
    hierarchical = definition.process is Process.HIERARCHICAL
    declared: Json = {
        "name": definition.name,
        "agents": {keys.agents[agent.name]: _agent(agent, definition) for agent in definition.agents},
        "tasks": [_task(task, number, definition, keys) for number, task in enumerate(definition.tasks, 1)],
        "process": definition.process.value,
    }
    if hierarchical and (manager := keys.agents.get(definition.manager or "")):
        declared["manager_agent"] = manager
    elif hierarchical:
        declared["manager_llm"] = model_name(settings.manager_llm) or "openai/gpt-4.1-mini"
    if settings.planning:
        declared["planning"] = True
        declared |= {"planning_llm": settings.planning_llm} if model_name(settings.planning_llm) else {}
    declared |= {word: True for word in ("memory", "cache") if getattr(settings, word)}
    return {**declared, "inputs": dict.fromkeys(inputs_of(definition), "…")}


def _agent(agent: AgentPlan, definition: Definition) -> Json:
    model, asked = model_name(agent.llm), model_settings(agent)
    llm = {"model": model or "openai/gpt-4.1-mini", **asked} if asked else model
    kit = list(dict.fromkeys(tool.tool_type for tool in usable_tools(agent, definition)))
    return {
        "role": agent.role,
        "goal": goal_of(agent),
        "backstory": agent.backstory,
        **({"llm": llm} if llm else {}),
        **({"tools": kit} if kit else {}),
        **({"settings": more} if (more := agent_settings(agent)) else {}),
    }


def _task(task: TaskPlan, number: int, definition: Definition, keys: Keys) -> Json:
    doer, context = doer_of(task, definition, keys), context_of(task, number, keys)
    return {
        "name": keys.tasks[task.name],
        "description": task.description,
        "expected_output": task.expected_output,
        **({"agent": doer} if doer else {}),
        **({"context": context} if context is not None else {}),
        **task_settings(task, number),
        **_schema(task),
    }


def _schema(task: TaskPlan) -> Json:
    try:
        schema = json.loads(task.settings.output_schema) if task.settings.output_schema else None
    except ValueError:
        return {}
    return {"output_json": {**schema, "title": "Result"}} if isinstance(schema, dict) else {}


def _dump(data: Json) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
