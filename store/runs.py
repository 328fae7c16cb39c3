"""Runs: ``Execution``, with its definition as it was at the start."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, case, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import Gone
from store.crews import CrewInstance
from store.database import Base, Record
from store.definitions import Definition


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    # For a person's answer; it holds no thread meanwhile.
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in UNFINISHED


# Who stopped a run that a deadline ended.
NOBODY = "-"

# The source of a run of one step alone.
TRIAL = "trial"
# That of a run which changes the result of another one.
FOLLOW_UP = "thread"
# What ``telling`` says of a run that is told about only if its result is new, before and after that is known.
NEWS_ONLY, NOTHING_NEW = "news", "nothing"
UNFINISHED = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class Again(StrEnum):
    """Why a run that began before goes on."""

    RESTART = "restart"
    ANSWER = "answer"
    RETRY = "retry"
    TIME = "time"


class Execution(Record):
    """A run as stored. Times are UTC, tokens the provider's own counts."""

    id: int
    team: str
    crew_id: int | None
    crew_name: str
    crew_version: int
    definition: Definition
    inputs: dict[str, Any]
    status: RunState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    results: str | None
    error: str | None
    error_task: str | None
    # Who was at it then: the fields of ``bot.events.Fault``; only where a run failed.
    fault: dict[str, Any] | None
    started_by: str
    cancelled_by: str | None
    # What started it: ``person``, ``schedule``, ``shortcut``, ``workflow`` or ``thread``.
    source: str
    channel: str
    thread_ts: str | None
    progress_ts: str | None
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    # Grows whenever another process, or this one again, takes the run: who has an older one writes nothing any more.
    fence: int
    # How many processes have died while they worked on it.
    crashes: int
    # Who wants it stopped.
    stop_by: str | None
    # The task or step at which it waits for a person.
    waiting_for: str | None
    wake_at: datetime | None
    # Why it goes on, for as long as it does.
    again: Again | None
    # How often it was tried again after its end, and who wanted that last.
    round: int
    retried_by: str | None
    # When it was last taken up, and for how many seconds it had worked before that.
    resumed_at: datetime | None
    worked: float
    owner_process: str | None
    schedule_id: int | None
    # The time of its schedule that the run is for.
    slot: datetime | None
    # ``None``: told about as it goes on. ``NEWS_ONLY``, ``NOTHING_NEW``: see there.
    telling: str | None
    log_pruned_at: datetime | None

    @property
    def tokens(self) -> int:
        """All tokens used so far."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def seconds(self) -> float:
        """How long it has worked so far, or worked in all, without the time in which it waited."""
        if self.resumed_at is None:
            return self.worked
        return self.worked + (datetime.now(UTC) - self.resumed_at).total_seconds()


class ExecutionRow(Base):
    """One row for each run; ``owner_process``, ``fence`` and ``heartbeat_at`` say which process works on it."""

    __tablename__ = "executions"
    __table_args__ = (
        Index(None, "team", "id"),
        Index(None, "crew_id", "id"),
        Index(None, "team", "started_by", "id"),
        Index(None, "status", "heartbeat_at"),
        Index(None, "team", "channel", "thread_ts"),
        # A time of a schedule has one run, whatever happens.
        Index(None, "schedule_id", "slot", unique=True),
        Index(None, "team", "status", "id"),
        Index(None, "crew_id", "status", "id"),
        Index(None, "team", "started_by", "status", "id"),
        # Old logs that are still there.
        Index(None, "team", "log_pruned_at", "ended_at"),
        # A run that was taken back must not leave its number to another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int | None] = mapped_column(ForeignKey("crew_instances.id", ondelete="SET NULL"))
    crew_name: Mapped[str]
    crew_version: Mapped[int]
    definition: Mapped[dict[str, Any]]
    inputs: Mapped[dict[str, Any]]
    status: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    results: Mapped[str | None]
    error: Mapped[str | None]
    error_task: Mapped[str | None]
    fault: Mapped[dict[str, Any] | None]
    started_by: Mapped[str]
    cancelled_by: Mapped[str | None]
    source: Mapped[str] = mapped_column(default="person")
    channel: Mapped[str]
    thread_ts: Mapped[str | None]
    progress_ts: Mapped[str | None]
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    # In US dollars; none where no price is known.
    cost: Mapped[float | None]
    owner_process: Mapped[str | None]
    fence: Mapped[int] = mapped_column(default=0)
    heartbeat_at: Mapped[datetime | None]
    crashes: Mapped[int] = mapped_column(default=0)
    stop_by: Mapped[str | None]
    waiting_for: Mapped[str | None]
    # When it goes on by itself, if nobody lets it go on before.
    wake_at: Mapped[datetime | None]
    # The answer came before the run had begun to wait for it.
    woken: Mapped[bool] = mapped_column(default=False)
    again: Mapped[str | None]
    round: Mapped[int] = mapped_column(default=0)
    retried_by: Mapped[str | None]
    resumed_at: Mapped[datetime | None]
    # When it last changed its state.
    changed_at: Mapped[datetime | None]
    worked: Mapped[float] = mapped_column(default=0.0)
    # No foreign key: the runs of a schedule that was deleted stay as they are.
    schedule_id: Mapped[int | None]
    slot: Mapped[datetime | None]
    telling: Mapped[str | None]
    log_pruned_at: Mapped[datetime | None]


def add(
    session: Session,
    crew: CrewInstance,
    frozen: Definition,
    inputs: dict[str, Any],
    *,
    version: int,
    by: str,
    channel: str,
    source: str = "person",
    thread_ts: str | None = None,
    schedule_id: int | None = None,
    slot: datetime | None = None,
    telling: str | None = None,
) -> Execution:
    """Queue a run of the crew as it is now; of a schedule with the time it is for, and what is told about it.

    With ``thread_ts`` it is told about in a thread that is there already.
    """
    row = ExecutionRow(
        team=crew.team,
        crew_id=crew.id,
        crew_name=crew.name,
        crew_version=version,
        definition=frozen.model_dump(mode="json"),
        inputs=inputs,
        status=RunState.QUEUED,
        created_at=datetime.now(UTC),
        started_by=by,
        source=source,
        channel=channel,
        thread_ts=thread_ts,
        schedule_id=schedule_id,
        slot=slot,
        telling=telling,
    )
    session.add(row)
    session.flush()
    return Execution.model_validate(row)


def get(session: Session, run_id: int, *, team: str) -> Execution:
    """The run; raise ``Gone`` if the workspace has none with this id."""
    row = session.scalar(select(ExecutionRow).where(ExecutionRow.id == run_id, ExecutionRow.team == team))
    if row is None:
        raise Gone(kind="run")
    return Execution.model_validate(row)


def fetch(session: Session, run_id: int) -> Execution:
    """The run, whichever workspace it belongs to: for the runner and the feed, never for a person's request."""
    return Execution.model_validate(session.get_one(ExecutionRow, run_id))


def going(session: Session, run_id: int) -> Execution | None:
    """The run if it is not over, whichever workspace it belongs to; for the clock alone."""
    row = session.get(ExecutionRow, run_id)
    return Execution.model_validate(row) if row and row.status in UNFINISHED else None


def team_of(session: Session, run_id: int) -> str:
    """The workspace of a run; raise ``Gone`` if there is none with this id."""
    team = session.scalar(select(ExecutionRow.team).where(ExecutionRow.id == run_id))
    if team is None:
        raise Gone(kind="run")
    return team


def teams(session: Session) -> list[str]:
    """Every workspace that has a run."""
    found: list[str] = []
    # Asking for the next one each time reads the index once for each workspace, not once for each run.
    while team := session.scalar(
        select(ExecutionRow.team).where(ExecutionRow.team > (found[-1] if found else "")).order_by("team").limit(1)
    ):
        found.append(team)
    return found


def not_over_since(session: Session, since: datetime, run_ids: Collection[int]) -> set[int]:
    """Those of these runs that go on, or ended after ``since``."""
    wanted = select(ExecutionRow.id).where(
        ExecutionRow.id.in_(run_ids), or_(ExecutionRow.ended_at.is_(None), ExecutionRow.ended_at >= since)
    )
    return set(session.scalars(wanted))


def in_thread(session: Session, *, team: str, channel: str, thread_ts: str) -> Execution | None:
    """The newest run that is told about in this thread."""
    wanted = select(ExecutionRow).where(
        ExecutionRow.team == team, ExecutionRow.channel == channel, ExecutionRow.thread_ts == thread_ts
    )
    row = session.scalar(wanted.order_by(ExecutionRow.id.desc()).limit(1))
    return Execution.model_validate(row) if row else None


def claim(session: Session, run_id: int, *, owner: str) -> Execution | None:
    """Take a queued run for this process, or ``None`` when somebody else was first or it was stopped."""
    now = datetime.now(UTC)
    return _moved(
        session,
        (ExecutionRow.id == run_id, ExecutionRow.status == RunState.QUEUED),
        status=RunState.RUNNING,
        owner_process=owner,
        fence=ExecutionRow.fence + 1,
        started_at=func.coalesce(ExecutionRow.started_at, now),
        resumed_at=now,
        heartbeat_at=now,
        woken=False,
    )


def pause(session: Session, run: Execution, *, waiting_for: str, wake_at: datetime | None = None) -> Execution | None:
    """Let a run wait at the task ``waiting_for`` for a person or until ``wake_at``.

    ``None`` when it is no longer this process's. Where the answer has come already, it is queued instead.
    """
    woken = case((ExecutionRow.woken, RunState.QUEUED), else_=RunState.WAITING)
    again = case((ExecutionRow.woken, Again.ANSWER), else_=None)
    values = {"waiting_for": waiting_for, "wake_at": wake_at, "again": again, "woken": False, **_let_go(run)}
    return _moved(session, _held(run), status=woken, **values)


def wake(session: Session, run_id: int) -> bool:
    """Let a run that waits for a person go on; whether it had begun to wait.

    One that has not will find the answer as soon as it would wait.
    """
    woken = _moved(
        session,
        (ExecutionRow.id == run_id, ExecutionRow.status == RunState.WAITING),
        status=RunState.QUEUED,
        waiting_for=None,
        wake_at=None,
        again=Again.ANSWER,
    )
    if woken is None:
        running = (ExecutionRow.id == run_id, ExecutionRow.status == RunState.RUNNING)
        session.execute(update(ExecutionRow).where(*running).values(woken=True))
    return woken is not None


def due(session: Session, *, now: datetime) -> list[int]:
    """The runs that have waited until their time."""
    wanted = select(ExecutionRow.id).where(ExecutionRow.status == RunState.WAITING, ExecutionRow.wake_at <= now)
    return list(session.scalars(wanted))


def wake_due(session: Session, run_id: int, *, now: datetime) -> bool:
    """Let a run go on whose time has come; whether it had not gone on before."""
    where = (ExecutionRow.id == run_id, ExecutionRow.status == RunState.WAITING, ExecutionRow.wake_at <= now)
    values = {"status": RunState.QUEUED, "waiting_for": None, "wake_at": None, "again": Again.TIME}
    return _moved(session, where, **values) is not None


def hand_back(session: Session, run: Execution, *, died: bool = False) -> Execution | None:
    """Queue a running run again, because its process ends or has ``died``; ``None`` when it has moved on."""
    return _moved(
        session,
        _held(run),
        status=RunState.QUEUED,
        again=Again.RESTART,
        # From here on a process that only seemed dead writes nothing.
        fence=ExecutionRow.fence + 1,
        crashes=ExecutionRow.crashes + int(died),
        **_let_go(run),
    )


def retry(session: Session, run_id: int, *, by: str) -> Execution | None:
    """Queue a run that failed or was stopped once more, from what is unfinished; ``None`` where it cannot be."""
    return _moved(
        session,
        (ExecutionRow.id == run_id, ExecutionRow.status.in_((RunState.FAILED, RunState.CANCELLED))),
        status=RunState.QUEUED,
        again=Again.RETRY,
        round=ExecutionRow.round + 1,
        retried_by=by,
        crashes=0,
        stop_by=None,
        **dict.fromkeys(("ended_at", "error", "error_task", "fault", "cancelled_by", "waiting_for")),
    )


def want_stop(session: Session, run_id: int, *, by: str) -> None:
    """Write down that somebody wants an unfinished run stopped; the first of several is the one who did it."""
    wanted = (ExecutionRow.id == run_id, ExecutionRow.stop_by.is_(None), ExecutionRow.status.in_(UNFINISHED))
    session.execute(update(ExecutionRow).where(*wanted).values(stop_by=by))


def beat(session: Session, run_ids: Collection[int], *, owner: str) -> None:
    """Say that this process still works on these of its runs."""
    session.execute(
        update(ExecutionRow)
        .where(
            ExecutionRow.id.in_(run_ids),
            ExecutionRow.owner_process == owner,
            ExecutionRow.status == RunState.RUNNING,
        )
        .values(heartbeat_at=datetime.now(UTC))
    )


def holds(session: Session, run: Execution) -> bool:
    """Whether nobody else has taken the run since ``run`` was read; nobody can until the transaction ends."""
    held = select(ExecutionRow.id).where(ExecutionRow.id == run.id, ExecutionRow.fence == run.fence)
    return session.scalar(held.with_for_update()) is not None


def fences(session: Session, run_ids: Collection[int]) -> dict[int, int]:
    """The fences of these runs; nobody takes one of them until the transaction ends."""
    wanted = select(ExecutionRow.id, ExecutionRow.fence).where(ExecutionRow.id.in_(run_ids))
    rows = session.execute(wanted.order_by(ExecutionRow.id).with_for_update(read=True))
    return {row.id: row.fence for row in rows}


def held_by(session: Session, owner: str) -> list[Execution]:
    """The runs that a process works on."""
    wanted = select(ExecutionRow).where(ExecutionRow.status == RunState.RUNNING, ExecutionRow.owner_process == owner)
    return [Execution.model_validate(row) for row in session.scalars(wanted)]


def finish(
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
    """End a run, once: ``None`` when it has already ended or another process has taken it over."""
    return _moved(
        session,
        (ExecutionRow.id == run.id, ExecutionRow.fence == run.fence, ExecutionRow.status.in_(UNFINISHED)),
        status=status,
        ended_at=datetime.now(UTC),
        results=results,
        error=error,
        error_task=error_task,
        fault=fault,
        cancelled_by=cancelled_by,
        waiting_for=None,
        **_let_go(run),
    )


def _moved(session: Session, where: tuple[ColumnElement[bool], ...], **values: Any) -> Execution | None:
    """The run in its new state, if it was in the old one."""
    values["changed_at"] = datetime.now(UTC)
    changed = update(ExecutionRow).where(*where).values(**values).returning(ExecutionRow.id)
    found = session.execute(changed).scalar()
    return Execution.model_validate(session.get_one(ExecutionRow, found, populate_existing=True)) if found else None


def _held(run: Execution) -> tuple[ColumnElement[bool], ...]:
    return (ExecutionRow.id == run.id, ExecutionRow.fence == run.fence, ExecutionRow.status == RunState.RUNNING)


def _let_go(run: Execution) -> dict[str, Any]:
    """Nobody works on it any more; how long somebody did is kept."""
    return {"owner_process": None, "heartbeat_at": None, "resumed_at": None, "worked": run.seconds}


def discard(session: Session, run_id: int) -> bool:
    """Take back a run that never began; ``False`` if it has, and stays."""
    never_began = (ExecutionRow.id == run_id, ExecutionRow.status == RunState.QUEUED)
    taken_back: Any = session.execute(delete(ExecutionRow).where(*never_began))
    return bool(taken_back.rowcount)


def keep_quiet(session: Session, run_id: int, *, nothing_new: bool) -> None:
    """Decide about a run that is told about only if its result is new."""
    telling = NOTHING_NEW if nothing_new else None
    session.execute(update(ExecutionRow).where(ExecutionRow.id == run_id).values(telling=telling))


def place(session: Session, run_id: int, *, thread_ts: str | None = None, progress_ts: str | None = None) -> None:
    """Remember where in Slack the run is told about."""
    values = {"thread_ts": thread_ts, "progress_ts": progress_ts}
    session.execute(
        update(ExecutionRow)
        .where(ExecutionRow.id == run_id)
        .values({name: value for name, value in values.items() if value is not None})
    )


def abandoned(session: Session, *, silent_for: timedelta) -> list[Execution]:
    """Running ones whose process has not been heard of for so long, the oldest first."""
    silent = (ExecutionRow.status == RunState.RUNNING, ExecutionRow.heartbeat_at < datetime.now(UTC) - silent_for)
    return [
        Execution.model_validate(row)
        for row in session.scalars(select(ExecutionRow).where(*silent).order_by(ExecutionRow.id))
    ]


def owners(session: Session) -> list[str]:
    """The processes that are said to work on a run."""
    running = select(ExecutionRow.owner_process).where(ExecutionRow.status == RunState.RUNNING).distinct()
    return [owner for owner in session.scalars(running) if owner]
