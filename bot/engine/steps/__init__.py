"""Every kind of step: one file each, and its line here."""

from __future__ import annotations

from bot.engine.steps import crew, decide, each, flow, review, set, wait  # noqa: A004 - a kind is called so
from bot.engine.steps.kind import StepKind

KINDS: tuple[StepKind, ...] = (
    crew.KIND,
    flow.KIND,
    decide.KIND,
    review.KIND,
    set.KIND,
    each.KIND,
    wait.KIND,
)

_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(name: str) -> StepKind | None:
    """The kind with this name, if there is one."""
    return _BY_NAME.get(name)
