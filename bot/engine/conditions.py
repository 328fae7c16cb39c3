"""“Only if”: a task's condition over earlier results, an expression in CEL (https://cel.dev)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.engine import cel
from bot.engine.cel import Undecided

__all__ = ["Undecided", "condition_problem", "holds"]

# No result with more characters is read as JSON: a loop takes some 50 µs a turn.
_LONGEST_JSON = 50_000
_KNOWN = 'It knows output, outputs["Task"] and data["Task"].'


def condition_problem(expression: str) -> str | None:
    """What keeps the expression from being a condition, as a sentence; ``None`` if nothing is known."""
    if not expression.strip():
        return None
    return cel.problem(expression, ("output", "outputs", "data"), _KNOWN, "condition")


def holds(expression: str, output: str, outputs: Mapping[str, str]) -> bool:
    """Whether the condition holds after ``output``, given all earlier results by task; raises ``Undecided``."""
    read = {name: parsed for name, text in outputs.items() if (parsed := _parsed(text)) is not None}
    answer = cel.evaluate(expression, {"output": output, "outputs": outputs, "data": read})
    if not isinstance(answer, bool):
        raise Undecided("it comes to something else than yes or no")
    return answer


def _parsed(text: str) -> Any:
    """A result that is JSON; ``None`` for every other."""
    if len(text) > _LONGEST_JSON:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
