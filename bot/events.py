"""What can happen in a run: frozen facts, nothing of ours imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class RunEvent:
    """Something that happened in the run ``run_id`` at the UTC time ``at``."""

    run_id: int
    at: datetime = field(default_factory=_now)


@dataclass(frozen=True, kw_only=True)
class RunStarted(RunEvent):
    """The run left the queue and a thread works on it."""


@dataclass(frozen=True, kw_only=True)
class TaskStarted(RunEvent):
    """Work on a task began."""

    task: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class TaskFinished(RunEvent):
    """A task has its output: ``output`` is the whole raw text."""

    task: str
    agent: str
    output: str


@dataclass(frozen=True, kw_only=True)
class TaskSkipped(RunEvent):
    """A task was left out, because its condition did not hold."""

    task: str


@dataclass(frozen=True, kw_only=True)
class TaskFile(RunEvent):
    """A task's result is wanted as a file called ``name``; ``content`` is its whole text."""

    task: str
    agent: str
    name: str
    content: str


@dataclass(frozen=True, kw_only=True)
class TaskFailed(RunEvent):
    """A task gave up; ``reason`` is a sentence for people."""

    task: str
    agent: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ToolStarted(RunEvent):
    """An agent called a tool."""

    task: str
    agent: str
    tool: str


@dataclass(frozen=True, kw_only=True)
class ToolFinished(RunEvent):
    """A tool answered, or failed with ``error``."""

    task: str
    agent: str
    tool: str
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCalled(RunEvent):
    """A language model answered one call; the counts are the provider's own tokens, ``cost`` in US dollars if known.

    ``cut``: it had not finished, but reached the most tokens it may answer.
    """

    task: str
    agent: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    cut: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelAnswered(RunEvent):
    """What a model said, told only of agents whose answers the log is to keep."""

    task: str
    agent: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class RunCompleted(RunEvent):
    """The run is done; ``result`` is the whole text of the last task."""

    result: str


@dataclass(frozen=True, kw_only=True)
class RunFailed(RunEvent):
    """The run gave up; ``reason`` is a sentence for people, ``task`` where it happened."""

    reason: str
    task: str | None = None


@dataclass(frozen=True, kw_only=True)
class RunCancelled(RunEvent):
    """Somebody stopped the run; ``by`` is their Slack user id."""

    by: str
