"""Changing a result: the last task of the crew that wrote it, alone, given the result and what is to be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.engine import cel, state
from bot.engine.cel import Undecided
from bot.engine.steps.kind import text_of
from store.definitions import Definition, StepPlan
from store.finished import STEP


@dataclass(frozen=True)
class Written:
    """Who wrote a result: a crew, and the inputs that it was given."""

    by: Definition
    inputs: Mapping[str, Any]


def written(definition: Definition, inputs: Mapping[str, Any], result: str, kept: Mapping[str, Any]) -> Written | None:
    """Who wrote the ``result`` of a run; of a flow one of its crews, if the result is what just that crew wrote.

    ``kept`` is what is finished of the run, by key.
    """
    if not definition.is_flow:
        return Written(definition, inputs)
    # What runs as a part of a step has a slash in its key.
    done = {key: each for key, each in kept.items() if key.startswith(STEP) and "/" not in key and "number" in each}
    plans = {plan.key: plan for plan in definition.steps if plan.kind == "crew" and plan.target in definition.parts}
    for each in sorted(done.values(), key=lambda each: -int(each["number"])):
        plan = plans.get(each["step"])
        if plan and each["raw"] == result:
            return _by_step(definition, inputs, plan, [one for one in done.values() if one["number"] < each["number"]])
    return None


def changing(definition: Definition, result: str, change: str) -> Definition:
    """The crew with its last task alone, which changes a result of it as somebody asks."""
    last = definition.tasks[-1]
    given = {"The result so far": result, "What is to be changed in it": change}
    words = (
        "Below is your result of this task, and what somebody asks to be changed in it. Give the whole result, changed."
    )
    settings = last.settings.model_copy(update={"condition": "", "async_execution": False, "uses_all": False})
    task = last.model_copy(
        update={
            "description": f"{last.description}\n\n{words}",
            "context": [],
            "given": {**last.given, **given},
            "settings": settings,
        }
    )
    return definition.model_copy(update={"tasks": [task]})


def _by_step(
    flow: Definition, inputs: Mapping[str, Any], plan: StepPlan, before: list[Mapping[str, Any]]
) -> Written | None:
    """The crew of a step, with its inputs worked out once more from what was finished ``before`` the step."""
    now, _ = state.begin(flow.state, inputs)
    begun, outputs = dict(now), {}
    for each in sorted(before, key=lambda each: int(each["number"])):
        now |= each["changes"]
        outputs[each["step"]] = each["seen"]
    facts = {"state": now, "inputs": begun, "outputs": outputs}
    try:
        given = {name: cel.evaluate(text, facts) for name, text in plan.inputs.items() if text.strip()}
    except Undecided:
        return None
    return Written(flow.parts[plan.target or ""], {name: text_of(value) for name, value in given.items()})
