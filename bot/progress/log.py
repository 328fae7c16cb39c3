"""What the log of a run keeps of what happens in it, and what is counted on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from bot.events import ModelCalled, RunCancelled, RunEvent, RunResumed, StateChanged, StepFinished
from store import logs, runs, usage
from store.database import Store
from store.logs import LogEntry
from store.runs import Again
from store.usage import Used

FLUSH = timedelta(milliseconds=250)
BATCH = 200

# What the runs of this process have used and is not counted yet, by their ids; it is, when the block ends well.
Counting = Callable[[], AbstractContextManager[Mapping[int, Used]]]


def nothing_used() -> AbstractContextManager[Mapping[int, Used]]:
    """Where nobody measures."""
    return nullcontext({})


class Log:
    """Gathers lines and figures, and writes many at once. What a process says of a run that it lost is left out."""

    def __init__(self, store: Store, counting: Counting = nothing_used) -> None:
        self.store = store
        self._counting = counting
        self.flush_at: datetime | None = None
        self._events: list[RunEvent] = []

    def note(self, event: RunEvent) -> None:
        """Take note of what happened."""
        self._events.append(event)
        self.flush_at = self.flush_at or datetime.now(UTC) + FLUSH

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to write."""
        return self.flush_at is not None and (now >= self.flush_at or len(self._events) >= BATCH)

    def flush(self) -> None:
        """Write everything down."""
        noted, self._events = self._events, []
        self.flush_at = None
        if not noted:
            return
        # One transaction for everything: many would keep others who write waiting.
        with self._counting() as used, self.store.transaction() as session:
            usage.add(session, used)
            fences = runs.fences(session, {event.run_id for event in noted})
            known = [event for event in noted if event.fence is None or event.fence >= fences.get(event.run_id, 0)]
            logs.add(session, [_entry(event) for event in known if event.run_id in fences])


# What the log keeps of each event, besides agent and task: the field that tells most.
_SAID = {
    "TaskFinished": "output",
    "StepFinished": "output",
    "StepFailed": "reason",
    "TaskFile": "name",
    "ModelAnswered": "answer",
    "RunTraced": "trace",
    "RunCompleted": "result",
    "TaskFailed": "reason",
    "RunFailed": "reason",
}
_WHY: Mapping[str, str] = {
    Again.RESTART: "after a restart of the bot",
    Again.ANSWER: "after an answer",
    Again.RETRY: "tried again",
    Again.TIME: "its time had come",
}


def _entry(event: RunEvent) -> LogEntry:
    name = type(event).__name__
    said = getattr(event, _SAID[name]) if name in _SAID else ""
    match event:
        case ModelCalled():
            said = f"{event.model}: {event.prompt_tokens} tokens in, {event.completion_tokens} out"
            said += ", cut off at its limit" if event.cut else ""
        case RunCancelled():
            said = event.by
        case RunResumed():
            said = _WHY.get(event.why, event.why)
        case StateChanged(step=None):
            said = json.dumps(event.state, ensure_ascii=False)
        case StepFinished(outcome=outcome) if outcome and outcome != event.output:
            said = f"{outcome}. {event.output}"
        case _ if hasattr(event, "tool"):
            error = getattr(event, "error", None)
            said = f"{event.tool}: {error}" if error else event.tool
    return LogEntry(
        execution_id=event.run_id,
        timestamp=event.at,
        log_type=name,
        agent=getattr(event, "agent", None),
        task=getattr(event, "task", None) or getattr(event, "name", None),
        message=said,
    )
