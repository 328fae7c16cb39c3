"""How the steps of a flow's run stand, put together from its events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from bot import events
from bot.slack.blocks import TaskStatus
from store import work_keys
from store.definitions import Definition
from store.work_keys import WorkKey

# A step's key as events say it: of the flow itself, then of flows inside; with the item of a list, and the round.
# What the keys of finished work and of questions begin with.
_STEP = "step:"
_ROOT = re.compile(r"[^/\[#:]+")


@dataclass
class InnerPicture:
    """A task of a crew that a step runs, or a step of a flow that it runs."""

    name: str
    status: TaskStatus = "in_progress"
    agent: str = ""
    tool: str | None = None


@dataclass
class StepPicture:
    """One step of the run; ``runs`` is the crew or flow that it runs, ``inner`` what is done there by name."""

    key: str
    name: str
    runs: str = ""
    status: TaskStatus = "pending"
    # What the status alone does not say: it waits for a person or a time, was stopped, or is never come to.
    waits: bool = False
    stopped: bool = False
    skipped: bool = False
    round: int = 1
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    output: str | None = None
    reason: str | None = None
    inner: dict[str, InnerPicture] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """In one word how it stands, as pictures know it."""
        if self.waits:
            return "waiting"
        if self.stopped or self.skipped:
            return "stopped" if self.stopped else "skipped"
        return {"complete": "done", "error": "failed"}.get(self.status, self.status)

    def begin(self, at: datetime, round_: int) -> None:
        """It is being worked on, the first time or again."""
        self.status, self.started_at, self.ended_at = "in_progress", at, None
        self.waits = self.stopped = self.skipped = False
        self.output = self.reason = None
        self.outcome = ""
        # What is done inside is not done again when it goes on.
        same = round_ == self.round
        self.inner = {key: each for key, each in self.inner.items() if same and each.status == "complete"}
        self.round = round_

    def recall(self, key: WorkKey) -> None:
        """Something is done inside it, if that was in its last round."""
        outer, last = key.visits[0], key.visits[-1]
        if outer.round < self.round:
            return
        if outer.round > self.round:
            self.inner.clear()
        self.round = outer.round
        path = [each.key if each.item is None else f"{each.key}[{each.item}]" for each in key.visits]
        again = f"#{last.round}" if last.round > 1 and not key.task else ""
        called = "/".join(path) + (f":{key.task}" if key.task else again)
        self.inner[called] = InnerPicture(key.task or last.name, "complete")

    def end(self, at: datetime, status: TaskStatus, *, output: str | None = None, reason: str | None = None) -> None:
        """It is done, or gave up."""
        self.status, self.ended_at, self.output, self.reason, self.waits = status, at, output, reason, False
        for inner in self.inner.values():
            inner.tool = None


@dataclass
class StepsPicture:
    """The steps of a run by their keys, in order."""

    steps: dict[str, StepPicture]

    @classmethod
    def of(cls, definition: Definition, finished: Mapping[str, Mapping[str, Any]] | None = None) -> StepsPicture:
        """The steps of a flow, nothing done yet but what is ``finished``, by the keys of finished work."""
        steps = {step.key: StepPicture(step.key, step.name, step.target or "") for step in definition.steps}
        done = [(work_keys.read(definition, key), output) for key, output in (finished or {}).items()]
        done = [(key, output) for key, output in done if not key.rest and key.visits and key.visits[0].key in steps]
        for key, output in done:
            if len(key.visits) == 1 and not key.task:
                step = steps[key.visits[0].key]
                step.status, step.output = "complete", str(output.get("raw", ""))
                step.outcome, step.round = str(output.get("outcome", "")), key.visits[0].round
        for key, _ in done:
            if len(key.visits) > 1 or key.task:
                steps[key.visits[0].key].recall(key)
        return cls(steps)

    @property
    def current(self) -> list[StepPicture]:
        """The steps being worked on."""
        return [step for step in self.steps.values() if step.status == "in_progress"]

    @property
    def marks(self) -> dict[str, str]:
        """How each step stands, by its key."""
        return {key: step.mark for key, step in self.steps.items()}

    @singledispatchmethod
    def apply(self, event: events.RunEvent) -> None:
        """Change the picture by what happened; most events say nothing about steps."""

    @apply.register
    def _(self, event: events.StepStarted) -> None:
        if step := self._own(event.step):
            step.begin(event.at, event.round)
        elif outer := self._outer(event.step):
            outer.inner[event.step] = InnerPicture(event.name)

    @apply.register
    def _(self, event: events.StepFinished) -> None:
        if step := self._own(event.step):
            step.end(event.at, "complete", output=event.output)
            step.outcome = event.outcome
        else:
            self._inner(event.step, event.name).status = "complete"

    @apply.register
    def _(self, event: events.StepFailed) -> None:
        if step := self._own(event.step):
            step.end(event.at, "error", reason=event.reason)
        else:
            self._inner(event.step, event.name).status = "error"

    @apply.register
    def _(self, event: events.StepSkipped) -> None:
        if step := self._own(event.step):
            step.skipped, step.ended_at = True, event.at

    @apply.register
    def _(self, event: events.TaskStarted) -> None:
        inner = self._inner(f"{event.step}:{event.task}", event.task)
        inner.status, inner.agent = "in_progress", event.agent

    @apply.register
    def _(self, event: events.TaskFinished) -> None:
        self._ended(event, "complete")

    @apply.register
    def _(self, event: events.TaskSkipped) -> None:
        self._ended(event, "complete")

    @apply.register
    def _(self, event: events.TaskFailed) -> None:
        self._ended(event, "error")

    @apply.register
    def _(self, event: events.ToolStarted) -> None:
        self._inner(f"{event.step}:{event.task}", event.task).tool = event.tool

    @apply.register
    def _(self, event: events.ToolFinished) -> None:
        self._inner(f"{event.step}:{event.task}", event.task).tool = None

    @apply.register
    def _(self, event: events.RunWaiting) -> None:
        step = self._outer(event.key.removeprefix(_STEP)) or self._called(event.task)
        if step:
            step.status, step.waits = "in_progress", True

    @apply.register
    def _(self, event: events.RunResumed) -> None:
        for step in self.steps.values():
            if step.status != "complete":
                step.status, step.started_at, step.ended_at, step.reason = "pending", None, None, None
                step.waits = step.stopped = step.skipped = False

    @apply.register
    def _(self, event: events.RunFailed) -> None:
        for step in self.current:
            step.end(event.at, "error", reason=step.reason)

    @apply.register
    def _(self, event: events.RunCancelled) -> None:
        for step in self.current:
            step.end(event.at, "pending")
            step.stopped = True

    def _ended(self, event: events.CrewEvent, status: TaskStatus) -> None:
        task = str(getattr(event, "task", ""))
        inner = self._inner(f"{event.step}:{task}", task)
        inner.status, inner.tool = status, None

    def _called(self, name: str) -> StepPicture | None:
        return next((step for step in self.steps.values() if step.name == name), None)

    def _own(self, key: str) -> StepPicture | None:
        return self.steps.get(key.partition("#")[0])

    def _outer(self, key: str) -> StepPicture | None:
        """The step of the flow itself in which that happens."""
        root = _ROOT.match(key)
        return self.steps.get(root[0]) if root else None

    def _inner(self, key: str, name: str) -> InnerPicture:
        outer = self._outer(key)
        if outer is None or not name:
            # What happens between two tasks, or in no step, has no card to be shown on.
            return InnerPicture(name)
        return outer.inner.setdefault(key, InnerPicture(name))
