"""What a picture of a flow shows, and the same in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.pictures.crew import Status
from bot.pictures.fonts import clean
from store.definitions import Definition, StepPlan
from store.steps import START


@dataclass(frozen=True)
class Before:
    """A step that comes before another, by its number, 0 for the start; ``outcome``: only when it comes to that."""

    number: int
    outcome: str = ""


@dataclass(frozen=True)
class Part:
    """A step: its place in the order, its kind and what that is called, what it runs, and what comes before it."""

    number: int
    name: str
    kind: str
    does: str
    before: tuple[Before, ...]
    any: bool
    status: Status | None


@dataclass(frozen=True)
class Flow:
    """Everything in the picture; the steps are numbered from 1 in their order."""

    name: str
    parts: tuple[Part, ...]

    @property
    def summary(self) -> str:
        """How many steps there are, and how far they are: “8 steps: 3 done, 1 in progress, 4 pending”."""
        steps = f"{len(self.parts)} {'step' if len(self.parts) == 1 else 'steps'}"
        many = Counter(part.status for part in self.parts if part.status)
        said = ", ".join(f"{many[status]} {status.lower()}" for status in _TOLD_FIRST if many[status])
        return f"{steps}: {said}" if said else steps


# What is done comes first, then what goes on, then the rest.
_TOLD_FIRST = (
    Status.DONE,
    Status.IN_PROGRESS,
    Status.WAITING,
    Status.FAILED,
    Status.STOPPED,
    Status.SKIPPED,
    Status.PENDING,
)


def flow_of(definition: Definition, kinds: Mapping[str, str], statuses: Mapping[str, Status] | None = None) -> Flow:
    """The picture of a flow; ``kinds`` are the kinds' titles, ``statuses`` go by the steps' keys, if it shows a run."""
    numbers = {START: 0} | {step.key: number for number, step in enumerate(definition.steps, 1)}
    return Flow(
        name=clean(definition.name),
        parts=tuple(
            Part(
                number=number,
                name=clean(step.name),
                kind=step.kind,
                does=clean(_does(step, kinds)),
                before=_before(step, numbers),
                any=step.join == "any",
                status=None if statuses is None else statuses.get(step.key, Status.PENDING),
            )
            for number, step in enumerate(definition.steps, 1)
        ),
    )


def in_words(flow: Flow) -> list[str]:
    """The picture as sentences, the first about the whole, then one for each step; joined they are its alt text."""
    return [f"{flow.name}: {flow.summary}.", *(_sentence(flow, part) for part in flow.parts)]


def _does(step: StepPlan, kinds: Mapping[str, str]) -> str:
    """What the step runs by name, else what its kind does."""
    return step.target or kinds.get(step.kind, step.kind)


def _before(step: StepPlan, numbers: Mapping[str, int]) -> tuple[Before, ...]:
    known = [Before(numbers[each.step], clean(each.outcome)) for each in step.after if each.step in numbers]
    return tuple(dict.fromkeys(known)) or ((Before(0),) if not step.after else ())


def _sentence(flow: Flow, part: Part) -> str:
    after = [_after(flow, each) for each in part.before if each.number or len(part.before) > 1]
    join = f", after {(' or ' if part.any else ' and ').join(after)}" if after else ""
    status = f": {part.status.lower()}" if part.status else ""
    return f"{part.number}. {part.name} ({part.does}){join}{status}."


def _after(flow: Flow, before: Before) -> str:
    name = flow.parts[before.number - 1].name if before.number else "the start"
    return f"{name} ({before.outcome})" if before.outcome else name
