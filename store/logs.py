"""The log of each run: ``ExecutionLog``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record


class LogEntry(Record):
    """One line of a run's log."""

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
        session.execute(insert(ExecutionLogRow), [entry.model_dump() for entry in entries])


def of_run(session: Session, run_id: int, *, limit: int = 1000) -> list[LogEntry]:
    """The last ``limit`` log lines of a run, in the order they happened."""
    wanted = select(ExecutionLogRow).where(ExecutionLogRow.execution_id == run_id)
    newest = session.scalars(wanted.order_by(ExecutionLogRow.id.desc()).limit(limit)).all()
    return [LogEntry.model_validate(row) for row in reversed(newest)]
