"""Looking for runs: the newest, those that somebody should see to, and how all of them stand."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session, aliased

from store.crews import usable
from store.runs import TRIAL, UNFINISHED, Execution, ExecutionRow, RunState
from store.shares import Seer

# So many of somebody's failed runs are looked through for what is left to do.
_LOOKED_AT = 50


def latest(
    session: Session,
    *,
    team: str,
    crew_id: int | None = None,
    started_by: str | None = None,
    unfinished: bool = False,
    status: RunState | None = None,
    before: int | None = None,
    seer: Seer | None = None,
    limit: int = 10,
) -> list[Execution]:
    """The newest runs first, optionally of one crew, one person, in one state, unfinished, or older than ``before``.

    ``seer`` sees only the runs that they started or whose crew they may use, and ``None`` sees all.
    """
    wanted = select(ExecutionRow).where(ExecutionRow.team == team)
    if seer is not None:
        wanted = wanted.where(_seen_by(seer, team))
    if crew_id is not None:
        wanted = wanted.where(ExecutionRow.crew_id == crew_id)
    if started_by is not None:
        wanted = wanted.where(ExecutionRow.started_by == started_by)
    if unfinished:
        wanted = wanted.where(ExecutionRow.status.in_(UNFINISHED))
    if status is not None:
        wanted = wanted.where(ExecutionRow.status == status)
    if before is not None:
        wanted = wanted.where(ExecutionRow.id < before)
    return [
        Execution.model_validate(row) for row in session.scalars(wanted.order_by(ExecutionRow.id.desc()).limit(limit))
    ]


def left_failed(session: Session, *, team: str, user: str, since: datetime, limit: int) -> list[Execution]:
    """Somebody's runs that have failed after ``since`` and that they have not followed up, the newest first.

    They have when they retried it, or ran the crew again. Runs of deleted crews and of single steps do not count.
    """
    mine = (ExecutionRow.team == team, ExecutionRow.started_by == user)
    failed = select(ExecutionRow.id).where(*mine, ExecutionRow.status == RunState.FAILED)
    newest = failed.order_by(ExecutionRow.id.desc()).limit(_LOOKED_AT).subquery()
    again = aliased(ExecutionRow)
    followed_up = exists().where(
        again.crew_id == ExecutionRow.crew_id,
        again.id > ExecutionRow.id,
        again.started_by == user,
        again.source != TRIAL,
    )
    wanted = select(ExecutionRow).where(
        ExecutionRow.id.in_(select(newest.c.id)),
        ExecutionRow.ended_at >= since,
        ExecutionRow.crew_id.is_not(None),
        ExecutionRow.source != TRIAL,
        ~followed_up,
    )
    rows = session.scalars(wanted.order_by(ExecutionRow.id.desc()).limit(limit))
    return [Execution.model_validate(row) for row in rows]


def standing(session: Session, *, team: str, newest: int) -> dict[int, tuple[str, datetime | None]]:
    """How each run stands that is not over, and each of the ``newest``, and since when; by their ids."""
    facts = select(ExecutionRow.id, ExecutionRow.status, ExecutionRow.changed_at).where(ExecutionRow.team == team)
    going = facts.where(ExecutionRow.status.in_(UNFINISHED))
    latest = facts.order_by(ExecutionRow.id.desc()).limit(newest)
    rows = [*session.execute(going), *session.execute(latest)]
    return {row.id: (row.status, row.changed_at) for row in rows}


def seen_among(session: Session, run_ids: Collection[int], *, team: str, seer: Seer | None) -> bool:
    """Whether ``seer`` may see any of these runs; ``None`` sees all."""
    wanted = select(ExecutionRow.id).where(ExecutionRow.team == team, ExecutionRow.id.in_(run_ids))
    if seer is not None:
        wanted = wanted.where(_seen_by(seer, team))
    return session.scalar(wanted.limit(1)) is not None


def _seen_by(seer: Seer, team: str) -> ColumnElement[bool]:
    return or_(ExecutionRow.started_by == seer.user, ExecutionRow.crew_id.in_(usable(seer, team=team)))
