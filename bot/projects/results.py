"""The classes that describe a task's result, as JSON Schemas."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bot.engine.schemas import schema_problem
from bot.projects.python.values import Class, External, Made, Value

if TYPE_CHECKING:
    from bot.projects.python.reading import Reading

_TYPES: Mapping[str, str] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "Dict": "object",
    "Decimal": "number",
    "datetime": "string",
    "date": "string",
    "time": "string",
    "UUID": "string",
    "HttpUrl": "string",
    "AnyUrl": "string",
    "EmailStr": "string",
    "Path": "string",
    "Any": "string",
}
_LISTS = {"list", "List", "set", "Set", "Sequence", "Iterable", "tuple", "Tuple", "frozenset"}
_LIMITS = {"ge": "minimum", "le": "maximum", "min_length": "minLength", "max_length": "maxLength"}
_DEEPEST = 5
# What a field holds that has a default which only a run would tell.
_EMPTY: Mapping[str, Any] = {"string": "", "array": [], "object": {}, "boolean": False, "integer": 0, "number": 0}


class NoSchema(Exception):
    """Why a class cannot be described, as a sentence."""


def schema_of(value: Value, reading: Reading | None) -> str:
    """The JSON Schema of a result as it is kept; raise ``NoSchema`` with why there is none."""
    match value:
        case Class():
            if reading is None:
                raise NoSchema("Its class is not in the project.")
            schema = _of_class(value, reading, 0)
        case dict():
            schema = {key: each for key, each in value.items() if key not in ("$schema", "title")}
        case str() if reading is not None and (found := _class_named(value, reading)) is not None:
            schema = _of_class(found, reading, 0)
        case External() | Made():
            raise NoSchema(f"The class {value.last} is not in the project’s files.")
        case _:
            raise NoSchema("Its class is not in the project’s files.")
    text = json.dumps(schema, ensure_ascii=False)
    if problem := schema_problem(text):
        raise NoSchema(problem)
    return text


def field_of(node: ast.AnnAssign, cls: Class, reading: Reading) -> dict[str, Any]:
    """The schema of one field of a flow's state, with its default; raise ``NoSchema``."""
    schema, optional = _of_type(node.annotation, cls, reading, 0)
    told, has_default = _told(node.value, cls, reading)
    if "default" not in told and (optional or has_default):
        told["default"] = _EMPTY.get(schema["type"])
    return {**schema, **told}


def _class_named(name: str, reading: Reading) -> Class | None:
    return next((cls for cls in reading.classes() if cls.name == name), None)


def _of_class(cls: Class, reading: Reading, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise NoSchema(f"The class {cls.name} contains itself or goes too deep.")
    if any(base.last in ("Enum", "StrEnum", "IntEnum") for base in cls.foreign()):
        return _of_enum(cls)
    properties: dict[str, Any] = {}
    required = []
    for each in reversed(cls.lineage()):
        for node in each.node.body:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            name = node.target.id
            if name.startswith(("_", "model_config")) or _is_class_variable(node.annotation):
                continue
            schema, optional = _of_type(node.annotation, each, reading, depth)
            told, has_default = _told(node.value, each, reading)
            properties[name] = {**schema, **_without_default(told)}
            if not optional and not has_default:
                required.append(name)
    text = {"description": doc} if (doc := ast.get_docstring(cls.node)) else {}
    return {"type": "object", **text, "properties": properties, **({"required": required} if required else {})}


def _of_enum(cls: Class) -> dict[str, Any]:
    values = [value for value in cls.attributes.values() if isinstance(value, str | int | float)]
    if not values:
        raise NoSchema(f"The values of {cls.name} cannot be told.")
    kind = "string" if all(isinstance(value, str) for value in values) else "number"
    return {"type": kind, "enum": values}


def _of_type(node: ast.expr, cls: Class, reading: Reading, depth: int) -> tuple[dict[str, Any], bool]:
    """The schema of a type as it is written, and whether the value may be left out."""
    match node:
        case ast.Constant(value=str() as text):
            try:
                return _of_type(ast.parse(text, mode="eval").body, cls, reading, depth)
            except SyntaxError:
                raise NoSchema(f"“{text[:60]}” is no type.") from None
        case ast.BinOp(op=ast.BitOr()):
            return _of_either([node.left, node.right], cls, reading, depth)
        case ast.Subscript(value=of, slice=inner):
            parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return _of_generic(_name(of), parts, cls, reading, depth)
        case ast.Name() | ast.Attribute():
            return _of_name(node, cls, reading, depth), False
    raise NoSchema("One of its types cannot be told.")


def _of_either(nodes: list[ast.expr], cls: Class, reading: Reading, depth: int) -> tuple[dict[str, Any], bool]:
    told = [each for each in nodes if not (isinstance(each, ast.Constant) and each.value is None)]
    schema, optional = _of_type(told[0], cls, reading, depth) if told else ({"type": "string"}, True)
    return schema, optional or len(told) < len(nodes)


def _of_generic(
    name: str, parts: list[ast.expr], cls: Class, reading: Reading, depth: int
) -> tuple[dict[str, Any], bool]:
    if name == "Optional":
        return _of_type(parts[0], cls, reading, depth)[0], True
    if name == "Union":
        return _of_either(parts, cls, reading, depth)
    if name in ("Annotated", "Required", "Final"):
        return _of_type(parts[0], cls, reading, depth)
    if name == "Literal":
        values = [part.value for part in parts if isinstance(part, ast.Constant)]
        kind = "string" if all(isinstance(value, str) for value in values) else "number"
        return {"type": kind, "enum": values}, False
    if name in _LISTS:
        return {"type": "array", "items": _of_type(parts[0], cls, reading, depth + 1)[0]}, False
    return {"type": _TYPES.get(name, "object")}, False


def _of_name(node: ast.expr, cls: Class, reading: Reading, depth: int) -> dict[str, Any]:
    value = reading.value(node, cls.scope)
    if isinstance(value, Class):
        return _of_class(value, reading, depth + 1)
    name = _name(node)
    if name in _LISTS:
        return {"type": "array", "items": {"type": "string"}}
    if name in _TYPES:
        return {"type": _TYPES[name]}
    raise NoSchema(f"The type {name} is not in the project’s files.")


def _told(node: ast.expr | None, cls: Class, reading: Reading) -> tuple[dict[str, Any], bool]:
    """What a field's value says: description, limits and default; and whether there is a default."""
    if node is None:
        return {}, False
    value = reading.value(node, cls.scope)
    if not (isinstance(value, Made) and value.last in ("Field", "conint", "constr")):
        return ({"default": value} if _is_plain(value) else {}), True
    told: dict[str, Any] = {}
    if isinstance(description := value.kwargs.get("description"), str):
        told["description"] = description
    told |= {word: limit for name, word in _LIMITS.items() if isinstance(limit := value.kwargs.get(name), int | float)}
    default = value.kwargs.get("default", value.args[0] if value.args else ...)
    has_default = "default_factory" in value.kwargs or default is not ...
    if _is_plain(default) and default is not ...:
        told["default"] = default
    return told, has_default


def _without_default(told: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in told.items() if word != "default"}


def _is_plain(value: Value) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, str | int | float | bool)


def _is_class_variable(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and _name(node.value) == "ClassVar"


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
