"""Questions of runs to people: what is asked, who has agreed, and the one decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    and_,
    cast,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import Gone
from store import outbox
from store.database import Base, Record
from store.more_settings import ReviewSettings
from store.outbox import OutboxRow, Said
from store.runs import UNFINISHED, Execution, ExecutionRow

Kind = Literal["review", "question"]


class Verdict(StrEnum):
    """What became of a question to people."""

    OPEN = "open"
    APPROVED = "approved"
    CHANGES = "changes"
    EDITED = "edited"
    ANSWERED = "answered"
    REJECTED = "rejected"
    # Its run was stopped, or ended in another way, before anybody decided.
    WITHDRAWN = "withdrawn"


class Review(Record):
    """A question as stored, with what is needed of its run. Times are UTC."""

    id: int
    team: str
    execution_id: int
    key: str
    # How often the run had been tried again when it was asked.
    attempt: int
    kind: Kind
    task: str
    agent: str
    # What is to be approved: as the agent wrote it, or as somebody has edited it.
    produced: str
    edited_by: str | None
    # Counts the edits, so that nobody approves a text that they have not read.
    revision: int
    prompt: str
    settings: ReviewSettings
    round: int
    verdict: Verdict
    # The comment or the reply.
    text: str
    agreed: list[str]
    decided_by: str | None
    decided_at: datetime | None
    asked_at: datetime
    remind_at: datetime | None
    due_at: datetime | None
    # Counts everything that the message about it has to show.
    changes: int
    message_ts: str | None
    crew_id: int | None
    crew_name: str
    started_by: str
    channel: str
    thread_ts: str | None

    @property
    def open(self) -> bool:
        """Whether nobody has decided yet."""
        return self.verdict is Verdict.OPEN

    @property
    def missing(self) -> int:
        """How many more must agree."""
        return max(0, self.settings.agreeing - len(self.agreed))


_REMINDER = ":reminder"
_BEHIND = text("shown < changes")


class ReviewRow(Base):
    """One row for each question of a run to people."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("execution_id", "key", "attempt"),
        Index(None, "team", "verdict", "id"),
        Index(None, "verdict", "next_at"),
        # Nearly all messages show everything, so the index of those that do not is small.
        Index("ix_reviews_unshown", "changed_at", sqlite_where=_BEHIND, postgresql_where=_BEHIND),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"))
    key: Mapped[str]
    attempt: Mapped[int]
    kind: Mapped[str]
    task: Mapped[str]
    agent: Mapped[str]
    produced: Mapped[str]
    edited_by: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=0)
    prompt: Mapped[str]
    settings: Mapped[dict[str, Any]]
    round: Mapped[int]
    verdict: Mapped[str] = mapped_column(default=Verdict.OPEN)
    text: Mapped[str] = mapped_column(default="")
    agreed: Mapped[list[str]] = mapped_column(default=list)
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    asked_at: Mapped[datetime]
    # None where nobody is reminded, and once they have been.
    remind_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    # The earlier of the two.
    next_at: Mapped[datetime | None]
    # What its message must show, how much of that it shows already, and since when more.
    changes: Mapped[int] = mapped_column(default=1)
    shown: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime]
    message_ts: Mapped[str | None]


def ask(
    session: Session,
    run: Execution,
    key: str,
    *,
    kind: Kind,
    task: str,
    agent: str,
    produced: str,
    prompt: str,
    settings: ReviewSettings,
    round: int,
    now: datetime,
) -> Review | None:
    """Ask, once for each ``key`` and attempt of the run: the new question, or ``None`` if it stands there already."""
    # The run is this process's own, so nobody else asks at the same time.
    same = (ReviewRow.execution_id == run.id, ReviewRow.key == key, ReviewRow.attempt == run.round)
    if session.scalar(select(ReviewRow.id).where(*same)) is not None:
        return None
    remind_at, due_at = _later(now, settings.remind_after), _later(now, settings.deadline)
    row = ReviewRow(
        team=run.team,
        execution_id=run.id,
        key=key,
        attempt=run.round,
        kind=kind,
        task=task,
        agent=agent,
        produced=produced,
        prompt=prompt,
        settings=settings.model_dump(mode="json"),
        round=round,
        agreed=[],
        asked_at=now,
        changed_at=now,
        remind_at=remind_at,
        due_at=due_at,
        next_at=min(filter(None, (remind_at, due_at)), default=None),
    )
    session.add(row)
    session.flush()
    return get(session, row.id, team=run.team)


def answer(session: Session, run: Execution, key: str) -> Review | None:
    """The newest question with this key; one that an earlier attempt of the run ended at does not count."""
    wanted = _wanted().where(ReviewRow.execution_id == run.id, ReviewRow.key == key)
    found = _first(session, wanted.order_by(ReviewRow.attempt.desc()).limit(1))
    ended = found is not None and found.verdict in (Verdict.REJECTED, Verdict.WITHDRAWN)
    return None if found is None or (ended and found.attempt < run.round) else found


def get(session: Session, review_id: int, *, team: str) -> Review:
    """The question; raise ``Gone`` if the workspace has none with this id."""
    found = _first(session, _wanted().where(ReviewRow.id == review_id, ReviewRow.team == team))
    if found is None:
        raise Gone(kind="question")
    return found


def hold(session: Session, review_id: int, *, team: str) -> Review:
    """The question and its run, which nobody else changes until the transaction ends; raise ``Gone``."""
    # The run first: whoever ends a run holds it before its questions.
    of = select(ReviewRow.execution_id).where(ReviewRow.id == review_id, ReviewRow.team == team)
    session.execute(select(ExecutionRow.id).where(ExecutionRow.id == of.scalar_subquery()).with_for_update())
    session.execute(select(ReviewRow.id).where(ReviewRow.id == review_id).with_for_update())
    return get(session, review_id, team=team)


def of_run(session: Session, run_id: int) -> list[Review]:
    """All questions of a run in the order in which they were asked."""
    return _all(session, _wanted().where(ReviewRow.execution_id == run_id).order_by(ReviewRow.id))


def unanswered(session: Session, *, team: str, limit: int = 200) -> list[Review]:
    """The workspace's open questions, the newest first."""
    wanted = _wanted().where(ReviewRow.team == team, ReviewRow.verdict == Verdict.OPEN)
    return _all(session, wanted.order_by(ReviewRow.id.desc()).limit(limit))


def in_thread(session: Session, channel: str, thread_ts: str, *, team: str) -> list[Review]:
    """The open questions, oldest first, that are asked in a thread."""
    wanted = _wanted().where(ReviewRow.team == team, ReviewRow.verdict == Verdict.OPEN)
    there = (ExecutionRow.channel == channel, ExecutionRow.thread_ts == thread_ts)
    return _all(session, wanted.where(*there).order_by(ReviewRow.id))


def due(session: Session, now: datetime, *, limit: int = 100) -> list[Review]:
    """The open questions of all workspaces whose reminder or deadline has come, the longest due first."""
    come = (ReviewRow.verdict == Verdict.OPEN, ReviewRow.next_at <= now)
    return _all(session, _wanted().where(*come).order_by(ReviewRow.next_at, ReviewRow.id).limit(limit))


def decide(
    session: Session,
    review: Review,
    verdict: Verdict,
    *,
    by: str | None,
    text: str = "",
    produced: str | None = None,
    now: datetime,
) -> Review | None:
    """Decide, once: ``None`` when somebody was first. Without ``by`` it is the deadline that decides."""
    values: dict[str, Any] = {"verdict": verdict, "decided_by": by, "decided_at": now, "text": text}
    if produced is not None:
        values |= {"produced": produced, "edited_by": by, "revision": ReviewRow.revision + 1}
    return _changed(session, review, **values)


def agree(session: Session, review: Review, *, by: str, produced: str | None = None) -> Review | None:
    """Count somebody’s agreement, with a text of their own if they edited it: who agreed to another text, did not.

    ``None`` when somebody has decided or edited the text meanwhile.
    """
    if produced is None:
        return _changed(session, review, agreed=[*review.agreed, by])
    return _changed(session, review, agreed=[by], produced=produced, edited_by=by, revision=ReviewRow.revision + 1)


def reminder_of(review: Review) -> str:
    """What the reminder of a question is called in the outbox."""
    return f"{outbox.QUESTION}{review.id}{_REMINDER}"


def reminded(session: Session, review: Review) -> bool:
    """Take the reminder that is due, and owe it to people: ``False`` when somebody else has."""
    due = (ReviewRow.id == review.id, ReviewRow.verdict == Verdict.OPEN, ReviewRow.remind_at == review.remind_at)
    taken = update(ReviewRow).where(*due).values(remind_at=None, next_at=review.due_at).returning(ReviewRow.id)
    if session.execute(taken).scalar() is None:
        return False
    outbox.want(session, review.execution_id, [reminder_of(review)])
    return True


def unreminded(session: Session, *, since: datetime, limit: int = 100) -> list[Review]:
    """Questions whose reminder has been owed since then or longer, of all workspaces."""
    part = literal(outbox.QUESTION) + cast(ReviewRow.id, String) + _REMINDER
    owed = (OutboxRow.part == part, OutboxRow.state == Said.PENDING, OutboxRow.created_at <= since)
    joined = _wanted().join(OutboxRow, OutboxRow.execution_id == ReviewRow.execution_id)
    return _all(session, joined.where(*owed).order_by(ReviewRow.id).limit(limit))


def shown(session: Session, review: Review, *, message_ts: str | None = None) -> None:
    """Note that the message about a question shows it as ``review`` has it, and which message that is."""
    placed = {"message_ts": message_ts} if message_ts else {}
    newer = (ReviewRow.id == review.id, ReviewRow.shown < review.changes)
    session.execute(update(ReviewRow).where(*newer).values(shown=review.changes, **placed))


def unshown(session: Session, *, since: datetime, limit: int = 100) -> list[Review]:
    """Questions whose message has lacked something since then or longer, of all workspaces, the longest first."""
    behind = (ReviewRow.shown < ReviewRow.changes, ReviewRow.changed_at <= since)
    return _all(session, _wanted().where(*behind).order_by(ReviewRow.changed_at, ReviewRow.id).limit(limit))


def pointless(session: Session, *, limit: int = 100) -> list[Review]:
    """Open questions of runs that are over, of all workspaces."""
    over = (ReviewRow.verdict == Verdict.OPEN, ExecutionRow.status.not_in(UNFINISHED))
    return _all(session, _wanted().where(*over).order_by(ReviewRow.id).limit(limit))


def withdraw(session: Session, run_id: int, *, now: datetime) -> list[Review]:
    """Close the open questions of a run that is over; those that were."""
    values: dict[str, Any] = {"verdict": Verdict.WITHDRAWN, "decided_at": now, **_news(now)}
    wanted = and_(ReviewRow.execution_id == run_id, ReviewRow.verdict == Verdict.OPEN)
    closed = session.scalars(update(ReviewRow).where(wanted).values(values).returning(ReviewRow.id)).all()
    return _all(session, _wanted().where(ReviewRow.id.in_(closed)).order_by(ReviewRow.id)) if closed else []


def _news(now: datetime) -> dict[str, Any]:
    return {"changes": ReviewRow.changes + 1, "changed_at": now}


def _changed(session: Session, review: Review, **values: Any) -> Review | None:
    now = datetime.now(UTC)
    same = (ReviewRow.id == review.id, ReviewRow.verdict == Verdict.OPEN, ReviewRow.revision == review.revision)
    changed = update(ReviewRow).where(*same).values(**values, **_news(now)).returning(ReviewRow.id)
    found = session.execute(changed).scalar()
    return _first(session, _wanted().where(ReviewRow.id == found)) if found else None


_Rows: TypeAlias = "Select[ReviewRow, int | None, str, str, str, str | None]"

# What a question needs of its run, whose definition and result would be long.
_OF_RUN = (
    ExecutionRow.crew_id,
    ExecutionRow.crew_name,
    ExecutionRow.started_by,
    ExecutionRow.channel,
    ExecutionRow.thread_ts,
)


def _wanted() -> _Rows:
    return select(ReviewRow, *_OF_RUN).join(ExecutionRow, ExecutionRow.id == ReviewRow.execution_id)


def _all(session: Session, wanted: _Rows) -> list[Review]:
    found = session.execute(wanted.execution_options(populate_existing=True))
    return [_record(row, of_run) for row, *of_run in found]


def _first(session: Session, wanted: _Rows) -> Review | None:
    return next(iter(_all(session, wanted)), None)


def _record(row: ReviewRow, of_run: Sequence[Any]) -> Review:
    own = {column.key: getattr(row, column.key) for column in ReviewRow.__table__.columns}
    return Review.model_validate({**own, **dict(zip((column.key for column in _OF_RUN), of_run, strict=True))})


def _later(now: datetime, minutes: int | None) -> datetime | None:
    return now.astimezone(UTC) + timedelta(minutes=minutes) if minutes else None
