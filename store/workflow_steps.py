"""Steps of workflows that wait for a run to end."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record
from store.runs import UNFINISHED, ExecutionRow


class WorkflowStep(Record):
    """A step: ``id`` is Slack's name for the execution of the function; ``error`` says why it got no run."""

    id: str
    team: str
    execution_id: int | None
    error: str | None
    begun_at: datetime
    told_at: datetime | None
    tries: int


class WorkflowStepRow(Base):
    """One row for each step; ``told_at`` is empty as long as Slack does not know how it ended.

    ``tries`` says how often it could not be told, and ``try_at`` when that is next tried.
    """

    __tablename__ = "workflow_steps"

    id: Mapped[str] = mapped_column(primary_key=True)
    team: Mapped[str]
    execution_id: Mapped[int | None] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), index=True)
    error: Mapped[str | None]
    begun_at: Mapped[datetime]
    told_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime | None]


def add(
    session: Session, step_id: str, *, team: str, run_id: int | None = None, error: str | None = None
) -> WorkflowStep:
    """Let a step wait for a run, or for Slack to be told of the ``error`` for which it got none."""
    row = WorkflowStepRow(id=step_id, team=team, execution_id=run_id, error=error, begun_at=datetime.now(UTC))
    session.add(row)
    session.flush()
    return WorkflowStep.model_validate(row)


def refuse(session: Session, step_id: str, error: str, *, team: str) -> bool:
    """Let Slack be told of the ``error`` for which the step got no run, or lost the one that never began.

    Whether that is new: a step that has a run by now, or an error, has it already.
    """
    row = session.get(WorkflowStepRow, step_id)
    if row is None:
        add(session, step_id, team=team, error=error)
    elif row.told_at is None and row.error is None:
        row.error, row.execution_id = error, None
    else:
        return False
    return True


def known(session: Session, step_id: str, *, team: str) -> bool:
    """Whether this step has begun already: Slack tells of everything at least once, and sometimes twice."""
    wanted = select(WorkflowStepRow.id).where(WorkflowStepRow.id == step_id, WorkflowStepRow.team == team)
    return session.scalar(wanted) is not None


def to_tell(session: Session, now: datetime, *, most: int, run_id: int | None = None) -> list[WorkflowStep]:
    """The steps of every workspace that got no run, or whose run is over, and of which Slack does not know yet.

    Only those whose time to be tried again has come, those first that were not tried for the longest time; what was
    tried ``most`` times has been given up. With ``run_id`` only that of the run.
    """
    wanted = (
        select(WorkflowStepRow)
        .outerjoin(ExecutionRow, ExecutionRow.id == WorkflowStepRow.execution_id)
        .where(WorkflowStepRow.told_at.is_(None), WorkflowStepRow.tries < most)
        .where(or_(WorkflowStepRow.try_at.is_(None), WorkflowStepRow.try_at <= now))
        .where(or_(WorkflowStepRow.error.is_not(None), ExecutionRow.status.not_in([*UNFINISHED, "waiting"])))
        .order_by(func.coalesce(WorkflowStepRow.try_at, WorkflowStepRow.begun_at))
        .limit(100)
    )
    if run_id is not None:
        wanted = wanted.where(WorkflowStepRow.execution_id == run_id)
    return [WorkflowStep.model_validate(row) for row in session.scalars(wanted)]


def put_off(session: Session, step_id: str, until: datetime, *, tries: int) -> None:
    """Slack could not be told, ``tries`` times by now: try again then."""
    later = update(WorkflowStepRow).where(WorkflowStepRow.id == step_id).values(tries=tries, try_at=until)
    session.execute(later)


def told(session: Session, step_id: str) -> None:
    """Slack knows how the step ended."""
    session.execute(update(WorkflowStepRow).where(WorkflowStepRow.id == step_id).values(told_at=datetime.now(UTC)))
