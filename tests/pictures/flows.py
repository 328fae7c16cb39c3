"""Flows to draw."""

from __future__ import annotations

from collections.abc import Sequence

from store.definitions import Definition, StepPlan
from store.steps import AfterPlan, Join

KINDS = {"crew": "Run a crew", "flow": "Run a flow", "decide": "Decide", "review": "Review by a person"}


def step(name: str, after: Sequence[str] = (), *, kind: str = "crew", join: Join = "all") -> StepPlan:
    """A step whose key is its name; ``after`` are steps, each with “=outcome” where it waits for one."""
    return StepPlan(
        key=name,
        name=name,
        kind=kind,
        target="Writers" if kind == "crew" else None,
        join=join,
        after=[AfterPlan(step=each.partition("=")[0], outcome=each.partition("=")[2]) for each in after],
    )


def flow(*steps: StepPlan, name: str = "Weekly letter") -> Definition:
    """A flow of these steps."""
    return Definition(name=name, is_flow=True, steps=list(steps))


LETTER = flow(
    step("Draft", ["start", "Approval=changes"], join="any"),
    step("Check", ["Draft"]),
    step("Numbers", ["Draft"]),
    step("Approval", ["Check", "Numbers"], kind="review"),
    step("Send", ["Approval=approved"], kind="flow"),
)


def chain(length: int) -> Definition:
    """So many steps, one after the other."""
    names = [f"Step {number}" for number in range(1, length + 1)]
    return flow(*(step(name, names[at - 1 : at] if at else []) for at, name in enumerate(names)))


def fan(width: int) -> Definition:
    """So many steps side by side, between a first and a last."""
    middle = [f"Part {number}" for number in range(1, width + 1)]
    return flow(step("First"), *(step(name, ["First"]) for name in middle), step("Last", middle))
