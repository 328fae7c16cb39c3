"""What every kind of step has: its words, its settings, what it can come to, and how it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field, ValidationError
from pydantic.config import JsonDict

from bot.engine import cel
from bot.errors import UserError
from bot.events import Fault
from store.definitions import Definition, StepPlan
from store.more_settings import ReviewSettings, Settings

# Every type that a value can have in JSON Schema, and any of them.
ANY = ""

# What a setting holds besides its type, said for those who ask for it: an expression, the name of a model.
EXPRESSION: JsonDict = {"format": "cel"}
MODEL: JsonDict = {"format": "model"}


class StepSettings(Settings):
    """How a step is done, whatever its kind."""

    most: int = Field(
        10,
        title="Rounds at most",
        ge=1,
        le=100,
        description="How often a loop may come back to it in one run. After that the run fails.",
    )


@dataclass(frozen=True)
class Said:
    """An expression that somebody wrote for a step: the setting it stands in, and the type it must come to.

    ``item`` says that it may look at the item of a list.
    """

    setting: str
    text: str
    type: str = ANY
    item: bool = False


@dataclass(frozen=True)
class Offer:
    """Something that later steps can look at: below ``outputs.<key>``, its type in JSON Schema, and in words."""

    path: str
    type: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What a step came to.

    ``raw`` is its text; ``value`` is what goes into the state; ``facts`` is what later steps see besides; ``outcome``
    decides what comes next, where the kind has named outcomes.
    """

    raw: str
    value: Any
    outcome: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class StepFailure(UserError):
    """{reason}"""

    def __init__(self, *, reason: str, fault: Fault | None = None) -> None:
        super().__init__(reason=reason)
        self.fault = fault or Fault()


class Place(Protocol):
    """Where a step is done: one round of it, in one run of its flow."""

    plan: StepPlan
    # Set when the run was stopped.
    stop: threading.Event

    def part(self) -> Definition:
        """What the step runs; raises ``StepFailure`` if it is not there."""

    def value(self, expression: str, what: str, **more: Any) -> Any:
        """What an expression comes to here, with further names; raises ``StepFailure`` that says for ``what``."""

    def inputs(self, **more: Any) -> dict[str, Any]:
        """The step's inputs, worked out, with further names; raises ``StepFailure``."""

    def run(self, part: Definition, inputs: Mapping[str, Any], *, item: int | None = None, kept: bool = True) -> Ran:
        """Run a crew or flow for this step; its finished work is remembered, unless it is not to be ``kept``."""

    def review(self, produced: str, prompt: str, settings: ReviewSettings) -> Reviewed:
        """What a person says to it; raises ``Waiting`` until somebody does."""

    def due(self, seconds: float | None, until: datetime | None) -> None:
        """Return when the time has come; raises ``Waiting`` before."""


@dataclass(frozen=True)
class Ran:
    """What a crew or flow came to: its text, what its tasks came to by name, and the state of a flow."""

    raw: str
    tasks: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Reviewed:
    """What a person said: the outcome, what was reviewed as it is now, and their words."""

    outcome: str
    text: str
    comment: str = ""
    by: str = ""


def _no_outcomes(_settings: Any) -> list[str]:
    return []


def _nothing_said(_settings: Any) -> list[Said]:
    return []


@dataclass(frozen=True)
class StepKind:
    """A kind of step. ``runs`` says whether it needs a crew, a flow or either; ``takes`` that this gets inputs.

    ``outcomes`` are the names of what it can come to, of which ``ends`` are meant to lead nowhere; none at all where
    there is only one way on. ``says`` are the expressions in its settings.
    """

    name: str
    title: str
    description: str
    settings: type[StepSettings]
    do: Callable[[Place, Any], Done]
    offers: Callable[[Any, Definition | None], list[Offer]]
    runs: tuple[str, ...] = ()
    outcomes: Callable[[Any], list[str]] = _no_outcomes
    ends: Callable[[Any], list[str]] = _no_outcomes
    says: Callable[[Any], list[Said]] = _nothing_said
    # Settings that cannot be told from the fields alone, as sentences by field.
    faults: Callable[[Any], dict[str, str]] = field(default=lambda _settings: {})
    # What its result must be put into, or that it need not be put anywhere.
    needs_result: bool = False
    # The type of what it puts into the state, where that is always the same.
    gives: str = ANY

    def read(self, settings: Mapping[str, Any]) -> StepSettings:
        """The settings of a step of this kind; what does not fit any more falls back to what is usual."""
        try:
            return self.settings.model_validate(settings)
        except ValidationError as error:
            wrong = {str(each["loc"][0]) for each in error.errors()}
            return self.settings.model_validate({k: v for k, v in settings.items() if k not in wrong})


def text_of(value: Any) -> str:
    """A value as a text for models and people."""
    return value if isinstance(value, str) else cel.as_text(value)
