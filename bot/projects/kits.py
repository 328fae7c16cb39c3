"""Tools of a project: those that are here too, by their class, and those that are code of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.engine.tools.catalogue import Entry, packaged
from bot.engine.tools.toolbox import secret_name
from bot.projects.bundle import LeftOut, Need
from bot.projects.python.values import Class, Config, External, Function, Instance, Made, Unknown, Value
from store.definitions import ToolPlan

_OWN = (
    "It is Python code of the project. Install it on the server as a tool of your own (docs/how-to/own-tools.md), "
    "or offer it through an MCP server; then choose it for the agent."
)


@dataclass
class Kit:
    """The tools of a crew, each kind with the same settings once; ``lost`` is what nobody can have here."""

    tools: dict[str, ToolPlan] = field(default_factory=dict)
    lost: list[LeftOut] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)

    def take(self, value: Value, who: str) -> list[str]:
        """The names of the tools that ``who`` has, for a list of them or a single one."""
        if value is None:
            return []
        if not isinstance(value, list):
            value = [value]
        names = [name for each in value if (name := self._name(each, who))]
        return list(dict.fromkeys(names))

    def _name(self, value: Value, who: str) -> str:
        match value:
            case str():
                return self._of_kind(_class_name(value), {}, value, who)
            case Made(root="crewai_tools" | "crewai" | "langchain_crewai"):
                return self._of_kind(value.last, value.kwargs, value.last, who)
            case Made():
                return self._of_kind(value.last if ":" not in value.path else "", value.kwargs, _word(value), who)
            case External(root="crewai_tools"):
                return self._of_kind(value.last, {}, value.last, who)
            case dict():
                kind = str(value.get("tool_type") or value.get("name") or value.get("type") or "")
                settings = {key: each for key, each in value.items() if key not in ("tool_type", "type", "name")}
                return self._of_kind(_class_name(kind.rpartition(".")[2]), settings, kind or "a tool", who)
            case None | []:
                return ""
            case list():
                return next((name for each in value if (name := self._name(each, who))), "")
        self._lose(_word(value), who, _OWN)
        return ""

    def _of_kind(self, kind: str, settings: Mapping[str, Value], word: str, who: str) -> str:
        entry = packaged().get(kind)
        if entry is None:
            self._lose(word, who, _OWN)
            return ""
        config = self._config(entry, settings, who)
        for name, known in self.tools.items():
            if (known.tool_type, known.config) == (kind, config):
                return name
        name = entry.title if entry.title not in self.tools else f"{entry.title} {len(self.tools) + 1}"
        self.tools[name] = ToolPlan(id=0, name=name, tool_type=kind, config=config)
        self.needs += needs_of(entry, who)
        return name

    def _config(self, entry: Entry, settings: Mapping[str, Value], who: str) -> dict[str, Any]:
        known = {setting.name: setting for setting in entry.settings}
        config = {}
        for name, value in settings.items():
            setting = known.get(name)
            if setting is None or not _is_plain(value):
                if value not in (None, False, [], {}):
                    self._lose(f"{entry.name}({name}=…)", who, "This setting of the tool has no place here.")
            elif not setting.secret or secret_name(str(value)):
                config[name] = value
            else:
                self._lose(
                    f"{entry.name}({name}=…)", who, "A key is never carried over. Name its variable in the tool."
                )
        return config

    def _lose(self, what: str, who: str, why: str) -> None:
        lost = LeftOut(who, f"tool {what}", why)
        if lost not in self.lost:
            self.lost.append(lost)


def needs_of(entry: Entry, who: str) -> list[Need]:
    """What ``who`` needs before the tool works."""
    needs = [Need("key", key, f"The tool {entry.name} of {who}.") for key in entry.env]
    needs += [Need("package", package, f"The tool {entry.name} of {who}.") for package in entry.packages]
    if entry.danger:
        needs.append(Need("tool", entry.name, "An administrator has to allow it: /crew tools, Settings."))
    return needs


def _class_name(word: str) -> str:
    """The class that CrewAI finds for a name in a declaration: ``serper_dev``, ``SerperDev`` or the class itself."""
    word = word.rpartition(":")[2].rpartition(".")[2] or word
    snake = "".join(part.capitalize() for part in word.split("_"))
    return next((name for name in (word, f"{word}Tool", snake, f"{snake}Tool") if name in packaged()), word)


def _is_plain(value: Value) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, str | int | float | bool) or (
        isinstance(value, dict) and all(map(_is_plain, value.values()))
    )


def _word(value: Value) -> str:
    match value:
        case Made():
            return value.path.rpartition(":")[2].rpartition(".")[2]
        case Function() | Class():
            return value.name or "a function"
        case Instance():
            return value.cls.name
        case External():
            return value.last
        case Unknown():
            return value.name or "one that only a run would tell"
        case Config():
            return value.key
    return getattr(value, "name", "") or "one that only a run would tell"
