"""A crew as ``crewai create`` lays projects out: YAML, ``crew.py`` and ``main.py``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bot.engine.tools.catalogue import packaged
from bot.projects import extras
from bot.projects.writing import (
    Keys,
    Written,
    agent_settings,
    class_name,
    context_of,
    doer_of,
    dump,
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
from store.definitions import AgentPlan, Definition, TaskPlan, ToolPlan

_MAIN = '''"""Run the crew: crewai run"""

import sys

from {package}.crew import {cls}

# What the crew is asked for; fill it in.
INPUTS = {inputs}


def run():
    """Run the crew once."""
    return {cls}().crew().kickoff({given})


def train():
    """crewai train -n 3 -f trained.pkl"""
    {cls}().crew().train(n_iterations=int(sys.argv[1]), filename=sys.argv[2]{more})


def replay():
    """crewai replay -t TASK"""
    {cls}().crew().replay(task_id=sys.argv[1])


def test():
    """crewai test -n 2 -m gpt-4.1-mini"""
    {cls}().crew().test(n_iterations=int(sys.argv[1]), eval_llm=sys.argv[2]{more})


if __name__ == "__main__":
    print(run())
'''
_SCRIPTS = ("run_crew", "run", "train", "replay", "test")


def classic(definition: Definition) -> Written:
    """The crew as a project that runs with CrewAI alone."""
    keys, folder = keys_of(definition), folder_name(definition.name)
    base, cls = f"src/{folder}", class_name(definition.name)
    inputs, lost = inputs_of(definition), lost_of(definition)
    told = dict.fromkeys(inputs, "")
    main = _MAIN.format(
        package=folder,
        cls=cls,
        inputs=json.dumps(told, indent=4, ensure_ascii=False).replace('""', f'"{"…"}"') if told else "{}",
        given="inputs=INPUTS" if told else "",
        more=", inputs=INPUTS" if told else "",
    )
    scripts = {folder: f"{folder}.main:run"} | {
        name: f"{folder}.main:{'run' if name == 'run_crew' else name}" for name in _SCRIPTS
    }
    files = {
        "README.md": readme(definition.name, definition.description, "`crewai run`", inputs, lost),
        "pyproject.toml": pyproject(folder, f"{definition.name} using crewAI", scripts, {"type": "crew"}, ""),
        ".env.example": environment_file([definition]),
        ".gitignore": ".env\n__pycache__/\n",
        f"{base}/__init__.py": "",
        f"{base}/main.py": main,
        f"{base}/crew.py": "\n".join(_crew_file(definition, keys, cls)) + "\n",
        f"{base}/config/agents.yaml": dump({keys.agents[agent.name]: _agent(agent) for agent in definition.agents}),
        f"{base}/config/tasks.yaml": dump(
            {
                keys.tasks[task.name]: _task(task, number, definition, keys)
                for number, task in enumerate(definition.tasks, 1)
            }
        ),
    }
    return extras.with_extras(Written(folder, files, lost), [definition])


def _agent(agent: AgentPlan) -> dict[str, Any]:
    model = model_name(agent.llm)
    simple = {"llm": model} if model and not model_settings(agent) else {}
    texts = {"role": agent.role, "goal": goal_of(agent), "backstory": agent.backstory}
    return {**texts, **simple, **agent_settings(agent)}


def _task(task: TaskPlan, number: int, definition: Definition, keys: Keys) -> dict[str, Any]:
    doer, context = doer_of(task, definition, keys), context_of(task, number, keys)
    return {
        "description": task.description,
        "expected_output": task.expected_output,
        **({"agent": doer} if doer else {}),
        **({"context": context} if context is not None else {}),
        **task_settings(task, number),
    }


def _crew_file(definition: Definition, keys: Keys, cls: str) -> Iterator[str]:
    kits = {agent.name: usable_tools(agent, definition) for agent in definition.agents}
    kinds = sorted({tool.tool_type for kit in kits.values() for tool in kit})
    asked = any(map(model_settings, definition.agents))
    schemas = {task.name: schema for task in definition.tasks if (schema := _schema(task)) is not None}
    if asked or _needs_environment(definition):
        yield from ("import os", "")
    yield f"from crewai import {'LLM, ' if asked else ''}Agent, Crew, Process, Task"
    yield "from crewai.project import CrewBase, agent, crew, task"
    if kinds:
        yield f"from crewai_tools import {', '.join(kinds)}"
    for name, schema in schemas.items():
        yield from ("", f"# The result of “{_comment(name)}”.", f"{keys.tasks[name].upper()}_RESULT = {schema!r}")
    yield from ("", "", "@CrewBase", f"class {cls}:", f"    {_docstring(definition)}", "")
    yield '    agents_config = "config/agents.yaml"'
    yield '    tasks_config = "config/tasks.yaml"'
    manager = definition.manager if definition.process is Process.HIERARCHICAL else None
    for each in definition.agents:
        yield from _agent_method(each, keys.agents[each.name], kits[each.name], managing=each.name == manager)
    for each_task in definition.tasks:
        yield from _task_method(keys.tasks[each_task.name], with_schema=each_task.name in schemas)
    yield from ("", "    @crew", "    def crew(self) -> Crew:", f'        """The {cls} crew"""', "        return Crew(")
    yield from (f"            {word}={value}," for word, value in _crew_words(definition, keys))
    yield "        )"


def _agent_method(agent: AgentPlan, key: str, kit: list[ToolPlan], *, managing: bool) -> Iterator[str]:
    # CrewAI wants no manager among the agents that it hands work to.
    yield from ("", *([] if managing else ["    @agent"]), f"    def {key}(self) -> Agent:", "        return Agent(")
    yield f"            config=self.agents_config[{key!r}],  # type: ignore[index]"
    if asked := model_settings(agent):
        model = model_name(agent.llm)
        name = repr(model) if model else 'os.getenv("MODEL", "openai/gpt-4.1-mini")'
        words = "".join(f", {word}={value!r}" for word, value in asked.items())
        yield f"            llm=LLM(model={name}{words}),"
    if kit:
        yield f"            tools=[{', '.join(map(_tool, kit))}],"
    yield "        )"


def _task_method(key: str, *, with_schema: bool) -> Iterator[str]:
    yield from ("", "    @task", f"    def {key}(self) -> Task:", "        return Task(")
    yield f"            config=self.tasks_config[{key!r}],  # type: ignore[index]"
    if with_schema:
        yield f"            output_json={key.upper()}_RESULT,"
    yield "        )"


def _crew_words(definition: Definition, keys: Keys) -> Iterator[tuple[str, str]]:
    settings = definition.settings
    yield from (("name", repr(definition.name)), ("agents", "self.agents"), ("tasks", "self.tasks"))
    if definition.process is Process.HIERARCHICAL:
        yield "process", "Process.hierarchical"
        if manager := keys.agents.get(definition.manager or ""):
            yield "manager_agent", f"self.{manager}()"
        else:
            model = model_name(settings.manager_llm)
            yield "manager_llm", repr(model) if model else 'os.getenv("MODEL", "openai/gpt-4.1-mini")'
    else:
        yield "process", "Process.sequential"
    if settings.planning:
        yield "planning", "True"
        if model := model_name(settings.planning_llm):
            yield "planning_llm", repr(model)
    for word in ("memory", "cache"):
        if getattr(settings, word):
            yield word, "True"


def _needs_environment(definition: Definition) -> bool:
    managed = definition.process is Process.HIERARCHICAL and definition.manager is None
    kinds = [(packaged().get(tool.tool_type), tool) for tool in definition.tools]
    secrets = any(entry.secrets(tool.config) for entry, tool in kinds if entry is not None)
    return secrets or (managed and not model_name(definition.settings.manager_llm))


def _tool(tool: ToolPlan) -> str:
    entry = packaged()[tool.tool_type]
    secret = {setting.name for setting in entry.settings if setting.secret}
    words = []
    for name, value in tool.config.items():
        if name.isidentifier():
            words.append(f"{name}=os.environ[{str(value)!r}]" if name in secret else f"{name}={value!r}")
    return f"{tool.tool_type}({', '.join(words)})"


def _schema(task: TaskPlan) -> dict[str, Any] | None:
    """The schema of its result; its title becomes the name of CrewAI's class."""
    if not task.settings.output_schema:
        return None
    try:
        schema = json.loads(task.settings.output_schema)
    except ValueError:
        return None
    return {**schema, "title": "Result"} if isinstance(schema, dict) else None


def _docstring(definition: Definition) -> str:
    name = definition.name
    said = " ".join(definition.description.split())[:500] or (name if name.lower().endswith("crew") else f"{name} crew")
    plain = said.replace("\\", "").replace('"', "'")
    return f'"""{plain}"""'


def _comment(text: str) -> str:
    return " ".join(text.split())
