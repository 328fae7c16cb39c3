"""The desk of one run: its questions are stored, and its answers found there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bot.engine.desk import Answer, Question
from bot.engine.memory import TakenOver
from store import logs, reviews, runs
from store.database import Store
from store.logs import LogEntry
from store.reviews import Review, Verdict
from store.runs import Execution


class RunDesk:
    """Where the run that this process works on asks people; see ``bot.engine.desk.Desk``."""

    def __init__(
        self,
        store: Store,
        run: Execution,
        asked: Callable[[Review], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``asked`` brings a new question before people, and returns at once."""
        self.store = store
        self.run = run
        self.asked = asked
        self.now = now

    def answer(self, key: str) -> Answer | None:
        """What people said to the question, or the deadline; ``None`` as long as nobody has decided."""
        with self.store.reading() as session:
            review = reviews.answer(session, self.run, key)
        if review is None or review.open:
            return None
        by = review.decided_by or ""
        match review.verdict:
            case Verdict.APPROVED:
                return Answer(verdict="approved", by=by)
            case Verdict.EDITED:
                return Answer(verdict="edited", text=review.produced, by=by)
            case Verdict.CHANGES:
                return Answer(verdict="changes", text=review.text, by=by)
            case Verdict.ANSWERED:
                return Answer(verdict="answered", text=review.text, by=by)
        return Answer(verdict="rejected", text=review.text or "Nobody decided before the run ended.", by=by)

    def ask(self, question: Question) -> None:
        """Ask it, once; raise ``TakenOver`` when another process works on the run."""
        now = self.now()
        with self.store.transaction() as session:
            if not runs.holds(session, self.run):
                raise TakenOver
            review = reviews.ask(
                session,
                self.run,
                question.key,
                kind=question.kind,
                task=question.task,
                agent=question.agent,
                produced=question.produced,
                prompt=question.prompt,
                settings=question.settings,
                round=question.round,
                now=now,
            )
            if review is None:
                return
            asked = LogEntry(
                execution_id=self.run.id,
                timestamp=now,
                log_type="Asked",
                agent=question.agent,
                task=question.task,
                message=question.prompt,
            )
            logs.add(session, [asked])
        self.asked(review)
