"""Which steps of a flow are to be done, as those before them come to their ends."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.engine.memory import STEP, Output
from store.definitions import StepPlan
from store.steps import START, AfterPlan

# What led to something: how often each step among that had been begun, by the steps' keys.
Past = dict[str, int]

# Steps of these kinds do nothing by themselves: they wait for a person or a time.
_WAITING = ("review", "wait")


def round_key(key: str, round_: int) -> str:
    """Under which the memory keeps one round of a step."""
    return f"{STEP}{key}" if round_ == 1 else f"{STEP}{key}#{round_}"


def going_on(steps: Sequence[StepPlan], finished: Mapping[str, Output]) -> list[str]:
    """The names of the steps that a flow goes on with once so much is finished, in the flow's order.

    Those that only wait are among them where nothing else goes on.
    """
    ways, left = Ways(steps), []
    while begun := [(step, past) for step in steps if (past := ways.begin(step.key)) is not None]:
        for step, past in begun:
            kept = finished.get(round_key(step.key, past[step.key]))
            if kept is None:
                left.append(step)
            else:
                ways.end(step.key, kept["outcome"], past)
    working = [step for step in left if step.kind not in _WAITING] or left
    return [step.name for step in steps if step in working]


def closing(leads_to: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """The connections that close a loop: from a step to one that had to come before it.

    ``leads_to`` are the keys of the steps right after each, and after the start.
    """
    found: set[tuple[str, str]] = set()
    done: set[str] = set()
    path: dict[str, Iterator[str]] = {START: iter(leads_to[START])}
    while path:
        key, following = next(reversed(path.items()))
        after = next(following, None)
        if after is None:
            done.add(key)
            del path[key]
        elif after in path:
            found.add((key, after))
        elif after not in done:
            path[after] = iter(leads_to[after])
    return found


def reach(key: str, leads_to: Mapping[str, Iterable[str]]) -> set[str]:
    """What can come after the step; itself too, in a loop. ``leads_to`` as for ``closing``."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for after in leads_to[waiting.pop()]:
            if after not in found:
                found.add(after)
                waiting.append(after)
    return found


def onward(leads_to: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The same without the connections that close a loop."""
    back = closing(leads_to)
    return {key: [after for after in following if (key, after) not in back] for key, following in leads_to.items()}


class Ways:
    """How far a flow is, told by its steps' ends. Branches in a loop meet only where they are of the same round."""

    def __init__(self, steps: Sequence[StepPlan]) -> None:
        self.rounds: Counter[str] = Counter()
        keys = {step.key for step in steps}
        self._after = {step.key: list(_entries(step, keys)) for step in steps}
        self._due: dict[str, deque[Past]] = {key: deque() for key in keys}
        joins = [step.key for step in steps if step.join == "all" and len(self._after[step.key]) > 1]
        self._joins = {key: self._join(key) for key in joins}
        self.end(START, "", {})

    def begin(self, key: str) -> Past | None:
        """Begin a round of the step; what led to it with the step itself, or ``None`` where nothing leads to it now."""
        if not self._due[key]:
            return None
        self.rounds[key] += 1
        return self._due[key].popleft() | {key: self.rounds[key]}

    def end(self, key: str, outcome: str, past: Past) -> None:
        """Say what a round of the step came to, with its ``past`` as from ``begin``."""
        for other, entries in self._after.items():
            for number, each in enumerate(entries):
                if each.step == key and each.outcome in ("", outcome):
                    join = self._joins.get(other)
                    led = past if join is None else join.come(number, past)
                    if led is not None:
                        self._due[other].append(led)

    def _join(self, key: str) -> _Join:
        leads_to: dict[str, list[str]] = {each: [] for each in (START, *self._after)}
        for other, entries in self._after.items():
            for each in entries:
                leads_to[each.step].append(other)
        ahead = onward(leads_to)
        sources = [each.step for each in self._after[key]]
        before = [{each for each in self._after if source in {each} | reach(each, ahead)} for source in sources]
        inside = reach(key, leads_to) - {key}
        return _Join(before, [bool(inside & set(sources)) and source not in inside for source in sources])


@dataclass
class _Join:
    """What has come to a step that waits for several others: of each of them, in the order in which it came.

    ``before`` are the steps that lead to each, loops aside, and itself. ``stays`` says which of them hold for every
    round, since they come before the loop that the join is in.
    """

    before: list[set[str]]
    stays: list[bool]
    came: dict[int, list[Past]] = field(default_factory=dict)

    def come(self, number: int, past: Past) -> Past | None:
        """Say that one of them has come; what led to all of them, once there is one of each from the same round."""
        self.came.setdefault(number, []).append(past)
        chosen = {number: past}
        for other in range(len(self.before)):
            if other == number:
                continue
            # The newest first, so that of several rounds the last one counts.
            fitting = (each for each in reversed(self.came.get(other, [])) if self._fits(other, each, chosen))
            if (fits := next(fitting, None)) is None:
                return None
            chosen[other] = fits
        for other, each in chosen.items():
            if not self.stays[other]:
                self.came[other].remove(each)
        return _joined(chosen.values())

    def _fits(self, number: int, past: Past, chosen: Mapping[int, Past]) -> bool:
        """Whether the steps that lead to both were in the same round for both."""
        return all(
            past.get(key) == each.get(key)
            for other, each in chosen.items()
            for key in self.before[number] & self.before[other]
            if key in past and key in each
        )


def _joined(pasts: Iterable[Past]) -> Past:
    joined: Past = {}
    for past in pasts:
        joined |= {key: max(round_, joined.get(key, 0)) for key, round_ in past.items()}
    return joined


def _entries(step: StepPlan, keys: set[str]) -> Iterator[AfterPlan]:
    for each in step.after or [AfterPlan(step=START)]:
        if each.step in keys or each.step == START:
            yield each
