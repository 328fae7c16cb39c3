"""Shares: who besides its owner may run or edit a crew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import ForeignKey, Index, Select, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import Gone
from store.database import Base, translated

# The subject that stands for everybody in the workspace.
EVERYBODY = "*"


class Level(IntEnum):
    """What somebody may do with a crew; each includes those before it. Only owners and administrators have ``OWN``."""

    RUN = 1
    EDIT = 2
    OWN = 3


@dataclass(frozen=True)
class Seer:
    """Somebody who sees only what is theirs or shared with one of ``subjects``: they, everybody, their channels."""

    user: str
    subjects: tuple[str, ...]


class ShareRow(Base):
    """One row for each person (U…), channel (C…) or everybody that a crew is shared with."""

    __tablename__ = "shares"
    __table_args__ = (Index(None, "team", "subject", "crew_id"),)

    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    level: Mapped[int]


def of_crew(session: Session, crew_id: int, *, team: str) -> dict[str, Level]:
    """With whom the crew is shared, and what each may do; by the subjects' ids, everybody first."""
    wanted = select(ShareRow.subject, ShareRow.level).where(ShareRow.crew_id == crew_id, ShareRow.team == team)
    return {subject: Level(level) for subject, level in session.execute(wanted.order_by(ShareRow.subject))}


def put(session: Session, crew_id: int, shares: Mapping[str, Level], *, team: str) -> None:
    """Share the crew with exactly these; raise ``Gone`` if it has been deleted since it was looked up."""
    session.execute(delete(ShareRow).where(ShareRow.crew_id == crew_id, ShareRow.team == team))
    rows = (ShareRow(crew_id=crew_id, team=team, subject=subject, level=level) for subject, level in shares.items())
    session.add_all(rows)
    with translated({"fk_shares_crew_id_crew_instances": Gone(kind="crew")}):
        session.flush()


def level(session: Session, crew_id: int, subjects: Collection[str], *, team: str) -> Level | None:
    """The most that any of ``subjects`` may do with the crew by its shares; ``None`` if nothing."""
    wanted = select(func.max(ShareRow.level)).where(ShareRow.crew_id == crew_id, ShareRow.team == team)
    highest = session.scalar(wanted.where(ShareRow.subject.in_(subjects)))
    return Level(highest) if highest else None


def crews_of(subjects: Collection[str], *, team: str, least: Level = Level.RUN) -> Select[int]:
    """The ids of the crews that are shared with any of ``subjects``, as a part of another query."""
    wanted = select(ShareRow.crew_id).where(ShareRow.team == team, ShareRow.subject.in_(subjects))
    return wanted.where(ShareRow.level >= least) if least > Level.RUN else wanted
