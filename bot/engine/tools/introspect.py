"""Writes the catalogue from crewai_tools: ``python -m bot.engine.tools.introspect``."""

from __future__ import annotations

import inspect
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from bot.engine.hardening import harden, tame
from bot.engine.tools import curated, hints
from bot.engine.tools.catalogue import FILE, Entry, Setting

if TYPE_CHECKING:
    from crewai.tools import BaseTool, EnvVar

Json = dict[str, Any]

_SECRET = re.compile(r"(api_key|token|password|secret|connection_string|db_uri)$")
_TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
# Slack shows at most 2,000 characters of a hint; the rest is for models to read.
_MOST_WORDS = 280


def tool_classes() -> dict[str, type[BaseTool]]:
    """Every tool class that crewai_tools exports, by name."""
    import crewai_tools
    from crewai.tools import BaseTool

    exported = {name: getattr(crewai_tools, name) for name in dir(crewai_tools)}
    return {name: each for name, each in exported.items() if inspect.isclass(each) and issubclass(each, BaseTool)}


def catalogue() -> list[Entry]:
    """Everything exported and not left out, in the order of groups and titles."""
    entries = [packaged_entry(each) for name, each in tool_classes().items() if name not in curated.LEFT_OUT]
    groups = list(curated.GROUPS)
    return sorted(entries, key=lambda entry: (groups.index(entry.group), entry.title.casefold()))


def packaged_entry(tool: type[BaseTool]) -> Entry:
    """The entry of a class of crewai_tools."""
    name = tool.__name__
    group = next(group for group, begins in curated.GROUPS.items() if name.startswith(begins))
    danger = None if name in curated.HARMLESS else curated.DANGERS.get(group)
    entry = described(tool)
    return entry.model_copy(
        update={
            "settings": tuple(_hinted(name, setting) for setting in entry.settings),
            "title": curated.TITLES.get(name, _default(tool, "name") or _spaced(name)),
            "group": group,
            "danger": danger,
            "env": curated.NEEDED.get(name) or _needed(tool),
            "packages": (*_packages(tool), *curated.PACKAGES.get(name, ())),
            "network": name not in curated.NO_NETWORK,
            "called": hints.CALLED.get(name, ""),
        }
    )


def _hinted(tool: str, setting: Setting) -> Setting:
    said = setting.description or hints.HINTS.get(f"{tool}.{setting.name}") or hints.HINTS.get(setting.name, "")
    return setting.model_copy(update={"description": said})


def described(tool: type[BaseTool], *, name: str = "", group: str = "Your own") -> Entry:
    """What any tool class says about itself."""
    text = " ".join(str(_default(tool, "description")).split())
    return Entry(
        name=name or tool.__name__,
        title=str(_default(tool, "name")) or _spaced(tool.__name__),
        description=_short(text),
        group=group,
        settings=tuple(_settings(tool)),
        arguments=tuple(_arguments(tool)),
        env=_needed(tool),
        packages=_packages(tool),
    )


def _settings(tool: type[BaseTool]) -> Iterator[Setting]:
    from crewai.tools import BaseTool

    name = tool.__name__
    dropped = {"package_dependencies"}
    if tool.__module__.startswith("crewai_tools."):
        dropped |= curated.ADDRESSES | curated.INTERNAL | set(curated.ASKED.get(name, ()))
        dropped -= set(curated.DECIDED.get(name, ()))
    # A key that the environment gives is not asked for a second time.
    env = curated.NEEDED.get(name) or _needed(tool)
    keyed = any(each.endswith(("_KEY", "_TOKEN", "_STRING")) for each in env)
    for field, info in tool.model_fields.items():
        if field in BaseTool.model_fields or field in dropped:
            continue
        required = info.is_required() or field in curated.REQUIRED.get(name, ())
        setting = _field(field, info, required=required)
        if setting and not (keyed and _doubled(setting)):
            yield setting
    for field in curated.ARGUMENTS.get(name, ()):
        yield Setting(name=field, title=_title(field), type="text", required=field in curated.REQUIRED.get(name, ()))


def _doubled(setting: Setting) -> bool:
    return setting.name in ("api_key", "project_id", "personal_access_token")


def _arguments(tool: type[BaseTool]) -> Iterator[Setting]:
    from crewai_tools.generate_tool_specs import SchemaGenerator

    asked = tool.model_fields["args_schema"].default
    if not inspect.isclass(asked) or asked is tool._ArgsSchemaPlaceholder:
        asked = tool._default_args_schema(None)
    schema = asked.model_json_schema(schema_generator=SchemaGenerator)
    for name, said in schema.get("properties", {}).items():
        # What names a secret in a setting is only a word when a model says it.
        found = _setting(name, said, schema.get("$defs", {}), required=name in schema.get("required", ()))
        yield found.model_copy(update={"secret": False})


def _field(name: str, info: FieldInfo, *, required: bool) -> Setting | None:
    """A field of a class as a setting; ``None`` for one whose type has no place in a form."""
    try:
        schema = TypeAdapter(info.annotation).json_schema()
    except PydanticUserError:
        return None
    # The others' defaults are objects, some of packages that are not installed.
    if _kind(schema, schema.get("$defs", {}))[0] == "json":
        return None
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    said = {"description": info.description, "default": default}
    return _setting(name, schema | said, schema.get("$defs", {}), required=required)


def _setting(name: str, said: Json, definitions: Json, *, required: bool) -> Setting:
    kind, choices = _kind(said, definitions)
    default = said.get("default")
    if kind == "json" or (kind == "choice" and default not in choices):
        default = None
    return Setting(
        name=name,
        title=_title(name),
        description=_short(" ".join(str(said.get("description") or "").split())),
        type=kind,
        default=default or None if kind == "text" else default,
        required=required and not default,
        secret=kind == "text" and bool(_SECRET.search(name)),
        choices=choices,
    )


def _kind(said: Json, definitions: Json) -> tuple[Any, tuple[str, ...]]:
    """The type of a JSON schema in our words, and its choices."""
    if "$ref" in said:
        return _kind(definitions.get(said["$ref"].rpartition("/")[2], {}), definitions)
    either: list[Json] = said.get("anyOf") or said.get("allOf") or []
    if branches := [each for each in either if each.get("type") != "null"]:
        found = [_kind(each, definitions) for each in branches]
        return next((each for each in found if each[0] != "json"), found[0])
    values = said.get("enum", [said["const"]] if "const" in said else [])
    if values and all(isinstance(value, str) for value in values):
        return "choice", tuple(values)
    if said.get("type") == "array" and _kind(said.get("items", {}), definitions)[0] in ("text", "choice"):
        return "lines", ()
    known = _TYPES.get(said["type"]) if isinstance(said.get("type"), str) else None
    return known or "json", ()


def _needed(tool: type[BaseTool]) -> tuple[str, ...]:
    declared: list[EnvVar] = _default(tool, "env_vars") or []
    return tuple(env.name for env in declared if env.required)


def _packages(tool: type[BaseTool]) -> tuple[str, ...]:
    return tuple(_default(tool, "package_dependencies") or ())


def _default(tool: type[BaseTool], field: str) -> Any:
    info = tool.model_fields.get(field)
    if info is None or info.is_required():
        return ""
    return info.get_default(call_default_factory=True)


def _title(name: str) -> str:
    words = name.strip("_").replace("_", " ")
    for spelled in ("URL", "ID", "URI", "API", "CSS", "HTML", "AI", "DB", "SQL"):
        words = re.sub(rf"\b{spelled}\b", spelled, words, flags=re.IGNORECASE)
    return words[:1].upper() + words[1:]


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix("Tool"))


def _short(text: str) -> str:
    if len(text) <= _MOST_WORDS:
        return text
    return text[:_MOST_WORDS].rpartition(" ")[0] + " …"


def as_json(entries: list[Entry]) -> str:
    """The catalogue as it is kept: every default that is not the obvious one left in, a line for each fact."""
    told = [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the catalogue anew."""
    harden(Path(tempfile.mkdtemp()))
    tame()
    unknown = sorted(curated.LEFT_OUT.keys() - tool_classes().keys())
    assert not unknown, f"left out but not there: {unknown}"
    FILE.write_text(as_json(catalogue()), "utf-8")


if __name__ == "__main__":
    main()
