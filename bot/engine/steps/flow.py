"""A step that runs another flow."""

from __future__ import annotations

from bot.engine import state
from bot.engine.steps.kind import Done, Offer, Place, StepKind, StepSettings
from store.definitions import Definition


def do(place: Place, _settings: StepSettings) -> Done:
    """Run the flow with a state of its own."""
    ran = place.run(place.part(), place.inputs())
    return Done(ran.raw, ran.raw, facts={"state": dict(ran.state or {})})


def offers(_settings: StepSettings, part: Definition | None) -> list[Offer]:
    """Its result, and its state at the end."""
    fields = state.fields(part.state) if part else []
    return [
        Offer("raw", "string", "the result"),
        *(Offer(f"state.{each.name}", each.type, each.description, each.schema) for each in fields),
    ]


KIND = StepKind(
    name="flow",
    title="Run a flow",
    description="Another flow runs with a state of its own, and its result goes on.",
    settings=StepSettings,
    do=do,
    offers=offers,
    runs=("flow",),
)
