"""Working out expressions: what is plain is computed, what makes an object is noted, the rest stays unknown."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bot.projects.python import library
from bot.projects.python.values import (
    Class,
    Config,
    ConfigFile,
    External,
    FileRef,
    Function,
    Instance,
    Made,
    Method,
    Module,
    Place,
    Scope,
    Unknown,
    Value,
    named,
    word_for,
)

if TYPE_CHECKING:
    from bot.projects.python.reading import Reading

_BUDGET = 400_000
_DEEPEST = 120
_LONGEST_TEXT = 1_000_000
_MOST_ITEMS = 500

_PLAIN = (str, int, float, bool, type(None))
_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
}
_CALCULATED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


class Spent(Exception):
    """The project has more in it than is worth working out."""


class Expressions:
    """How each kind of expression is worked out."""

    def __init__(self) -> None:
        self.instances: dict[Class, Value] = {}
        self.worked_out: set[ast.AST] = set()
        self.active: list[ast.AST] = []
        self._spent = 0
        self._depth = 0

    @property
    def reading(self) -> Reading:
        """The whole reading, of which this is the part for expressions."""
        return self  # type: ignore[return-value]

    def value(self, node: ast.AST | None, scope: Scope) -> Value:
        """What the expression comes to; ``Unknown`` where only a run would tell."""
        if node is None:
            return None
        self._spent += 1
        if self._spent > _BUDGET:
            raise Spent
        if self._depth > _DEEPEST:
            return Unknown(word_for(node))
        work = getattr(self, f"_{type(node).__name__.lower()}", None)
        if work is None:
            return Unknown(word_for(node))
        self._depth += 1
        try:
            return work(node, scope)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError):
            # The program itself would fail here, or our picture of it is too coarse.
            return Unknown(word_for(node))
        finally:
            self._depth -= 1

    def place(self, node: Any, scope: Scope) -> Place:
        """Where the expression stands."""
        return Place(scope.module.path, node.lineno, node.col_offset)

    # --- Data ------------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, scope: Scope) -> Value:
        return node.value

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        found = scope.find(node.id)
        return found[0] if found else self.reading.undefined(node.id, scope)

    def _list(self, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
        items: list[Value] = []
        for each in node.elts:
            if isinstance(each, ast.Starred):
                more = self.value(each.value, scope)
                items += list(more) if isinstance(more, list | tuple) else [more]
            else:
                items.append(self.value(each, scope))
        return items

    _tuple = _list
    _set = _list

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        found: dict[Any, Value] = {}
        for key, each in zip(node.keys, node.values, strict=True):
            value = self.value(each, scope)
            if key is None:
                found.update(value if isinstance(value, dict) else {})
                continue
            name = self.value(key, scope)
            if isinstance(name, _PLAIN):
                found[name] = value
                _hint(value, name)
        return found

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        parts = []
        for each in node.values:
            if isinstance(each, ast.Constant):
                parts.append(str(each.value))
            elif isinstance(each, ast.FormattedValue):
                parts.append(self._formatted(each, scope))
        return _short("".join(parts))

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> str:
        value = self.value(node.value, scope)
        if isinstance(value, _PLAIN) and node.format_spec is None:
            return repr(value) if node.conversion == ord("r") else str(value)
        if isinstance(value, list | dict) and _is_plain(value):
            return str(dict(value) if isinstance(value, dict) else value)
        # The word that stands in the text itself, whatever it was called where it came from.
        return f"{{{named(word_for(node.value))}}}"

    def _formattedvalue(self, node: ast.FormattedValue, scope: Scope) -> Value:
        return self._formatted(node, scope)

    def _starred(self, node: ast.Starred, scope: Scope) -> Value:
        return self.value(node.value, scope)

    # --- Operators -------------------------------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.Add):
            return self._sum(node, scope)
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        if isinstance(node.op, ast.Div) and isinstance(left, FileRef) and isinstance(right, str):
            return FileRef(f"{left.path}/{right}")
        if isinstance(node.op, ast.Div) and isinstance(left, External | Made | Unknown) and isinstance(right, str):
            return FileRef(right)
        if isinstance(node.op, ast.Mod) and isinstance(left, str):
            return library.percent(left, right, node.right)
        if isinstance(node.op, ast.Mult) and isinstance(left, int | float) and isinstance(right, int | float):
            return left * right
        if isinstance(node.op, ast.Mult) and isinstance(left, str) and isinstance(right, int) and right <= 200:
            return _short(left * right)
        if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
            return {**left, **right}
        calculate = _CALCULATED.get(type(node.op))
        both_numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return calculate(left, right) if calculate and both_numbers else Unknown(word_for(node))

    def _sum(self, node: ast.BinOp, scope: Scope) -> Value:
        """A chain of additions, however long; its parts from left to right."""
        parts: list[ast.expr] = []
        rest: ast.expr = node
        while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add):
            parts.append(rest.right)
            rest = rest.left
        total = self.value(rest, scope)
        first: ast.expr = rest
        for each in reversed(parts):
            total = _added(total, self.value(each, scope), first, each)
            first = each
        return total

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            told = library.truth(value)
            return Unknown() if told is None else not told
        if isinstance(node.op, ast.USub) and isinstance(value, int | float):
            return -value
        return Unknown(word_for(node))

    def _boolop(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for each in node.values:
            value = self.value(each, scope)
            told = library.truth(value)
            if told is None:
                # “os.getenv('MODEL') or 'gpt-4o'”: what stands last is what is meant where nothing else is said.
                last = self.value(node.values[-1], scope)
                return last if isinstance(node.op, ast.Or) and not isinstance(last, Unknown) else value
            if told is isinstance(node.op, ast.Or):
                return value
        return value

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        if len(node.ops) != 1:
            return Unknown()
        right = self.value(node.comparators[0], scope)
        if isinstance(node.left, ast.Name) and node.left.id == "__name__":
            return True
        if isinstance(left, External) and isinstance(right, External) and isinstance(node.ops[0], ast.Eq):
            return left.path == right.path
        if not _is_plain(left) or not _is_plain(right):
            return Unknown()
        return _COMPARED[type(node.ops[0])](left, right)

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> Value:
        told = library.truth(self.value(node.test, scope))
        if told is None:
            first = self.value(node.body, scope)
            return self.value(node.orelse, scope) if isinstance(first, Unknown) or first is None else first
        return self.value(node.body if told else node.orelse, scope)

    # --- Parts of things -------------------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self.attribute(self.value(node.value, scope), node.attr)

    def attribute(self, of: Value, name: str) -> Value:
        """A part of something, by its name."""
        match of:
            case Module():
                found = of.scope.find(name)
                if found:
                    return found[0]
                inner = self.reading.imported(name, 1, of.path)
                return inner or Unknown(name)
            case External():
                return External(f"{of.path}.{name}")
            case Instance():
                return self._attribute_of(of, name)
            case Class():
                found = self.class_attribute(of, name)
                method = of.methods().get(name)
                return found if not isinstance(found, Unknown) or method is None else method
            case Made() if name in of.kwargs:
                return of.kwargs[name]
            case FileRef():
                return of if name in ("parent", "parents") else Method(of, name)
            case Made() | str() | list() | dict() | tuple():
                return Method(of, name)
        return Unknown(name)

    def _attribute_of(self, instance: Instance, name: str) -> Value:
        if name in instance.attributes:
            return instance.attributes[name]
        special = self.reading.special_attribute(instance, name)
        if special is not None:
            instance.attributes[name] = special[0]
            return special[0]
        method = instance.cls.methods().get(name)
        if method is None and name.startswith("__"):
            method = instance.cls.methods().get(name.removeprefix(f"_{instance.cls.name}"))
        if method is not None:
            bound = Function(method.node, method.scope, instance, instance.cls.name)
            return self.call(bound, [], {}) if "property" in bound.marks or "cached_property" in bound.marks else bound
        return self.class_attribute(instance.cls, name)

    def class_attribute(self, cls: Class, name: str) -> Value:
        """What a class itself gives the name, or those that it is made from."""
        for each in cls.lineage():
            if name in each.attributes:
                return each.attributes[name]
        return Unknown(name)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        of, at = self.value(node.value, scope), self.value(node.slice, scope)
        if isinstance(of, External) and of.path == "os.environ":
            return Unknown(str(at))
        if isinstance(of, ConfigFile) and isinstance(at, str) and at not in of:
            missing = Config()
            missing.key, missing.file = at, of.file
            return missing
        if isinstance(of, dict) and isinstance(at, _PLAIN):
            return of[at] if at in of else Unknown(named(str(at)))
        if isinstance(of, list | tuple | str) and isinstance(at, int):
            return of[at]
        return Unknown(word_for(node))

    def _slice(self, node: ast.Slice, scope: Scope) -> Value:
        return Unknown()

    # --- Comprehensions and lambdas --------------------------------------------------------------------------------

    def _listcomp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
        return [self.value(node.elt, inner) for inner in self._rounds(node.generators, scope)]

    _setcomp = _listcomp
    _generatorexp = _listcomp

    def _dictcomp(self, node: ast.DictComp, scope: Scope) -> Value:
        found = {}
        for inner in self._rounds(node.generators, scope):
            key, value = self.value(node.key, inner), self.value(node.value, inner)
            if isinstance(key, _PLAIN):
                found[key] = value
                _hint(value, key)
        return found

    def _rounds(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        """The scopes of all rounds of a comprehension."""
        if not generators:
            yield scope
            return
        first, *rest = generators
        for item in library.items(self.value(first.iter, scope), word_for(first.target)):
            inner = Scope(scope.module, scope, owner=scope.owner, method=scope.method)
            self.reading.assign(first.target, item, inner)
            if all(library.truth(self.value(test, inner)) is not False for test in first.ifs):
                yield from self._rounds(rest, inner)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return Function(node, scope, owner=scope.owner)

    def _await(self, node: ast.Await, scope: Scope) -> Value:
        return self.value(node.value, scope)

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        self.reading.assign(node.target, value, scope)
        return value

    # --- Calls -----------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        called = self.value(node.func, scope)
        args = self._list(ast.List(node.args), scope)
        kwargs: dict[str, Value] = {}
        for each in node.keywords:
            value = self.value(each.value, scope)
            if each.arg is not None:
                kwargs[each.arg] = value
            elif isinstance(value, dict):
                kwargs.update({str(key): one for key, one in value.items()})
        given = self.call(called, args, kwargs, node=node, scope=scope)
        if isinstance(given, Unknown):
            # What only changes a configuration, such as filling in words, leaves it what it is.
            configs = [each for each in args if isinstance(each, Config)]
            told = given if given.name else Unknown(word_for(node))
            return configs[0] if configs else told
        return given

    def call(
        self,
        called: Value,
        args: list[Value],
        kwargs: dict[str, Value],
        *,
        node: ast.Call | None = None,
        scope: Scope | None = None,
    ) -> Value:
        """What calling something gives."""
        match called:
            case Function():
                return self.reading.invoke(called, args, kwargs)
            case Class():
                return self.instantiate(called, args, kwargs, node=node, scope=scope)
            case External() if node is not None and scope is not None:
                return self._call_external(called, args, kwargs, node, scope)
            case Method():
                return library.call_method(self.reading, called, args, kwargs, scope)
            case Made(path=path) if path.rpartition(".")[2] == "partial":
                return self.call(
                    called.args[0], [*called.args[1:], *args], {**called.kwargs, **kwargs}, node=node, scope=scope
                )
        return Unknown()

    def _call_external(
        self, called: External, args: list[Value], kwargs: dict[str, Value], node: ast.Call, scope: Scope
    ) -> Value:
        known = library.call(self.reading, called, args, kwargs, scope)
        if known is not None:
            return known[0]
        made = Made(called.path, args, kwargs, self.place(node, scope), scope.owner, scope.method)
        if made.root == "crewai" and made.last == "Crew":
            return self.reading.noted_crew(made)
        return made

    def instantiate(
        self,
        cls: Class,
        args: list[Value],
        kwargs: dict[str, Value],
        *,
        node: ast.Call | None = None,
        scope: Scope | None = None,
    ) -> Value:
        """An object of a class of the project; of a package's where it only adds to one of CrewAI's."""
        for base in cls.foreign():
            if base.root == "crewai" and base.last in ("Agent", "Task", "Crew", "ConditionalTask") and node and scope:
                return self._call_external(External(f"crewai.{base.last}"), args, kwargs, node, scope)
        if node is not None and scope is not None and _is_data(cls):
            return Made(f"{cls.scope.module.path}:{cls.name}", args, kwargs, self.place(node, scope))
        instance = Instance(cls)
        begin = cls.methods().get("__init__")
        if begin is not None:
            self.reading.invoke(Function(begin.node, begin.scope, instance, cls.name), args, kwargs)
        else:
            instance.attributes.update(kwargs)
        return instance


def _is_data(cls: Class) -> bool:
    """Whether its objects are tools, models or data, which are told by their class."""
    return any(
        base.last in ("BaseTool", "BaseLLM", "LLM", "BaseModel", "Enum", "StructuredTool") for base in cls.foreign()
    )


def _added(total: Value, value: Value, first: ast.expr, second: ast.expr) -> Value:
    if isinstance(total, str) or isinstance(value, str):
        left = total if isinstance(total, str) else _in_text(total, first)
        right = value if isinstance(value, str) else _in_text(value, second)
        return _short(left + right)
    if isinstance(total, list) and isinstance(value, list):
        return [*total, *value][:_MOST_ITEMS]
    if isinstance(total, list):
        return [*total, value]
    if isinstance(value, list):
        return [total, *value]
    if isinstance(total, int | float) and isinstance(value, int | float):
        return total + value
    return Unknown()


def _in_text(value: Value, node: ast.expr) -> str:
    return str(value) if isinstance(value, int | float) else f"{{{named(word_for(node))}}}"


def _short(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise Spent
    return text


def _is_plain(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, _PLAIN)


def _hint(value: Value, name: Any) -> None:
    if isinstance(value, Made) and isinstance(name, str):
        value.hint(name)
