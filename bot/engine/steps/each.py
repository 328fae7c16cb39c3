"""A step that runs a crew for each item of a list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import Field

from bot.engine.steps import crew
from bot.engine.steps.kind import EXPRESSION, Done, Offer, Place, Said, StepFailure, StepKind, StepSettings, text_of
from store.definitions import Definition


class EachSettings(StepSettings):
    """Which list, and how much of it at once."""

    items: str = Field(
        "",
        title="List",
        max_length=2_000,
        json_schema_extra=EXPRESSION,
        description="For example state.companies. Inputs can use item and number.",
    )
    most_items: int = Field(
        50, title="Items at most", ge=1, le=500, description="A longer list makes the step fail before it begins."
    )
    at_once: int = Field(
        1, title="At the same time", ge=1, le=8, description="For how many items the crew works at once."
    )


def do(place: Place, settings: EachSettings) -> Done:
    """Run the crew for each item, and collect the results in the order of the list."""
    items, part = place.value(settings.items, "the list"), place.part()
    if not isinstance(items, list):
        raise StepFailure(reason="What it repeats for is no list. Change it.")
    if len(items) > settings.most_items:
        raise StepFailure(
            reason=f"The list has {len(items)} items, more than the {settings.most_items} it may have. "
            "Shorten it, or allow more items in the step."
        )

    def one(number: int) -> Done:
        inputs = place.inputs(item=items[number], number=number + 1)
        return crew.done(place.run(part, inputs, item=number), part)

    with ThreadPoolExecutor(settings.at_once, thread_name_prefix="item") as pool:
        # The first failure keeps further items from being begun; what is being done is finished and remembered.
        works = [pool.submit(one, number) for number in range(len(items))]
        try:
            found = [work.result() for work in works]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    values: list[Any] = [each.value for each in found]
    raw = "\n\n".join(f"## {text_of(item)[:80]}\n\n{each.raw}" for item, each in zip(items, found, strict=True))
    return Done(raw, values, facts={"results": values})


def offers(_settings: EachSettings, _part: Definition | None) -> list[Offer]:
    """All results."""
    return [
        Offer("results", "array", "the results, in the order of the list"),
        Offer("raw", "string", "all results as one text"),
    ]


KIND = StepKind(
    name="each",
    title="Repeat for each",
    description="A crew runs once for each item of a list, and the results come out as a list.",
    settings=EachSettings,
    do=do,
    offers=offers,
    runs=("crew",),
    says=lambda settings: [Said("items", settings.items, "array")],
    faults=lambda settings: {} if settings.items.strip() else {"items": "Say which list."},
    gives="array",
)
