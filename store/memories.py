"""What crews remember from one run to the next, fact by fact."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record

# A crew keeps so many facts; the oldest go first.
MOST_FACTS = 1_000


class Fact(Record):
    """One thing remembered; ``scope`` and ``categories`` are the model's own order, ``importance`` is 0 to 1."""

    id: str
    content: str
    scope: str = "/"
    categories: list[str] = []
    attributes: dict[str, Any] = {}
    importance: float = 0.5
    created_at: datetime
    recalled_at: datetime


class MemoryRow(Base):
    """One row for each fact of a crew."""

    __tablename__ = "memories"
    __table_args__ = (Index(None, "crew_id", "created_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    content: Mapped[str]
    scope: Mapped[str]
    categories: Mapped[list[str]]
    attributes: Mapped[dict[str, Any]]
    importance: Mapped[float]
    created_at: Mapped[datetime]
    recalled_at: Mapped[datetime]


def keep(session: Session, crew_id: int, facts: Sequence[Fact], *, team: str) -> None:
    """Add these facts, or put them in the place of those with the same ids; the oldest go where there are too many."""
    _of_crew = (MemoryRow.crew_id == crew_id, MemoryRow.team == team)
    session.execute(delete(MemoryRow).where(*_of_crew, MemoryRow.id.in_([fact.id for fact in facts])))
    session.add_all(MemoryRow(team=team, crew_id=crew_id, **fact.model_dump()) for fact in facts)
    session.flush()
    newest = select(MemoryRow.id).where(*_of_crew).order_by(MemoryRow.created_at.desc()).limit(MOST_FACTS)
    session.execute(delete(MemoryRow).where(*_of_crew, MemoryRow.id.not_in(newest)))


def list_all(session: Session, crew_id: int, *, team: str, limit: int = MOST_FACTS) -> list[Fact]:
    """The crew's facts, the newest first."""
    wanted = select(MemoryRow).where(MemoryRow.crew_id == crew_id, MemoryRow.team == team)
    rows = session.scalars(wanted.order_by(MemoryRow.created_at.desc(), MemoryRow.id).limit(limit))
    return [Fact.model_validate(row) for row in rows]


def count(session: Session, crew_id: int, *, team: str) -> int:
    """How many facts the crew has."""
    wanted = select(func.count()).select_from(MemoryRow).where(MemoryRow.crew_id == crew_id, MemoryRow.team == team)
    return session.scalar(wanted) or 0


def remove(session: Session, crew_id: int, *, team: str, ids: Collection[str] | None = None) -> None:
    """Forget these facts of the crew, or all of them."""
    wanted = delete(MemoryRow).where(MemoryRow.crew_id == crew_id, MemoryRow.team == team)
    session.execute(wanted if ids is None else wanted.where(MemoryRow.id.in_(ids)))
