"""How a run stands, put together from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from bot import events
from bot.progress.steps import StepsPicture
from bot.slack.blocks import TaskStatus
from store.finished import TASK
from store.runs import Execution, RunState

SKIPPED = "Skipped: its condition did not hold."


@dataclass
class TaskPicture:
    """One task of the run."""

    name: str
    agent: str | None
    status: TaskStatus = "pending"
    tool: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    output: str | None = None
    reason: str | None = None
    # Whether a person has to answer before it goes on.
    waits: bool = False
    # Whether the model’s last answer ended at its limit of tokens.
    cut: bool = False


@dataclass
class RunPicture:
    """One run: its tasks by name in order, its state, and where it is shown."""

    run: Execution
    state: RunState
    tasks: dict[str, TaskPicture]
    started_at: datetime | None = None
    ended_at: datetime | None = None
    tokens: int = 0
    # In US dollars; none where no price is known.
    cost: float | None = None
    waiting_for: str | None = None
    wake_at: datetime | None = None
    reason: str | None = None
    failed_task: str | None = None
    fault: events.Fault = field(default_factory=events.Fault)
    stopped_by: str | None = None
    result: str | None = None
    # Its place in line while it waits for its turn; 0 where that is not known.
    place: int = 0
    thread_ts: str | None = None
    parent_ts: str | None = None
    progress_ts: str | None = None
    # Slack did not take the first message.
    unheard: bool = False
    shown_at: datetime | None = field(default=None, compare=False)
    # What a flow is shown by in place of tasks.
    steps: StepsPicture | None = None

    @classmethod
    def of(cls, run: Execution, finished: Mapping[str, Mapping[str, Any]] | None = None) -> RunPicture:
        """The picture of a run as the store knows it, with what is ``finished`` of it."""
        picture = cls(
            run=run,
            state=run.status,
            tasks={task.name: TaskPicture(task.name, task.agent) for task in run.definition.tasks},
            started_at=run.started_at,
            ended_at=run.ended_at,
            tokens=run.tokens,
            cost=run.cost,
            reason=run.error,
            failed_task=run.error_task,
            fault=events.Fault(**run.fault or {}),
            stopped_by=run.cancelled_by,
            result=run.results,
            waiting_for=run.waiting_for,
            wake_at=run.wake_at,
            thread_ts=run.thread_ts,
            progress_ts=run.progress_ts,
            steps=StepsPicture.of(run.definition, finished) if run.definition.is_flow else None,
        )
        for key, output in (finished or {}).items():
            if (task := picture.tasks.get(key.removeprefix(TASK))) and key.startswith(TASK):
                task.status, task.output = "complete", SKIPPED if output["skipped"] else output["raw"]
        if waiting := picture.tasks.get(run.waiting_for or ""):
            waiting.status, waiting.waits = "in_progress", True
        return picture

    @property
    def current(self) -> TaskPicture | None:
        """The task being worked on."""
        return next((task for task in self.tasks.values() if task.status == "in_progress"), None)

    def note(self, event: events.RunEvent) -> None:
        """Change the picture by what happened, and that of the steps."""
        self.apply(event)
        if self.steps:
            self.steps.apply(event)

    @singledispatchmethod
    def apply(self, event: events.RunEvent) -> None:
        """Change the picture by what happened."""
        raise TypeError(f"no picture of {type(event).__name__}")

    @apply.register
    def _(self, event: events.RunStarted) -> None:
        self.state, self.started_at = RunState.RUNNING, event.at

    @apply.register
    def _(self, event: events.RunResumed) -> None:
        self.state, self.started_at, self.ended_at = RunState.RUNNING, self.started_at or event.at, None
        self.reason = self.failed_task = self.stopped_by = self.waiting_for = None
        for task in self.tasks.values():
            if task.status != "complete":
                task.status, task.waits, task.reason, task.started_at, task.ended_at = (
                    "pending",
                    False,
                    None,
                    None,
                    None,
                )

    @apply.register
    def _(self, event: events.RunWaiting) -> None:
        self.state, self.waiting_for, self.wake_at = RunState.WAITING, event.task, event.until
        task = self._task(event.task, "")
        task.status, task.waits, task.tool = "in_progress", True, None

    @apply.register
    def _(self, event: events.TaskStarted) -> None:
        task = self._task(event.task, event.agent)
        task.status, task.started_at = "in_progress", event.at

    @apply.register
    def _(self, event: events.TaskFinished) -> None:
        task = self._task(event.task, event.agent)
        task.status, task.ended_at, task.output, task.tool = "complete", event.at, event.output, None

    @apply.register
    def _(self, event: events.TaskFailed) -> None:
        task = self._task(event.task, event.agent)
        task.status, task.ended_at, task.reason, task.tool = "error", event.at, event.reason, None

    @apply.register
    def _(self, event: events.TaskSkipped) -> None:
        task = self._task(event.task, "")
        task.status, task.ended_at, task.output = "complete", event.at, SKIPPED

    @apply.register
    def _(self, event: events.TaskFile) -> None:
        """The outbox has the files."""

    @apply.register
    def _(self, event: events.ModelAnswered) -> None:
        """Answers are for the log."""

    @apply.register
    def _(self, event: events.RunTraced) -> None:
        """So is where in the program it failed."""

    @apply.register
    def _(self, event: events.ToolStarted) -> None:
        self._task(event.task, event.agent).tool = event.tool

    @apply.register
    def _(self, event: events.ToolFinished) -> None:
        self._task(event.task, event.agent).tool = None

    @apply.register
    def _(self, event: events.ModelCalled) -> None:
        self.tokens += event.prompt_tokens + event.completion_tokens
        if event.cost is not None:
            self.cost = (self.cost or 0.0) + event.cost
        self._task(event.task, event.agent).cut = event.cut

    @apply.register
    def _(self, event: events.StepEvent) -> None:
        """A flow's tasks have cards; its steps are told of in the log."""

    @apply.register
    def _(self, event: events.StateChanged) -> None:
        """The state is for the log."""

    @apply.register
    def _(self, event: events.RunCompleted) -> None:
        self.state, self.ended_at, self.result = RunState.COMPLETED, event.at, event.result

    @apply.register
    def _(self, event: events.RunFailed) -> None:
        self.state, self.ended_at, self.reason, self.failed_task = RunState.FAILED, event.at, event.reason, event.task
        self.fault = event.fault
        self._leave_unfinished(event.at, "error")

    @apply.register
    def _(self, event: events.RunCancelled) -> None:
        self.state, self.ended_at, self.stopped_by = RunState.CANCELLED, event.at, event.by
        self._leave_unfinished(event.at, "pending", "Stopped.")

    def _task(self, name: str, agent: str) -> TaskPicture:
        if not name:
            # What happens between two tasks has no card to be shown on.
            return TaskPicture(name, agent)
        # Work that is delegated under a name of its own still gets a card.
        task = self.tasks.setdefault(name, TaskPicture(name, agent))
        task.agent = agent or task.agent
        return task

    def _leave_unfinished(self, at: datetime, status: TaskStatus, reason: str | None = None) -> None:
        for task in self.tasks.values():
            if task.status == "in_progress":
                task.status, task.ended_at, task.tool = status, at, None
                task.reason = task.reason or reason
