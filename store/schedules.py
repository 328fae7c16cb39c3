"""Schedules: when a crew runs by itself, as whom, with what; the truth about which times have come."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey, Index, Select, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone
from bot.recurrence import Recurrence
from store.crews import CrewInstanceRow, usable
from store.database import Base, Draft, Record
from store.runs import UNFINISHED, ExecutionRow, RunState
from store.shares import Seer


class Missed(StrEnum):
    """What happens with times that came while the bot was down, each with its bound."""

    SKIP = "skip"
    ONCE_HOUR = "once_hour"
    ONCE_DAY = "once_day"
    EACH_DAY = "each_day"
    EACH_WEEK = "each_week"

    @property
    def within(self) -> timedelta:
        """How late a run may begin. Ten minutes is no more than a restart."""
        return {
            Missed.SKIP: timedelta(minutes=10),
            Missed.ONCE_HOUR: timedelta(hours=1),
            Missed.ONCE_DAY: timedelta(days=1),
            Missed.EACH_DAY: timedelta(days=1),
            Missed.EACH_WEEK: timedelta(weeks=1),
        }[self]

    @property
    def most(self) -> int:
        """How many runs are made up for at most."""
        return 10 if self in (Missed.EACH_DAY, Missed.EACH_WEEK) else 1


class Busy(StrEnum):
    """What happens when a time comes while the last run is still going."""

    SKIP = "skip"
    QUEUE = "queue"
    STOP = "stop"


class News(StrEnum):
    """Which results are told about."""

    ALWAYS = "always"
    CHANGED = "changed"
    RULE = "rule"


class ScheduleState(StrEnum):
    """How a schedule stands: active, or why it does not run."""

    ACTIVE = "active"
    PAUSED = "paused"
    FAILING = "failing"
    NOT_ALLOWED = "not_allowed"
    OWNER_LEFT = "owner_left"
    DONE = "done"


# Nobody paused those; somebody should look.
_BY_THEMSELVES = (ScheduleState.FAILING, ScheduleState.NOT_ALLOWED, ScheduleState.OWNER_LEFT)


class ScheduleDraft(Draft):
    """What a person decides about a schedule."""

    recurrence: Recurrence
    zone: str
    inputs: dict[str, Any] = Field(default_factory=dict)
    channel: str
    missed: Missed = Missed.ONCE_DAY
    busy: Busy = Busy.SKIP
    news: News = News.ALWAYS
    news_rule: str = Field("", max_length=1000)


class Schedule(Record):
    """A schedule as stored. ``waiting`` are times that have come and whose run has not begun, the earliest first."""

    id: int
    team: str
    crew_id: int
    crew_name: str = ""
    owner: str
    changed_by: str
    channel: str
    recurrence: Recurrence
    zone: str
    inputs: dict[str, Any]
    missed: Missed
    busy: Busy
    news: News
    news_rule: str
    state: ScheduleState
    # The last thing about it that its people should know, in a sentence; mostly empty.
    note: str
    next_at: datetime | None
    last_at: datetime | None
    waiting: list[datetime]
    run_id: int | None
    going: bool
    failures: int
    turn: int
    version: int

    def draft(self) -> ScheduleDraft:
        """What an edit starts from."""
        return ScheduleDraft(**{name: getattr(self, name) for name in ScheduleDraft.model_fields})


class LastRun(Record):
    """How the newest run of a schedule stands, and when it was made."""

    id: int
    status: RunState
    created_at: datetime


class ScheduleRow(Base):
    """One row for each schedule.

    ``turn`` grows with every change, so that of several processes that see the same moment only one acts on it.
    ``pending`` is true as long as there is a run to watch or a time to begin.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        Index(None, "state", "next_at"),
        Index(None, "pending"),
        Index(None, "team", "owner"),
        Index(None, "crew_id"),
        # The runs of a schedule that was deleted must never count as those of another.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    owner: Mapped[str]
    changed_by: Mapped[str]
    channel: Mapped[str]
    recurrence: Mapped[dict[str, Any]]
    zone: Mapped[str]
    inputs: Mapped[dict[str, Any]]
    missed: Mapped[str]
    busy: Mapped[str]
    news: Mapped[str]
    news_rule: Mapped[str]
    state: Mapped[str]
    note: Mapped[str]
    next_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    waiting: Mapped[list[str]]
    run_id: Mapped[int | None]
    going: Mapped[bool]
    pending: Mapped[bool]
    failures: Mapped[int]
    turn: Mapped[int]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


def add(
    session: Session, draft: ScheduleDraft, *, crew_id: int, team: str, by: str, next_at: datetime | None
) -> Schedule:
    """Add an active schedule of ``by`` whose first time is ``next_at``."""
    now = datetime.now(UTC)
    row = ScheduleRow(
        **draft.model_dump(mode="json"),
        team=team,
        crew_id=crew_id,
        owner=by,
        changed_by=by,
        state=ScheduleState.ACTIVE,
        note="",
        next_at=next_at,
        waiting=[],
        going=False,
        pending=False,
        failures=0,
        turn=1,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return get(session, row.id, team=team)


def get(session: Session, schedule_id: int, *, team: str) -> Schedule:
    """The schedule; raise ``Gone`` if the workspace has none with this id (any more)."""
    found = find(session, schedule_id, team=team)
    if found is None:
        raise Gone(kind="schedule")
    return found


def find(session: Session, schedule_id: int, *, team: str) -> Schedule | None:
    """The schedule, or ``None`` if the workspace has none with this id (any more)."""
    found = session.execute(_with_names().where(ScheduleRow.id == schedule_id, ScheduleRow.team == team)).first()
    return _record(*found) if found else None


def list_all(
    session: Session, *, team: str, crew_id: int | None = None, seer: Seer | None = None, limit: int = 100
) -> list[Schedule]:
    """The workspace's schedules, of one crew or all, the one that comes next first and those that do not run last.

    ``seer`` sees only their own and those of crews that they may use, and ``None`` sees all.
    """
    wanted = _with_names().where(ScheduleRow.team == team)
    if crew_id is not None:
        wanted = wanted.where(ScheduleRow.crew_id == crew_id)
    if seer is not None:
        wanted = wanted.where(or_(ScheduleRow.owner == seer.user, ScheduleRow.crew_id.in_(usable(seer, team=team))))
    order = (ScheduleRow.state != ScheduleState.ACTIVE, ScheduleRow.next_at, ScheduleRow.id)
    return [_record(row, name) for row, name in session.execute(wanted.order_by(*order).limit(limit))]


def stopped(session: Session, *, team: str, owner: str, seer: Seer | None, limit: int) -> list[Schedule]:
    """The schedules that came to rest by themselves: those of ``owner``, and those whose owner has left.

    Of the latter ``seer`` sees only those of crews that they may use, and ``None`` sees all.
    """
    left = ScheduleRow.state == ScheduleState.OWNER_LEFT
    orphan = left if seer is None else and_(left, ScheduleRow.crew_id.in_(usable(seer, team=team)))
    failing = ScheduleRow.state.in_((ScheduleState.FAILING, ScheduleState.NOT_ALLOWED))
    wanted = _with_names().where(
        ScheduleRow.team == team,
        ScheduleRow.state.in_(_BY_THEMSELVES),
        or_(and_(ScheduleRow.owner == owner, failing), orphan),
    )
    return [_record(row, name) for row, name in session.execute(wanted.order_by(ScheduleRow.id).limit(limit))]


def standing(session: Session, *, team: str) -> dict[int, str]:
    """How the workspace's schedules stand that came to rest by themselves, by their ids."""
    wanted = select(ScheduleRow.id, ScheduleRow.state)
    found = session.execute(wanted.where(ScheduleRow.team == team, ScheduleRow.state.in_(_BY_THEMSELVES)))
    return {row.id: row.state for row in found}


def change(
    session: Session,
    schedule_id: int,
    draft: ScheduleDraft,
    *,
    team: str,
    version: int,
    by: str,
    next_at: datetime | None,
) -> Schedule:
    """Save an edit of ``version``, from when on it is the schedule of ``by`` and active; or raise
    ``EditedMeanwhile`` or ``Gone``.
    """
    row = _row(session, schedule_id, team)
    if row.version != version:
        raise EditedMeanwhile(kind="schedule", who=row.changed_by, version=row.version)
    for field, value in draft.model_dump(mode="json").items():
        setattr(row, field, value)
    row.owner = row.changed_by = by
    row.state, row.note, row.failures, row.next_at = ScheduleState.ACTIVE, "", 0, next_at
    row.waiting, row.pending = [], row.going
    row.version += 1
    row.turn += 1
    row.updated_at = datetime.now(UTC)
    session.flush()
    return get(session, schedule_id, team=team)


def move(session: Session, schedule: Schedule, **changes: Any) -> Schedule | None:
    """Change what the clock changes, if nobody has changed the schedule since it was read as ``schedule``; else
    ``None``. The row stays locked until the transaction ends.
    """
    moved = schedule.model_copy(update=changes)
    values = {name: getattr(moved, name) for name in changes if name != "waiting"}
    if "waiting" in changes:
        values["waiting"] = [at.isoformat() for at in moved.waiting]
    values["pending"] = moved.going or bool(moved.waiting)
    done = session.execute(
        update(ScheduleRow)
        .where(ScheduleRow.id == schedule.id, ScheduleRow.turn == schedule.turn)
        .values(turn=schedule.turn + 1, **values)
        .returning(ScheduleRow.id)
    ).scalar()
    return moved.model_copy(update={"turn": schedule.turn + 1}) if done else None


def remove(session: Session, schedule_id: int, *, team: str) -> Schedule:
    """Delete a schedule and return what it was; its runs stay in the history."""
    was = get(session, schedule_id, team=team)
    session.delete(_row(session, schedule_id, team))
    session.flush()
    return was


def due(session: Session, now: datetime, *, limit: int = 200) -> list[Schedule]:
    """The active schedules of every workspace whose time has come, the longest due first; for the clock alone."""
    wanted = _with_names().where(ScheduleRow.state == ScheduleState.ACTIVE, ScheduleRow.next_at <= now)
    return [_record(row, name) for row, name in session.execute(wanted.order_by(ScheduleRow.next_at).limit(limit))]


def idle(session: Session, *, limit: int = 200) -> list[tuple[Schedule, RunState | None]]:
    """The schedules of every workspace with a run that is over, or a time that waits and no run that is going.

    Beside each how its last run stands, ``None`` where there is none (any more). For the clock alone.
    """
    wanted = (
        select(ScheduleRow, CrewInstanceRow.name, ExecutionRow.status)
        .join(CrewInstanceRow, CrewInstanceRow.id == ScheduleRow.crew_id)
        .outerjoin(ExecutionRow, ExecutionRow.id == ScheduleRow.run_id)
        .where(ScheduleRow.pending)
        .where(or_(~ScheduleRow.going, ExecutionRow.id.is_(None), ExecutionRow.status.not_in(UNFINISHED)))
        .order_by(ScheduleRow.id)
        .limit(limit)
    )
    found = session.execute(wanted)
    return [(_record(row, name), RunState(status) if status else None) for row, name, status in found]


def ahead(session: Session, now: datetime) -> list[Schedule]:
    """The active schedules of every workspace whose next time is still to come; for the clock alone."""
    wanted = _with_names().where(ScheduleRow.state == ScheduleState.ACTIVE, ScheduleRow.next_at > now)
    return [_record(row, name) for row, name in session.execute(wanted)]


def begun(session: Session, schedule: Schedule, slots: Collection[datetime]) -> set[datetime]:
    """Those of ``slots`` that the schedule has had a run for already."""
    wanted = select(ExecutionRow.slot).where(ExecutionRow.schedule_id == schedule.id, ExecutionRow.slot.in_(slots))
    return {slot for slot in session.scalars(wanted) if slot is not None}


def last_runs(session: Session, schedule_ids: Collection[int], *, team: str) -> dict[int, LastRun]:
    """The newest run of each of these schedules that has had one, by the schedule's id."""
    newest = (
        select(func.max(ExecutionRow.id))
        .where(ExecutionRow.team == team, ExecutionRow.schedule_id.in_(schedule_ids))
        .group_by(ExecutionRow.schedule_id)
    )
    wanted = select(ExecutionRow.schedule_id, ExecutionRow.id, ExecutionRow.status, ExecutionRow.created_at)
    found = session.execute(wanted.where(ExecutionRow.id.in_(newest)))
    return {row.schedule_id: LastRun.model_validate(row) for row in found}


def last_told(session: Session, schedule_id: int, *, team: str, before: int) -> str | None:
    """The result of the schedule's last run before the run ``before`` that people were told about."""
    wanted = (
        select(ExecutionRow.results)
        .where(ExecutionRow.team == team, ExecutionRow.schedule_id == schedule_id, ExecutionRow.id < before)
        .where(ExecutionRow.status == RunState.COMPLETED, ExecutionRow.telling.is_(None))
        .order_by(ExecutionRow.id.desc())
        .limit(1)
    )
    return session.scalar(wanted)


def _with_names() -> Select[ScheduleRow, str]:
    return select(ScheduleRow, CrewInstanceRow.name).join(CrewInstanceRow, CrewInstanceRow.id == ScheduleRow.crew_id)


def _record(row: ScheduleRow, crew_name: str) -> Schedule:
    return Schedule.model_validate(row).model_copy(update={"crew_name": crew_name})


def _row(session: Session, schedule_id: int, team: str) -> ScheduleRow:
    wanted = select(ScheduleRow).where(ScheduleRow.id == schedule_id, ScheduleRow.team == team)
    row = session.scalar(wanted.with_for_update())
    if row is None:
        raise Gone(kind="schedule")
    return row
