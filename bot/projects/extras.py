"""``crewcall.yaml``: what CrewAI's own files have no place for, so that an export comes back equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from bot.projects.bundle import Bundle, Found, ProjectRefused
from bot.projects.documents import read_yaml
from bot.projects.source import Source
from bot.projects.writing import Written, dump
from store.definitions import AgentPlan, Definition, TaskPlan

FILE = "crewcall.yaml"
_HEAD = "# What CrewAI has no place for; Crewcall reads it when this project is imported again.\n"

Json = dict[str, Any]


def with_extras(written: Written, definitions: Iterable[Definition]) -> Written:
    """The project with its ``crewcall.yaml``: whatever reading the other files does not bring back."""
    from bot.projects.reader import read

    try:
        found = read(Source(written.name, written.files)).found
    except ProjectRefused:
        # A crew without agents or tasks is no project yet.
        found = []
    as_read = {each.definition.name: each.definition for each in found}
    patches = {}
    for wanted in definitions:
        title, known = _counterpart(wanted, as_read)
        patches[title] = _patch(known, wanted) if known is not None else {"whole": _plain(wanted)}
    text = _HEAD + dump({"crewcall": 1, "crews": patches})
    return replace(written, files={**written.files, FILE: text})


def restored(bundle: Bundle, source: Source) -> Bundle:
    """The bundle with everything that ``crewcall.yaml`` files say; raise ``ProjectRefused`` if one is broken."""
    found = list(bundle.found)
    for path in source.ending(FILE):
        if PurePosixPath(path).name != FILE:
            continue
        folder = PurePosixPath(path).parent.as_posix()
        for title, patch in _patches(source, path).items():
            inside = [each for each in found if each.definition.name == title and _is_inside(each.file, folder)]
            try:
                if inside:
                    found[found.index(inside[0])] = _applied(inside[0], patch)
                elif "whole" in patch:
                    definition = Definition.model_validate(patch["whole"])
                    found.append(Found(definition, path, definition.name))
            except (ValidationError, TypeError, ValueError, KeyError, AttributeError) as error:
                said = str(error).partition("\n")[0]
                raise ProjectRefused(reason=f"{path} does not fit the project ({said}). Export it again.") from None
    return replace(bundle, found=found)


def _patches(source: Source, path: str) -> Mapping[str, Json]:
    data = read_yaml(source.files[path], path)
    crews = data.get("crews") if isinstance(data, dict) and data.get("crewcall") == 1 else None
    if not isinstance(crews, dict) or not all(isinstance(each, dict) for each in crews.values()):
        raise ProjectRefused(reason=f"{path} is of another version of Crewcall. Export the project again.")
    return {str(title): patch for title, patch in crews.items()}


def _is_inside(file: str, folder: str) -> bool:
    return folder == "." or file.startswith(f"{folder}/")


def _counterpart(wanted: Definition, as_read: Mapping[str, Definition]) -> tuple[str, Definition | None]:
    if wanted.name in as_read:
        return wanted.name, as_read[wanted.name]
    if len(as_read) == 1:
        return next(iter(as_read.items()))
    return wanted.name, None


def _plain(definition: Definition) -> Json:
    told: Json = definition.model_dump(mode="json", exclude_defaults=True, exclude={"parts"})
    for tool in told.get("tools", []):
        tool["id"] = 0
    return told


# --- Telling ---------------------------------------------------------------------------------------------------------


def _patch(known: Definition, wanted: Definition) -> Json:
    """What has to change in the crew as it is read to make it the one that is wanted."""
    if known.is_flow != wanted.is_flow or wanted.is_flow:
        return {} if _plain(known) == _plain(wanted) else {"whole": _plain(wanted)}
    if len(known.agents) != len(wanted.agents) or len(known.tasks) != len(wanted.tasks):
        return {"whole": _plain(wanted)}
    pairs = _paired(known, wanted)
    if pairs is None:
        return {"whole": _plain(wanted)}
    agents, tasks = pairs
    patch: Json = {"name": wanted.name} if known.name != wanted.name else {}
    renamed = _renamed(known, {old.name: new.name for old, new in agents}, {old.name: new.name for old, new in tasks})
    told, now = _plain(wanted), _plain(renamed)
    for word in ("description", "process", "manager", "settings", "tools"):
        if told.get(word) != now.get(word):
            patch[word] = told.get(word)
    by_old = {old.name: (new, told) for old, new in agents for told in [renamed_agent(renamed, new.name)]}
    if changed := {name: each for name, (new, old) in by_old.items() if (each := _changes(old, new, name))}:
        patch["agents"] = changed
    work = {task.name: task for task in renamed.tasks}
    if done := {old.name: each for old, new in tasks if (each := _changes(work[new.name], new, old.name))}:
        patch["tasks"] = done
    if [new.name for _, new in agents] != [agent.name for agent in wanted.agents]:
        patch["order"] = [agent.name for agent in wanted.agents]
    return patch


def renamed_agent(definition: Definition, name: str) -> AgentPlan:
    """The agent with this name."""
    return next(agent for agent in definition.agents if agent.name == name)


def _paired(
    known: Definition, wanted: Definition
) -> tuple[list[tuple[AgentPlan, AgentPlan]], list[tuple[TaskPlan, TaskPlan]]] | None:
    """Each agent and task as it is read with the one it is to be, by the keys that the writer gave them."""
    from bot.projects.writing import keys_of

    keys = keys_of(wanted)
    agents = {keys.agents[agent.name]: agent for agent in wanted.agents}
    tasks = {keys.tasks[task.name]: task for task in wanted.tasks}
    if {agent.name for agent in known.agents} != set(agents) or [task.name for task in known.tasks] != list(tasks):
        return None
    return [(agent, agents[agent.name]) for agent in known.agents], [(task, tasks[task.name]) for task in known.tasks]


def _changes(old: AgentPlan | TaskPlan, new: AgentPlan | TaskPlan, key: str) -> Json:
    told, now = new.model_dump(mode="json", exclude_defaults=True), old.model_dump(mode="json", exclude_defaults=True)
    words = [word for word in type(new).model_fields if told.get(word) != now.get(word)]
    changed = {word: told.get(word, type(new).model_fields[word].default) for word in words}
    if "settings" in changed:
        changed["settings"] = told.get("settings", {})
    if new.name != key:
        changed = {"name": new.name, **changed}
    if isinstance(new, TaskPlan) and new.agent is None:
        # Nobody is asked again who does it.
        changed["agent"] = None
    return _jsonable(changed)


def _jsonable(changed: Json) -> Json:
    return {word: list(value) if isinstance(value, tuple) else value for word, value in changed.items()}


# --- Taking back -----------------------------------------------------------------------------------------------------


def _applied(found: Found, patch: Json) -> Found:
    if "whole" in patch:
        definition = Definition.model_validate(patch["whole"])
        return replace(found, definition=definition, left_out=[], troubles=[], undecided=[])
    known = found.definition
    agents, tasks = patch.get("agents") or {}, patch.get("tasks") or {}
    renamed = _renamed(
        known,
        {key: change.get("name", key) for key, change in agents.items()},
        {key: change.get("name", key) for key, change in tasks.items()},
    )
    told = renamed.model_dump(mode="json")
    for kind, changes in (("agents", agents), ("tasks", tasks)):
        for thing, old in zip(told[kind], getattr(known, kind), strict=True):
            thing.update(changes.get(old.name, {}))
    for word in ("name", "description", "process", "manager", "settings", "tools"):
        if word in patch:
            told[word] = patch[word] if patch[word] is not None else Definition.model_fields[word].get_default()
    told["settings"] = told["settings"] or {}
    if isinstance(order := patch.get("order"), list):
        told["agents"].sort(key=lambda agent: order.index(agent["name"]) if agent["name"] in order else len(order))
    definition = Definition.model_validate(told)
    settled = {change.get("name", key) for key, change in tasks.items() if "agent" in change}
    names = {key: change.get("name", key) for key, change in tasks.items()}
    undecided = [
        replace(each, crew=definition.name, task=names.get(each.task, each.task))
        for each in found.undecided
        if names.get(each.task, each.task) not in settled
    ]
    return replace(found, definition=definition, left_out=[], troubles=[], undecided=undecided)


def _renamed(definition: Definition, agents: Mapping[str, str], tasks: Mapping[str, str]) -> Definition:
    """The crew with other names for its agents and tasks, wherever they are named."""
    return definition.model_copy(
        update={
            "manager": agents.get(definition.manager or "", definition.manager),
            "agents": [
                agent.model_copy(update={"name": agents.get(agent.name, agent.name)}) for agent in definition.agents
            ],
            "tasks": [
                task.model_copy(
                    update={
                        "name": tasks.get(task.name, task.name),
                        "agent": agents.get(task.agent or "", task.agent),
                        "context": [tasks.get(other, other) for other in task.context],
                    }
                )
                for task in definition.tasks
            ],
        }
    )
