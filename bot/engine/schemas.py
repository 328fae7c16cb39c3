"""JSON Schemas that people write for results: what is allowed in them, and what is wrong with one."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

_DEEPEST = 6
_MOST_PROPERTIES = 60
TYPES = ("object", "array", "string", "integer", "number", "boolean")
# A reference could lead to a file or an address, a pattern could take forever; neither is here.
KEYWORDS = frozenset(
    {"type", "title", "description", "properties", "required", "items", "enum", "additionalProperties"}
    | {"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"}
)
# CrewAI makes a pydantic class of the schema, in which these names mean something else.
_TAKEN = frozenset({"schema", "json", "copy", "dict", "construct", "validate", "fields", "register", "from_orm"})


class Wrong(Exception):
    """What is wrong, as a sentence."""


def schema_problem(text: str) -> str | None:
    """What keeps the text from being the schema of a result, as a sentence; ``None`` for nothing, and for no text."""
    if not text.strip():
        return None
    try:
        schema = json.loads(text)
        if not isinstance(schema, dict) or schema.get("type") != "object" or not schema.get("properties"):
            raise Wrong('It must describe an object: {"type": "object", "properties": {…}}.')
        if check_schema(schema, "the schema") > _MOST_PROPERTIES:
            raise Wrong(f"It has more than {_MOST_PROPERTIES} properties. Ask for less in one task.")
    except Wrong as wrong:
        return str(wrong)
    except (ValueError, RecursionError) as error:
        where = f" Look at line {error.lineno}." if isinstance(error, json.JSONDecodeError) else ""
        return f"This is not JSON.{where}"
    return None


def check_schema(
    schema: Any,
    where: str,
    *,
    keywords: frozenset[str] = KEYWORDS,
    types: tuple[str, ...] = TYPES,
    taken: frozenset[str] = _TAKEN,
    open_lists: bool = False,
    depth: int = 1,
) -> int:
    """How many properties there are in all; raises ``Wrong`` for what is not allowed.

    ``open_lists`` may have items of any kind.
    """
    if not isinstance(schema, dict) or schema.get("type") not in types:
        raise Wrong(f"Give {where} a type: one of {', '.join(types)}.")
    if unknown := sorted(set(schema) - keywords):
        raise Wrong(f"“{unknown[0]}” cannot be used here. Known are {', '.join(sorted(keywords))}.")
    if depth > _DEEPEST:
        raise Wrong(f"It goes more than {_DEEPEST} levels deep.")
    _check_limits(schema, where)
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise Wrong(f"The properties of {where} must stand in braces.")
    for name in properties:
        if not name.isidentifier() or name.startswith(("_", "model_")) or name in taken:
            raise Wrong(f"“{name}” cannot be the name of a property. Use letters, digits and _.")
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) and name in properties for name in required):
        raise Wrong(f"“required” of {where} must be a list of its properties.")
    inside = partial(check_schema, keywords=keywords, types=types, taken=taken, open_lists=open_lists, depth=depth + 1)
    found = sum(inside(each, f"“{name}”") for name, each in properties.items())
    if schema["type"] == "array" and not (open_lists and "items" not in schema):
        found += inside(schema.get("items"), f"the items of {where}")
    return found + len(properties)


def _check_limits(schema: dict[str, Any], where: str) -> None:
    for keyword in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
        if keyword in schema and (isinstance(schema[keyword], bool) or not isinstance(schema[keyword], int | float)):
            raise Wrong(f"“{keyword}” of {where} must be a number.")
    for keyword in ("title", "description"):
        if not isinstance(schema.get(keyword, ""), str):
            raise Wrong(f"“{keyword}” of {where} must be a text.")
    choices = schema.get("enum", ["one"])
    if not isinstance(choices, list) or not choices or not all(isinstance(each, str | int | float) for each in choices):
        raise Wrong(f"“enum” of {where} must be a list of values.")
