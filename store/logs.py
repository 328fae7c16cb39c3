"""The log of each run: ``ExecutionLog``."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Index, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record
from store.runs import ExecutionRow

_RUNS_AT_ONCE = 100


class LogEntry(Record):
    """One line of a run's log."""

    # 0 until it is written.
    id: int = 0
    execution_id: int
    timestamp: datetime
    log_type: str
    agent: str | None = None
    task: str | None = None
    message: str = ""


class ExecutionLogRow(Base):
    """One row for each thing that happened in a run."""

    __tablename__ = "execution_logs"
    __table_args__ = (Index(None, "execution_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    timestamp: Mapped[datetime]
    log_type: Mapped[str]
    agent: Mapped[str | None]
    task: Mapped[str | None]
    message: Mapped[str]


def add(session: Session, entries: list[LogEntry]) -> None:
    """Write many log lines at once."""
    if entries:
        session.execute(insert(ExecutionLogRow), [entry.model_dump(exclude={"id"}) for entry in entries])


def of_run(session: Session, run_id: int, *, limit: int = 1000, before: int | None = None) -> list[LogEntry]:
    """The last ``limit`` log lines of a run in the order they happened, older than ``before`` if given."""
    wanted = select(ExecutionLogRow).where(ExecutionLogRow.execution_id == run_id)
    if before is not None:
        wanted = wanted.where(ExecutionLogRow.id < before)
    newest = session.scalars(wanted.order_by(ExecutionLogRow.id.desc()).limit(limit)).all()
    return [LogEntry.model_validate(row) for row in reversed(newest)]


def last_message(session: Session, run_id: int, log_type: str) -> str | None:
    """What the newest log line of this type says; nothing where there is none with words."""
    wanted = select(ExecutionLogRow.message).where(
        ExecutionLogRow.execution_id == run_id, ExecutionLogRow.log_type == log_type, ExecutionLogRow.message != ""
    )
    return session.scalar(wanted.order_by(ExecutionLogRow.id.desc()).limit(1))


def prune(session: Session, *, team: str, ended_before: datetime, limit: int = 500) -> bool:
    """Delete up to ``limit`` log lines of runs that ended so long ago; whether there may be more to delete.

    The runs themselves stay, marked as having no log any more.
    """
    old = select(ExecutionRow.id).where(
        ExecutionRow.team == team, ExecutionRow.log_pruned_at.is_(None), ExecutionRow.ended_at < ended_before
    )
    run_ids = session.scalars(old.order_by(ExecutionRow.ended_at).limit(_RUNS_AT_ONCE)).all()
    for run_id in run_ids:
        lines = select(ExecutionLogRow.id).where(ExecutionLogRow.execution_id == run_id)
        gone = session.scalars(lines.order_by(ExecutionLogRow.id).limit(limit)).all()
        session.execute(delete(ExecutionLogRow).where(ExecutionLogRow.id.in_(gone)))
        limit -= len(gone)
        if not limit:
            return True
        session.execute(update(ExecutionRow).where(ExecutionRow.id == run_id).values(log_pruned_at=datetime.now(UTC)))
    return len(run_ids) == _RUNS_AT_ONCE
