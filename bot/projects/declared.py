"""``crew.jsonc`` with ``agents/*.jsonc``: crews as CrewAI's own files declare them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from bot.projects.bundle import Found, ProjectRefused
from bot.projects.casting import Casting, in_words, with_task_tools
from bot.projects.documents import read_json
from bot.projects.python.values import Config, Made, Place
from bot.projects.source import Source

_ENDINGS = (".jsonc", ".json", ".json5")


def declared_crews(source: Source) -> list[Found]:
    """The crews of all files that declare one; raise ``ProjectRefused`` for a broken one."""
    return [found for path in _candidates(source) for found in _declared(source, path)]


def _candidates(source: Source) -> Iterator[str]:
    for path in source.ending(*_ENDINGS):
        stem = PurePosixPath(path).stem
        if stem == "crew" or ('"tasks"' in source.files[path] and '"agents"' in source.files[path]):
            yield path


def _declared(source: Source, path: str) -> Iterator[Found]:
    try:
        data = read_json(source.files[path], path)
    except ProjectRefused:
        if PurePosixPath(path).stem == "crew":
            raise
        return
    if not isinstance(data, dict) or not isinstance(data.get("tasks"), list):
        return
    crew = crew_of(data, path, source)
    title = str(data.get("name") or in_words(PurePosixPath(path).parent.name or source.name))
    casting = Casting(crew, None, title, path, str(data.get("description") or ""))
    yield with_task_tools(casting.found(), casting)


def crew_of(data: dict[str, Any], path: str, source: Source) -> Made:
    """A crew's declaration as what a program would have made."""
    told = {word: value for word, value in data.items() if word not in ("agents", "tasks", "description")}
    members = list(_agents(data.get("agents"), path, source))
    manager = data.get("manager_agent")
    if isinstance(manager, str):
        known = next((each for each in members if each.key == manager), None)
        told["manager_agent"] = known or _agent_file(manager, path, source)
    tasks = [_task(each, number, path) for number, each in enumerate(data["tasks"], 1) if isinstance(each, dict)]
    return Made("crewai.Crew", [], {**told, "agents": members, "tasks": tasks}, Place(path, 1))


def _agents(told: Any, path: str, source: Source) -> Iterator[Made]:
    if isinstance(told, dict):
        told = [{**body, "name": name} for name, body in told.items() if isinstance(body, dict)]
    for each in told if isinstance(told, list) else []:
        if isinstance(each, str):
            yield _agent_file(each, path, source)
        elif isinstance(each, dict) and isinstance(each.get("name"), str):
            yield _made("Agent", each["name"], each, path)
        elif isinstance(each, dict) and len(each) == 1 and isinstance(body := next(iter(each.values())), dict):
            yield _made("Agent", str(next(iter(each))), body, path)


def _agent_file(name: str, path: str, source: Source) -> Made:
    folder = PurePosixPath(path).parent
    for ending in _ENDINGS:
        file = (folder / "agents" / f"{name}{ending}").as_posix()
        if file in source.files:
            body = read_json(source.files[file], file)
            if not isinstance(body, dict):
                raise ProjectRefused(reason=f"{file} must hold one agent in braces: role, goal and backstory.")
            return _made("Agent", name, body, file)
    raise ProjectRefused(reason=f"{path} names the agent “{name}”, but there is no file agents/{name}.jsonc beside it.")


def _task(body: dict[str, Any], number: int, path: str) -> Made:
    name = body.get("name")
    return _made("Task", name if isinstance(name, str) and name else f"task {number}", body, path)


def _made(kind: str, name: str, body: dict[str, Any], path: str) -> Made:
    settings = body.get("settings")
    inner = settings if isinstance(settings, dict) else {}
    config = Config({**{word: value for word, value in body.items() if word not in ("settings", "name")}, **inner})
    config.key, config.file = name, path
    made = Made(f"crewai.{kind}", [], {"config": config}, Place(path, 1))
    made.key = name
    return made
