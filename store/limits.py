"""What a run may take: the workspace's limits, those of each crew, and what people allowed single runs beyond them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy import ForeignKey, Index, exists, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from bot.errors import Gone
from store.database import Base, Draft, Record
from store.runs import ExecutionRow, RunState
from store.upserts import upsert
from store.usage import dollars

Tokens = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Dollars = Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]


class Scope(StrEnum):
    """Whose limit it is."""

    WORKSPACE = "workspace"
    CREW = "crew"


class CrewLimits(Draft):
    """What the runs of one crew may take; ``None`` means no limit. Months are UTC."""

    # Stored as JSON, in which a later or earlier release may have kept more.
    model_config = ConfigDict(extra="ignore", frozen=True)

    run_minutes: int | None = Field(None, title="Minutes per run", ge=1, le=100_000)
    call_seconds: int | None = Field(
        None, title="Seconds per model call", ge=1, le=3_600, description="Empty: a call that takes 120 seconds fails."
    )
    run_tokens: Tokens | None = Field(None, title="Tokens per run")
    run_cost: Dollars | None = Field(
        None, title="US dollars per run", description="Counts models whose connection has a price: /crew models."
    )
    month_tokens: Tokens | None = Field(None, title="Tokens per month", description="Of all its runs together.")
    month_cost: Dollars | None = Field(None, title="US dollars per month", description="Of all its runs together.")


class WorkspaceLimits(CrewLimits):
    """What all runs of a workspace may take, and how long their logs are kept."""

    person_tokens: Tokens | None = Field(None, title="Tokens per person and month")
    person_cost: Dollars | None = Field(None, title="US dollars per person and month")
    runs_at_once: int | None = Field(
        None,
        title="Runs at once",
        ge=1,
        le=1_000,
        description="More wait for their turn. Empty: what the server takes.",
    )
    person_runs_at_once: int | None = Field(None, title="Runs at once per person", ge=1, le=1_000)
    log_days: int | None = Field(
        None, title="Days to keep logs", ge=1, le=36_500, description="Empty: what the server’s settings say."
    )


# The limits at which a run pauses, in the order in which they are looked at.
CEILINGS = (
    "run_minutes",
    "call_seconds",
    "run_tokens",
    "run_cost",
    "month_tokens",
    "month_cost",
    "person_tokens",
    "person_cost",
)


@dataclass(frozen=True)
class Ceiling:
    """One limit that a run is held to: ``name`` is a field of ``WorkspaceLimits``, ``most`` in its unit.

    ``crew`` is the name of the crew inside a flow whose limit it is; nothing for what the run is of.
    """

    name: str
    scope: Scope
    most: float
    crew: str | None = None

    @property
    def key(self) -> str:
        """What tells it from the run's other limits."""
        return f"{self.scope}.{self.name}" + (f".{self.crew}" if self.crew else "")


class CrewLimitsRow(Base):
    """One row for each crew that has limits of its own."""

    __tablename__ = "crew_limits"
    __table_args__ = (Index(None, "team"),)

    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"), primary_key=True)
    team: Mapped[str]
    limits: Mapped[dict[str, Any]]
    changed_by: Mapped[str]
    updated_at: Mapped[datetime]


class AllowanceRow(Base):
    """One row for each limit that somebody raised for a single run."""

    __tablename__ = "allowances"

    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    limit_key: Mapped[str] = mapped_column(primary_key=True)
    most: Mapped[float]
    allowed_by: Mapped[str]
    allowed_at: Mapped[datetime]


class LimitPause(Record):
    """That a run came to a limit and waits; ``verdict`` is “raised” or “stopped” once somebody has decided."""

    id: int
    execution_id: int
    name: str
    scope: Scope
    most: float
    used: float
    # The whole in words for people.
    said: str
    task: str
    # The crew inside a flow whose limit it is; nothing for what the run is of.
    crew: str | None = None
    asked_at: datetime
    verdict: str | None
    answered_by: str | None
    new_most: float | None

    @property
    def ceiling(self) -> Ceiling:
        """The limit as it was."""
        return Ceiling(self.name, self.scope, self.most, self.crew)


class LimitPauseRow(Base):
    """One row for each time a run came to a limit."""

    __tablename__ = "limit_pauses"
    __table_args__ = (Index(None, "execution_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    name: Mapped[str]
    scope: Mapped[str]
    most: Mapped[float]
    used: Mapped[float]
    said: Mapped[str]
    task: Mapped[str]
    crew: Mapped[str | None]
    asked_at: Mapped[datetime]
    verdict: Mapped[str | None]
    answered_by: Mapped[str | None]
    new_most: Mapped[float | None]


def pause(session: Session, run_id: int, ceiling: Ceiling, *, used: float, said: str, task: str) -> LimitPause:
    """Write down that the run waits at a limit, and in which words that was said."""
    asked = {"execution_id": run_id, "used": used, "said": said, "task": task, "asked_at": datetime.now(UTC)}
    row = LimitPauseRow(**asked, name=ceiling.name, scope=ceiling.scope, most=ceiling.most, crew=ceiling.crew)
    session.add(row)
    session.flush()
    return LimitPause.model_validate(row)


def get_pause(session: Session, pause_id: int, *, run_id: int) -> LimitPause:
    """One of the run's pauses; raise ``Gone`` if it has none with this id."""
    wanted = select(LimitPauseRow).where(LimitPauseRow.id == pause_id, LimitPauseRow.execution_id == run_id)
    row = session.scalar(wanted)
    if row is None:
        raise Gone(kind="question")
    return LimitPause.model_validate(row)


def last_pause(session: Session, run_id: int) -> LimitPause | None:
    """The run's newest pause."""
    wanted = select(LimitPauseRow).where(LimitPauseRow.execution_id == run_id)
    row = session.scalar(wanted.order_by(LimitPauseRow.id.desc()).limit(1))
    return LimitPause.model_validate(row) if row else None


def decide(session: Session, pause_id: int, *, verdict: str, by: str, new_most: float | None = None) -> bool:
    """Write down what somebody decided, once: ``False`` when somebody else was first."""
    decided = update(LimitPauseRow).where(LimitPauseRow.id == pause_id, LimitPauseRow.verdict.is_(None))
    decided = decided.values(verdict=verdict, answered_by=by, new_most=new_most).returning(LimitPauseRow.id)
    return session.execute(decided).scalar() is not None


def open_pauses(session: Session, *, team: str) -> list[LimitPause]:
    """The last pauses of the workspace's runs that wait at one, or are about to, and that nobody has decided."""
    later = aliased(LimitPauseRow)
    newer = exists().where(later.execution_id == LimitPauseRow.execution_id, later.id > LimitPauseRow.id)
    wanted = (
        select(LimitPauseRow)
        .join(ExecutionRow, ExecutionRow.id == LimitPauseRow.execution_id)
        .where(
            ExecutionRow.team == team,
            ExecutionRow.status.in_((RunState.WAITING, RunState.RUNNING)),
            ~newer,
            LimitPauseRow.verdict.is_(None),
        )
    )
    return [LimitPause.model_validate(row) for row in session.scalars(wanted.order_by(LimitPauseRow.id))]


def of_crew(session: Session, crew_id: int | None, *, team: str, lock: bool = False) -> CrewLimits:
    """The crew's limits; none where nothing was decided, or where it is gone.

    ``lock`` keeps what was decided as it is until the transaction ends.
    """
    wanted = select(CrewLimitsRow.limits).where(CrewLimitsRow.crew_id == crew_id, CrewLimitsRow.team == team)
    return CrewLimits.model_validate(session.scalar(wanted.with_for_update() if lock else wanted) or {})


def set_of_crew(session: Session, crew_id: int, limits: CrewLimits, *, team: str, by: str) -> None:
    """Hold the crew's runs to these limits from now on."""
    values = {"limits": limits.model_dump(mode="json"), "changed_by": by, "updated_at": datetime.now(UTC)}
    upsert(session, CrewLimitsRow, {"crew_id": crew_id, "team": team, **values}, update=values)


def allow(session: Session, run_id: int, ceiling: Ceiling, *, by: str) -> None:
    """Let one run go as far as ``ceiling.most``."""
    values = {"most": ceiling.most, "allowed_by": by, "allowed_at": datetime.now(UTC)}
    upsert(session, AllowanceRow, {"execution_id": run_id, "limit_key": ceiling.key, **values}, update=values)


def allowed(session: Session, run_id: int) -> dict[str, float]:
    """How far one run may go, by the keys of ceilings; those that nobody raised are not in it."""
    wanted = select(AllowanceRow.limit_key, AllowanceRow.most).where(AllowanceRow.execution_id == run_id)
    return {row.limit_key: row.most for row in session.execute(wanted)}


def ceilings(workspace: WorkspaceLimits, crew: CrewLimits, raised: Mapping[str, float]) -> list[Ceiling]:
    """Everything a run is held to; ``raised`` as from ``allowed``, which never lowers a limit."""
    return list(_ceilings({Scope.CREW: crew, Scope.WORKSPACE: workspace}, raised))


def ceilings_inside(name: str, crew: CrewLimits, raised: Mapping[str, float]) -> list[Ceiling]:
    """What the crew with this name is held to where it works inside a flow, besides what the flow is held to."""
    return list(_ceilings({Scope.CREW: crew}, raised, inside=name))


def _ceilings(
    limits: Mapping[Scope, CrewLimits], raised: Mapping[str, float], *, inside: str | None = None
) -> Iterator[Ceiling]:
    for name in CEILINGS:
        for scope, decided in limits.items():
            most = getattr(decided, name, None)
            if most is not None:
                ceiling = Ceiling(name, scope, most, inside)
                yield replace(ceiling, most=max(most, raised.get(ceiling.key, most)))


def amount(name: str, number: float) -> str:
    """A figure of the limit ``name`` in words."""
    if name.endswith("_cost"):
        return dollars(number)
    if name == "run_minutes":
        return f"{number:,.0f} minute{'' if round(number) == 1 else 's'}"
    if name == "call_seconds":
        return f"{number:,.0f} second{'' if round(number) == 1 else 's'}"
    return f"{number:,.0f} token{'' if round(number) == 1 else 's'}"
