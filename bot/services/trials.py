"""A step by itself: a flow with nothing but the step, which asks for what the step looks at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.engine import cel, state
from bot.engine.cel import Undecided
from bot.engine.steps import kind_of
from bot.services.flow_checks import available
from store.definitions import Definition, StepPlan

_PLAIN = re.compile(r"[A-Za-z_]\w*")


def alone(flow: Definition, key: str) -> Definition:
    """The flow with this step only; its state has what the step looks at, the outputs of other steps too."""
    step = next(step for step in flow.steps if step.key == key)
    fields = dict((flow.state or {}).get("properties", {}))
    expressions = list(_expressions(step))
    outputs = _outputs(flow, step, expressions, set(fields))
    wanted = [name for name in fields if any(_looks_at(text, name) for text in expressions)]
    parts = fields | dict(outputs.values())
    needed = [name for name in wanted if "default" not in fields[name]] + [name for name, _ in outputs.values()]
    names = {path: name for path, (name, _) in outputs.items()}
    replaced = {text: _replaced(text, names) for text in expressions}
    tried = step.model_copy(
        update={
            "after": [],
            "links": [],
            "inputs": {name: replaced.get(text, text) for name, text in step.inputs.items()},
            "settings": _walked(step.settings, replaced),
        }
    )
    schema = state.ordered({"type": "object", "properties": parts, "required": needed})
    return flow.model_copy(update={"name": f"{flow.name}: {step.name}", "steps": [tried], "state": schema})


def asked(flow: Definition, key: str) -> dict[str, Any] | None:
    """The part of that state which the step looks at, as a schema of its own; nothing where it looks at nothing."""
    tried = alone(flow, key)
    schema, texts = tried.state or {}, list(_expressions(tried.steps[0]))
    fields = schema.get("properties", {})
    parts = {name: part for name, part in fields.items() if any(_looks_at(text, name) for text in texts)}
    required = [name for name in schema.get("required", []) if name in parts]
    return state.ordered({"type": "object", "properties": parts, "required": required})


def _expressions(step: StepPlan) -> Iterable[str]:
    kind = kind_of(step.kind)
    said = [each.text for each in kind.says(kind.read(step.settings))] if kind else []
    return dict.fromkeys(text for text in (*step.inputs.values(), *said) if text.strip())


def _paths(text: str) -> set[tuple[str, ...]]:
    try:
        return cel.paths(text)
    except Undecided:
        return set()


def _looks_at(text: str, name: str) -> bool:
    return any(path[0] in ("state", "inputs") and path[1:2] == (name,) for path in _paths(text))


def _outputs(
    flow: Definition, step: StepPlan, expressions: Iterable[str], taken: set[str]
) -> dict[str, tuple[str, dict[str, Any]]]:
    """What of other steps is looked at, as it is written: the field that stands for it, and that field's schema."""
    known = {each.expression: each for each in available(flow, step.key)}
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for path in sorted({path for text in expressions for path in _paths(text) if path[0] == "outputs"}):
        if len(path) < 3 or not all(_PLAIN.fullmatch(part) for part in path):
            continue
        written = ".".join(path)
        name = "_".join(path[1:])
        while name in taken:
            name += "_"
        taken.add(name)
        each = known.get(written)
        schema = dict(each.schema) if each else {}
        schema = {**schema, "type": (each.type if each else "") or "string", "description": f"In place of {written}"}
        found[written] = (name, schema)
    return found


def _replaced(text: str, names: Mapping[str, str]) -> str:
    for written in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.]){re.escape(written)}(?!\w)", f"state.{names[written]}", text)
    return text


def _walked(value: Any, replaced: Mapping[str, str]) -> Any:
    """Settings with every expression in them replaced."""
    match value:
        case str():
            return replaced.get(value, value)
        case dict():
            return {name: _walked(each, replaced) for name, each in value.items()}
        case list():
            return [_walked(each, replaced) for each in value]
    return value
