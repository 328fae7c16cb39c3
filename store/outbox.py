"""The outbox: what a run has to say in Slack, written down with the change that it tells of, and said exactly once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Record
from store.runs import Execution, ExecutionRow, RunState
from store.upserts import insert_once

PARENT, PROGRESS, RESULT = "parent", "progress", "result"
# Before the key of finished work that is wanted as a file, before a number, and before the id of a pause at a limit.
FILE, NOTICE, LIMIT = "file:", "notice:", "limit:"
# Before the id of a question to people, and before the moment that a picture shows.
QUESTION, PICTURE = "question:", "picture:"
# Messages that go on changing for as long as their run does.
_MOVING = (PARENT, PROGRESS)
_SHOWN_LAST = (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.WAITING)


class Said(StrEnum):
    """How far a part has come."""

    PENDING = "pending"
    # It is there, and changes with its run.
    MOVING = "moving"
    DONE = "done"
    # Slack does not take it.
    REFUSED = "refused"


class Part(Record):
    """One message or file of a run; ``ts`` once it is there, ``tries`` how often somebody set out to send it."""

    execution_id: int
    part: str
    payload: dict[str, Any]
    state: Said
    ts: str | None
    tries: int
    first_try_at: datetime | None


class OutboxRow(Base):
    """One row for each part of what a run says; ``owner`` sends it and says so again and again."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "state", "execution_id"),)

    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    ts: Mapped[str | None]
    # The state of the run that a moving message certainly shows.
    shown: Mapped[str | None]
    tries: Mapped[int]
    created_at: Mapped[datetime]
    first_try_at: Mapped[datetime | None]
    owner: Mapped[str | None]
    held_at: Mapped[datetime | None]


def named(run: Execution, part: str) -> str:
    """The name of a part that a run has once for each time it is tried."""
    return f"{part}~{run.round}" if run.round else part


def want(session: Session, run_id: int, parts: Collection[str], payload: dict[str, Any] | None = None) -> None:
    """Write down that these parts are to be said, in the transaction of what they tell of; once is enough."""
    for part in parts:
        told = {"payload": payload or {}, "state": Said.PENDING, "tries": 0, "created_at": datetime.now(UTC)}
        insert_once(session, OutboxRow, {"execution_id": run_id, "part": part, **told})


def take(session: Session, run_id: int, part: str, *, owner: str, lost: Callable[[str], bool]) -> Part | None:
    """The part, for ``owner`` to send now if it is pending; ``None`` while another process is at it.

    ``lost`` says whether a process is certainly no more. With ``tries`` above 1 the part may be in Slack already.
    """
    want(session, run_id, [part])
    row = session.scalar(
        select(OutboxRow).where(OutboxRow.execution_id == run_id, OutboxRow.part == part).with_for_update()
    )
    assert row is not None
    if row.state == Said.PENDING:
        now = datetime.now(UTC)
        if row.owner not in (None, owner) and row.held_at and row.held_at > now - HELD and not lost(row.owner or ""):
            return None
        row.owner, row.held_at, row.tries = owner, now, row.tries + 1
        row.first_try_at = row.first_try_at or now
        session.flush()
    return Part.model_validate(row)


# A process that has not said for so long that it is still sending does not send any more.
HELD = timedelta(seconds=60)


def hold(session: Session, owner: str) -> None:
    """Say that ``owner`` is still sending what it has taken."""
    held = (OutboxRow.state == Said.PENDING, OutboxRow.owner == owner)
    session.execute(update(OutboxRow).where(*held).values(held_at=datetime.now(UTC)))


def release(session: Session, run_id: int, part: str) -> None:
    """Leave a part to whoever comes next."""
    _set(session, run_id, part, owner=None, created_at=datetime.now(UTC))


def sent(session: Session, run_id: int, part: str, ts: str) -> None:
    """The part is in Slack."""
    _set(session, run_id, part, ts=ts, owner=None, state=Said.MOVING if part in _MOVING else Said.DONE)


def refused(session: Session, run_id: int, part: str) -> None:
    """Slack does not take the part, now or later."""
    _set(session, run_id, part, owner=None, state=Said.REFUSED)


def leave_out(session: Session, run_id: int, part: str) -> None:
    """The part need not be said any more, unless somebody has set out to send it."""
    where = (OutboxRow.execution_id == run_id, OutboxRow.part == part, OutboxRow.state == Said.PENDING)
    session.execute(update(OutboxRow).where(*where, OutboxRow.tries == 0).values(state=Said.REFUSED))


def give_up(session: Session, run_id: int) -> None:
    """Nothing of a run can be said."""
    where = (OutboxRow.execution_id == run_id, OutboxRow.state.in_((Said.PENDING, Said.MOVING)))
    session.execute(update(OutboxRow).where(*where).values(state=Said.REFUSED, owner=None))


def shown(session: Session, run: Execution, part: str, state: RunState) -> None:
    """A moving message shows this state of its run; that of one that is over is its last."""
    now = _set(session, run.id, part, shown=_mark(state, run.round))
    if now and state.over:
        _set(session, run.id, part, state=Said.DONE)


def move_again(session: Session, run_id: int) -> None:
    """The run of these messages goes on after its end."""
    where = (OutboxRow.execution_id == run_id, OutboxRow.part.in_(_MOVING), OutboxRow.state == Said.DONE)
    session.execute(update(OutboxRow).where(*where).values(state=Said.MOVING, shown=None))


def of_run(session: Session, run_id: int) -> dict[str, Part]:
    """Everything a run has said or is to say, by the name of the part, the oldest first."""
    rows = session.scalars(
        select(OutboxRow).where(OutboxRow.execution_id == run_id).order_by(OutboxRow.created_at, OutboxRow.part)
    )
    return {row.part: Part.model_validate(row) for row in rows}


def behind(session: Session, idle: Callable[[int, str, str], bool], *, since: datetime) -> list[int]:
    """The runs of which something is unsaid, or shown wrong, ``since`` then, and which nobody is at.

    ``idle(run_id, part, holder)`` says whether the process that took a part is certainly not sending it. Questions to
    people are not looked at: whoever asks them looks after them.
    """
    unsaid = select(OutboxRow.execution_id, OutboxRow.part, OutboxRow.owner, OutboxRow.held_at).where(
        OutboxRow.state == Said.PENDING, OutboxRow.created_at < since, OutboxRow.part.not_like(f"{QUESTION}%")
    )
    held_since = datetime.now(UTC) - HELD
    found = {
        run_id
        for run_id, part, holder, held_at in session.execute(unsaid)
        if holder is None or held_at is None or held_at < held_since or idle(run_id, part, holder)
    }
    wrong = (
        select(OutboxRow.execution_id, OutboxRow.shown, ExecutionRow.status, ExecutionRow.round)
        .join(ExecutionRow, ExecutionRow.id == OutboxRow.execution_id)
        .where(
            OutboxRow.state == Said.MOVING,
            ExecutionRow.status.in_(_SHOWN_LAST),
            ExecutionRow.changed_at < since,
        )
    )
    found |= {run_id for run_id, shows, status, round_ in session.execute(wrong) if shows != _mark(status, round_)}
    return sorted(found)


def _mark(state: str, round_: int) -> str:
    return f"{state} {round_}"


def _set(session: Session, run_id: int, part: str, **values: Any) -> bool:
    where = (OutboxRow.execution_id == run_id, OutboxRow.part == part)
    changed: Any = session.execute(update(OutboxRow).where(*where).values(**values))
    return bool(changed.rowcount)
