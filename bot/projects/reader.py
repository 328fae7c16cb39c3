"""Reading a project: whatever crews and flows there are in it, in whichever form."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any

from bot.projects import extras
from bot.projects.bundle import Bundle, Found, LeftOut, ProjectRefused, Trouble
from bot.projects.casting import Casting, in_words, is_vague, with_task_tools
from bot.projects.declared import declared_crews
from bot.projects.documents import read_yaml
from bot.projects.flow_files import declared_flows
from bot.projects.python.reading import Reading, marked
from bot.projects.python.statements import Spent
from bot.projects.python.values import Config, Made, Place
from bot.projects.python_flows import flows_in
from bot.projects.source import Source
from store.names import name_key

_TELLING = {"agents": {"role", "goal", "backstory"}, "tasks": {"description", "expected_output", "agent"}}
_AGENTS = re.compile(r"agents?", re.IGNORECASE)
_TASKS = re.compile(r"tasks?", re.IGNORECASE)


def read(source: Source) -> Bundle:
    """Everything that is in a project; raise ``ProjectRefused`` where there is nothing of CrewAI in it."""
    if not source.files:
        raise ProjectRefused(reason="There are no files of a CrewAI project in it: no YAML, JSON or Python.")
    reading = Reading(source)
    try:
        reading.read_all()
    except (Spent, RecursionError):
        reading.troubles.append(Trouble(source.name, 1, "Its code is larger than can be read; the rest was left out."))
    cast = [(crew, _cast(crew, reading, source)) for crew in reading.crews if _says_something(crew)]
    told = [(crew, found) for crew, found in cast if found.definition.agents or found.definition.tasks]
    untold = [found for crew, found in cast if (crew, found) not in told]
    crews = [found for _, found in told]
    names = {id(crew): found.definition.name for crew, found in told}
    crews += declared_crews(source)
    crews += [_cast_config(crew, source) for crew in _from_yaml(source, reading)]
    crews += declared_flows(source)
    crews += flows_in(reading, names)
    if not crews and not any(PurePosixPath(path).name == extras.FILE for path in source.files):
        raise ProjectRefused(reason=_nothing_found(source, reading))
    left_out = [LeftOut(each.file, f"crew {each.title}", "Only a run would tell who is in it.") for each in untold]
    bundle = Bundle(_project_name(source), crews, reading.troubles, [*left_out, *_unused(reading, crews)])
    bundle = extras.restored(bundle, source)
    found = _with_names_of_their_own(list(_each_once(bundle.found)))
    return replace(bundle, found=in_order(found))


def in_order(found: list[Found]) -> list[Found]:
    """The same, what a flow runs before the flow."""
    return sorted(found, key=lambda each: _depth(each, found))


def _cast(crew: Made, reading: Reading, source: Source) -> Found:
    casting = Casting(crew, reading, _title(crew, source), crew.place.file, _description(crew, reading))
    return with_task_tools(casting.found(), casting)


def _cast_config(crew: Made, source: Source) -> Found:
    casting = Casting(crew, None, _title(crew, source), crew.place.file)
    return with_task_tools(casting.found(), casting)


def _says_something(crew: Made) -> bool:
    return any(isinstance(crew.kwargs.get(word), list) and crew.kwargs[word] for word in ("agents", "tasks"))


# --- YAML that no code reads ---------------------------------------------------------------------------------------


def _from_yaml(source: Source, reading: Reading) -> Iterator[Made]:
    """Crews of files of agents and files of tasks that belong together, and of files that hold both."""
    unread = [path for path in source.ending(".yaml", ".yml") if path not in reading.used]
    paths = [path for path in unread if not path.endswith(extras.FILE)]
    tasks = {_kin(path, _TASKS): path for path in paths if _TASKS.search(PurePosixPath(path).stem)}
    agents = {_kin(path, _AGENTS): path for path in paths if _AGENTS.search(PurePosixPath(path).stem)}
    for kin, path in tasks.items():
        beside = agents.get(kin) or _only_beside(path, agents, tasks)
        told = _entries(source, beside, "agents") if beside else []
        work = _entries(source, path, "tasks")
        if work:
            yield _of_entries(path, told, work)
    for path in paths:
        if path in tasks.values() or path in agents.values():
            continue
        crew = _whole_crew(source, path)
        if crew is not None:
            yield crew


def _kin(path: str, word: re.Pattern[str]) -> tuple[str, str]:
    """What files of one crew have in common: the folder, and the name without “agents” or “tasks”."""
    pure = PurePosixPath(path)
    folder = re.sub(r"(^|/)(agents?|tasks?)$", "", pure.parent.as_posix(), flags=re.IGNORECASE)
    return folder, word.sub("", pure.stem, count=1).strip("_-. ").casefold()


def _only_beside(path: str, agents: dict[tuple[str, str], str], tasks: dict[tuple[str, str], str]) -> str | None:
    """The one file of agents in the folder, for all files of tasks there."""
    folder = _kin(path, _TASKS)[0]
    beside = [each for kin, each in agents.items() if kin[0] == folder and kin not in tasks]
    return beside[0] if len(beside) == 1 else None


def _entries(source: Source, path: str, word: str) -> list[Config]:
    data = read_yaml(source.files[path], path)
    if isinstance(data, dict) and isinstance(data.get(word), dict | list):
        data = data[word]
    # A file may hold settings of its own beside them.
    return [entry for entry in _configs(data, path) if _TELLING[word] & set(entry)]


def _configs(data: Any, path: str) -> list[Config]:
    """The entries of a mapping by their keys, or of a list by their names."""
    if isinstance(data, list):
        bodies = [each for each in data if isinstance(each, dict) and each]
        alone = [next(iter(each.items())) for each in bodies if len(each) == 1]
        named = [(_own_name(each) or str(number), each) for number, each in enumerate(bodies, 1)]
        data = dict(alone if len(alone) == len(bodies) else named)
    whole = marked(data, path)
    return [each for each in whole.values() if isinstance(each, Config)] if isinstance(whole, dict) else []


def _own_name(entry: dict[str, Any]) -> str:
    told = (entry.get(word) for word in ("name", "id", "key", "task", "agent_name", "task_name"))
    return next((name for name in told if isinstance(name, str) and name), "")


def _whole_crew(source: Source, path: str) -> Made | None:
    text = source.files[path]
    if "agents" not in text or "tasks" not in text:
        return None
    try:
        data = read_yaml(text, path)
    except ProjectRefused:
        # It may be anything; the word “tasks” alone makes it none of ours.
        return None
    if not isinstance(data, dict) or "schema" in data:
        return None
    data = data["crew"] if isinstance(data.get("crew"), dict) and "agents" in data["crew"] else data
    agents, tasks = _configs(data.get("agents"), path), _configs(data.get("tasks"), path)
    if not tasks or not any({"role", "goal"} & set(agent) for agent in agents):
        return None
    crew = _of_entries(path, agents, tasks)
    words = ("name", "process", "manager_llm", "manager_agent", "planning", "cache", "memory", "inputs")
    crew.kwargs |= {word: data[word] for word in words if word in data}
    return crew


def _of_entries(path: str, agents: list[Config], tasks: list[Config]) -> Made:
    place = Place(path, 1)

    def made(kind: str, config: Config) -> Made:
        one = Made(f"crewai.{kind}", [], {"config": config}, place)
        one.key = config.key
        return one

    members = [made("Agent", config) for config in agents]
    return Made("crewai.Crew", [], {"agents": members, "tasks": [made("Task", config) for config in tasks]}, place)


# --- Names and words -----------------------------------------------------------------------------------------------


def _title(crew: Made, source: Source) -> str:
    told = crew.kwargs.get("name")
    if isinstance(told, str) and told.strip() and told != "crew":
        return told.strip()
    file = PurePosixPath(crew.place.file)
    stem = _TASKS.sub("", file.stem).strip("_-. ") if file.suffix.lower() in (".yaml", ".yml") else ""
    folder = next(
        (part for part in reversed(file.parent.parts) if part not in ("config", "src", "crews", "configs")), ""
    )
    names = [crew.owner, *crew.hints, crew.method, stem, "" if folder == "." else folder, _project_name(source)]
    return in_words(next((name for name in names if name and not is_vague(name)), "Crew"))


def _description(crew: Made, reading: Reading) -> str:
    """What the class says about itself, unless that is only its name."""
    import ast

    cls = next((each for each in reading.classes() if each.name == crew.owner), None)
    said = (ast.get_docstring(cls.node) or "").strip() if cls is not None else ""
    plain = re.sub(r"\W|crew", "", said.casefold())
    return "" if plain in re.sub(r"\W|crew", "", crew.owner.casefold()) or not plain else said[:3_000]


def _project_name(source: Source) -> str:
    path = next((path for path in source.files if PurePosixPath(path).name == "pyproject.toml"), None)
    try:
        told = tomllib.loads(source.files[path]) if path else {}
    except tomllib.TOMLDecodeError:
        told = {}
    project = told.get("project") or told.get("tool", {}).get("poetry") or {}
    name = project.get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) and name.strip() else source.name


def _with_names_of_their_own(crews: list[Found]) -> list[Found]:
    """Variants of a crew beside each other are told apart by their folders or files; flows still run theirs."""
    keys = [name_key(found.definition.name) for found in crews]
    taken: set[str] = set()
    named = []
    for found in crews:
        name = found.definition.name
        if keys.count(name_key(name)) > 1:
            name = _told_apart(found, taken)
        number, first = 2, name
        while name_key(name) in taken:
            name, number = f"{first[:72]} {number}", number + 1
        taken.add(name_key(name))
        undecided = [replace(each, crew=name) for each in found.undecided]
        definition = found.definition.model_copy(update={"name": name})
        named.append(replace(found, definition=definition, undecided=undecided))
    return [_aimed(found, crews, named) for found in named]


def _each_once(found: list[Found]) -> Iterator[Found]:
    """Everything but crews inside a flow's declaration that stand in files of their own too."""
    flows = {each.file for each in found if each.definition.is_flow}
    alone = [each.definition for each in found if each.file not in flows]
    return (each for each in found if each.file not in flows or each.definition not in alone)


def _depth(found: Found, among: list[Found], seen: tuple[str, ...] = ()) -> int:
    """How many flows are inside each other; what a flow runs comes before it."""
    name = found.definition.name
    if not found.definition.is_flow or name in seen:
        return 0
    targets = {step.target for step in found.definition.steps}
    inside = [each for each in among if each.definition.name in targets]
    return 1 + max((_depth(each, among, (*seen, name)) for each in inside), default=0)


def _told_apart(found: Found, taken: set[str]) -> str:
    path, name = PurePosixPath(found.file), found.definition.name
    skipped = {"src", "config", "crews", "."}
    words = [part for part in (*reversed(path.parent.parts), path.stem) if part not in skipped]
    return next((each for word in words if name_key(each := f"{name[:50]} ({word[:25]})") not in taken), name)


def _aimed(flow: Found, before: list[Found], after: list[Found]) -> Found:
    """The flow whose steps run crews by the names they have now, the nearest of several that had the same."""
    if not flow.definition.is_flow:
        return flow

    def target(name: str | None) -> str | None:
        known = [(old, new) for old, new in zip(before, after, strict=True) if old.definition.name == name]
        nearest = max(known, key=lambda pair: _shared(pair[0].file, flow.file), default=None)
        return nearest[1].definition.name if nearest else name

    steps = [step.model_copy(update={"target": target(step.target)}) for step in flow.definition.steps]
    return replace(flow, definition=flow.definition.model_copy(update={"steps": steps}))


def _shared(one: str, other: str) -> int:
    """How many folders two paths have in common."""
    pairs = zip(PurePosixPath(one).parent.parts, PurePosixPath(other).parent.parts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _unused(reading: Reading, found: list[Found]) -> Iterator[LeftOut]:
    """Entries of the configuration that no crew uses."""
    used = {key for each in found for key in each.keys.values()}
    for path in sorted(reading.used):
        data = reading.read_files.get(path)
        for key, entry in data.items() if isinstance(data, dict) else ():
            if isinstance(entry, Config) and {"role", "description"} & set(entry) and key not in used:
                yield LeftOut(path, key, "No crew of the project uses it.")


def _nothing_found(source: Source, reading: Reading) -> str:
    if reading.troubles:
        first = reading.troubles[0]
        return f"No crew was found, and {first.file}, line {first.line} cannot be read: {first.sentence}"
    return (
        f"{source.name} is not a CrewAI project: there is no crew in its YAML, JSON or Python. "
        "Give the whole folder, with config/agents.yaml, config/tasks.yaml and crew.py or with crew.jsonc."
    )
