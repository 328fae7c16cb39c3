"""What the step of a workflow gives its run: a text, where inputs stand on lines or as JSON."""

from __future__ import annotations

import json
import re

from bot.errors import UserError

_LINE = re.compile(r"\s*([^\W\d][\w.-]*)\s*=\s*(.*)")
_QUOTES = ('""', "''", "“”")


class InputsUnclear(UserError):
    """I do not understand the inputs. Write one on each line, as name=value, or all as one JSON object."""


def read_inputs(text: str) -> dict[str, str]:
    """The inputs by name; a value is all of its line, and the lines after it that name none.

    Values of JSON that are no texts are texts that say them. Raises ``InputsUnclear``.
    """
    if text.lstrip().startswith("{"):
        return _from_json(text)
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.strip().splitlines():
        if named := _LINE.fullmatch(line):
            lines = found[named[1]] = [named[2]]
        elif lines is None:
            raise InputsUnclear
        else:
            lines.append(line)
    return {name: _unquoted("\n".join(value).strip()) for name, value in found.items()}


def _from_json(text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except ValueError:
        raise InputsUnclear from None
    return {name: one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for name, one in given.items()}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] + value[-1] in _QUOTES
    return value[1:-1] if quoted else value
