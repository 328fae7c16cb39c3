"""What can happen in a run: frozen facts, nothing of ours imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class RunEvent:
    """Something that happened in the run ``run_id`` at the UTC time ``at``.

    ``fence`` is that of the hold on the run under which it happened, where somebody held it.
    """

    run_id: int
    at: datetime = field(default_factory=_now)
    fence: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunStarted(RunEvent):
    """The run left the queue and a thread works on it."""


@dataclass(frozen=True, kw_only=True)
class RunResumed(RunEvent):
    """The run goes on with the task or steps ``task``.

    ``why``: ``restart`` of the bot, an ``answer``, a ``retry``, or the ``time`` that it waited for has come.
    """

    task: str | None
    why: str


@dataclass(frozen=True, kw_only=True)
class RunWaiting(RunEvent):
    """The run holds no thread until somebody has answered the question ``key`` about a task, or until a time."""

    key: str
    task: str
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class CrewEvent(RunEvent):
    """Something that happened in a crew; ``step`` is the step of a flow for which it works.

    Steps are called by their keys: ``draft``, ``each[2]`` for the second item of a list (counted from 0), and
    ``sub/draft`` in the flow that the step ``sub`` runs.
    """

    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskStarted(CrewEvent):
    """Work on a task began."""

    task: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class TaskFinished(CrewEvent):
    """A task has its output: ``output`` is the whole raw text."""

    task: str
    agent: str
    output: str


@dataclass(frozen=True, kw_only=True)
class TaskSkipped(CrewEvent):
    """A task was left out, because its condition did not hold."""

    task: str


@dataclass(frozen=True, kw_only=True)
class TaskFile(CrewEvent):
    """A task's result is wanted as a file called ``name``; the outbox knows of it, too."""

    task: str
    agent: str
    name: str


@dataclass(frozen=True, kw_only=True)
class TaskFailed(CrewEvent):
    """A task gave up; ``reason`` is a sentence for people."""

    task: str
    agent: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ToolStarted(CrewEvent):
    """An agent called a tool."""

    task: str
    agent: str
    tool: str


@dataclass(frozen=True, kw_only=True)
class ToolFinished(CrewEvent):
    """A tool answered, or failed with ``error``."""

    task: str
    agent: str
    tool: str
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCalled(CrewEvent):
    """A language model answered one call; the counts are the provider's own tokens, ``cost`` in US dollars if known.

    ``cut``: it had not finished, but reached the most tokens it may answer.
    """

    task: str
    agent: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cut: bool = False
    cost: float | None = None


@dataclass(frozen=True, kw_only=True)
class ModelAnswered(CrewEvent):
    """What a model said, told only of agents whose answers the log is to keep."""

    task: str
    agent: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class StepEvent(RunEvent):
    """Something that happened to a step of a flow, called as in ``CrewEvent``; ``name`` and ``kind`` are its own."""

    step: str
    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class StepStarted(StepEvent):
    """A step began; ``round`` is 1, and more where a loop comes back to it."""

    round: int = 1


@dataclass(frozen=True, kw_only=True)
class StepFinished(StepEvent):
    """A step is done: ``output`` is its text, ``outcome`` what it came to where it has named outcomes."""

    output: str
    outcome: str = ""


@dataclass(frozen=True, kw_only=True)
class StepFailed(StepEvent):
    """A step gave up; ``reason`` is a sentence for people."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class StepSkipped(StepEvent):
    """The flow is done and never came to this step."""


@dataclass(frozen=True, kw_only=True)
class StateChanged(RunEvent):
    """A flow's state after a step; ``step`` is that of the flow around it, if it runs as a step itself."""

    state: dict[str, Any]
    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunTraced(RunEvent):
    """Where in the program a run failed, for developers: the log as a file has it, nothing else shows it."""

    task: str | None
    trace: str


@dataclass(frozen=True, kw_only=True)
class RunCompleted(RunEvent):
    """The run is done; ``result`` is the whole text of the last task."""

    result: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Who was at it when a run failed: an ``agent``, and the ``tool`` in use if it was that.

    ``within`` the step of a flow are named the steps of the flows that it runs, and last the task.
    """

    within: Sequence[str] = ()
    agent: str = ""
    tool: str = ""


@dataclass(frozen=True, kw_only=True)
class RunFailed(RunEvent):
    """The run gave up; ``reason`` is a sentence for people, ``task`` the task or step where it happened."""

    reason: str
    task: str | None = None
    fault: Fault = Fault()


@dataclass(frozen=True, kw_only=True)
class RunCancelled(RunEvent):
    """Somebody stopped the run; ``by`` is their Slack user id."""

    by: str


# After one of these nothing more happens in a run, unless somebody has it tried again.
ENDINGS = (RunCompleted, RunFailed, RunCancelled)
# With one of these a run stands differently than before.
MOVES = (RunStarted, RunResumed, RunWaiting, *ENDINGS)
