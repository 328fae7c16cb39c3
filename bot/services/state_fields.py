"""The fields of a flow's state as rows: what people fill in, and the JSON Schema that it is."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from bot.engine import state
from bot.engine.state import Misfit, StateField
from bot.errors import FormRefused
from store.database import Draft
from store.names import OneLine

Kind = Literal["string", "date", "choice", "integer", "number", "boolean", "array", "object"]

# What people call the kinds of fields.
KINDS = {**state.WORDS, "date": "date", "choice": "one of several"}

# What the form sets itself; whatever else a schema says of a field stays.
_OURS = ("type", "format", "enum", "default", "description")


class FieldDraft(Draft):
    """What a person decides about a field of the state."""

    name: Annotated[OneLine, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=60)] = Field(
        title="Name", description="Letters, digits and _, for example topic."
    )
    kind: Kind = Field("string", title="Type")
    choices: list[OneLine] = Field([], title="Choices", max_length=50, description="For one of several: one a line.")
    required: bool = Field(True, title="Needed")
    default: str = Field(
        "", title="Default", max_length=3_000, description="What it begins with when nothing is given."
    )
    description: str = Field(
        "", title="Description", max_length=500, description="What it is, for whoever starts a run."
    )


def draft_of(each: StateField) -> FieldDraft:
    """What an edit of the field starts from."""
    default = "" if each.default is None else each.default
    return FieldDraft(
        name=each.name,
        kind=kind_of_field(each),
        choices=[str(choice) for choice in each.schema.get("enum", [])],
        required=each.required,
        default=default if isinstance(default, str) else json.dumps(default, ensure_ascii=False),
        description=each.description[:500],
    )


def with_field(schema: dict[str, Any] | None, draft: FieldDraft, was: str | None = None) -> dict[str, Any]:
    """The state's schema with this field, in the place of the one that ``was``, or at the end.

    Raises ``FormRefused`` for a name that is taken, choices that are missing and a default that does not fit.
    """
    known = state.fields(schema)
    if draft.name != was and any(each.name == draft.name for each in known):
        raise FormRefused(fields={"name": f"There is already a field called “{draft.name}”. Choose another name."})
    if draft.kind == "choice" and not draft.choices:
        raise FormRefused(fields={"choices": "Write at least one choice."})
    before = next((each for each in known if each.name == was), None)
    part = _part(draft, before)
    parts = {
        (draft.name if each.name == was else each.name): part if each.name == was else each.schema for each in known
    }
    parts.setdefault(draft.name, part)
    needed = [each.name for each in known if each.required and each.name != was]
    return _schema(schema, parts, {*needed, *([draft.name] if draft.required else [])})


def without(schema: dict[str, Any] | None, name: str) -> dict[str, Any] | None:
    """The state's schema without the field; nothing where it was the last."""
    left = [each for each in state.fields(schema) if each.name != name]
    if not left:
        return None
    return _schema(schema, {each.name: each.schema for each in left}, {each.name for each in left if each.required})


def moved(schema: dict[str, Any] | None, name: str, *, later: bool) -> dict[str, Any] | None:
    """The state's schema with the field one place earlier or later."""
    known = state.fields(schema)
    at = next((number for number, each in enumerate(known) if each.name == name), None)
    to = -1 if at is None else at + 1 if later else at - 1
    if at is None or not 0 <= to < len(known):
        return schema
    known[at], known[to] = known[to], known[at]
    return _schema(schema, {each.name: each.schema for each in known}, {each.name for each in known if each.required})


def kind_of_field(each: StateField) -> Kind:
    """What the field is, one of ``KINDS``."""
    if each.type == "string" and "enum" in each.schema:
        return "choice"
    if each.type == "string" and each.schema.get("format") == "date":
        return "date"
    known: dict[str, Kind] = {
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "array": "array",
        "object": "object",
    }
    return known.get(each.type, "string")


def _part(draft: FieldDraft, before: StateField | None) -> dict[str, Any]:
    """The field's own schema; limits that were written as JSON Schema stay while the kind does."""
    same = before is not None and kind_of_field(before) == draft.kind
    kept = {name: said for name, said in before.schema.items() if name not in _OURS} if before and same else {}
    texts: dict[str, dict[str, Any]] = {
        "date": {"type": "string", "format": "date"},
        "choice": {"type": "string", "enum": draft.choices},
    }
    part = texts.get(draft.kind, {"type": draft.kind}) | kept
    if draft.description.strip():
        part["description"] = draft.description.strip()
    if draft.default.strip():
        try:
            part["default"] = state.fitting(draft.default.strip(), part)
        except Misfit as why:
            raise FormRefused(fields={"default": str(why)}) from why
    return part


def _schema(schema: dict[str, Any] | None, parts: dict[str, Any], needed: set[str]) -> dict[str, Any]:
    around = {
        name: said for name, said in (schema or {}).items() if name not in ("properties", "required", state.ORDER)
    }
    required = [name for name in parts if name in needed]
    return {"type": "object", **around, "properties": parts, **({"required": required} if required else {})}
