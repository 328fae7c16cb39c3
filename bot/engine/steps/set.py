"""A step that puts the value of an expression into the state."""

from __future__ import annotations

from pydantic import Field

from bot.engine.steps.kind import EXPRESSION, Done, Offer, Place, Said, StepKind, StepSettings, text_of
from store.definitions import Definition


class SetSettings(StepSettings):
    """What is put into the state."""

    value: str = Field(
        "",
        title="Value",
        max_length=2_000,
        json_schema_extra=EXPRESSION,
        description="For example state.count + 1 or outputs.research.raw.",
    )


def do(place: Place, settings: SetSettings) -> Done:
    """Work the value out."""
    value = place.value(settings.value, "the value")
    return Done(text_of(value), value, facts={"value": value})


def offers(_settings: SetSettings, _part: Definition | None) -> list[Offer]:
    """The value."""
    return [Offer("value", "", "the value")]


KIND = StepKind(
    name="set",
    title="Set state",
    description="The value of an expression goes into a field of the state.",
    settings=SetSettings,
    do=do,
    offers=offers,
    says=lambda settings: [Said("value", settings.value)],
    faults=lambda settings: {} if settings.value.strip() else {"value": "Write what the field is set to."},
    needs_result=True,
)
