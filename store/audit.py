"""The audit log: who did what, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record


class AuditEntry(Record):
    """One line of the audit log: ``actor`` did ``verb`` (“changed”) to the ``kind`` of thing called ``name``."""

    id: int
    at: datetime
    actor: str
    verb: str
    kind: str
    name: str
    details: str


class AuditEntryRow(Base):
    """One row for each change and each run that somebody started or stopped. Rows are never changed."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "team", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    verb: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    details: Mapped[str]


def add(session: Session, *, team: str, actor: str, verb: str, kind: str, name: str, details: str = "") -> None:
    """Write down that ``actor`` did this, in the transaction that does it."""
    now = datetime.now(UTC)
    session.add(AuditEntryRow(team=team, at=now, actor=actor, verb=verb, kind=kind, name=name, details=details))
    session.flush()


def page(session: Session, *, team: str, before: int | None = None, limit: int = 20) -> list[AuditEntry]:
    """The newest entries first, optionally only those older than the entry ``before``."""
    wanted = select(AuditEntryRow).where(AuditEntryRow.team == team)
    if before is not None:
        wanted = wanted.where(AuditEntryRow.id < before)
    rows = session.scalars(wanted.order_by(AuditEntryRow.id.desc()).limit(limit))
    return [AuditEntry.model_validate(row) for row in rows]


def everything(session: Session, *, team: str) -> Iterator[AuditEntry]:
    """All entries, the newest first, a thousand at a time."""
    before = None
    while entries := page(session, team=team, before=before, limit=1_000):
        yield from entries
        before = entries[-1].id
