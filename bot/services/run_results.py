"""What the tasks of a run came to, and those steps of a flow that have none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.engine.steps import kind_of
from store.definitions import Definition
from store.finished import STEP, TASK

# A step, perhaps one item of its list (counted from 0) and the round of a loop: “step:each[2]#3”.
_STEP = re.compile(rf"{STEP}([^/\[#]+)(?:\[(\d+)\])?(?:#(\d+))?(?:/|$)")


@dataclass(frozen=True)
class Outcome:
    """What a task or step came to; its name begins with the steps of flows that it belongs to."""

    name: str
    text: str


def outcomes(definition: Definition, kept: Mapping[str, dict[str, Any]]) -> Iterator[Outcome]:
    """What everything that is finished of a run came to, in the order of ``kept``, as from ``finished.all_of``."""
    for key, output in kept.items():
        where, kind, task = _read(definition, key)
        does_itself = kind is not None and (known := kind_of(kind)) is not None and not known.runs
        if task and not output["skipped"]:
            yield Outcome(" · ".join([*where, task]), output["raw"])
        elif does_itself and output.get("raw"):
            yield Outcome(" · ".join(where), output["raw"])


def _read(definition: Definition, key: str) -> tuple[list[str], str | None, str]:
    """The names of the steps that a key names, the kind of a step that is meant itself, and the name of a task."""
    where, flow, kind = [], definition, None
    while found := _STEP.match(key):
        step = next((step for step in flow.steps if step.key == found[1]), None)
        where.append(step.name if step else found[1])
        where += [f"item {int(found[2]) + 1}"] if found[2] else []
        where += [f"round {found[3]}"] if found[3] else []
        flow = definition.parts.get((step.target if step else None) or "", Definition(name=""))
        kind, key = step.kind if step else None, key[found.end() :]
    if key.startswith(TASK):
        return where, None, key.removeprefix(TASK)
    return where, kind if not key else None, ""
