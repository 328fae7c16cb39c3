"""What the tasks of a run came to, and those steps of a flow that have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.engine.steps import kind_of
from store import work_keys
from store.definitions import Definition


@dataclass(frozen=True)
class Outcome:
    """What a task or step came to; its name begins with the steps of flows that it belongs to."""

    name: str
    text: str


def outcomes(definition: Definition, kept: Mapping[str, dict[str, Any]]) -> Iterator[Outcome]:
    """What everything that is finished of a run came to, in the order of ``kept``, as from ``finished.all_of``."""
    for key, output in kept.items():
        done = work_keys.read(definition, key)
        where = [name for visit in done.visits for name in _names(visit)]
        if done.task and not output["skipped"]:
            yield Outcome(" · ".join([*where, done.task]), output["raw"])
        elif not done.task and not done.rest and _does_itself(done.visits[-1]) and output.get("raw"):
            yield Outcome(" · ".join(where), output["raw"])


def _names(visit: work_keys.Visit) -> list[str]:
    item = [] if visit.item is None else [f"item {visit.item + 1}"]
    return [visit.name, *item, *([f"round {visit.round}"] if visit.round > 1 else [])]


def _does_itself(visit: work_keys.Visit) -> bool:
    """Whether the step does something itself, and runs nothing that has results of its own."""
    kind = kind_of(visit.step.kind) if visit.step else None
    return kind is not None and not kind.runs
