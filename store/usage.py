"""What runs have used: tokens and dollars of each run, and of each workspace, crew and person in each month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base
from store.runs import ExecutionRow
from store.upserts import upsert

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Used:
    """Tokens asked and answered, and dollars; ``None`` where no price is known."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Used) -> Used:
        """Both together."""
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        prompt, completion = (
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )
        return Used(prompt, completion, sum(known) if known else None)

    def __sub__(self, other: Used) -> Used:
        """What is left of this without the other, which is part of it."""
        cost = None if self.cost is None else self.cost - (other.cost or 0.0)
        prompt, completion = (
            self.prompt_tokens - other.prompt_tokens,
            self.completion_tokens - other.completion_tokens,
        )
        return Used(prompt, completion, cost)


class UsageRow(Base):
    """One row for each workspace, crew and person (``subject``) in each month in which they used a model."""

    __tablename__ = "usage"

    team: Mapped[str] = mapped_column(primary_key=True)
    # As in 2026-11, in UTC.
    month: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    prompt_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    completion_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    cost: Mapped[float | None]


def dollars(cost: float) -> str:
    """Money in words: cents where there are any, more digits where there are not."""
    return f"${cost:,.2f}" if cost >= 0.01 or not cost else f"${cost:.4f}"


def crew(crew_id: int) -> str:
    """The subject that a crew is."""
    return f"crew:{crew_id}"


def person(user: str) -> str:
    """The subject that a person is."""
    return f"person:{user}"


def add(session: Session, used: Mapping[int, Used], *, at: datetime | None = None) -> None:
    """Count what runs used, by their ids, just now or at the time ``at``."""
    month = _month(at or datetime.now(UTC))
    totals: defaultdict[tuple[str, str], Used] = defaultdict(Used)
    for run_id in sorted(run_id for run_id, each in used.items() if each.tokens or each.cost):
        for whose in _count(session, run_id, used[run_id]):
            totals[whose] += used[run_id]
    # Always in the same order, so that two processes do not wait for each other.
    for team, subject in sorted(totals):
        _count_month(session, team, month, subject, totals[team, subject])


def add_inside(session: Session, crew_id: int, used: Used, *, team: str) -> None:
    """Count for a crew what it just used inside a flow; for everybody else the flow's run counts it."""
    _count_month(session, team, _month(datetime.now(UTC)), crew(crew_id), used)


def in_month(session: Session, subject: str, *, team: str, at: datetime | None = None) -> Used:
    """What the subject has used in this month, or in that of ``at``."""
    month = _month(at or datetime.now(UTC))
    found = session.get(UsageRow, (team, month, subject), populate_existing=True)
    return Used(found.prompt_tokens, found.completion_tokens, found.cost) if found else Used()


def _count(session: Session, run_id: int, used: Used) -> list[tuple[str, str]]:
    """Add to the run's own figures; whose figures it adds to besides."""
    changed = update(ExecutionRow).where(ExecutionRow.id == run_id)
    changed = changed.values(
        prompt_tokens=ExecutionRow.prompt_tokens + used.prompt_tokens,
        completion_tokens=ExecutionRow.completion_tokens + used.completion_tokens,
        cost=ExecutionRow.cost if used.cost is None else func.coalesce(ExecutionRow.cost, 0.0) + used.cost,
    )
    session.execute(changed)
    told = session.execute(
        select(ExecutionRow.team, ExecutionRow.crew_id, ExecutionRow.started_by).where(ExecutionRow.id == run_id)
    ).one_or_none()
    if told is None:
        return []
    team, crew_id, user = told
    return [(team, WORKSPACE), (team, person(user)), *([(team, crew(crew_id))] if crew_id else [])]


def _count_month(session: Session, team: str, month: str, subject: str, used: Used) -> None:
    more = {
        "prompt_tokens": UsageRow.prompt_tokens + used.prompt_tokens,
        "completion_tokens": UsageRow.completion_tokens + used.completion_tokens,
        "cost": UsageRow.cost if used.cost is None else func.coalesce(UsageRow.cost, 0.0) + used.cost,
    }
    first = {"prompt_tokens": used.prompt_tokens, "completion_tokens": used.completion_tokens, "cost": used.cost}
    upsert(session, UsageRow, {"team": team, "month": month, "subject": subject, **first}, update=more)


def _month(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m}"
