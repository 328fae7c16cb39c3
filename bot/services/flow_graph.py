"""A flow as a graph: what each step leads to, what comes before what, and which decisions lead where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from itertools import product

from bot.engine.steps import kind_of
from bot.engine.steps.kind import Offer, StepKind, StepSettings
from bot.engine.ways import closing, onward, reach
from store.definitions import Definition, StepPlan
from store.steps import START, AfterPlan

# Ways through a flow that are looked at; one with more is not checked for what excludes what.
_MOST_WAYS = 512


class Graph:
    """A flow's steps, what each leads to, and what comes before what."""

    def __init__(self, flow: Definition) -> None:
        self.flow = flow
        self.steps = {step.key: step for step in flow.steps}
        self._kinds = {step.key: kind_of(step.kind) for step in flow.steps}

    def kind(self, step: StepPlan) -> StepKind | None:
        return self._kinds[step.key]

    def settings(self, step: StepPlan) -> StepSettings:
        kind = self._kinds[step.key]
        return kind.read(step.settings) if kind else StepSettings()

    def outcomes(self, key: str) -> list[str]:
        """What the step can come to, by name; one without a name where there is only one way on."""
        if key == START or (kind := self._kinds[key]) is None:
            return [""]
        return kind.outcomes(self.settings(self.steps[key])) or [""]

    def after(self, step: StepPlan) -> list[AfterPlan]:
        """What the step comes after, as far as it is there: the start, or outcomes of steps."""
        entries = step.after or [AfterPlan(step=START)]
        return [each for each in entries if self.has(each)]

    def has(self, each: AfterPlan) -> bool:
        """Whether there is such a step with such an outcome."""
        if each.step != START and each.step not in self.steps:
            return False
        return not each.outcome or each.outcome in self.outcomes(each.step)

    def offers(self, step: StepPlan) -> list[Offer]:
        kind = self._kinds[step.key]
        return kind.offers(self.settings(step), self.part(step)) if kind else []

    def part(self, step: StepPlan) -> Definition | None:
        return self.flow.parts.get(step.target or "")

    @cached_property
    def leads_to(self) -> dict[str, list[str]]:
        """The keys of the steps that come right after each, and after the start."""
        found: dict[str, list[str]] = {START: [], **{key: [] for key in self.steps}}
        for step in self.flow.steps:
            for each in self.after(step):
                found[each.step].append(step.key)
        return found

    @cached_property
    def reached(self) -> set[str]:
        """The start and every step that something leads to from there."""
        return reach(START, self.leads_to) | {START}

    def before(self, key: str | None) -> set[str]:
        """The steps of which something leads to this one; itself too, in a loop."""
        return {each for each in self.steps if key in reach(each, self.leads_to)}

    @cached_property
    def _ahead(self) -> dict[str, list[str]]:
        """What comes right after each step in the same round of a loop."""
        return onward(self.leads_to)

    @cached_property
    def back(self) -> set[tuple[str, str]]:
        """The connections that close a loop."""
        return closing(self.leads_to)

    @cached_property
    def loops(self) -> list[set[str]]:
        """The sets of steps that lead to one another."""
        found: list[set[str]] = []
        for key in self.steps:
            after = reach(key, self.leads_to)
            if key in after and not any(key in loop for loop in found):
                found.append({other for other in after if key in reach(other, self.leads_to)} | {key})
        return found

    @cached_property
    def ways(self) -> dict[str, set[frozenset[tuple[str, str]]]] | None:
        """For each step the sets of decisions that lead to it, loops aside; ``None`` where there are too many."""
        found: dict[str, set[frozenset[tuple[str, str]]]] = {START: {frozenset()}}
        for step in self._in_order():
            entries = [self.ways_of(each, found) for each in self.after(step) if (each.step, step.key) not in self.back]
            if step.join == "any":
                ways = set().union(*entries)
            else:
                many = 1
                for each in entries:
                    many *= max(len(each), 1)
                if many > _MOST_WAYS * 8:
                    return None
                together = (frozenset().union(*way) for way in product(*entries))
                ways = {way for way in together if possible(way)}
            if len(ways) > _MOST_WAYS:
                return None
            found[step.key] = ways
        return found

    def ways_of(
        self, each: AfterPlan, ways: Mapping[str, set[frozenset[tuple[str, str]]]]
    ) -> set[frozenset[tuple[str, str]]]:
        """The sets of decisions that lead past this step with this outcome."""
        before = ways.get(each.step, set())
        outcomes = self.outcomes(each.step)
        if outcomes == [""] or not each.outcome:
            return before
        return {way | {(each.step, each.outcome)} for way in before if possible(way | {(each.step, each.outcome)})}

    def at_once(self, one: str, other: str) -> bool:
        """Whether both steps can go on at the same time: neither leads to the other, and no decision excludes one."""
        if self.ways is None or other in reach(one, self._ahead) or one in reach(other, self._ahead):
            return False
        pairs = product(self.ways.get(one, ()), self.ways.get(other, ()))
        return any(possible(first | second) for first, second in pairs)

    def _in_order(self) -> list[StepPlan]:
        """The steps that are reached, each after all that it comes after, loops aside."""
        order: list[StepPlan] = []
        waiting = {
            key: {each.step for each in self.after(step) if (each.step, key) not in self.back} & self.reached
            for key, step in self.steps.items()
            if key in self.reached
        }
        done = {START}
        while waiting:
            ready = [key for key, before in waiting.items() if before <= done]
            if not ready:
                break
            for key in ready:
                order.append(self.steps[key])
                done.add(key)
                del waiting[key]
        return order


def possible(way: Iterable[tuple[str, str]]) -> bool:
    """Whether no step would have to come to two outcomes."""
    decided: dict[str, str] = {}
    return all(decided.setdefault(step, outcome) == outcome for step, outcome in way)
