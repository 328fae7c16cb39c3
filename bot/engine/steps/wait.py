"""A step that waits for a while or until a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from bot.engine.steps.kind import EXPRESSION, Done, Offer, Place, Said, StepFailure, StepKind, StepSettings
from store.definitions import Definition

LONGEST = 366 * 24 * 3600


class WaitSettings(StepSettings):
    """How long."""

    seconds: int | None = Field(
        None, title="Seconds", ge=1, le=LONGEST, description="How long: 3600 is an hour, 86400 a day."
    )
    until: str = Field(
        "",
        title="Until",
        max_length=2_000,
        json_schema_extra=EXPRESSION,
        description='A time instead, for example state.deadline or "2030-01-31T09:00:00Z".',
    )


def do(place: Place, settings: WaitSettings) -> Done:
    """Go on when the time has come; no thread is held until then."""
    until = _time(place.value(settings.until, "the time")) if settings.until else None
    place.due(settings.seconds, until)
    return Done("", None)


def _time(said: Any) -> datetime:
    try:
        time = datetime.fromisoformat(str(said))
    except ValueError:
        raise StepFailure(reason=f"“{said}” is no time. Write it like 2030-01-31T09:00:00Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def faults(settings: WaitSettings) -> dict[str, str]:
    """Exactly one of the two must be said."""
    if settings.seconds is None and not settings.until.strip():
        return {"seconds": "Say how long, or until when."}
    if settings.seconds is not None and settings.until.strip():
        return {"until": "Say how long or until when, not both."}
    return {}


def offers(_settings: WaitSettings, _part: Definition | None) -> list[Offer]:
    """Waiting comes to nothing."""
    return []


KIND = StepKind(
    name="wait",
    title="Wait",
    description="The flow goes on after a while, or at a time. Nothing is held meanwhile, and a restart does no harm.",
    settings=WaitSettings,
    do=do,
    offers=offers,
    says=lambda settings: [Said("until", settings.until, "string")] if settings.until else [],
    faults=faults,
)
