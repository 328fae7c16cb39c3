"""The common comparisons of a rule, in words, and the expressions in CEL that they are."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bot.errors import UserError

# In the order in which they are offered; “%p” is what is looked at, “%v” the value.
_TEMPLATES = {
    "is": "%p == %v",
    "is not": "%p != %v",
    "is more than": "%p > %v",
    "is at least": "%p >= %v",
    "is less than": "%p < %v",
    "is at most": "%p <= %v",
    "contains": "%p.contains(%v)",
    "does not contain": "!%p.contains(%v)",
    "begins with": "%p.startsWith(%v)",
    "has the entry": "%v in %p",
    "lacks the entry": "!(%v in %p)",
    "is empty": "%p == null || size(%p) == 0",
    "is not empty": "!(%p == null || size(%p) == 0)",
    "is not set": "%p == null",
    "is set": "%p != null",
}
COMPARISONS = tuple(_TEMPLATES)
_OF_TEXTS = frozenset({"contains", "does not contain", "begins with"})

_PATH = r'(?:state|inputs|outputs|item|number)(?:\.\w+|\["[^"\\]*"\])*'
_VALUE = r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false'
_PATTERNS = {
    said: re.compile(
        re.escape(template)
        .replace("%p", f"(?P<path>{_PATH})", 1)
        .replace("%p", "(?P=path)")
        .replace("%v", f"(?P<value>{_VALUE})")
    )
    for said, template in _TEMPLATES.items()
}


class NoNumber(UserError):
    """“{value}” is no number, and “{path}” is one."""


class NoYesOrNo(UserError):
    """Write yes or no in place of “{value}”; “{path}” is one of them."""


@dataclass(frozen=True)
class Comparison:
    """What is looked at, how it is compared (one of ``COMPARISONS``), and with which value as it is typed."""

    path: str
    said: str
    value: str = ""


def as_expression(compared: Comparison, of_type: str) -> str:
    """The comparison in CEL; ``of_type`` is the JSON Schema type of what is looked at, or empty where nobody knows.

    Raises ``NoNumber`` or ``NoYesOrNo`` for a value that does not fit the type.
    """
    template = _TEMPLATES[compared.said]
    value = _literal(compared, of_type) if "%v" in template else ""
    return template.replace("%p", compared.path).replace("%v", value)


def as_comparison(expression: str) -> Comparison | None:
    """The comparison that an expression is, or nothing where it is something else."""
    for said, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(expression.strip()):
            value = found.groupdict().get("value") or ""
            return Comparison(found["path"], said, _words(value))
    return None


def _literal(compared: Comparison, of_type: str) -> str:
    value = compared.value.strip()
    if compared.said in _OF_TEXTS or of_type == "string":
        return json.dumps(value, ensure_ascii=False)
    number = re.fullmatch(r"-?\d+(\.\d+)?", value)
    if of_type in ("integer", "number"):
        if not number:
            raise NoNumber(value=value, path=compared.path)
        return value
    said = {"yes": "true", "true": "true", "no": "false", "false": "false"}.get(value.casefold())
    if of_type == "boolean":
        if not said:
            raise NoYesOrNo(value=value, path=compared.path)
        return said
    return value if number else json.dumps(value, ensure_ascii=False)


def _words(literal: str) -> str:
    if literal.startswith('"'):
        return str(json.loads(literal))
    return {"true": "yes", "false": "no"}.get(literal, literal)
