"""Where a run executes: background threads of this process."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from bot.engine.run import EngineFailure, Stopped
from bot.errors import UserError
from bot.events import (
    RunCancelled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunStarted,
    TaskFailed,
    TaskFinished,
)
from store import crews, runs, tasks
from store.database import Store
from store.definitions import Definition
from store.runs import Execution, RunState

logger = logging.getLogger(__name__)

INTERRUPTED = "The bot was stopped while this run was going on. Run it again."

# Runs a definition with these inputs to its result: see ``bot.engine.run.execute``.
Execute = Callable[[Definition, dict[str, str], int, Callable[[RunEvent], None], threading.Event], str]


class Runner:
    """A pool of threads that claims queued runs, works on them, and tells ``emit`` what happens."""

    def __init__(
        self,
        store: Store,
        execute: Execute,
        emit: Callable[[RunEvent], None],
        *,
        workers: int,
        heartbeat: float = 15.0,
    ) -> None:
        """At most ``workers`` runs go on at once; a process silent for four ``heartbeat``s (in seconds) is dead."""
        self.store = store
        self.execute = execute
        self.emit = emit
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._heartbeat = heartbeat
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="run")
        self._stops: dict[int, threading.Event] = {}
        self._stopped_by: dict[int, str] = {}
        self._closing = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._heart.start()

    def enqueue(self, run_id: int) -> None:
        """Let the run ``run_id`` begin as soon as a thread is free."""
        with self._lock:
            if self._closing or run_id in self._stops:
                return
            signal = self._stops[run_id] = threading.Event()
            if run_id in self._stopped_by:
                signal.set()
            self._pool.submit(self._work, run_id, signal)

    def stop(self, run: Execution, by: str) -> None:
        """End a run on behalf of the person ``by``: a queued one at once, a running one at its next step."""
        with self._lock:
            signal = self._stops.get(run.id)
            self._stopped_by.setdefault(run.id, by)
        if signal is not None:
            signal.set()
        if run.status is RunState.QUEUED:
            self._cancel(run)

    def recover(self) -> None:
        """Take up the queued runs, and end the running ones, of processes that have gone silent."""
        with self.store.reading() as session:
            abandoned = runs.abandoned(session, silent_for=timedelta(seconds=4 * self._heartbeat))
        for run in abandoned:
            if run.status is RunState.QUEUED:
                self.enqueue(run.id)
            else:
                self._cancel(run)

    def close(self) -> None:
        """Stop taking runs, ask the going ones to stop, and wait for them."""
        with self._lock:
            self._closing = True
            for signal in self._stops.values():
                signal.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._closed.set()
        self._heart.join()

    def _work(self, run_id: int, stop: threading.Event) -> None:
        try:
            with self.store.transaction() as session:
                run = runs.claim(session, run_id, owner=self.owner)
            if run is not None:
                self._run(run, stop)
        except Exception:
            logger.exception("run %s could not be worked on", run_id)
        finally:
            with self._lock:
                self._stops.pop(run_id, None)
                self._stopped_by.pop(run_id, None)

    def _run(self, run: Execution, stop: threading.Event) -> None:
        self._tell(RunStarted(run_id=run.id))
        outcomes: dict[str, tuple[str, str | None]] = {}
        try:
            result = self.execute(run.definition, run.inputs, run.id, self._noting(outcomes), stop)
        except Stopped:
            self._cancel(run, outcomes)
        except EngineFailure as failure:
            self._fail(run, failure.sentence, failure.task, outcomes)
        except UserError as mistake:
            self._fail(run, mistake.sentence, None, outcomes)
        except Exception:
            reference = f"E-{secrets.token_hex(2).upper()}"
            logger.exception("run %s failed unexpectedly (%s)", run.id, reference)
            self._fail(run, f"Something went wrong on our side. Reference {reference}.", None, outcomes)
        else:
            if ended := self._end(run, RunState.COMPLETED, outcomes, results=result):
                self._tell(RunCompleted(run_id=run.id, result=ended.results or ""))

    def _noting(self, outcomes: dict[str, tuple[str, str | None]]) -> Callable[[RunEvent], None]:
        def emit(event: RunEvent) -> None:
            if isinstance(event, TaskFinished):
                outcomes[event.task] = (RunState.COMPLETED, event.output)
            elif isinstance(event, TaskFailed):
                outcomes[event.task] = (RunState.FAILED, None)
            self._tell(event)

        return emit

    def _fail(self, run: Execution, reason: str, task: str | None, outcomes: dict[str, tuple[str, str | None]]) -> None:
        if self._end(run, RunState.FAILED, outcomes, error=reason, error_task=task):
            self._tell(RunFailed(run_id=run.id, reason=reason, task=task))

    def _cancel(self, run: Execution, outcomes: dict[str, tuple[str, str | None]] | None = None) -> None:
        with self._lock:
            by = self._stopped_by.get(run.id)
        if by is None:
            self._fail(run, INTERRUPTED, None, outcomes or {})
        elif self._end(run, RunState.CANCELLED, outcomes or {}, cancelled_by=by):
            self._tell(RunCancelled(run_id=run.id, by=by))

    def _tell(self, event: RunEvent) -> None:
        # Whoever listens may fail; the run's work is worth more than its being told about.
        try:
            self.emit(event)
        except Exception:
            logger.exception("run %s: %s could not be told", event.run_id, type(event).__name__)

    def _end(
        self,
        run: Execution,
        status: RunState,
        outcomes: dict[str, tuple[str, str | None]],
        *,
        results: str | None = None,
        error: str | None = None,
        error_task: str | None = None,
        cancelled_by: str | None = None,
    ) -> Execution | None:
        with self.store.transaction() as session:
            if run.crew_id is not None:
                crews.hold(session, run.crew_id, team=run.team)
            ended = runs.finish(
                session,
                run,
                status,
                results=results,
                error=error,
                error_task=error_task,
                cancelled_by=cancelled_by,
            )
            if ended is not None:
                crews.note_run(session, run.crew_id, team=run.team, status=status, at=datetime.now(UTC))
                tasks.note_run(session, run.crew_id, outcomes)
        return ended

    def _beat(self) -> None:
        while not self._closed.wait(self._heartbeat):
            try:
                with self._lock:
                    held = list(self._stops)
                with self.store.transaction() as session:
                    runs.beat(session, held, owner=self.owner)
                self.recover()
            except Exception:
                logger.exception("could not say that this process is alive")
