"""Where a run executes: background threads of this process."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import processes
from bot.engine.desk import Waiting
from bot.engine.memory import TASK, TakenOver
from bot.engine.run import EngineFailure, Stopped
from bot.engine.ways import going_on
from bot.errors import UserError
from bot.events import Fault, RunCancelled, RunCompleted, RunEvent, RunFailed, RunResumed, RunStarted, RunWaiting
from store import crews, finished, line, outbox, runs, tasks
from store.database import Session, Store
from store.runs import NOTHING_NEW, Again, Execution, RunState

logger = logging.getLogger(__name__)

# A run that so many processes have died of is not tried once more.
MOST_CRASHES = 3
DEADLY = "The bot stopped {times} times while it worked on this run, so it does not try once more."

Emit = Callable[[RunEvent], None]
# Carries out a run that this process has claimed, to its result: see ``bot.engine.run.execute``.
Execute = Callable[[Execution, Emit, threading.Event], str]


@dataclass
class _Hold:
    """A run that this process works on, and what makes it stop."""

    run: Execution
    stop: threading.Event = field(default_factory=threading.Event)


class Runner:
    """A pool of threads that takes queued runs, works on them, and tells ``emit`` what happens."""

    def __init__(
        self,
        store: Store,
        execute: Execute,
        emit: Emit,
        *,
        workers: int,
        heartbeat: float = 15.0,
        poll: float = 1.0,
    ) -> None:
        """At most ``workers`` runs go on at once; a process silent for four ``heartbeat``s (in seconds) is dead.

        Every ``poll`` seconds it looks for runs that other processes have queued, or want stopped.
        """
        self.store = store
        self.execute = execute
        self.emit = emit
        self.owner = processes.name_of_this()
        self._workers = workers
        self._heartbeat, self._poll = heartbeat, poll
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="run")
        self._holds: dict[int, _Hold] = {}
        self._closing = False
        self._lock = threading.Lock()
        self._nudged = threading.Event()
        self._overseer = threading.Thread(target=self._oversee, name="overseer", daemon=True)
        self._overseer.start()

    def enqueue(self, _run_id: int) -> None:
        """Say that a run is waiting in the store; it begins when it is its turn and a thread is free."""
        self._nudged.set()

    def stop(self, run: Execution, by: str) -> None:
        """End a run on behalf of the person ``by``: one that waits at once, one that goes on at its next step.

        Whichever process works on it will notice.
        """
        with self.store.transaction() as session:
            runs.want_stop(session, run.id, by=by)
            found = runs.fetch(session, run.id)
            waits = found.status in (RunState.QUEUED, RunState.WAITING)
            ended = _end(session, found, RunState.CANCELLED, cancelled_by=found.stop_by) if waits else None
        if ended is not None:
            self._tell(ended, RunCancelled(run_id=run.id, by=ended.cancelled_by or by))
        with self._lock:
            hold = self._holds.get(run.id)
        if hold is not None:
            hold.stop.set()
        self._nudged.set()

    def recover(self) -> None:
        """Take over the runs of processes that have gone silent, or are certainly no more."""
        with self.store.reading() as session:
            lost = runs.abandoned(session, silent_for=timedelta(seconds=4 * self._heartbeat))
            for owner in runs.owners(session):
                if processes.is_gone(owner):
                    lost += runs.held_by(session, owner)
        with self._lock:
            others = {run.id: run for run in lost if run.id not in self._holds}
        for run in others.values():
            self._take_over(run)
        self._nudged.set()

    def close(self) -> None:
        """Take no more runs, and hand those that go on back to whoever comes next, at their next step."""
        with self._lock:
            self._closing = True
            for hold in self._holds.values():
                hold.stop.set()
        self._nudged.set()
        self._pool.shutdown(wait=True)
        self._overseer.join()

    # --- Looking after runs ----------------------------------------------------------------------------------------

    def _oversee(self) -> None:
        beat_at = time.monotonic() + self._heartbeat
        # Runs that go on must not seem abandoned while they are brought to their end.
        while not self._closing or self._holds:
            self._nudged.wait(min(self._poll, self._heartbeat))
            self._nudged.clear()
            self._safely(self._notice)
            self._safely(self._wake)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + self._heartbeat
                self._safely(self._beat)
                self._safely(self.recover)
            self._safely(self._fill)

    def _safely(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:
            logger.exception("the runs could not be looked after")

    def _fill(self) -> None:
        """Give every free thread a run whose turn it is."""
        while self._taking() and len(self._holds) < self._workers:
            with self.store.transaction() as session:
                run = line.claim_next(session, owner=self.owner)
                if run is not None and run.again in (Again.RESTART, Again.RETRY):
                    self._note_again(session, run)
            if run is None:
                return
            self._hand_out(run)

    def _hand_out(self, run: Execution) -> None:
        """Give the run to a thread; where there is none any more, back to whoever comes next."""
        hold = _Hold(run)
        with self._lock:
            if self._taking():
                self._holds[run.id] = hold
                if run.stop_by:
                    hold.stop.set()
                self._pool.submit(self._work, hold)
                return
        with self.store.transaction() as session:
            runs.hand_back(session, run)

    def _note_again(self, session: Session, run: Execution) -> None:
        """People are told why the run goes on, and with what."""
        told = {"why": run.again, "tasks": _going_on(session, run), "by": run.retried_by}
        outbox.want(session, run.id, [f"{outbox.NOTICE}{run.fence}"], told)

    def _taking(self) -> bool:
        return not self._closing

    def _notice(self) -> None:
        """Stop work on what somebody wants stopped, and on what another process has taken over."""
        with self._lock:
            holds = list(self._holds.values())
        if not holds:
            return
        with self.store.reading() as session:
            held = {run.id: run for run in runs.held_by(session, self.owner)}
        for hold in holds:
            now = held.get(hold.run.id)
            if now is None or now.fence != hold.run.fence or now.stop_by:
                hold.stop.set()

    def _wake(self) -> None:
        """Let runs go on that have waited until their time."""
        now = datetime.now(UTC)
        with self.store.reading() as session:
            due = runs.due(session, now=now)
        for run_id in due:
            with self.store.transaction() as session:
                runs.wake_due(session, run_id, now=now)

    def _beat(self) -> None:
        with self._lock:
            held = list(self._holds)
        with self.store.transaction() as session:
            runs.beat(session, held, owner=self.owner)

    def _take_over(self, run: Execution) -> None:
        if run.stop_by:
            self._cancel(run, run.stop_by)
        elif run.crashes + 1 >= MOST_CRASHES:
            self._fail(run, DEADLY.format(times=run.crashes + 1))
        else:
            with self.store.transaction() as session:
                runs.hand_back(session, run, died=True)

    # --- Working on one --------------------------------------------------------------------------------------------

    def _work(self, hold: _Hold) -> None:
        try:
            self._run(hold)
        except Exception:
            logger.exception("run %s could not be worked on", hold.run.id)
        finally:
            with self._lock:
                del self._holds[hold.run.id]
            self._nudged.set()

    def _run(self, hold: _Hold) -> None:
        run = hold.run
        self._begin(run)
        try:
            result = self.execute(run, lambda event: self._tell(run, event), hold.stop)
        except Stopped:
            self._stopped(run)
        except Waiting as waiting:
            self._pause(run, waiting)
        except TakenOver:
            logger.info("run %s has been taken over by another process", run.id)
        except EngineFailure as failure:
            self._fail(run, failure.sentence, failure.task, failure.fault)
        except UserError as mistake:
            self._fail(run, mistake.sentence)
        except Exception:
            reference = f"E-{secrets.token_hex(2).upper()}"
            logger.exception("run %s failed unexpectedly (%s)", run.id, reference)
            self._fail(run, f"Something went wrong on our side. Reference {reference}.")
        else:
            with self.store.transaction() as session:
                ended = _end(session, run, RunState.COMPLETED, results=result)
            if ended is not None:
                self._tell(run, RunCompleted(run_id=run.id, result=ended.results or ""))

    def _begin(self, run: Execution) -> None:
        if run.again is None:
            self._tell(run, RunStarted(run_id=run.id))
            return
        with self.store.reading() as session:
            names = _going_on(session, run)
        self._tell(run, RunResumed(run_id=run.id, task=", ".join(names) or None, why=run.again))

    def _stopped(self, run: Execution) -> None:
        """Work on it ended early: somebody wanted that, or this process ends, or it is another's by now."""
        with self.store.transaction() as session:
            by = runs.fetch(session, run.id).stop_by
            if by is None:
                runs.hand_back(session, run)
        if by is not None:
            self._cancel(run, by)

    def _pause(self, run: Execution, waiting: Waiting) -> None:
        with self.store.transaction() as session:
            paused = runs.pause(session, run, waiting_for=waiting.task, wake_at=waiting.until)
        if paused is not None and paused.status is RunState.WAITING:
            event = RunWaiting(run_id=run.id, key=waiting.key, task=waiting.task, until=waiting.until)
            self._tell(run, event)

    def _cancel(self, run: Execution, by: str) -> None:
        with self.store.transaction() as session:
            ended = _end(session, run, RunState.CANCELLED, cancelled_by=by)
        if ended is not None:
            self._tell(run, RunCancelled(run_id=run.id, by=by))

    def _fail(self, run: Execution, reason: str, task: str | None = None, fault: Fault | None = None) -> None:
        fault = fault or Fault()
        with self.store.transaction() as session:
            ended = _end(session, run, RunState.FAILED, error=reason, error_task=task, fault=asdict(fault))
        if ended is not None:
            self._tell(run, RunFailed(run_id=run.id, reason=reason, task=task, fault=fault))

    def _tell(self, run: Execution, event: RunEvent) -> None:
        # Whoever listens may fail; the run's work is worth more than its being told about.
        try:
            self.emit(replace(event, fence=run.fence))
        except Exception:
            logger.exception("run %s: %s could not be told", event.run_id, type(event).__name__)


def _end(
    session: Session,
    run: Execution,
    status: RunState,
    *,
    results: str | None = None,
    error: str | None = None,
    error_task: str | None = None,
    fault: dict[str, Any] | None = None,
    cancelled_by: str | None = None,
) -> Execution | None:
    """End the run, and note at its crew and tasks what came of them; ``None`` if it is not this process's any more."""
    if run.crew_id is not None:
        crews.hold(session, run.crew_id, team=run.team)
    ended = runs.finish(
        session,
        run,
        status,
        results=results,
        error=error,
        error_task=error_task,
        fault=fault,
        cancelled_by=cancelled_by,
    )
    if ended is not None:
        if ended.telling != NOTHING_NEW:
            outbox.want(session, run.id, [outbox.named(ended, outbox.RESULT)])
        crews.note_run(session, run.crew_id, team=run.team, status=status, at=datetime.now(UTC))
        tasks.note_run(session, run.crew_id, _outcomes(session, ended))
    return ended


def _going_on(session: Session, run: Execution) -> list[str]:
    """The names of what the run does next: a crew's first task that is not finished, or the steps of a flow."""
    done = finished.all_of(session, run.id)
    if run.definition.is_flow:
        return going_on(run.definition.steps, done)
    return [task.name for task in run.definition.tasks if TASK + task.name not in done][:1]


def _outcomes(session: Session, run: Execution) -> dict[str, tuple[str, str | None]]:
    """What became of each task, by name."""
    kept = finished.all_of(session, run.id)
    done: dict[str, tuple[str, str | None]] = {
        key.removeprefix(TASK): (RunState.COMPLETED, output["raw"])
        for key, output in kept.items()
        if key.startswith(TASK) and not output["skipped"]
    }
    if run.status is RunState.FAILED and run.error_task:
        done[run.error_task] = (RunState.FAILED, None)
    return done
