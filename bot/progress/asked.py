"""Posts a run's questions to people in its thread, and keeps each message at what has become of its question."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot.progress import questions
from bot.progress.feed import Notify
from bot.progress.poster import Poster, lasting
from bot.slack.gate import Gate
from store import outbox, reviews, runs
from store.database import Store
from store.reviews import Review

logger = logging.getLogger(__name__)

# A message that lacks something for so long has lost whoever was to send it.
PATIENCE = timedelta(seconds=30)
NOT_TAKEN = (
    "“{crew}” waits for somebody to decide about “{task}”, but Slack did not take the question into its thread "
    "({error}). Invite me there again, then stop the run and retry it: it goes on where it is, and asks anew."
)


class Questions:
    """Returns at once from everything; Slack and the store are asked on a thread of its own.

    The store knows what each message shows. What was not shown because a process died, ``catch_up`` shows.
    """

    def __init__(
        self,
        store: Store,
        gate: Gate,
        who: Callable[[Review], str],
        *,
        notify: Notify,
        patience: timedelta = PATIENCE,
    ) -> None:
        """``who`` says in mrkdwn who can decide; it may take as long as a question to Slack.

        ``notify(team, user, sentence)`` tells a person directly when the thread cannot be written to.
        What another process has not shown after so much ``patience`` is shown by this one.
        """
        self.store = store
        self.gate = gate
        self.who = who
        self.notify = notify
        self.patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="questions")
        self._poster = Poster(store, gate, self._later)

    def ask(self, review: Review) -> None:
        """Post a new question."""
        self._later(self._post, review)

    def ask_of(self, run_id: int) -> None:
        """Post what a run has asked that could not be posted before, because the run had no thread."""
        self._later(self._post_all, run_id)

    def show(self, review: Review) -> None:
        """Bring its message to what has become of it."""
        self._later(self._edit, review.id, review.team)

    def remind(self, review: Review) -> None:
        """Post a reminder below it."""
        self._later(self._remind, review)

    def run_over(self, run_id: int) -> None:
        """Close what is still open of a run that has ended."""
        self._later(self._withdraw, run_id)

    def catch_up(self) -> None:
        """Show what nobody else seems to show; several processes may call it, every few seconds."""
        self._later(self._poster.hold)
        with self.store.reading() as session:
            behind = reviews.unshown(session, since=datetime.now(UTC) - self.patience)
            pointless = reviews.pointless(session)
            unreminded = reviews.unreminded(session, since=datetime.now(UTC) - self.patience)
        for review in behind:
            if review.message_ts is None:
                self.ask(review)
            else:
                self.show(review)
        for review in unreminded:
            self.remind(review)
        for run_id in {review.execution_id for review in pointless}:
            self.run_over(run_id)

    def close(self) -> None:
        """Do what was asked for and take nothing more."""
        self._thread.shutdown(wait=True)

    def _later(self, job: Callable[..., None], *args: Any) -> None:
        try:
            self._thread.submit(self._safely, job, *args)
        except RuntimeError:
            logger.info("The bot is closing; what is to be said about a question will be said after the next start.")

    def _safely(self, job: Callable[..., None], *args: Any) -> None:
        try:
            job(*args)
        except Exception:
            logger.exception("a question could not be shown")

    def _post_all(self, run_id: int) -> None:
        with self.store.reading() as session:
            asked = reviews.of_run(session, run_id)
        for review in asked:
            if review.open and review.message_ts is None:
                self._post(review)

    def _post(self, review: Review) -> None:
        with self.store.reading() as session:
            review = reviews.get(session, review.id, team=review.team)
            run = runs.fetch(session, review.execution_id)
        if run.thread_ts is None:
            # Whoever announces the run has not come so far.
            return
        asked, part = questions.asked(review, self.who(review)), f"{outbox.QUESTION}{review.id}"
        for number, message in enumerate(asked.before, 1):
            self._poster.post(run, f"{part}:{number}", message, thread_ts=run.thread_ts)
        if asked.file is not None:
            name, title = f"{review.task} {review.id}.md", f"{review.task}, the whole text"
            self._poster.upload(run, f"{part}:file", name, asked.file, title, thread_ts=run.thread_ts)
        self._poster.post(
            run,
            part,
            asked.message,
            thread_ts=run.thread_ts,
            placed=lambda session, ts: reviews.shown(session, review, message_ts=ts),
            then=partial(self._posted, review),
            refused=partial(self._refused, review),
        )

    def _posted(self, review: Review, _ts: str) -> None:
        with self.store.reading() as session:
            now = reviews.get(session, review.id, team=review.team)
        if now.changes > review.changes:
            self._edit(review.id, review.team)

    def _refused(self, review: Review, error: str) -> None:
        """The run waits for people who cannot see its question in the thread: tell them what to do."""
        with self.store.transaction() as session:
            reviews.shown(session, review)
        sentence = NOT_TAKEN.format(crew=review.crew_name, task=review.task, error=error)
        for user in dict.fromkeys([review.started_by, *review.settings.reviewers]):
            self.notify(review.team, user, sentence)

    def _edit(self, review_id: int, team: str) -> None:
        with self.store.reading() as session:
            review = reviews.get(session, review_id, team=team)
        if review.message_ts is None:
            # Whoever posts it will see that there is more to show.
            return
        text, shown = questions.decided(review, self.who(review))
        last = not review.open
        edited = self.gate.edit(review.channel, review.message_ts, text, shown, last=last, team=review.team)
        edited.add_done_callback(partial(self._later, self._edited, review))

    def _edited(self, review: Review, done: Future[None]) -> None:
        trouble = done.exception()
        if trouble is not None and not lasting(trouble):
            raise trouble
        # A message that Slack does not let us edit, because somebody deleted it, needs no other try.
        with self.store.transaction() as session:
            reviews.shown(session, review)

    def _remind(self, review: Review) -> None:
        part = reviews.reminder_of(review)
        with self.store.transaction() as session:
            review = reviews.get(session, review.id, team=review.team)
            run = runs.fetch(session, review.execution_id)
            if not review.open:
                outbox.leave_out(session, run.id, part)
        if review.open and run.thread_ts is not None:
            message = questions.reminder(review, self.who(review))
            self._poster.post(run, part, message, thread_ts=run.thread_ts)

    def _withdraw(self, run_id: int) -> None:
        with self.store.transaction() as session:
            closed = reviews.withdraw(session, run_id, now=datetime.now(UTC))
        for review in closed:
            self._edit(review.id, review.team)
