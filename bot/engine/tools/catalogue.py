"""The catalogue of tools: what each does, what its form asks, and what it needs. Knows no CrewAI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).with_name("catalogue.json")

Danger = Literal["code", "files", "database", "private"]

# What an administrator allows, in words.
DANGERS: Mapping[Danger, str] = {
    "code": "The agent’s code runs in a sandbox of another company, never on the server.",
    "files": "Read and written in a directory of the run, which is gone with it.",
    "database": "Give the tool an account that may only read, unless agents shall write.",
    "private": "MCP servers on the bot’s own computer or network. Web tools never reach those.",
}


class Setting(BaseModel):
    """One thing a form asks: for a setting of a tool, or for an argument when it is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str = ""
    # “lines” is a list of texts; “json” any value, written as JSON.
    type: Literal["text", "integer", "number", "boolean", "choice", "lines", "json"]
    default: Any = None
    required: bool = False
    # The value is the name of an environment variable of the server.
    secret: bool = False
    choices: tuple[str, ...] = ()


class Entry(BaseModel):
    """A kind of tool; ``name`` is the class's, or the entry point's for a tool of one's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str
    group: str
    settings: tuple[Setting, ...] = ()
    # What the tool is given when it is used; empty where only the tool itself knows.
    arguments: tuple[Setting, ...] = ()
    # Environment variables that it cannot do without, and packages by the names they are installed under.
    env: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    network: bool = True
    # Other words by which people look for it.
    called: str = ""
    danger: Danger | None = None

    def secrets(self, config: Mapping[str, Any]) -> list[str]:
        """The environment variables that ``config`` refers to."""
        return [str(config[setting.name]) for setting in self.settings if setting.secret and config.get(setting.name)]


@cache
def packaged() -> Mapping[str, Entry]:
    """The tools of crewai_tools by name, in the catalogue's order."""
    return {entry["name"]: Entry.model_validate(entry) for entry in json.loads(FILE.read_text("utf-8"))}


def grouped(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries by group; both stay in order."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.group, []).append(entry)
    return groups


def search(entries: Iterable[Entry], words: str) -> list[Entry]:
    """The entries in which all the words begin a word of what is known of it, titles first."""
    wanted = _words(words)
    ranked = [(rank, entry) for entry in entries if (rank := _rank(entry, wanted)) is not None]
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]


def _rank(entry: Entry, wanted: list[str]) -> int | None:
    """How near: 0 if the title has all the words, 1 with the group and other names, 2 with the description."""
    told = ""
    for rank, part in enumerate((entry.title, f"{entry.group} {entry.name} {entry.called}", entry.description)):
        told += " " + part
        known = _words(told)
        if all(any(word.startswith(each) for word in known) for each in wanted):
            return rank
    return None


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).casefold())
