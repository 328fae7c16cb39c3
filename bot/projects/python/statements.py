"""Working out statements: both ways of what only a run would decide, one round of loops over the unknown."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from bot.projects.python import library
from bot.projects.python.expressions import Expressions, Spent
from bot.projects.python.values import (
    Class,
    External,
    Function,
    Instance,
    Made,
    Module,
    Scope,
    Unknown,
    Value,
    word_for,
)

_DEEPEST_CALL = 30
# What decorated methods give is asked for once: https://docs.crewai.com/en/learn/using-annotations
_ASKED_ONCE = {"agent", "task", "crew", "llm", "tool", "callback", "output_json", "output_pydantic", "cache_handler"}


@dataclass
class _Call:
    """A function while it is worked out: what it may return, and whether it surely has."""

    returned: list[Value] = field(default_factory=list)
    over: bool = False


class Statements(Expressions):
    """How each kind of statement is worked out."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[_Call] = [_Call()]

    def execute(self, body: list[ast.stmt], scope: Scope, *, sure: bool = True) -> None:
        """Work out the statements in order, until the function has surely returned."""
        for statement in body:
            if self._calls[-1].over:
                return
            work = getattr(self, f"_do_{type(statement).__name__.lower()}", None)
            if work is not None:
                work(statement, scope, sure)

    def invoke(self, function: Function, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """What a function of the project gives; what it is not told is unknown by the names of its parameters."""
        once = isinstance(function.bound, Instance) and bool(function.marks & _ASKED_ONCE)
        given = function.bound.given if once else {}
        if function.name in given:
            return given[function.name]
        if len(self.active) >= _DEEPEST_CALL or self.active.count(function.node) > 1:
            return Unknown(function.name)
        scope = Scope(function.scope.module, function.scope, owner=function.owner, method=function.name)
        self._bind(function, args, kwargs, scope)
        value = self._worked_out(function, scope)
        _name(value, function)
        if once:
            given[function.name] = value
        return value

    def _worked_out(self, function: Function, scope: Scope) -> Value:
        self.worked_out.add(function.node)
        self.active.append(function.node)
        call = _Call()
        self._calls.append(call)
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, scope)
            self.execute(function.node.body, scope)
        finally:
            self._calls.pop()
            self.active.pop()
        telling = [value for value in call.returned if value is not None and not isinstance(value, Unknown)]
        return telling[0] if telling else call.returned[0] if call.returned else None

    def _bind(self, function: Function, args: list[Value], kwargs: dict[str, Value], scope: Scope) -> None:
        spec = function.node.args
        names = [each.arg for each in (*spec.posonlyargs, *spec.args)]
        given = list(args)
        if function.bound is not None and "staticmethod" not in function.marks and names:
            given.insert(0, function.bound)
        defaults = dict(zip(reversed(names), reversed(spec.defaults), strict=False))
        told = dict(zip(names, given, strict=False))
        for name, default in zip([each.arg for each in spec.kwonlyargs], spec.kw_defaults, strict=True):
            names.append(name)
            if default is not None:
                defaults[name] = default
        for name in names:
            if name in kwargs or name in told:
                scope.names[name] = kwargs.get(name, told.get(name))
            elif name in defaults:
                value = self.value(defaults[name], function.scope)
                scope.names[name] = Unknown(name) if value is None else value
            else:
                scope.names[name] = Unknown(name)
        if spec.vararg:
            scope.names[spec.vararg.arg] = given[len(spec.posonlyargs) + len(spec.args) :]
        if spec.kwarg:
            scope.names[spec.kwarg.arg] = {name: value for name, value in kwargs.items() if name not in names}

    # --- Assignments -----------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give the value to what stands at the left of an assignment."""
        match target:
            case ast.Name(id=name):
                if isinstance(value, Unknown) and not value.name:
                    value = Unknown(name)
                scope.names[name] = value
                _hinted(value, name)
            case ast.Attribute(value=of, attr=name):
                owner = self.value(of, scope)
                if isinstance(owner, Instance):
                    owner.attributes[name] = value
                    _hinted(value, name)
                elif isinstance(owner, Made):
                    owner.kwargs[name] = value
            case ast.Subscript(value=of, slice=at):
                owner, key = self.value(of, scope), self.value(at, scope)
                if isinstance(owner, dict) and isinstance(key, str | int):
                    owner[key] = value
                    _hinted(value, str(key))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                known = isinstance(value, list | tuple) and len(value) == len(parts)
                for number, part in enumerate(parts):
                    self.assign(part, value[number] if known else Unknown(word_for(part)), scope)
            case ast.Starred(value=inner):
                self.assign(inner, value, scope)

    def _do_assign(self, node: ast.Assign, scope: Scope, sure: bool) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)

    def _do_annassign(self, node: ast.AnnAssign, scope: Scope, sure: bool) -> None:
        if node.value is not None:
            self.assign(node.target, self.value(node.value, scope), scope)

    def _do_augassign(self, node: ast.AugAssign, scope: Scope, sure: bool) -> None:
        load = ast.BinOp(node.target, node.op, node.value, lineno=node.lineno, col_offset=node.col_offset)
        self.assign(node.target, self.value(load, scope), scope)

    def _do_expr(self, node: ast.Expr, scope: Scope, sure: bool) -> None:
        self.value(node.value, scope)

    # --- The course of things --------------------------------------------------------------------------------------

    def _do_return(self, node: ast.Return, scope: Scope, sure: bool) -> None:
        call = self._calls[-1]
        value = self.value(node.value, scope)
        # A return in the middle that only a run would decide about counts less than the last one.
        call.returned.insert(0 if sure else len(call.returned), value)
        call.over = sure and len(self._calls) > 1

    def _do_raise(self, node: ast.Raise, scope: Scope, sure: bool) -> None:
        self._calls[-1].over = sure and len(self._calls) > 1

    def _do_if(self, node: ast.If, scope: Scope, sure: bool) -> None:
        told = library.truth(self.value(node.test, scope))
        if told is None:
            self.execute(node.body, scope, sure=False)
            self.execute(node.orelse, scope, sure=False)
        else:
            self.execute(node.body if told else node.orelse, scope, sure=sure)

    def _do_for(self, node: ast.For | ast.AsyncFor, scope: Scope, sure: bool) -> None:
        for item in library.items(self.value(node.iter, scope), word_for(node.target)):
            self.assign(node.target, item, scope)
            self.execute(node.body, scope, sure=False)

    _do_asyncfor = _do_for

    def _do_while(self, node: ast.While, scope: Scope, sure: bool) -> None:
        self.execute(node.body, scope, sure=False)

    def _do_with(self, node: ast.With | ast.AsyncWith, scope: Scope, sure: bool) -> None:
        for each in node.items:
            value = self.value(each.context_expr, scope)
            if each.optional_vars is not None:
                self.assign(each.optional_vars, value, scope)
        self.execute(node.body, scope, sure=sure)

    _do_asyncwith = _do_with

    def _do_try(self, node: ast.Try, scope: Scope, sure: bool) -> None:
        self.execute(node.body, scope, sure=sure)
        self.execute([*node.orelse, *node.finalbody], scope, sure=sure)

    _do_trystar = _do_try

    def _do_match(self, node: ast.Match, scope: Scope, sure: bool) -> None:
        for case in node.cases:
            self.execute(case.body, scope, sure=False)

    # --- Definitions and imports -----------------------------------------------------------------------------------

    def _do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, sure: bool) -> None:
        scope.names[node.name] = Function(node, scope, owner=scope.owner)

    _do_asyncfunctiondef = _do_functiondef

    def _do_classdef(self, node: ast.ClassDef, scope: Scope, sure: bool) -> None:
        bases = [self.value(base.value if isinstance(base, ast.Subscript) else base, scope) for base in node.bases]
        cls = Class(node, scope, bases)
        scope.names[node.name] = cls
        inside = Scope(scope.module, scope, owner=node.name)
        for statement in node.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.With):
                self.execute([statement], inside, sure=False)
        cls.attributes.update(inside.names)

    def _do_import(self, node: ast.Import, scope: Scope, sure: bool) -> None:
        for each in node.names:
            name = each.asname or each.name.partition(".")[0]
            module = self.reading.imported(each.name if each.asname else name, 0, scope.module.path)
            scope.names[name] = module or External(each.name if each.asname else name)

    def _do_importfrom(self, node: ast.ImportFrom, scope: Scope, sure: bool) -> None:
        dotted, near = node.module or "", scope.module.path
        module = self.reading.imported(dotted, node.level, near)
        for each in node.names:
            if each.name == "*":
                scope.module.stars.append(module or External(dotted))
                continue
            scope.names[each.asname or each.name] = self._part(module, dotted, node.level, each.name, near)

    def _part(self, module: Module | None, dotted: str, level: int, name: str, near: str) -> Value:
        """What an import from somewhere means by a name: something in the file, or a file in the folder."""
        if module is not None and (found := module.scope.find(name)):
            return found[0]
        inner = self.reading.imported(f"{dotted}.{name}".strip("."), level, near)
        return inner or External(f"{dotted}.{name}".strip("."))


def _hinted(value: Value, name: str) -> None:
    if isinstance(value, Made):
        value.hint(name)


def _name(value: Value, function: Function) -> None:
    """Tell an agent or task the name of the function that gives it; CrewAI itself does so for decorated ones."""
    if not isinstance(value, Made):
        return
    if isinstance(function.bound, Instance) and function.marks & {"agent", "task"} and not value.key:
        value.key = function.name
    value.hint(function.name)


__all__ = ["Spent", "Statements"]
