"""What the keys of finished work mean: ``step:draft``, ``step:each[2]#3/task:Write``, ``step:letter/step:send/due``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from store.definitions import Definition, StepPlan
from store.finished import STEP, TASK

_STEP = re.compile(rf"{STEP}([^/\[#]+)(?:\[(\d+)\])?(?:#(\d+))?(?:/|$)")


@dataclass(frozen=True)
class Visit:
    """One round of a step, perhaps for one item of its list, counted from 0; ``step`` is ``None`` where it is gone."""

    key: str
    step: StepPlan | None
    item: int | None
    round: int

    @property
    def name(self) -> str:
        """What people call the step."""
        return self.step.name if self.step else self.key


@dataclass(frozen=True)
class WorkKey:
    """The steps in which something was done, from the outermost on, and what is meant of the last.

    ``task`` is the name of a task, ``rest`` whatever else a step keeps; both are empty where it is the step itself.
    """

    visits: Sequence[Visit]
    task: str
    rest: str


def read(definition: Definition, key: str) -> WorkKey:
    """What a key means in a run of the crew or flow."""
    visits, flow = [], definition
    while found := _STEP.match(key):
        step = next((step for step in flow.steps if step.key == found[1]), None)
        visits.append(Visit(found[1], step, int(found[2]) if found[2] else None, int(found[3] or 1)))
        flow = definition.parts.get((step.target if step else None) or "", Definition(name=""))
        key = key[found.end() :]
    if key.startswith(TASK):
        return WorkKey(visits, key.removeprefix(TASK), "")
    return WorkKey(visits, "", key)
