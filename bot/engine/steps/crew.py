"""A step that runs a crew."""

from __future__ import annotations

import json
from typing import Any

from bot.engine.steps.kind import Done, Offer, Place, Ran, StepKind, StepSettings
from store.definitions import Definition, TaskPlan


def do(place: Place, _settings: StepSettings) -> Done:
    """Run the crew and hand on what its last task came to."""
    part = place.part()
    return done(place.run(part, place.inputs()), part)


def done(ran: Ran, part: Definition) -> Done:
    """What a crew came to, for the steps after it."""
    data = as_data(ran.raw) if part.tasks and part.tasks[-1].settings.output_schema else None
    facts: dict[str, Any] = {"tasks": dict(ran.tasks)}
    if data is not None:
        facts["data"] = data
    return Done(ran.raw, ran.raw if data is None else data, facts=facts)


def as_data(text: str) -> Any:
    """A text that is JSON; nothing for every other."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def offers(_settings: StepSettings, part: Definition | None) -> list[Offer]:
    """The text, the JSON where the last task gives some, and what each task came to."""
    tasks = part.tasks if part else []
    found = [Offer("raw", "string", "the result")]
    if tasks and (schema := _schema(tasks[-1])):
        found.append(Offer("data", "object", "the result as JSON", schema))
        inside = schema.get("properties", {})
        found += [Offer(f"data.{name}", str(each.get("type", "")), "", each) for name, each in inside.items()]
    return found + [Offer(f"tasks[{json.dumps(task.name, ensure_ascii=False)}]", "string", "") for task in tasks]


def _schema(task: TaskPlan) -> dict[str, Any] | None:
    schema = as_data(task.settings.output_schema) if task.settings.output_schema else None
    return schema if isinstance(schema, dict) else None


KIND = StepKind(
    name="crew",
    title="Run a crew",
    description="A crew does its tasks, and its result goes on.",
    settings=StepSettings,
    do=do,
    offers=offers,
    runs=("crew",),
)
