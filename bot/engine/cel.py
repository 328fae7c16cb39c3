"""Expressions in CEL (https://cel.dev), read and worked out within bounds, whoever wrote them."""

from __future__ import annotations

import json
import math
import operator
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

LONGEST_EXPRESSION = 2_000
# No text is looked at beyond this many characters, and none that comes out may be longer.
LONGEST_TEXT = 200_000

# Words of the language itself, which cannot be the name of anything: https://github.com/google/cel-spec.
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"}
    | {"namespace", "null", "package", "return", "true", "var", "void", "while"}
)

# Macros over lists are CEL's only loops; one inside another multiplies, and nobody needs that here.
_LOOPS = frozenset({"all", "exists", "exists_one", "filter", "map", "min"})
_MOST_LOOPS = 3
# The library's own addition to CEL; it could double a text at every turn.
_DOUBLING = frozenset({"reduce"})
# What CEL's reader itself understands.
_ALWAYS = frozenset({"has", "dyn", "type"})
# One visit of a part of an expression takes some 10 µs.
_MOST_VISITS = 100_000
_MOST_SECONDS = 2.0
_LONGEST_LIST = 10_000
# Values and characters in all of what comes out, however they stand inside one another.
_MOST_VALUES = 20_000
_MOST_CHARACTERS = 2_000_000


class Undecided(Exception):
    """Why an expression has no answer, in half a sentence."""


def problem(
    expression: str, roots: Collection[str], known: str, what: str = "expression", *, state: Collection[str] = ()
) -> str | None:
    """What keeps the text from being an expression over ``roots``, as a sentence; ``None`` if nothing is known.

    ``known`` is the sentence that says what there is; ``what`` is what people call the expression. A field of the
    ``state`` that is named alone is told by its whole name.
    """
    try:
        tree = compiled(expression)
    except Undecided as why:
        return f"This is no {what}: {why}. {known}"
    if unknown := [*sorted(names(tree) - set(roots)), *_strange_functions(tree)]:
        meant = f"Did you mean state.{unknown[0]}?" if unknown[0] in state else known
        return f"It does not know “{unknown[0]}”. {meant}"
    return None


def evaluate(expression: str, facts: Mapping[str, Any]) -> Any:
    """What the expression comes to as a JSON value, given JSON values by name; raises ``Undecided``."""
    import celpy
    from celpy.adapter import json_to_cel
    from celpy.evaluation import CELEvalError

    tree = compiled(expression)
    wanted = names(tree)
    environment = celpy.Environment(runner_class=_runner())
    try:
        context = {name: json_to_cel(_bounded(fact)) for name, fact in facts.items() if name in wanted}
        answer = environment.program(tree, functions=_FUNCTIONS).evaluate(context)
    except (CELEvalError, RecursionError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise Undecided(_said(error)) from None
    return _Plain()(answer)


@lru_cache(maxsize=1024)
def compiled(expression: str) -> Any:
    """The expression's tree; raises ``Undecided`` for one that cannot be read or does too much."""
    import celpy
    from celpy.celparser import CELParseError

    if not expression.strip():
        raise Undecided("it is empty")
    if len(expression) > LONGEST_EXPRESSION:
        raise Undecided(f"it is longer than {LONGEST_EXPRESSION} characters")
    try:
        tree = celpy.Environment().compile(expression)
        if _deepest(tree) > 1:
            raise Undecided("one loop stands inside another")
        if sum(_is_loop(each) for each in tree.iter_subtrees()) > _MOST_LOOPS:
            raise Undecided(f"it has more than {_MOST_LOOPS} loops")
    except CELParseError as error:
        where = f" at character {error.column}" if error.column else ""
        raise Undecided(f"it cannot be read{where}") from None
    except RecursionError:
        raise Undecided("too many brackets stand inside one another") from None
    if any(call.children[1] in _DOUBLING for call in tree.find_data("member_dot_arg")):
        raise Undecided("it cannot loop with reduce")
    return tree


def names(tree: Any) -> set[str]:
    """The free names of the expression."""
    found = {str(name) for each in tree.find_data("ident") for name in each.children}
    for loop in filter(_is_loop, tree.iter_subtrees()):
        if len(loop.children) > 2:
            # The first argument of a loop names what goes through the list.
            found -= {str(name) for each in loop.children[2].children[0].find_data("ident") for name in each.children}
    return found


def paths(expression: str) -> set[tuple[str, ...]]:
    """What the expression looks at, each as a path such as ``("outputs", "research", "raw")``.

    What ``has()`` asks about is left out, with all inside it, for it may be missing. Raises ``Undecided``.
    """
    tree = compiled(expression)
    asked = {known for call in tree.find_data("ident_arg") if call.children[0] == "has" for known in _found(call)}
    free = names(tree)
    looked = {known for known in _found(tree) if known[0] in free}
    return {known for known in looked if not any(known[: len(each)] == each for each in asked)}


def path(expression: str) -> tuple[str, ...] | None:
    """The path that the expression is nothing but; ``None`` for any other. Raises ``Undecided``."""
    return _path(_innermost(compiled(expression)))


def literal(expression: str) -> Any:
    """The value that the expression writes down; raises ``Undecided`` for one that looks at anything."""
    if names(compiled(expression)):
        raise Undecided("it depends on what happens in the run")
    return evaluate(expression, {})


def _found(tree: Any) -> Iterator[tuple[str, ...]]:
    """The paths in this part of the tree, the longest ones."""
    if (known := _path(tree)) is not None:
        yield known
        return
    for child in getattr(tree, "children", ()):
        yield from _found(child)


def _path(tree: Any) -> tuple[str, ...] | None:
    """The path that stands at this place of the tree."""
    if not hasattr(tree, "children"):
        return None
    tree = _innermost(tree)
    match tree.data, tree.children:
        case "ident", [name]:
            return (str(name),)
        case "member_dot", [member, name]:
            before = _path(member)
            return (*before, str(name)) if before else None
        case "member_index", [member, index]:
            before, key = _path(member), _text(index)
            return (*before, key) if before and key is not None else None
    return None


def _text(tree: Any) -> str | None:
    """The text that stands there in quotation marks."""
    token = _innermost(tree)
    if token.data != "literal" or token.children[0].type != "STRING_LIT":
        return None
    written = str(token.children[0])
    return written[1:-1] if "\\" not in written else None


def _innermost(tree: Any) -> Any:
    """Below the rules of the grammar that only pass on what they hold."""
    while tree.data not in _TELLING and len(tree.children) == 1 and hasattr(tree.children[0], "children"):
        tree = tree.children[0]
    return tree


# Rules with one part that do something to it.
_TELLING = frozenset({"unary_not", "unary_neg", "list_lit", "map_lit", "exprlist", "paren_expr_list"})


def _deepest(tree: Any) -> int:
    """How many loops stand inside one another at most."""
    children = [child for child in getattr(tree, "children", ()) if hasattr(child, "children")]
    inside = max((_deepest(child) for child in children), default=0)
    return inside + _is_loop(tree)


def _is_loop(tree: Any) -> bool:
    return tree.data == "member_dot_arg" and str(tree.children[1]) in _LOOPS


def _strange_functions(tree: Any) -> list[str]:
    """The functions that CEL does not have."""
    from celpy.evaluation import base_functions

    called = [str(call.children[0]) for call in tree.find_data("ident_arg")]
    called += [str(call.children[1]) for call in tree.find_data("member_dot_arg")]
    return [name for name in called if name not in base_functions and name not in _LOOPS | _ALWAYS]


@cache
def _runner() -> Any:
    """The library's way through a tree, with a limit on how much is visited and for how long."""
    import celpy
    from celpy.evaluation import Evaluator

    class Bounded(Evaluator):
        budget: list[float]

        def visit_children(self, tree: Any) -> Any:
            self.budget[0] -= 1
            if self.budget[0] < 0 or time.monotonic() > self.budget[1]:
                raise Undecided("it takes too long")
            return super().visit_children(tree)

        def sub_evaluator(self, ast: Any) -> Bounded:
            nested = Bounded(ast, activation=self.activation)
            nested.budget = self.budget
            return nested

    class Runner(celpy.Runner):
        tree_node_class = celpy.InterpretedRunner.tree_node_class

        def evaluate(self, context: Any) -> Any:
            evaluator = Bounded(ast=self.ast, activation=self.new_activation())
            evaluator.budget = [_MOST_VISITS, time.monotonic() + _MOST_SECONDS]
            return evaluator.evaluate(context)

    return Runner


def _added(left: Any, right: Any) -> Any:
    """Texts and lists may be put together, but not without end."""
    if isinstance(left, str | bytes | list) and isinstance(right, str | bytes | list):
        most = _LONGEST_LIST if isinstance(left, list) else LONGEST_TEXT
        if len(left) + len(right) > most:
            raise Undecided("what comes out is too long")
    return operator.add(left, right)


def _of_numbers(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Python also multiplies texts, and fills them in with %; CEL knows neither, and both can fill the memory."""

    def worked_out(left: Any, right: Any) -> Any:
        if isinstance(left, str | bytes | list) or isinstance(right, str | bytes | list):
            raise TypeError("no such overload")
        return work(left, right)

    worked_out.__name__ = work.__name__
    return worked_out


_FUNCTIONS: dict[str, Any] = {
    "_+_": _added,
    "_*_": _of_numbers(operator.mul),
    "_%_": _of_numbers(operator.mod),
}


def _bounded(fact: Any) -> Any:
    """The same JSON value with every text cut to what is looked at."""
    match fact:
        case str():
            return fact[:LONGEST_TEXT]
        case Mapping():
            return {str(name): _bounded(each) for name, each in fact.items()}
        case Sequence():
            return [_bounded(each) for each in fact]
    return fact


class _Plain:
    """CEL's values as JSON has them: a time as 2030-01-31T12:00:00+00:00, a duration in seconds."""

    def __init__(self) -> None:
        self._left, self._characters = _MOST_VALUES, _MOST_CHARACTERS

    def __call__(self, value: Any) -> Any:
        from celpy.celtypes import BoolType

        self._left -= 1
        self._characters -= len(value) if isinstance(value, str) else 0
        if min(self._left, self._characters) < 0:
            raise Undecided("what comes out is too long")
        match value:
            case None | BoolType() | bool():
                return None if value is None else bool(value)
            case datetime():
                return value.isoformat()
            case timedelta():
                return value.total_seconds()
            case int():
                return int(value)
            case float() if math.isfinite(value):
                return float(value)
            case str():
                return str(value)
            case Mapping() if all(isinstance(name, str) for name in value):
                return {str(name): self(each) for name, each in value.items()}
            case list() | tuple():
                return [self(each) for each in value]
        raise Undecided("it comes to something that is no value")


def _said(error: Exception) -> str:
    said = str(error.args[0]) if error.args else ""
    if member := re.fullmatch(r"no such member in mapping: '(.+)'", said):
        return f"there is no “{member[1]}” to look at"
    missing = isinstance(error.args[-1], tuple) and error.args[-1] if error.args else ()
    if missing and (said == "no such key" or said.startswith("undeclared reference")):
        return f"there is no “{missing[0]}” to look at"
    return "its parts do not fit together" if "found no matching overload" in said else "it cannot be worked out"


def as_text(value: Any) -> str:
    """A JSON value as people and models read it: yes and no as JSON has them, nothing as an empty text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
