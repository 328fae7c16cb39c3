"""From a crew as a project describes it to a definition: names, texts, settings, and what has to be said about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from bot.engine import placeholders
from bot.engine.fields import AGENT_LEFT_OUT, CREW_LEFT_OUT, TASK_LEFT_OUT
from bot.projects.bundle import Found, LeftOut, Need, Trouble, Undecided
from bot.projects.kits import Kit
from bot.projects.models import model_of
from bot.projects.python.values import Class, Config, External, Function, Made, Unknown, Value, named
from bot.projects.results import NoSchema, schema_of
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan
from store.more_settings import AgentSettings, CrewSettings, Settings, TaskSettings
from store.names import name_key

if TYPE_CHECKING:
    from bot.projects.python.reading import Reading

S = TypeVar("S", bound=Settings)

_LONGEST_NAME = 80
# Names that say nothing about whose they are.
_VAGUE = {
    "agent",
    "task",
    "a",
    "t",
    "x",
    "result",
    "obj",
    "new_agent",
    "new_task",
    "crew",
    "my_crew",
    "_crew",
    "config",
}
_VAGUE |= {
    "manager_agent_instance",
    "instance",
    "item",
    "self",
    "create_agent",
    "create_task",
    "make_agent",
    "make_task",
}
_VAGUE |= {"create_crew", "build_crew", "get_crew", "make_crew", "setup_crew", "run", "main", "kickoff"}
# What every project says that changes nothing.
_UNSAID = {"config", "name", "type", "id", "kickoff inputs", "inputs", "settings", "more tools"}
_NO_SUCH = "CrewAI has no such setting; it was never used."


@dataclass
class _Member:
    """An agent or task of the project on its way to a plan."""

    made: Made | None
    told: dict[str, Value]
    candidates: list[str]
    name: str = ""
    key: str = ""


@dataclass
class Casting:
    """One crew on its way from a project to a definition."""

    crew: Made
    reading: Reading | None
    title: str
    file: str
    description: str = ""
    kit: Kit = field(default_factory=Kit)
    left_out: list[LeftOut] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    agents: list[_Member] = field(default_factory=list)
    tasks: list[_Member] = field(default_factory=list)

    def found(self) -> Found:
        """The crew, with everything that is to be said about it."""
        self._gather()
        name = self._short(self.title, "the crew")
        process = _process(self.crew.kwargs.get("process"))
        manager = self._manager()
        plans = [self._agent(member) for member in self.agents]
        tasks = self._tasks(process)
        settings = self._crew_settings(name)
        definition = Definition(
            name=name,
            description=self.description,
            process=process,
            manager=manager if process is Process.HIERARCHICAL else None,
            settings=settings,
            agents=plans,
            tasks=tasks,
            tools=list(self.kit.tools.values()),
        )
        for text, where in _texts(definition):
            for odd in placeholders.malformed(text):
                said = f"“{odd}” in {where} looks like a placeholder but is none, so it stays as it is written."
                self.troubles.append(Trouble(self.file, self.crew.place.line, said))
        inputs = self.crew.kwargs.get("kickoff inputs", self.crew.kwargs.get("inputs"))
        keys = {member.name: member.key for member in (*self.agents, *self.tasks)}
        return Found(
            definition=definition,
            file=self.file,
            title=self.title,
            examples={str(key): each for key, each in inputs.items() if _is_plain(each)}
            if isinstance(inputs, dict)
            else {},
            left_out=_once([*self.left_out, *self.kit.lost]),
            needs=_once([*self.needs, *self.kit.needs]),
            troubles=_once(self.troubles),
            undecided=self.undecided,
            keys=keys,
        )

    # --- Who and what ----------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        told_agents, told_tasks = _flat(self.crew.kwargs.get("agents")), _flat(self.crew.kwargs.get("tasks"))
        for each in told_agents:
            self._take(each, self.agents, "agent")
        for each in told_tasks:
            self._take(each, self.tasks, "task", again=True)
        for member in self.tasks:
            self._take_quietly(member.told.get("agent"))
        self._take_quietly(self.crew.kwargs.get("manager_agent"))
        for member in (*self.agents, *self.tasks):
            self._look_for_config(member)
        _baptize(self.agents, self._short)
        _baptize(self.tasks, self._short)

    def _take(self, value: Value, among: list[_Member], kind: str, *, again: bool = False) -> None:
        if isinstance(value, Made) and _is_kind(value, kind):
            if again or all(member.made is not value for member in among):
                among.append(_member(value, kind))
        elif isinstance(value, Config):
            among.append(_Member(None, dict(value), [value.key], key=value.key))
        else:
            word = getattr(value, "name", "") or getattr(value, "last", "") or "one of them"
            why = f"Only a run would tell this {kind}, so it is not carried over."
            self.left_out.append(LeftOut(self.title, f"{kind} {word}", why))

    def _take_quietly(self, value: Value) -> None:
        """An agent that does a task or manages, although the crew’s own list does not name it."""
        if isinstance(value, Made) and _is_kind(value, "agent") and all(each.made is not value for each in self.agents):
            self.agents.append(_member(value, "agent"))

    def _look_for_config(self, member: _Member) -> None:
        """Say which entry of a configuration file the code asks for in vain."""
        config = member.made.kwargs.get("config") if member.made is not None else None
        if isinstance(config, Config) and not config:
            said = f"The code takes “{config.key}” from {config.file}, which has no such entry."
            self.troubles.append(Trouble(self.file, member.made.place.line if member.made else 1, said))

    def _short(self, name: str, what: str) -> str:
        plain = " ".join(name.split()) or what
        if len(plain) <= _LONGEST_NAME:
            return plain
        said = f"The name of {what} is longer than {_LONGEST_NAME} characters and was shortened."
        self.troubles.append(Trouble(self.file, self.crew.place.line, said))
        return plain[: _LONGEST_NAME - 1].rstrip() + "…"

    def _manager(self) -> str | None:
        told = self.crew.kwargs.get("manager_agent")
        return self._who(told).name if told is not None and self._who(told) is not None else None  # type: ignore[union-attr]

    def _who(self, value: Value) -> _Member | None:
        """The agent that is meant."""
        if isinstance(value, Made):
            return next((member for member in self.agents if member.made is value), None)
        return _meant(value, self.agents)

    # --- Agents ----------------------------------------------------------------------------------------------------

    def _agent(self, member: _Member) -> AgentPlan:
        told, who = member.told, f"the agent “{member.name}”"
        model = model_of(told.get("llm"), who)
        self.needs += model.needs
        self.left_out += [LeftOut(who, word, why) for word, why in model.lost.items()]
        texts = {word: self._text(told.get(word), who, word) for word in ("role", "goal", "backstory")}
        role = texts["role"].strip() or self._missing(who, "role", member.name.replace("_", " "))
        goal = texts["goal"].strip() or self._missing(who, "goal", role)
        backstory = texts["backstory"] if texts["backstory"].strip() else self._missing(who, "backstory", goal)
        special = {"role", "goal", "backstory", "llm", "tools", "allow_delegation", "reasoning"}
        told = self._known(told, who)
        asked = {**model.settings, **{word: value for word, value in told.items() if word not in special}}
        if told.get("reasoning") is True:
            asked.setdefault("planning", True)
        return AgentPlan(
            name=member.name,
            role=role,
            goals=[goal],
            backstory=backstory,
            allow_delegation=told.get("allow_delegation") is True,
            llm=model.name,
            tools=self.kit.take(told.get("tools"), who),
            settings=self._settings(AgentSettings, asked, AGENT_LEFT_OUT, who),
        )

    def _missing(self, who: str, word: str, instead: str) -> str:
        said = f"{_upper(who)} has no {word}; “{instead[:60]}” stands there now."
        self.troubles.append(Trouble(self.file, self.crew.place.line, said))
        return instead

    def _text(self, value: Value, who: str, word: str) -> str:
        match value:
            case None:
                return ""
            case str():
                return value
            case bool() | int() | float():
                return str(value)
            case list():
                return "\n".join(self._text(each, who, word) for each in value)
            case dict() if len(value) == 1 and next(iter(value.values())) is None:
                # YAML takes {topic} without quotes for a mapping.
                return f"{{{next(iter(value))}}}"
            case Unknown(name=name):
                if word in ("role", "goal", "backstory", "description", "expected_output"):
                    why = f"Only a run would tell it, so it is asked for as {{{named(name or word)}}}."
                    self.left_out.append(LeftOut(who, word, why))
                return f"{{{named(name or word)}}}"
            case dict():
                return "\n".join(f"{key}: {self._text(each, who, word)}" for key, each in value.items())
        return str(value) if hasattr(value, "isoformat") else f"{{{named(word)}}}"

    # --- Tasks -----------------------------------------------------------------------------------------------------

    def _tasks(self, process: Process) -> list[TaskPlan]:
        plans: list[TaskPlan] = []
        for number, member in enumerate(self.tasks):
            plans.append(self._task(member, self.tasks[:number], process))
        return plans

    def _task(self, member: _Member, earlier: list[_Member], process: Process) -> TaskPlan:
        told, what = member.told, f"the task “{member.name}”"
        description = self._text(told.get("description"), what, "description")
        if not description.strip():
            description = self._missing(what, "description", member.name.replace("_", " "))
        expected = self._text(told.get("expected_output"), what, "expected_output")
        if not expected.strip():
            expected = self._missing(what, "expected result", "The complete answer.")
        agent = self._doer(member, what, process)
        context = self._context(member, earlier, what)
        settings = self._task_settings(told, what)
        if context is None and earlier and "uses_all" in TaskSettings.model_fields:
            settings = settings.model_copy(update={"uses_all": True})
        self._task_tools(told.get("tools"), agent, what)
        return TaskPlan(
            name=member.name,
            description=description,
            expected_output=expected,
            agent=agent,
            context=context or [],
            settings=settings,
        )

    def _doer(self, member: _Member, what: str, process: Process) -> str | None:
        told = member.told.get("agent")
        doer = self._who(told) if told is not None else None
        if doer is not None:
            return doer.name
        if told is not None:
            word = told if isinstance(told, str) else getattr(told, "name", "") or "somebody"
            said = f"{_upper(what)} is for “{word}”, who is not in the crew."
            self.troubles.append(Trouble(self.file, self.crew.place.line, said))
        if process is Process.SEQUENTIAL:
            names = [each.name for each in self.agents]
            self.undecided.append(Undecided(self.title, member.name, names, _likely(member, self.agents)))
        return None

    def _context(self, member: _Member, earlier: list[_Member], what: str) -> list[str] | None:
        """The names of the tasks whose results it is given; nothing where the project leaves it to CrewAI."""
        told = member.told.get("context")
        if told is None:
            return None
        found = []
        for each in _flat(told):
            known = next((one for one in earlier if one.made is not None and one.made is each), None)
            known = known or (_meant(each, earlier) if isinstance(each, str) else None)
            if known is None:
                word = each if isinstance(each, str) else _word(each)
                why = "It is no task before this one, so its result cannot be used."
                self.left_out.append(LeftOut(what, f"context {word}", why))
            elif known.name not in found:
                found.append(known.name)
        return found

    def _task_tools(self, tools: Value, agent: str | None, what: str) -> None:
        if not _flat(tools):
            return
        names = self.kit.take(tools, what)
        if names:
            doer = next((each for each in self.agents if each.name == agent), None)
            why = "A task uses its agent’s tools, so choose them for the agent too."
            if doer is not None:
                doer.told["more tools"] = [*doer.told.get("more tools", []), *names]
                why = f"A task uses its agent’s tools, so “{agent}” has them."
            self.left_out.append(LeftOut(what, f"tools {', '.join(names)}", why))

    def _task_settings(self, told: Mapping[str, Value], what: str) -> TaskSettings:
        asked = {word: value for word, value in told.items() if word not in _TASK_SPECIAL}
        for word in ("output_json", "output_pydantic", "response_model"):
            if told.get(word) is not None:
                try:
                    asked["output_schema"] = schema_of(told[word], self.reading)
                except NoSchema as fault:
                    self.left_out.append(LeftOut(what, word, str(fault)))
        rules = _flat(told.get("guardrails")) or _flat(told.get("guardrail"))
        if words := [rule.strip() for rule in rules if isinstance(rule, str) and rule.strip()]:
            asked["guardrail"] = "\n".join(words)
        for rule in rules:
            if not isinstance(rule, str):
                why = "It is a Python function. Write the rule in words as the task’s guardrail."
                self.left_out.append(LeftOut(what, f"guardrail {_word(rule)}", why))
        if (condition := told.get("condition")) is not None and not isinstance(condition, str):
            why = "It is a Python function. Write it as “Only if” in the task’s settings."
            self.left_out.append(LeftOut(what, f"condition {_word(condition)}", why))
        elif isinstance(condition, str):
            asked["condition"] = condition
        if (file := told.get("output_file")) is not None:
            asked |= self._output_file(file, what)
        if told.get("human_input") is True:
            asked |= self._review(what)
        return self._settings(TaskSettings, asked, TASK_LEFT_OUT, what)

    def _output_file(self, told: Value, what: str) -> dict[str, str]:
        path = told if isinstance(told, str) else getattr(told, "path", "")
        name = PurePosixPath(path.replace("\\", "/")).name if path else ""
        try:
            kept = TaskSettings(output_file=name).output_file
        except ValidationError:
            kept = ""
        if not kept:
            why = "Only plain file names with an ending are possible; the result is posted in the thread in any case."
            self.left_out.append(LeftOut(what, f"output_file {path or 'that only a run would tell'}", why))
        elif kept != path:
            why = f"The result is posted as {kept}; nothing is written into folders of the server."
            self.left_out.append(LeftOut(what, f"output_file {path}", why))
        return {"output_file": kept} if kept else {}

    def _review(self, what: str) -> dict[str, Any]:
        if "review" in TaskSettings.model_fields:
            return {"review": {}}
        self.left_out.append(LeftOut(what, "human_input", TASK_LEFT_OUT["human_input"]))
        return {}

    # --- The crew --------------------------------------------------------------------------------------------------

    def _crew_settings(self, name: str) -> CrewSettings:
        told, where = self.crew.kwargs, f"the crew “{name}”"
        told = self._known(told, where)
        asked = {word: value for word, value in told.items() if word not in _CREW_SPECIAL}
        for word in ("manager_llm", "planning_llm"):
            model = model_of(told.get(word), f"the {word.partition('_')[0]} of {where}")
            self.needs += model.needs
            self.left_out += [LeftOut(where, word, why) for why in model.lost.values()]
            if model.name:
                asked[word] = model.name
        return self._settings(CrewSettings, asked, CREW_LEFT_OUT, where)

    def _known(self, told: Mapping[str, Value], where: str) -> dict[str, Value]:
        """The same, with knowledge that stands in the code as text as the setting for it."""
        sources = _flat(told.get("knowledge_sources"))
        texts = [each.kwargs.get("content") for each in sources if isinstance(each, Made)]
        if not sources or "knowledge" not in AgentSettings.model_fields or not all(isinstance(t, str) for t in texts):
            return dict(told)
        if len(texts) < len(sources):
            return dict(told)
        rest = {word: value for word, value in told.items() if word != "knowledge_sources"}
        return {**rest, "knowledge": "\n\n".join(map(str, texts))}

    def _settings(self, kind: type[S], told: Mapping[str, Value], reasons: Mapping[str, str], where: str) -> S:
        """The settings that exist here; what else is told is noted with the reason."""
        kept: dict[str, Any] = {}
        for word, value in told.items():
            if word in kind.model_fields:
                fault = _fault(kind, word, _as_told(value, kind, word))
                if fault is None:
                    kept[word] = _as_told(value, kind, word)
                elif value is not None:
                    self.left_out.append(LeftOut(where, word, fault))
            elif word not in _UNSAID and not _says_nothing(value):
                self.left_out.append(LeftOut(where, word, reasons.get(word, _NO_SUCH)))
        return kind(**kept)


_TASK_SPECIAL = {"description", "expected_output", "agent", "context", "tools", "output_json", "output_pydantic"}
_TASK_SPECIAL |= {"response_model", "guardrail", "guardrails", "condition", "output_file", "human_input"}
# “verbose” prints on a terminal that nobody has here.
_CREW_SPECIAL = {"agents", "tasks", "process", "manager_agent", "manager_llm", "planning_llm", "manager_agent_id"}
_CREW_SPECIAL |= {"verbose"}


def with_task_tools(found: Found, casting: Casting) -> Found:
    """The crew with the tools that tasks lent to their agents."""
    lent = {member.name: member.told.get("more tools", []) for member in casting.agents}
    agents = [
        agent.model_copy(update={"tools": list(dict.fromkeys([*agent.tools, *lent.get(agent.name, [])]))})
        for agent in found.definition.agents
    ]
    definition = found.definition.model_copy(update={"agents": agents})
    return replace(found, definition=definition)


def in_words(name: str) -> str:
    """A class's or folder's name as people write it: “Job Posting Crew” for JobPostingCrew and job_posting_crew."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.sub(r"[_\-\s]+", " ", spaced).strip()
    return words[:1].upper() + words[1:]


def is_vague(name: str) -> bool:
    """Whether a name says nothing about what it names."""
    return name.casefold() in _VAGUE


def _member(made: Made, kind: str) -> _Member:
    told = {word: value for word, value in made.kwargs.items() if word != "config"}
    config = made.kwargs.get("config", made.args[0] if made.args else None)
    key = ""
    if isinstance(config, dict):
        told = {**config, **{word: value for word, value in told.items() if value is not None}}
        key = config.key if isinstance(config, Config) else ""
    own = [told["name"]] if isinstance(told.get("name"), str) else []
    first = [made.key] if made.key else []
    hints = [hint for hint in made.hints if not is_vague(hint)]
    text = told.get("role" if kind == "agent" else "description")
    said = [" ".join(text.split()[:6])[:40].strip(" .:,;#*")] if isinstance(text, str) and text.split() else []
    candidates = [*first, *own, *([key] if key and not hints else []), *hints, *([key] if key else []), *said, kind]
    return _Member(made, told, list(dict.fromkeys(candidates)), key=key or made.key)


def _baptize(members: list[_Member], short: Any) -> None:
    """Give each the first of its names that no other one has too, else the first with a number."""
    counts = Counter(name_key(candidate) for member in members for candidate in member.candidates)
    taken: set[str] = set()
    for member in members:
        own = next((each for each in member.candidates if counts[name_key(each)] == 1), member.candidates[0])
        name = short(own, "one of them")
        number = 2
        while name_key(name) in taken:
            name, number = f"{short(own, 'one of them')[:70]} {number}", number + 1
        taken.add(name_key(name))
        member.name = name


def _meant(value: Value, among: list[_Member]) -> _Member | None:
    """Which of them a word in a file means: by the name, any other name it has in the project, or its role."""
    if isinstance(value, Config | Unknown | Function):
        value = value.key if isinstance(value, Config) else value.name
    if not isinstance(value, str):
        return None
    wanted = name_key(value)
    for names in (
        lambda each: [each.name, each.key],
        lambda each: each.candidates,
        lambda each: [each.told["role"]] if isinstance(each.told.get("role"), str) else [],
    ):
        found = next((each for each in among if wanted in map(name_key, names(each))), None)
        if found is not None:
            return found
    return None


def _likely(task: _Member, agents: list[_Member]) -> str:
    """The agent whose words are most in those of the task, for somebody to confirm."""
    if not agents:
        return ""
    words = _stems(f"{task.name} {task.told.get('description', '')}")
    name = _stems(task.name)

    def fits(agent: _Member) -> tuple[int, int]:
        own = _stems(f"{agent.name} {agent.told.get('role', '')}")
        return len(name & _stems(agent.name)), len(words & own)

    return max(agents, key=fits).name


def _stems(text: str) -> set[str]:
    return {word[:6] for word in re.findall(r"[^\W_]{4,}", text.casefold())} - {"task", "agent"}


def _flat(value: Value) -> list[Value]:
    match value:
        case None:
            return []
        case list() | tuple():
            return [each for one in value for each in (_flat(one) if isinstance(one, list) else [one])]
        case Config():
            return [value]
        case dict():
            return _flat(list(value.values()))
    return [value]


def _is_kind(made: Made, kind: str) -> bool:
    # A function of a package may be called so too; classes begin with a capital.
    return kind in made.last.casefold() and made.last[:1].isupper()


def _process(value: Value) -> Process:
    word = value.last if isinstance(value, External) else value if isinstance(value, str) else ""
    return Process.HIERARCHICAL if "hierarchical" in word.casefold() else Process.SEQUENTIAL


def _as_told(value: Value, kind: type[Settings], word: str) -> Value:
    """The value as the setting has it; CrewAI's “verbose” was a number once."""
    if kind.model_fields[word].annotation is bool and isinstance(value, int):
        return bool(value)
    return value


def _fault(kind: type[Settings], word: str, value: Value) -> str | None:
    """Why the value cannot be kept; nothing if it can."""
    if not _is_plain(value):
        return "Only a run would tell its value."
    try:
        kind(**{word: value})
    except ValidationError as error:
        return f"Its value {str(value)[:60]} is not possible here: {error.errors()[0]['msg']}."
    return None


def _says_nothing(value: Value) -> bool:
    return value is None or value is False or (isinstance(value, list | dict | str) and not value)


def _is_plain(value: Value) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, str | int | float | bool)


def _word(value: Value) -> str:
    match value:
        case Function() | Class():
            return value.name or "(lambda)"
        case Made():
            return value.hints[0] if value.hints else value.last
        case External():
            return value.last
    return getattr(value, "name", "") or "of the code"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _once(things: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for each in things:
        if each not in found:
            found.append(each)
    return found


def _texts(definition: Definition) -> Iterable[tuple[str, str]]:
    for agent in definition.agents:
        yield "\n".join([agent.role, *agent.goals, agent.backstory]), f"the agent “{agent.name}”"
    for task in definition.tasks:
        yield f"{task.description}\n{task.expected_output}", f"the task “{task.name}”"
