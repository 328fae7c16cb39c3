"""Versions: what a crew was after each save, who saved it, and what changed in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import Gone
from store.database import Base, Record
from store.definitions import Definition


class CrewVersion(Record):
    """A version as stored; ``number`` counts from 1 within the crew."""

    crew_id: int
    number: int
    saved_at: datetime
    saved_by: str
    summary: str
    definition: Definition


class CrewVersionRow(Base):
    """One row for each save of a crew or of its agents and tasks."""

    __tablename__ = "crew_versions"
    __table_args__ = (UniqueConstraint("crew_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    number: Mapped[int]
    saved_at: Mapped[datetime]
    saved_by: Mapped[str]
    summary: Mapped[str]
    definition: Mapped[dict[str, Any]]


def add(
    session: Session, definition: Definition, *, crew_id: int, number: int, summary: str, team: str, by: str
) -> CrewVersion:
    """Write the crew's next version."""
    row = CrewVersionRow(
        team=team,
        crew_id=crew_id,
        number=number,
        saved_at=datetime.now(UTC),
        saved_by=by,
        summary=summary,
        definition=definition.model_dump(mode="json"),
    )
    session.add(row)
    session.flush()
    return CrewVersion.model_validate(row)


def get(session: Session, crew_id: int, number: int, *, team: str) -> CrewVersion:
    """One version; raise ``Gone`` if the workspace's crew has none with this number."""
    wanted = select(CrewVersionRow).where(CrewVersionRow.crew_id == crew_id, CrewVersionRow.number == number)
    row = session.scalar(wanted.where(CrewVersionRow.team == team))
    if row is None:
        raise Gone(kind="version")
    return CrewVersion.model_validate(row)


def newest(session: Session, crew_id: int, *, team: str) -> CrewVersion | None:
    """The crew's last version, or ``None`` before its first save."""
    found = list_all(session, crew_id, team=team, limit=1)
    return found[0] if found else None


def number(session: Session, crew_id: int, *, team: str) -> int:
    """The number of the crew's last version; 0 before its first save."""
    wanted = select(func.max(CrewVersionRow.number)).where(CrewVersionRow.crew_id == crew_id)
    return session.scalar(wanted.where(CrewVersionRow.team == team)) or 0


def list_all(
    session: Session, crew_id: int, *, team: str, limit: int = 20, before: int | None = None
) -> list[CrewVersion]:
    """The crew's versions, the newest first, optionally only those older than number ``before``."""
    wanted = select(CrewVersionRow).where(CrewVersionRow.crew_id == crew_id, CrewVersionRow.team == team)
    if before is not None:
        wanted = wanted.where(CrewVersionRow.number < before)
    rows = session.scalars(wanted.order_by(CrewVersionRow.number.desc()).limit(limit))
    return [CrewVersion.model_validate(row) for row in rows]
