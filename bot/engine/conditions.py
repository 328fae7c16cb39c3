"""“Only if”: a task's condition over earlier results, an expression in CEL (https://cel.dev)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Macros over lists are CEL's only loops; one inside another multiplies, and nobody needs that here.
_LOOPS = frozenset({"all", "exists", "exists_one", "filter", "map", "min", "reduce"})
_MOST_LOOPS = 3
# What CEL's reader itself understands.
_ALWAYS = frozenset({"has", "dyn", "type"})
# No result is looked at beyond this many characters, nor read as JSON if it has more than that many: a loop takes some
# 50 µs a turn.
_LONGEST = 200_000
_LONGEST_JSON = 50_000
_KNOWN = 'It knows output, outputs["Task"] and data["Task"].'


class Undecided(Exception):
    """Why a condition has no answer, in half a sentence."""


def condition_problem(expression: str) -> str | None:
    """What keeps the expression from being a condition, as a sentence; ``None`` if nothing is known."""
    if not expression.strip():
        return None
    try:
        tree = _compiled(expression)
    except Undecided as problem:
        return f"This is no condition: {problem}. {_KNOWN}"
    if unknown := [*sorted(_names(tree) - {"output", "outputs", "data"}), *_strange_functions(tree)]:
        return f"It does not know “{unknown[0]}”. {_KNOWN}"
    return None


def holds(expression: str, output: str, outputs: Mapping[str, str]) -> bool:
    """Whether the condition holds after ``output``, given all earlier results by task; raises ``Undecided``."""
    import celpy
    from celpy.adapter import json_to_cel
    from celpy.celtypes import BoolType
    from celpy.evaluation import CELEvalError

    read = {name: parsed for name, text in outputs.items() if (parsed := _parsed(text)) is not None}
    texts = {name: text[:_LONGEST] for name, text in outputs.items()}
    facts: dict[str, Any] = {"output": output[:_LONGEST], "outputs": texts, "data": read}
    try:
        program = celpy.Environment().program(_compiled(expression))
        answer = program.evaluate({name: json_to_cel(fact) for name, fact in facts.items()})
    except (CELEvalError, RecursionError, TypeError, ValueError) as error:
        raise Undecided(_said(error)) from None
    if not isinstance(answer, BoolType | bool):
        raise Undecided("it comes to something else than yes or no")
    return bool(answer)


def _compiled(expression: str) -> Any:
    import celpy
    from celpy.celparser import CELParseError

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
    return tree


def _deepest(tree: Any) -> int:
    """How many loops stand inside one another at most."""
    children = [child for child in getattr(tree, "children", ()) if hasattr(child, "children")]
    inside = max((_deepest(child) for child in children), default=0)
    return inside + _is_loop(tree)


def _is_loop(tree: Any) -> bool:
    return tree.data == "member_dot_arg" and str(tree.children[1]) in _LOOPS


def _names(tree: Any) -> set[str]:
    """The free names of the expression."""
    found = {str(name) for each in tree.find_data("ident") for name in each.children}
    for loop in filter(_is_loop, tree.iter_subtrees()):
        if len(loop.children) > 2:
            # The first argument of a loop names what goes through the list.
            found -= {str(name) for each in loop.children[2].children[0].find_data("ident") for name in each.children}
    return found


def _strange_functions(tree: Any) -> list[str]:
    """The functions that CEL does not have."""
    from celpy.evaluation import base_functions

    called = [str(call.children[0]) for call in tree.find_data("ident_arg")]
    called += [str(call.children[1]) for call in tree.find_data("member_dot_arg")]
    return [name for name in called if name not in base_functions and name not in _LOOPS | _ALWAYS]


def _parsed(text: str) -> Any:
    """A result that is JSON; ``None`` for every other."""
    if len(text) > _LONGEST_JSON:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _said(error: Exception) -> str:
    said = str(error.args[0]) if error.args else ""
    missing = isinstance(error.args[-1], tuple) and error.args[-1] if error.args else ()
    if said == "no such key" and missing:
        return f"there is no “{missing[0]}” to look at"
    return "its parts do not fit together" if "found no matching overload" in said else "it cannot be worked out"
