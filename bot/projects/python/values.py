"""What expressions come to when they are worked out instead of run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Whatever can be worked out: Python's own plain data, or one of the classes below.
Value = Any

_NO_NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True)
class Place:
    """Where something stands: a file and a line."""

    file: str
    line: int
    column: int = 0


@dataclass(eq=False)
class Unknown:
    """What only a run would know; ``name`` is the word that the program has for it."""

    name: str = ""


@dataclass(eq=False)
class External:
    """Something of a package, by its dotted path: ``crewai.Process.sequential``."""

    path: str

    @property
    def root(self) -> str:
        """The package."""
        return self.path.partition(".")[0]

    @property
    def last(self) -> str:
        """The name itself."""
        return self.path.rpartition(".")[2]


@dataclass(eq=False)
class Made:
    """An object of a package's class, from what it was called with; ``hints`` are names it was given, the first first.

    ``owner`` is the project's class in which it was made, ``method`` the function.
    """

    path: str
    args: list[Value]
    kwargs: dict[str, Value]
    place: Place
    owner: str = ""
    method: str = ""
    hints: list[str] = field(default_factory=list)
    # The name that CrewAI itself would know it by.
    key: str = ""

    @property
    def last(self) -> str:
        """The class's name."""
        return self.path.rpartition(".")[2]

    @property
    def root(self) -> str:
        """The package."""
        return self.path.partition(".")[0]

    def hint(self, name: str) -> None:
        """Note one more name that the program has for it."""
        if name not in self.hints:
            self.hints.append(name)


class Config(dict[str, Any]):
    """One entry of a configuration file, which knows its key and file."""

    key: str = ""
    file: str = ""


class ConfigFile(dict[str, Any]):
    """A whole configuration file."""

    file: str = ""


@dataclass(eq=False)
class FileRef:
    """A file that the program opens, by the path as far as it is known."""

    path: str


@dataclass(eq=False)
class Scope:
    """Names and what they stand for, inside those of ``outer``."""

    module: Module
    outer: Scope | None = None
    names: dict[str, Value] = field(default_factory=dict)
    owner: str = ""
    method: str = ""

    def find(self, name: str) -> Value | None:
        """What the name stands for here, wrapped so that ``None`` can be told apart: a list of one, or nothing."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return [scope.names[name]]
            scope = scope.outer
        return None


@dataclass(eq=False)
class Module:
    """One Python file."""

    path: str
    tree: ast.Module
    scope: Scope = field(init=False)
    stars: list[Value] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self.scope = Scope(self)


@dataclass(eq=False)
class Function:
    """A function or method of the project, bound to ``self`` where it is one of an object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    bound: Value = None
    owner: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return "" if isinstance(self.node, ast.Lambda) else self.node.name

    @property
    def marks(self) -> set[str]:
        """The names of its decorators."""
        return set() if isinstance(self.node, ast.Lambda) else {decorator(each) for each in self.node.decorator_list}


@dataclass(eq=False)
class Class:
    """A class of the project."""

    node: ast.ClassDef
    scope: Scope
    bases: list[Value] = field(default_factory=list)
    attributes: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    def lineage(self) -> list[Class]:
        """The class and those of the project that it is made from, the nearest first, each once."""
        found: list[Class] = []
        waiting: list[Class] = [self]
        while waiting and len(found) < 20:
            each = waiting.pop(0)
            if each not in found:
                found.append(each)
                waiting += [base for base in each.bases if isinstance(base, Class)]
        return found

    def methods(self) -> Mapping[str, Function]:
        """Its methods by name in the order of the file, those of the classes it is made from after them."""
        found: dict[str, Function] = {}
        for each in self.lineage():
            for node in each.node.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in found:
                    found[node.name] = Function(node, each.scope, owner=self.name)
        return found

    def foreign(self) -> list[External]:
        """The classes of packages that it is made from."""
        return [base for each in self.lineage() for base in each.bases if isinstance(base, External)]


@dataclass(eq=False)
class Instance:
    """An object of a class of the project."""

    cls: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    # What its decorated methods gave; CrewAI asks each of them once.
    given: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False)
class Method:
    """A method of plain data or of a package's object, about to be called."""

    of: Value
    name: str


def decorator(node: ast.expr) -> str:
    """The last name of a decorator: ``agent`` of ``@crewai.project.agent()``."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def word_for(node: ast.AST) -> str:
    """A name for what an expression stands for, as a placeholder may have: ``topic`` of ``self.state["topic"]``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return named(name)
        case ast.Subscript(value=value) | ast.Await(value=value) | ast.Starred(value=value):
            return word_for(value)
        case ast.Call(func=ast.Attribute(attr="join"), args=[first]):
            return word_for(first)
        case ast.Call(func=ast.Attribute(value=value, attr="strip" | "get" | "format" | "lower" | "upper" | "title")):
            return word_for(value)
        case ast.Call(args=[first], func=ast.Name(id="str" | "list" | "len" | "sorted")):
            return word_for(first)
        case ast.Call(func=called):
            return word_for(called)
        case ast.IfExp(body=body):
            return word_for(body)
        case ast.BoolOp(values=[first, *_]):
            return word_for(first)
        case ast.FormattedValue(value=value):
            return word_for(value)
    return "value"


def named(text: str) -> str:
    """The text as a name: letters, digits and underscores, beginning with a letter or underscore."""
    name = _NO_NAME_CHARACTERS.sub("_", text).strip("_")
    return f"_{name}" if name[:1].isdigit() else name or "value"
