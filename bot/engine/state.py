"""A flow's state: its JSON Schema, what a run is given, and what steps put into it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.engine.cel import RESERVED
from bot.engine.schemas import KEYWORDS, TYPES, Wrong, check_schema

# A state may also have nothing in a field, and starts with what is given as ``default``.
_TYPES = (*TYPES, "null")
# PostgreSQL keeps no order in an object, so the order of the fields is kept beside them.
ORDER = "propertyOrder"
# A text can be a date, such as 2030-01-31.
_KEYWORDS = KEYWORDS | {"default", "format", ORDER}
_MOST_FIELDS = 60
LONGEST_STATE = 200_000

# What people call the types.
WORDS: Mapping[str, str] = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
    "object": "object",
    "null": "nothing",
}


@dataclass(frozen=True)
class StateField:
    """One field of a state; ``type`` is that of JSON Schema, ``schema`` the whole of its part."""

    name: str
    type: str
    required: bool
    default: Any
    description: str
    schema: dict[str, Any]


class Misfit(Exception):
    """Why a value does not fit a schema, as a sentence."""


def state_problem(schema: Any) -> str | None:
    """What keeps the schema from being that of a state, as a sentence; ``None`` for nothing."""
    if schema is None:
        return None
    try:
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise Wrong('It must describe an object: {"type": "object", "properties": {…}}.')
        found = check_schema(schema, "the state", keywords=_KEYWORDS, types=_TYPES, taken=RESERVED, open_lists=True)
        if found > _MOST_FIELDS:
            raise Wrong(f"It has more than {_MOST_FIELDS} fields.")
        for each in fields(schema):
            if not each.name.isascii():
                raise Wrong(f"“{each.name}” cannot be the name of a field. Use the letters a to z, digits and _.")
            if each.schema.get("format", "date") != "date" or ("format" in each.schema and each.type != "string"):
                raise Wrong(f"“format” of “{each.name}” can only be date, of a string.")
            if "default" in each.schema and (why := misfit(each.default, each.schema)):
                raise Wrong(f"The default of “{each.name}” does not fit: {why}")
    except Wrong as wrong:
        return str(wrong)
    except RecursionError:
        return "It goes too many levels deep."
    return None


def fields(schema: Mapping[str, Any] | None) -> list[StateField]:
    """The fields of a state in the order in which they were written."""
    if not schema:
        return []
    required, parts = schema.get("required", []), schema.get("properties", {})
    order = [name for name in schema.get(ORDER, ()) if name in parts]
    return [
        StateField(
            name,
            str(parts[name].get("type", "")),
            name in required,
            parts[name].get("default"),
            str(parts[name].get("description", "")),
            parts[name],
        )
        for name in dict.fromkeys([*order, *parts])
    ]


def ordered(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema with the order of its fields written down; nothing for a state without fields."""
    if not schema or not schema.get("properties"):
        return None
    return {**schema, ORDER: [each.name for each in fields(schema)]}


def begin(schema: Mapping[str, Any] | None, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The state that a run begins with, and a sentence for each input at fault.

    Texts are read as what the schema asks for: ``yes``, ``3``, ``["a", "b"]``. A field that is not given has its
    default, else nothing.
    """
    state: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    known = fields(schema)
    for each in known:
        given = inputs.get(each.name)
        if given is None or (isinstance(given, str) and not given.strip()):
            state[each.name] = copy.deepcopy(each.default)
            if each.required and each.default is None and each.type != "null":
                wrong[each.name] = f"“{each.name}” is needed."
            continue
        try:
            state[each.name] = fitting(given, each.schema)
        except Misfit as why:
            wrong[each.name] = str(why)
    for name in inputs.keys() - {each.name for each in known}:
        wrong[name] = f"There is no “{name}” in this flow’s state."
    return state, wrong


def fitting(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value, read as what the schema asks for where it is a text; raises ``Misfit`` with a sentence."""
    read = _read(value, str(schema.get("type", "")))
    if why := misfit(read, schema):
        raise Misfit(why)
    return read


def misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Why the value does not fit the schema, as a sentence; ``None`` if it does."""
    if len(json.dumps(value, default=str)) > LONGEST_STATE:
        return f"It is longer than {LONGEST_STATE:,} characters."
    return next(_misfits(value, schema, ""), None)


def _misfits(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    wanted = str(schema.get("type", ""))
    place = f"“{where}” must be" if where else "It must be"
    if not _is(value, wanted):
        yield f"{place} {A[wanted]}."
        return
    if schema.get("format") == "date" and isinstance(value, str) and not _is_date(value):
        yield f"{place} a date like 2030-01-31."
        return
    choices = schema.get("enum")
    if choices and value not in choices:
        yield f"{place} one of {', '.join(map(str, choices))}."
    yield from _limits(value, schema, place)
    if isinstance(value, dict):
        inside = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{place.removesuffix(' must be')} lacks “{name}”."
        for name, each in value.items():
            if name in inside:
                yield from _misfits(each, inside[name], f"{where}.{name}" if where else name)
            elif schema.get("additionalProperties") is False:
                yield f"{place.removesuffix(' must be')} can’t have “{name}”."
    if isinstance(value, list) and "items" in schema:
        for number, each in enumerate(value, 1):
            yield from _misfits(each, schema["items"], f"{where} {number}".strip())


_LENGTHS = ((str, "minLength", "maxLength", "characters"), (list, "minItems", "maxItems", "entries"))


def _limits(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            yield f"{place} at least {schema['minimum']}."
        if "maximum" in schema and value > schema["maximum"]:
            yield f"{place} at most {schema['maximum']}."
    for kind, least, most, what in _LENGTHS:
        if isinstance(value, kind):
            if least in schema and len(value) < schema[least]:
                yield f"{place} at least {schema[least]} {what} long."
            if most in schema and len(value) > schema[most]:
                yield f"{place} at most {schema[most]} {what} long."


A: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}


def _is(value: Any, wanted: str) -> bool:
    match wanted:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return value is None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_YES = frozenset({"yes", "y", "true", "on", "1", "ja", "oui", "si", "sí"})
_NO = frozenset({"no", "n", "false", "off", "0", "nein", "non"})


def _read(value: Any, wanted: str) -> Any:
    """What a text means where another type is wanted; other values as they are."""
    if wanted == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if wanted == "string" and value is not None else value
    said = value.strip()
    match wanted:
        case "string":
            return value
        case "boolean" if said.casefold() in _YES | _NO:
            return said.casefold() in _YES
        case "integer" | "number" | "array" | "object" | "null":
            read = _json(said)
            if read is None and wanted == "array":
                return [each.strip() for each in said.split(",")] if said and said[0] not in "[{" else value
            if wanted == "integer" and isinstance(read, float) and read.is_integer():
                return int(read)
            return value if read is None and said != "null" else read
    return value


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):
        return None
