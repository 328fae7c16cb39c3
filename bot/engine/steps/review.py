"""A step at which a person says whether the flow goes on."""

from __future__ import annotations

from pydantic import Field

from bot.engine.steps.kind import EXPRESSION, Done, Offer, Place, Said, StepKind, StepSettings, text_of
from store.definitions import Definition
from store.more_settings import ReviewSettings

APPROVED, CHANGES, REJECTED = "approved", "changes", "rejected"


class ReviewStepSettings(StepSettings):
    """What is shown, and what happens after."""

    shows: str = Field(
        "",
        title="What to review",
        max_length=2_000,
        json_schema_extra=EXPRESSION,
        description="For example outputs.draft.raw or state.letter.",
    )
    review: ReviewSettings = Field(
        ReviewSettings(), title="Who decides, and by when", description="As with a review of a crew’s task."
    )
    prompt: str = Field("", title="Question", max_length=3_000, description="What the person is to look at.")
    ends: list[str] = Field(
        [REJECTED, CHANGES], title="Ends", max_length=3, description="Answers after which nothing more is to happen."
    )


def do(place: Place, settings: ReviewStepSettings) -> Done:
    """What was reviewed, as it is now."""
    produced = text_of(place.value(settings.shows, "what to review")) if settings.shows else ""
    said = place.review(produced, settings.prompt, settings.review)
    return Done(said.text, said.text, said.outcome, {"comment": said.comment, "by": said.by})


def offers(_settings: ReviewStepSettings, _part: Definition | None) -> list[Offer]:
    """The text as it was approved, and the answer."""
    return [
        Offer("raw", "string", "the text, with changes made in the review"),
        Offer("outcome", "string", "approved, changes or rejected"),
        Offer("comment", "string", "what the person wrote"),
    ]


KIND = StepKind(
    name="review",
    title="Review by a person",
    description="Somebody approves, asks for changes or rejects. The run waits for the answer as long as it takes.",
    settings=ReviewStepSettings,
    do=do,
    offers=offers,
    outcomes=lambda _settings: [APPROVED, CHANGES, REJECTED],
    ends=lambda settings: list(settings.ends),
    says=lambda settings: [Said("shows", settings.shows)] if settings.shows else [],
    gives="string",
)
