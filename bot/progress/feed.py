"""The feed itself: one thread that turns what happens in runs into log rows and Slack messages."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot.events import (
    ENDINGS,
    ModelCalled,
    RunCancelled,
    RunEvent,
    RunResumed,
    RunStarted,
    RunWaiting,
)
from bot.progress import messages
from bot.progress.picture import RunPicture
from bot.slack.gate import Gate, SlackRefused
from store import finished, logs, runs, usage
from store.database import Store
from store.logs import LogEntry
from store.runs import NOTHING_NEW, Execution, RunState
from store.usage import Used

logger = logging.getLogger(__name__)

FLUSH = timedelta(milliseconds=250)
BATCH = 200
# The elapsed time of a run that is silent is refreshed this often; several runs share Slack's allowance.
REFRESH = timedelta(seconds=5)

NOT_A_MEMBER = (
    "I’m not in this channel, so I can’t post the run here. Invite me with /invite @{bot}, then run it again."
)


class Feed:
    """Give it runs to announce and events; it never blocks the caller, and keeps the order of each run's events."""

    def __init__(self, store: Store, gate: Gate, *, bot_name: str) -> None:
        self.store = store
        self.gate = gate
        self.bot_name = bot_name
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._pictures: dict[int, RunPicture] = {}
        # Runs that are told about only if there is news, each with whom to tell what goes wrong.
        self._hushed: dict[int, Callable[[str], None]] = {}
        self._log: list[LogEntry] = []
        self._used: dict[int, Used] = {}
        self._flush_at: datetime | None = None
        self._thread = threading.Thread(target=self._work, name="feed", daemon=True)
        self._thread.start()

    def announce(self, run: Execution, *, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        """Post the run's parent message, then call ``then(run.id)``.

        When Slack refuses the message the run ends before it began, and ``tell`` is given the reason.
        """
        self._jobs.put(partial(self._announce, run, tell, then))

    def __call__(self, event: RunEvent) -> None:
        """Take note of what happened."""
        self._jobs.put(partial(self._happened, event))

    def close(self) -> None:
        """Write and send what is still to be said, then stop."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._patience())
            except queue.Empty:
                self._safely(self._tick)
                continue
            if job is None:
                self._safely(self._flush)
                return
            self._safely(job)
            self._safely(self._tick)

    def _safely(self, job: Callable[[], None]) -> None:
        # One run's trouble must not silence the others.
        try:
            job()
        except Exception:
            logger.exception("the feed could not do a job")

    def _patience(self) -> float | None:
        if self._flush_at is not None:
            return max(0.0, (self._flush_at - datetime.now(UTC)).total_seconds())
        return REFRESH.total_seconds() if self._pictures else None

    def _tick(self) -> None:
        now = datetime.now(UTC)
        if self._flush_at is not None and (now >= self._flush_at or len(self._log) >= BATCH):
            self._flush()
        for picture in self._pictures.values():
            if picture.state is RunState.RUNNING and picture.shown_at and now - picture.shown_at >= self._refresh():
                self._show(picture)

    def _refresh(self) -> timedelta:
        return max(REFRESH, timedelta(seconds=2 * len(self._pictures)))

    # --- Announcing ------------------------------------------------------------------------------------------------

    def _announce(self, run: Execution, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        if run.id in self._pictures:
            return
        picture = self._pictures[run.id] = RunPicture.of(run)
        if run.telling is None:
            self._post_parent(picture, tell, then)
            return
        self._hushed[run.id] = tell
        then(run.id)

    def _post_parent(self, picture: RunPicture, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        run, message = picture.run, messages.parent(picture)
        posted = self.gate.post(
            run.channel, message.text, message.blocks, metadata=_metadata(run, "parent"), team=run.team
        )
        self._when_done(posted, partial(self._opened, picture, tell, then))

    def _opened(
        self, picture: RunPicture, tell: Callable[[str], None], then: Callable[[int], None], posted: Future[str]
    ) -> None:
        try:
            picture.thread_ts = posted.result()
        except SlackRefused as refusal:
            self._refused(picture, tell, refusal.error)
            return
        except Exception:
            logger.exception("run %s could not be announced", picture.run.id)
            self._refused(picture, tell, "no_answer")
            return
        with self.store.transaction() as session:
            runs.place(session, picture.run.id, thread_ts=picture.thread_ts)
        if picture.state.over:
            self._end(picture)
            return
        self._post_progress(picture)
        then(picture.run.id)

    def _refused(self, picture: RunPicture, tell: Callable[[str], None], error: str) -> None:
        not_there = error in ("not_in_channel", "channel_not_found")
        reason = (
            NOT_A_MEMBER.format(bot=self.bot_name)
            if not_there
            else f"Slack did not take the message ({error}), so the run did not start."
        )
        with self.store.transaction() as session:
            runs.discard(session, picture.run.id)
        self._pictures.pop(picture.run.id, None)
        tell(reason)

    def _post_progress(self, picture: RunPicture) -> None:
        picture.shown_at = datetime.now(UTC)
        message = messages.progress(picture, picture.shown_at)
        posted = self.gate.post(
            picture.run.channel,
            message.text,
            message.blocks,
            thread_ts=picture.thread_ts,
            metadata=_metadata(picture.run, "progress"),
            team=picture.run.team,
        )
        self._when_done(posted, partial(self._progress_posted, picture))

    def _progress_posted(self, picture: RunPicture, posted: Future[str]) -> None:
        picture.progress_ts = posted.result()
        with self.store.transaction() as session:
            runs.place(session, picture.run.id, progress_ts=picture.progress_ts)
        self._show(picture)

    # --- What happened ---------------------------------------------------------------------------------------------

    def _happened(self, event: RunEvent) -> None:
        picture = self._pictures.get(event.run_id) or self._taken_up(event)
        self._note(event)
        if picture is None:
            return
        picture.apply(event)
        if picture.run.telling is not None and isinstance(event, (*ENDINGS, RunWaiting)):
            self._break_silence(picture)
        if picture.thread_ts is None:
            return
        if isinstance(event, ENDINGS):
            self._end(picture)
            return
        if isinstance(event, RunStarted | RunResumed | RunWaiting):
            self._show_parent(picture)
        self._attach(picture)
        self._show(picture)

    def _taken_up(self, event: RunEvent) -> RunPicture | None:
        """A run that another process announced, or could not; nothing where one that has been told about is meant."""
        with self.store.reading() as session:
            picture = RunPicture.of(runs.fetch(session, event.run_id), finished.all_of(session, event.run_id))
        if picture.state.over and not isinstance(event, ENDINGS):
            return None
        self._pictures[event.run_id] = picture
        if picture.run.telling is not None:
            return picture
        if picture.thread_ts is None:
            self._post_parent(picture, tell=_to_nobody, then=_go_on)
        elif picture.progress_ts is None and not picture.state.over:
            self._post_progress(picture)
        return picture

    def _break_silence(self, picture: RunPicture) -> None:
        """Tell about a run that was to be told about only if its result is new, or let it rest in the log.

        One that waits for a person is told about whatever comes out: nobody can answer what they do not see.
        """
        tell = self._hushed.pop(picture.run.id, _to_nobody)
        with self.store.transaction() as session:
            if not picture.state.over:
                runs.keep_quiet(session, picture.run.id, nothing_new=False)
            picture.run = runs.fetch(session, picture.run.id)
        if picture.run.telling != NOTHING_NEW:
            self._post_parent(picture, tell, _go_on)
            return
        self._safely(self._flush)
        self._pictures.pop(picture.run.id, None)

    def _attach(self, picture: RunPicture) -> None:
        run = picture.run
        for file in picture.files:
            said = f"Result of {file.task}"
            self.gate.upload(run.channel, file.name, file.content, said, thread_ts=picture.thread_ts, team=run.team)
        picture.files.clear()

    def _show(self, picture: RunPicture) -> None:
        if picture.progress_ts is None:
            return
        picture.shown_at = datetime.now(UTC)
        message = messages.progress(picture, picture.shown_at)
        self._edit(picture, picture.progress_ts, message)

    def _show_parent(self, picture: RunPicture) -> None:
        assert picture.thread_ts is not None
        message = messages.parent(picture)
        self._edit(picture, picture.thread_ts, message)

    def _edit(self, picture: RunPicture, ts: str, message: messages.Message) -> None:
        run, over = picture.run, picture.state.over
        self.gate.edit(run.channel, ts, message.text, message.blocks, last=over, team=run.team)

    def _end(self, picture: RunPicture) -> None:
        # A log that cannot be written must not keep the result from people.
        self._safely(self._flush)
        self._attach(picture)
        self._show(picture)
        self._show_parent(picture)
        final, file = messages.results(picture)
        run, thread_ts = picture.run, picture.thread_ts
        for message in final:
            self.gate.post(
                run.channel,
                message.text,
                message.blocks,
                thread_ts=thread_ts,
                metadata=_metadata(run, "result"),
                team=run.team,
            )
        if file is not None:
            name = f"{run.crew_name} {run.id}.md"
            self.gate.upload(run.channel, name, file, f"Result of {run.crew_name}", thread_ts=thread_ts, team=run.team)
        self._pictures.pop(run.id, None)

    # --- The log ---------------------------------------------------------------------------------------------------

    def _note(self, event: RunEvent) -> None:
        if isinstance(event, ModelCalled):
            used = Used(event.prompt_tokens, event.completion_tokens, event.cost)
            self._used[event.run_id] = self._used.get(event.run_id, Used()) + used
        self._log.append(_entry(event))
        self._flush_at = self._flush_at or datetime.now(UTC) + FLUSH

    def _flush(self) -> None:
        entries, self._log = self._log, []
        used, self._used = self._used, {}
        self._flush_at = None
        if not entries and not used:
            return
        with self.store.transaction() as session:
            logs.add(session, entries)
            usage.add(session, used)

    def _when_done(self, future: Future[str], job: Callable[[Future[str]], None]) -> None:
        future.add_done_callback(lambda done: self._jobs.put(partial(job, done)))


def _to_nobody(reason: str) -> None:
    logger.warning("a run that was taken up could not be announced: %s", reason)


def _go_on(_run_id: int) -> None:
    """The run is already being worked on."""


def _metadata(run: Execution, part: str) -> dict[str, Any]:
    return {"event_type": "crewcall_run", "event_payload": {"run_id": run.id, "part": part}}


# What the log keeps of each event, besides agent and task: the field that tells most.
_SAID = {
    "RunResumed": "why",
    "TaskFinished": "output",
    "TaskFile": "name",
    "ModelAnswered": "answer",
    "RunTraced": "trace",
    "RunCompleted": "result",
    "TaskFailed": "reason",
    "RunFailed": "reason",
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
        case _ if hasattr(event, "tool"):
            error = getattr(event, "error", None)
            said = f"{event.tool}: {error}" if error else event.tool
    return LogEntry(
        execution_id=event.run_id,
        timestamp=event.at,
        log_type=name,
        agent=getattr(event, "agent", None),
        task=getattr(event, "task", None),
        message=said,
    )
