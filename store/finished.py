"""Finished work: what each task and step of a run came to, kept so that it is never done twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store import runs
from store.database import Base
from store.runs import Execution
from store.upserts import upsert

TASK = "task:"
STEP = "step:"
# What a crew or flow inside a flow has used in the run, by its name, behind those of the flows between: ``Weekly/Ads``.
SPENT = "spent:"


class FinishedWorkRow(Base):
    """One row for each finished thing of a run; ``key`` says which, as in ``task:Write`` or ``step:draft``."""

    __tablename__ = "finished_work"

    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    output: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime]


def keep(session: Session, run: Execution, key: str, output: dict[str, Any]) -> bool:
    """Keep what something came to; ``False``, and nothing kept, when another process has taken the run over."""
    if not runs.holds(session, run):
        return False
    told = {"output": output, "finished_at": datetime.now(UTC)}
    upsert(session, FinishedWorkRow, {"execution_id": run.id, "key": key, **told}, update=told)
    return True


def all_of(session: Session, run_id: int) -> dict[str, dict[str, Any]]:
    """What is finished of a run, by key, in the order in which it was finished."""
    wanted = select(FinishedWorkRow.key, FinishedWorkRow.output).where(FinishedWorkRow.execution_id == run_id)
    rows = session.execute(wanted.order_by(FinishedWorkRow.finished_at, FinishedWorkRow.key))
    return {row.key: row.output for row in rows}
