"""Working out what a Python project would make, file by file, within a budget."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import PurePosixPath

from bot.projects.bundle import ProjectRefused, Trouble
from bot.projects.documents import read_json, read_yaml
from bot.projects.python import library
from bot.projects.python.statements import Statements
from bot.projects.python.values import (
    Class,
    Config,
    ConfigFile,
    External,
    Function,
    Instance,
    Made,
    Module,
    Scope,
    Unknown,
    Value,
)
from bot.projects.source import Source

# Whose classes are known by their names; a folder of the project that is called so is not meant.
_PACKAGES = {"crewai", "crewai_tools", "langchain", "langchain_openai", "langchain_community", "pydantic", "yaml", "os"}
_CREWAI = {"Agent", "Task", "Crew", "Process", "LLM", "ConditionalTask", "BaseLLM", "Flow"}
_TESTS = ("tests/", "test/")


class Reading(Statements):
    """One project while it is read; ``crews`` are all the crews that its code would make, each place once."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.modules: dict[str, Module] = {}
        self.crews: list[Made] = []
        self.troubles: list[Trouble] = []
        self.used: set[str] = set()
        self.read_files: dict[str, Value] = {}
        self._made_at: dict[tuple[str, int, int, str], Made] = {}

    def read_all(self) -> None:
        """Read every file, and work out every function that makes a crew or starts one."""
        paths = [path for path in self.source.ending(".py") if not _is_test(path)]
        for path in sorted(paths, key=lambda path: (PurePosixPath(path).name == "main.py", path)):
            self.module(path)
        for cls in list(self.classes()):
            if self.is_crew_base(cls):
                self.crews_of(cls)
        for wanted in ("Crew", "kickoff"):
            for function in list(self.functions()):
                if wanted in _called_in(function.node) and not self.is_told(function, wanted):
                    self.call(function, [], {})

    def module(self, path: str) -> Module | None:
        """The file, worked out; ``None`` where it is no Python."""
        if path in self.modules:
            return self.modules[path]
        try:
            with warnings.catch_warnings():
                # What the project's own code does wrong is not ours to tell on the console.
                warnings.simplefilter("ignore")
                tree = ast.parse(self.source.files[path])
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            said = getattr(error, "msg", None) or "it is nested too deeply"
            self.troubles.append(Trouble(path, line, f"This is not Python, so it was passed over: {said}."))
            return None
        module = self.modules[path] = Module(path, tree)
        self.execute(tree.body, module.scope)
        module.done = True
        return module

    def classes(self) -> Iterator[Class]:
        """The classes of all files."""
        for module in self.modules.values():
            yield from (value for value in list(module.scope.names.values()) if _stands_in(value, module))

    def functions(self) -> Iterator[Function]:
        """The functions of all files and the methods of all their classes."""
        for module in self.modules.values():
            for value in list(module.scope.names.values()):
                if isinstance(value, Function) and value.scope.module is module:
                    yield value
        for cls in list(self.classes()):
            instance = None
            for method in cls.methods().values():
                instance = instance or self.instance_of(cls)
                yield Function(method.node, method.scope, instance, cls.name)

    def is_told(self, function: Function, wanted: str) -> bool:
        """Whether what the function makes is known already."""
        lines = range(function.node.lineno, (function.node.end_lineno or function.node.lineno) + 1)
        file = function.scope.module.path
        if wanted == "Crew":
            made = [node.lineno for node in ast.walk(function.node) if isinstance(node, ast.Call) and _is_crew(node)]
            told = {crew.place.line for crew in self.crews if crew.place.file == file}
            return bool(told & set(lines)) and all(line in told for line in made)
        return function.node in self.worked_out

    # --- Crews -----------------------------------------------------------------------------------------------------

    def is_crew_base(self, cls: Class) -> bool:
        """Whether CrewAI would make a crew of the class's decorated methods."""
        marks = {mark for method in cls.methods().values() for mark in method.marks}
        return "CrewBase" in {_mark(each) for each in cls.node.decorator_list} or (
            bool(marks & {"crew"}) and bool(marks & {"agent", "task"})
        )

    def crews_of(self, cls: Class) -> list[Made]:
        """The crews of a class with decorated methods."""
        instance = self.instance_of(cls)
        makers = [name for name, method in cls.methods().items() if "crew" in method.marks]
        if makers:
            made = [self.attribute_called(instance, name) for name in makers]
            return [each for each in made if isinstance(each, Made)]
        tasks = self.attribute(instance, "tasks")
        if not tasks:
            return []
        kwargs = {"agents": self.attribute(instance, "agents"), "tasks": tasks}
        place = self.place(cls.node, cls.scope)
        crew = Made("crewai.Crew", [], kwargs, place, owner=cls.name)
        return [self.noted_crew(crew)]

    def instance_of(self, cls: Class) -> Instance:
        """An object of the class, as far as its constructor tells."""
        if cls not in self.instances:
            self.instances[cls] = self.instantiate(cls, [], {})
        found = self.instances[cls]
        return found if isinstance(found, Instance) else Instance(cls)

    def noted_crew(self, crew: Made) -> Made:
        """The crew of this place; the first one that is made there counts."""
        key = (crew.place.file, crew.place.line, crew.place.column, crew.owner)
        if key not in self._made_at:
            self._made_at[key] = crew
            self.crews.append(crew)
        known = self._made_at[key]
        if not _tasks_told(known) and _tasks_told(crew):
            known.args, known.kwargs = crew.args, crew.kwargs
        return known

    def decorated(self, instance: Instance, mark: str) -> list[Value]:
        """What the methods with this decorator give, in the order of the file."""
        names = [name for name, method in instance.cls.methods().items() if mark in method.marks]
        return [self.attribute_called(instance, name) for name in names]

    def attribute_called(self, instance: Instance, name: str) -> Value:
        """What a method without arguments gives."""
        return self.call(self.attribute(instance, name), [], {})

    def special_attribute(self, instance: Instance, name: str) -> Value | None:
        """What CrewAI puts into a class of decorated methods, in a list of one; nothing for other names."""
        if not self.is_crew_base(instance.cls):
            return None
        if name in ("agents", "tasks"):
            return [self.decorated(instance, name.removesuffix("s"))]
        if name in ("agents_config", "tasks_config"):
            told = self.class_attribute(instance.cls, name)
            path = told if isinstance(told, str) else f"config/{name.partition('_')[0]}.yaml"
            return [self.config_file(path, instance.cls.scope.module.path)]
        return None

    # --- Files -----------------------------------------------------------------------------------------------------

    def config_file(self, wanted: str, near: str) -> Value:
        """The data of a YAML or JSON file of the project, with its entries marked; ``Unknown`` where there is none."""
        path = self.source.near(wanted, to=near)
        if path is None:
            name = PurePosixPath(wanted.replace("\\", "/")).name
            path = self.source.near(name, to=near) if name else None
        if path is None or not path.lower().endswith((".yaml", ".yml", ".json", ".jsonc", ".json5")):
            return Unknown("config")
        return self.data_of(path)

    def data_of(self, path: str) -> Value:
        """The data of a file; raise ``ProjectRefused`` if it is broken."""
        if path not in self.read_files:
            read = read_yaml if path.lower().endswith((".yaml", ".yml")) else read_json
            self.read_files[path] = marked(read(self.source.files[path], path), path)
        self.used.add(path)
        return self.read_files[path]

    def imported(self, dotted: str, level: int, near: str) -> Module | None:
        """The file of the project that an import means."""
        if level == 0 and dotted.partition(".")[0] in _PACKAGES:
            return None
        folder = PurePosixPath(near).parent
        for _ in range(level - 1):
            folder = folder.parent
        parts = dotted.split(".") if dotted else []
        if level:
            base = "/".join([*(part for part in folder.parts if part != "."), *parts])
            candidates = [f"{base}.py", f"{base}/__init__.py"] if base else ["__init__.py"]
            path = next((each for each in candidates if each in self.source.files), None)
        else:
            ending = "/".join(parts)
            path = self.source.near(f"{ending}.py", to=near) or self.source.near(f"{ending}/__init__.py", to=near)
        return self.module(path) if path and path != near else None

    # --- Names -----------------------------------------------------------------------------------------------------

    def undefined(self, name: str, scope: Scope) -> Value:
        """What a name means that nothing in the file defines."""
        for star in reversed(scope.module.stars):
            if isinstance(star, Module) and name in star.scope.names:
                return star.scope.names[name]
        if name in _CREWAI:
            return External(f"crewai.{name}")
        if name in library.BUILTINS:
            return External(f"builtins.{name}")
        if name.endswith("Tool") and name[:1].isupper():
            return External(f"crewai_tools.{name}")
        return Unknown(name)


def marked(data: Value, path: str) -> Value:
    """The data of a file, its entries marked with their keys and file."""
    if not isinstance(data, dict):
        return data
    whole = ConfigFile()
    whole.file = path
    for key, entry in data.items():
        if isinstance(entry, dict):
            config = Config((str(name), value) for name, value in entry.items())
            config.key, config.file = str(key), path
            whole[str(key)] = config
        else:
            whole[str(key)] = entry
    return whole


def broken(path: str, line: int, said: str) -> ProjectRefused:
    """A refusal that names file and line."""
    return ProjectRefused(reason=f"{path}, line {line}: {said}")


def _is_test(path: str) -> bool:
    name = PurePosixPath(path).name
    return path.startswith(_TESTS) or "/tests/" in path or name.startswith("test_") or name == "conftest.py"


def _stands_in(value: Value, module: Module) -> bool:
    return isinstance(value, Class) and value.scope.module is module


def _mark(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _is_crew(node: ast.Call) -> bool:
    return _mark(node) == "Crew"


def _called_in(node: ast.AST) -> set[str]:
    names = {_mark(each) for each in ast.walk(node) if isinstance(each, ast.Call)}
    return names | ({"kickoff"} if names & {"kickoff_async", "akickoff", "kickoff_for_each"} else set())


def _tasks_told(crew: Made) -> bool:
    tasks = crew.kwargs.get("tasks")
    return isinstance(tasks, list) and any(isinstance(each, Made) for each in tasks)
