"""What was found in a project: crews and flows, and everything that a person has to know before they are created."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from bot.errors import UserError
from store.definitions import Definition

# What somebody has to bring: a key of the server, a package, a model that works here, a tool.
NeedKind = Literal["key", "package", "model", "tool", "step"]


class ProjectRefused(UserError):
    """{reason}"""


@dataclass(frozen=True)
class LeftOut:
    """Something that cannot be carried over: where it stands, what it is, and why; a sentence without the first two."""

    where: str
    what: str
    why: str


@dataclass(frozen=True)
class Need:
    """Something that the crew needs before it can run, by its own name, and for what."""

    kind: NeedKind
    name: str
    why: str


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong in a file and does not keep it from being read."""

    file: str
    line: int
    sentence: str


@dataclass(frozen=True)
class Undecided:
    """A task for which somebody has to choose the agent; ``likely`` is the one its name speaks for."""

    crew: str
    task: str
    agents: list[str]
    likely: str


@dataclass(frozen=True)
class Found:
    """One crew or flow; ``file`` is where it stands, ``title`` the class's, the folder's or the file's own name.

    ``examples`` are the inputs that the project itself runs it with. The tools in the definition have no ids.
    """

    definition: Definition
    file: str
    title: str
    examples: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    undecided: list[Undecided] = field(default_factory=list)
    # The name before it was told apart from others in the same project.
    as_read: str = ""
    # The names of the agents and tasks in the project's own files, by ours.
    keys: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bundle:
    """Everything that was found in one project, in an order in which what a flow runs comes before it."""

    name: str
    found: list[Found]
    troubles: list[Trouble] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
