"""What every exported project has: names that programs take, YAML that survives, and the files around the crew."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from keyword import iskeyword
from pathlib import Path
from typing import Any

import yaml

from bot.engine import placeholders
from bot.engine.llms import BY_NAME
from bot.engine.tools.catalogue import packaged
from bot.projects.bundle import ProjectRefused
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan, ToolPlan
from store.more_settings import AgentSettings, TaskSettings

# Settings that CrewAI has for an agent's model and not for the agent.
OF_THE_MODEL = ("temperature", "max_tokens", "top_p", "seed", "reasoning_effort")
_LONGEST_KEY = 60


@dataclass(frozen=True)
class Written:
    """An exported project: its folder's name, its files by path, and what CrewAI alone cannot do."""

    name: str
    files: Mapping[str, str]
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Keys:
    """The names of agents and tasks as YAML keys and Python functions have them, by our names."""

    agents: Mapping[str, str]
    tasks: Mapping[str, str]


def keys_of(definition: Definition) -> Keys:
    """A key for each agent and task; one name is never given to two of them, as all are methods of one class."""
    taken = {"crew", "agents", "tasks", "agents_config", "tasks_config", "self"}
    agents = {agent.name: _free(identifier(agent.name, "agent"), taken) for agent in definition.agents}
    return Keys(agents, {task.name: _free(identifier(task.name, "task"), taken) for task in definition.tasks})


def identifier(name: str, otherwise: str = "crew") -> str:
    """The name as a Python function has it; letters of every script stay, as Python and YAML take them."""
    if name.isidentifier() and not iskeyword(name) and not name.startswith("__") and name == _nfkc(name):
        return name[:_LONGEST_KEY]
    words = re.sub(r"\W+", "_", _nfkc(name)).strip("_").lower()[:_LONGEST_KEY].strip("_")
    if not words or iskeyword(words) or not words.isidentifier():
        words = f"{otherwise}_{words}".strip("_")
    return words if words.isidentifier() else otherwise


def folder_name(name: str) -> str:
    """The name as a package and its folder have it: plain letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"\W+", "_", plain).strip("_").lower()[:_LONGEST_KEY].strip("_")
    return words if words.isidentifier() and not iskeyword(words) else f"crew_{words}".strip("_")


def class_name(name: str) -> str:
    """The name as a class has it: MarketResearch."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", plain))[:_LONGEST_KEY]
    return words if words.isidentifier() and not iskeyword(words) and words not in _RESERVED else f"Crew{words}"


# What the generated files import under these names.
_RESERVED = {"Agent", "Crew", "Process", "Task", "CrewBase", "LLM", "None", "True", "False"} | set(packaged())


def dump(data: Any) -> str:
    """YAML that is read back exactly as it was, long texts written as blocks."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, as people write them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Other line ends and invisible characters survive in double quotes alone.
    block = "\n" in text and not any(line != line.rstrip() for line in text.split("\n"))
    style = '"' if _is_odd(text) else "|" if block else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_odd(text: str) -> bool:
    return any(not character.isprintable() and character != "\n" for character in text)


_Dumper.add_representer(str, _text)


def goal_of(agent: AgentPlan) -> str:
    """The agent's goals as the one that CrewAI knows."""
    if len(agent.goals) < 2:
        return "".join(agent.goals)
    return "\n".join(f"{number}. {goal}" for number, goal in enumerate(agent.goals, start=1))


def model_name(name: str) -> str:
    """The model, if CrewAI alone can speak to it: not to embedded ones or those of a connection."""
    return name if name.partition("/")[0].lower() in BY_NAME else ""


def model_settings(agent: AgentPlan) -> dict[str, Any]:
    """What the agent's model is asked for besides."""
    return {word: value for word in OF_THE_MODEL if (value := getattr(agent.settings, word)) is not None}


def agent_settings(agent: AgentPlan) -> dict[str, Any]:
    """The agent's settings that CrewAI has too and that differ from its defaults."""
    told = agent.settings.model_dump(mode="json", exclude=set(OF_THE_MODEL))
    usual = AgentSettings().model_dump(mode="json")
    more = {"allow_delegation": True} if agent.allow_delegation else {}
    return {**more, **{word: value for word, value in told.items() if value != usual[word] and word in _AGENT_WORDS}}


def task_settings(task: TaskPlan, number: int) -> dict[str, Any]:
    """The task's settings that CrewAI has too and that differ from its defaults, but for the schema of its result."""
    told, usual = task.settings.model_dump(mode="json"), TaskSettings().model_dump(mode="json")
    kept = {word: value for word, value in told.items() if value != usual[word] and word in _TASK_WORDS}
    return {**kept, **({"human_input": True} if told.get("review") else {})}


_AGENT_WORDS = {"max_iter", "max_execution_time", "planning", "inject_date", "respect_context_window", "verbose"}
_AGENT_WORDS |= {"use_system_prompt", "tool_failure_policy"}
_TASK_WORDS = {"async_execution", "markdown", "guardrail", "guardrail_max_retries", "output_file"}


def context_of(task: TaskPlan, number: int, keys: Keys) -> list[str] | None:
    """The keys of the tasks whose results it uses; ``None`` where CrewAI's own way is meant: all before."""
    if task.context:
        return [keys.tasks[name] for name in task.context if name in keys.tasks]
    return None if task.settings.uses_all or number == 1 else []


def doer_of(task: TaskPlan, definition: Definition, keys: Keys) -> str | None:
    """The key of the agent that does the task; nobody where the manager does it or gives it out."""
    managed = definition.process is Process.HIERARCHICAL and task.agent == definition.manager
    return keys.agents.get(task.agent) if task.agent and not managed else None


def usable_tools(agent: AgentPlan, definition: Definition) -> list[ToolPlan]:
    """The agent's tools that CrewAI has too."""
    known = {tool.name: tool for tool in definition.tools}
    return [known[name] for name in agent.tools if name in known and known[name].tool_type in packaged()]


def lost_of(definition: Definition) -> list[str]:
    """What CrewAI alone cannot do, as sentences; importing the project again brings it back."""
    kinds = {tool.name: tool.tool_type for tool in definition.tools}
    lost = [
        f"The tool “{name}” of the agent “{agent.name}” is not one of CrewAI’s."
        for agent in definition.agents
        for name in agent.tools
        if kinds.get(name) not in packaged()
    ]
    lost += [
        f"The agent “{agent.name}” uses {agent.llm}, which only Crewcall can reach; the project’s own model answers."
        for agent in definition.agents
        if agent.llm and not model_name(agent.llm)
    ]
    told = [agent for agent in definition.agents if agent.settings.knowledge]
    lost += [f"The agent “{agent.name}” has no knowledge to look things up in; that needs Crewcall." for agent in told]
    if definition.settings.knowledge:
        lost.append("The crew has no knowledge to look things up in; that needs Crewcall.")
    return lost + [
        f"The task “{task.name}” is always done; its “Only if” needs Crewcall."
        for task in definition.tasks
        if task.settings.condition
    ]


def variables_of(definition: Definition) -> list[str]:
    """The environment variables that the project needs, by name only."""
    settings = definition.settings
    models = [*(agent.llm for agent in definition.agents), settings.manager_llm, settings.planning_llm]
    prefixes = {model.partition("/")[0].lower() for model in models if model}
    keys = [group[0] for prefix in sorted(prefixes & set(BY_NAME)) for group in BY_NAME[prefix].keys]
    entries = [(packaged()[tool.tool_type], tool) for tool in definition.tools if tool.tool_type in packaged()]
    keys += [key for entry, tool in entries for key in (*entry.env, *entry.secrets(tool.config))]
    return list(dict.fromkeys([*keys, *([] if keys else ["OPENAI_API_KEY"])]))


def environment_file(definitions: Iterable[Definition]) -> str:
    """``.env.example``: what has to be set, without any value."""
    names = dict.fromkeys(name for definition in definitions for name in variables_of(definition))
    lines = ["# Copy this file to .env and fill it in.", "# The model of agents that name none, for example:"]
    return "\n".join([*lines, "MODEL=openai/gpt-4.1-mini", *(f"{name}=" for name in names), ""])


def pyproject(folder: str, description: str, scripts: Mapping[str, str], tool: Mapping[str, str], build: str) -> str:
    """``pyproject.toml`` with CrewAI as its only dependency."""
    lines = [
        "[project]",
        f'name = "{folder}"',
        'version = "0.1.0"',
        f"description = {_toml(description)}",
        'requires-python = ">=3.10,<3.14"',
        f'dependencies = ["crewai[tools]>={_crewai_version()}"]',
        "",
    ]
    if scripts:
        lines += ["[project.scripts]", *(f'{name} = "{target}"' for name, target in scripts.items()), ""]
    lines += ["[build-system]", 'requires = ["hatchling"]', 'build-backend = "hatchling.build"', ""]
    lines += [build, ""] if build else []
    return "\n".join([*lines, "[tool.crewai]", *(f'{name} = "{value}"' for name, value in tool.items()), ""])


def readme(name: str, description: str, how: str, inputs: Iterable[str], lost: Iterable[str]) -> str:
    """``README.md``: how to run it, and what CrewAI alone cannot do."""
    told = "".join(f"- `{each}`\n" for each in inputs)
    asked = f"\nIt is asked for:\n\n{told}" if told else ""
    missing = "".join(f"- {each}\n" for each in lost)
    without = f"\n## What CrewAI alone does not do\n\n{missing}" if missing else ""
    about = f"{description}\n\n" if description else ""
    return (
        f"# {name}\n\n{about}A CrewAI project, exported from Crewcall.\n\n## Run it\n\n"
        f"1. Copy `.env.example` to `.env` and fill it in.\n2. `crewai install`\n3. {how}\n{asked}{without}\n"
        "`crewcall.yaml` holds what CrewAI has no place for. Crewcall reads it when the project is imported again.\n"
    )


def packed(written: Written) -> bytes:
    """The project as a ZIP with one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in written.files.items():
            # A fixed time, so that the same project is the same file.
            entry = zipfile.ZipInfo(f"{written.name}/{path}", (2026, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, text.encode("utf-8", "surrogatepass"))
    return buffer.getvalue()


def unpacked(written: Written, to: Path) -> Path:
    """Write the project into a folder, or into a ZIP where ``to`` ends so; raise ``ProjectRefused`` if it is there."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ProjectRefused(reason=f"{to} is there already. Name another place with --to.")
    try:
        if to.suffix.lower() == ".zip":
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(packed(written))
            return to
        for path, text in written.files.items():
            file = to / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise ProjectRefused(reason=f"{to} cannot be written ({error.strerror}).") from None
    return to


def inputs_of(definition: Definition) -> list[str]:
    """What a run of the crew asks for."""
    return placeholders.needed(definition)


def _free(key: str, taken: set[str]) -> str:
    number, free = 2, key
    while free in taken:
        free, number = f"{key}_{number}", number + 1
    taken.add(free)
    return free


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _toml(text: str) -> str:
    plain = " ".join(text.split())[:200]
    return '"' + "".join(_toml_characters(plain)) + '"'


def _toml_characters(text: str) -> Iterator[str]:
    for character in text:
        if character in '"\\':
            yield f"\\{character}"
        elif character.isprintable():
            yield character


def _crewai_version() -> str:
    try:
        return version("crewai")
    except PackageNotFoundError:
        return "1.0"
