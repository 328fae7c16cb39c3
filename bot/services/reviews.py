"""What people decide and reply where a run asks them, once for each question; reminders and deadlines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from bot.errors import UserError
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.rights import Rights, Viewer
from bot.words import listed
from store import crews, logs, reviews, runs
from store.database import Store
from store.logs import LogEntry
from store.reviews import Review, Verdict
from store.runs import NOBODY, Execution
from store.shares import Level

if TYPE_CHECKING:
    from store.database import Session

logger = logging.getLogger(__name__)

# What an agent is told whose question nobody answered in time.
NO_REPLY = "Nobody replied in time. Go on with what you know, and say what is missing."


class NotAReviewer(UserError):
    """You can’t decide about “{task}”. That is for {who}."""

    people = ("named",)


class StarterDecidesNot(UserError):
    """You started this run, so somebody else decides about “{task}”: {who}."""

    people = ("named",)


class Decided(UserError):
    """{what} Nothing more is to be decided here."""

    people = ("by",)


class TextChanged(UserError):
    """<@{by}> changed the text while you were reading it. Read it again, then decide."""

    people = ("by",)


class AgreedAlready(UserError):
    """You have approved this already. {more} more must approve it, too."""


class NothingSaid(UserError):
    """Write at least a word."""

    field = "text"


class Groups(Protocol):
    """What Slack knows about user groups; each answer may take a call, so none is asked for inside a transaction."""

    def groups(self, team: str) -> Sequence[tuple[str, str]]: ...

    def group_members(self, team: str, group: str) -> Collection[str]: ...


class Launcher(Protocol):
    """What brings a run that has its answer to work again, or ends it."""

    def resume(self, run_id: int) -> None: ...

    def stop(self, run: Execution, by: str) -> None: ...


class Thread(Protocol):
    """What shows in a run's thread what becomes of its questions; it returns at once."""

    def show(self, review: Review) -> None: ...

    def remind(self, review: Review) -> None: ...


@dataclass(frozen=True)
class _Somebody:
    """Who wants to decide, and what Slack says about the groups that a question names."""

    viewer: Viewer
    member: bool
    handles: Mapping[str, str]


class Reviews:
    """The questions of the workspace's runs to people."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        groups: Groups,
        launcher: Launcher,
        thread: Thread,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.rights = rights
        self.groups = groups
        self.launcher = launcher
        self.thread = thread
        self.now = now

    # --- Reading ---------------------------------------------------------------------------------------------------

    def waiting_for(self, *, by: Actor) -> list[Review]:
        """The open questions that the person can answer, the newest first."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            found = reviews.unanswered(session, team=by.team)
        mine = {group for review in found for group in review.settings.groups if self._in_group(by, group)}
        with self.store.reading() as session:
            return [
                review for review in found if _may(session, review, viewer, not mine.isdisjoint(review.settings.groups))
            ]

    def asked_in(self, channel: str, thread_ts: str, *, team: str) -> bool:
        """Whether an agent of the run in this thread has asked something and has no reply yet."""
        with self.store.reading() as session:
            return any(
                review.kind == "question" for review in reviews.in_thread(session, channel, thread_ts, team=team)
            )

    def to_decide(self, review_id: int, *, by: Actor) -> Review:
        """A question for which the person is about to decide; raise what deciding would raise."""
        somebody = self._somebody(review_id, by)
        with self.store.reading() as session:
            review = reviews.get(session, review_id, team=by.team)
            _require(session, review, somebody)
            return review

    # --- Deciding --------------------------------------------------------------------------------------------------

    def approve(self, review_id: int, revision: int, *, by: Actor) -> Review:
        """Agree to the text of this ``revision``; it is approved when as many have as must.

        Raises ``Gone``, ``NotAReviewer``, ``StarterDecidesNot``, ``Decided``, ``TextChanged`` or ``AgreedAlready``.
        """
        return self._decide(review_id, by, lambda session, review: self._agreed(session, review, by.user), revision)

    def send_back(self, review_id: int, comment: str, *, by: Actor) -> Review:
        """Ask the agent for changes; raise as ``approve`` does, or ``NothingSaid``."""
        said = _said(comment)
        return self._decide(
            review_id,
            by,
            lambda session, review: reviews.decide(
                session, review, Verdict.CHANGES, by=by.user, text=said, now=self.now()
            ),
        )

    def edit(self, review_id: int, revision: int, text: str, *, by: Actor) -> Review:
        """Put one's own text in the place of the agent's and agree to it; raise as ``approve`` does, ``NothingSaid``.

        Where several must agree, those who agreed to the text before must read it again.
        """
        said = _said(text)

        def change(session: Session, review: Review) -> Review | None:
            if said == review.produced.strip():
                return self._agreed(session, review, by.user)
            if review.settings.agreeing > 1:
                return reviews.agree(session, review, by=by.user, produced=said)
            return reviews.decide(session, review, Verdict.EDITED, by=by.user, produced=said, now=self.now())

        return self._decide(review_id, by, change, revision)

    def _agreed(self, session: Session, review: Review, user: str) -> Review | None:
        if user in review.agreed:
            raise AgreedAlready(more=review.missing)
        agreed = reviews.agree(session, review, by=user)
        if agreed is None or agreed.missing:
            return agreed
        return reviews.decide(session, agreed, _approval(agreed), by=user, now=self.now())

    def reply(self, review_id: int, text: str, *, by: Actor) -> Review:
        """Answer an agent's question in words; raise as ``approve`` does, or ``NothingSaid``."""
        said = _said(text)
        return self._decide(
            review_id,
            by,
            lambda session, review: reviews.decide(
                session, review, Verdict.ANSWERED, by=by.user, text=said, now=self.now()
            ),
        )

    def hear(self, channel: str, thread_ts: str, text: str, *, by: Actor) -> Review | None:
        """Take what somebody writes in a run's thread for the reply to an agent's question there.

        It is the oldest open one that they can answer. ``None`` where no agent has asked anything. Raises
        ``NotAReviewer`` where they can answer none.
        """
        with self.store.reading() as session:
            asked = reviews.in_thread(session, channel, thread_ts, team=by.team)
        questions = [review for review in asked if review.kind == "question"]
        if not questions or not text.strip():
            return None
        mine = {review.id for review in self.waiting_for(by=by)}
        question = next((review for review in questions if review.id in mine), questions[0])
        return self.reply(question.id, text, by=by)

    def stop(self, review_id: int, *, by: Actor) -> Review:
        """Stop the run that asks; raise as ``approve`` does."""
        review = self.to_decide(review_id, by=by)
        with self.store.transaction() as session:
            run = runs.get(session, review.execution_id, team=by.team)
            note(session, Verb.STOPPED, "run", run.crew_name, by=by, details=f"Run {run.id}, at “{review.task}”.")
        self.launcher.stop(run, by.user)
        return review

    # --- Time passes -----------------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Remind where it is time, and let deadlines decide; several processes may call it, each thing happens once."""
        now = self.now()
        with self.store.reading() as session:
            due = reviews.due(session, now)
        for review in due:
            try:
                if review.due_at and review.due_at <= now:
                    self._end(review, now)
                else:
                    self._remind(review)
            except Exception:
                logger.exception("nothing came of the deadline or reminder of question %s", review.id)

    def _remind(self, review: Review) -> None:
        with self.store.transaction() as session:
            reminded = reviews.reminded(session, review)
        if reminded:
            self.thread.remind(review)

    def _end(self, review: Review, now: datetime) -> None:
        """What the deadline of a question brings: its outcome, or for an agent's question that nobody replied."""
        outcome = review.settings.outcome
        if outcome == "stop" and review.kind == "review":
            with self.store.reading() as session:
                run = runs.get(session, review.execution_id, team=review.team)
            # Ending the run closes the question.
            self.launcher.stop(run, NOBODY)
            return
        with self.store.transaction() as session:
            held = reviews.hold(session, review.id, team=review.team)
            if review.kind == "question":
                verdict, text = Verdict.ANSWERED, NO_REPLY
            elif outcome == "approve":
                verdict, text = _approval(held), ""
            else:
                verdict, text = Verdict.REJECTED, f"Nobody decided about “{review.task}” before the deadline."
            decided = reviews.decide(session, held, verdict, by=None, text=text, now=now)
            woken = self._settled(session, decided) if decided else False
        self._tell(review, woken)

    # --- One decision ----------------------------------------------------------------------------------------------

    def _decide(
        self,
        review_id: int,
        by: Actor,
        change: Callable[[Session, Review], Review | None],
        revision: int | None = None,
    ) -> Review:
        somebody = self._somebody(review_id, by)
        with self.store.transaction() as session:
            review = reviews.hold(session, review_id, team=by.team)
            _require(session, review, somebody)
            if revision is not None and revision != review.revision:
                raise TextChanged(by=review.edited_by)
            if runs.fetch(session, review.execution_id).status.over:
                raise Decided(what="The run is over.", by=[])
            changed = change(session, review)
            # Nobody else can have changed it: it is held.
            assert changed is not None
            note(session, Verb.DECIDED, "review", review.crew_name, by=by, details=_in_the_log(review, changed))
            woken = self._settled(session, changed)
        self._tell(changed, woken)
        return changed

    def _tell(self, review: Review, woken: bool) -> None:
        self.thread.show(review)
        if woken:
            self.launcher.resume(review.execution_id)

    def _settled(self, session: Session, review: Review) -> bool:
        """Write down what has been decided; whether the run can go on now."""
        if review.open:
            return False
        said = f"{review.verdict}: {review.text}" if review.text else str(review.verdict)
        entry = LogEntry(
            execution_id=review.execution_id,
            timestamp=review.decided_at or self.now(),
            log_type="Decided",
            agent=review.agent,
            task=review.task,
            # Who decided is the first word.
            message=f"{review.decided_by or NOBODY} {said}",
        )
        logs.add(session, [entry])
        return runs.wake(session, review.execution_id)

    # --- Who may ---------------------------------------------------------------------------------------------------

    def _somebody(self, review_id: int, by: Actor) -> _Somebody:
        """Slack is asked before the transaction."""
        with self.store.reading() as session:
            review = reviews.get(session, review_id, team=by.team)
        member = any(self._in_group(by, group) for group in review.settings.groups)
        handles = dict(self.groups.groups(by.team)) if review.settings.groups else {}
        return _Somebody(self.rights.of(by), member, handles)

    def _in_group(self, by: Actor, group: str) -> bool:
        return by.user in self.groups.group_members(by.team, group)


def _require(session: Session, review: Review, somebody: _Somebody) -> None:
    if not review.open:
        raise Decided(what=_what_became(review), by=[review.decided_by] if review.decided_by else [])
    if _may(session, review, somebody.viewer, somebody.member):
        return
    who, named = _who_may(session, review, somebody.handles)
    started = somebody.viewer.actor.user == review.started_by
    barred = started and review.kind == "review" and review.settings.not_starter
    raise (StarterDecidesNot if barred else NotAReviewer)(task=review.task, who=who, named=named)


def who_may(store: Store, review: Review, groups: Groups) -> tuple[str, list[str]]:
    """Who can decide, in words with mentions, and the ids of the people in them."""
    handles = dict(groups.groups(review.team)) if review.settings.groups else {}
    with store.reading() as session:
        return _who_may(session, review, handles)


def _may(session: Session, review: Review, viewer: Viewer, member: bool) -> bool:
    user, settings = viewer.actor.user, review.settings
    started = user == review.started_by
    if review.kind == "question" and started:
        return True
    if settings.not_starter and started:
        return False
    if settings.reviewers or settings.groups:
        return user in settings.reviewers or member
    if review.crew_id is None:
        return started or viewer.seer is None
    crew = crews.get(session, review.crew_id, team=review.team)
    return (viewer.level(session, crew) or 0) >= Level.EDIT


def _who_may(session: Session, review: Review, handles: Mapping[str, str]) -> tuple[str, list[str]]:
    starter = [review.started_by] if review.kind == "question" else []
    barred = review.started_by if review.kind == "review" and review.settings.not_starter else None
    named = [user for user in dict.fromkeys([*starter, *review.settings.reviewers]) if user != barred]
    groups = [handles.get(group, "a user group") for group in review.settings.groups]
    if review.settings.reviewers or groups:
        return _either([*(f"<@{user}>" for user in named), *groups]), named
    if review.crew_id is None:
        return f"<@{review.started_by}>", [review.started_by]
    crew = crews.get(session, review.crew_id, team=review.team)
    editors = f"whoever may edit “{crew.name}”, such as <@{crew.owner}>"
    return _either([*(f"<@{user}>" for user in named), editors]), [*named, crew.owner]


def _approval(review: Review) -> Verdict:
    return Verdict.EDITED if review.edited_by else Verdict.APPROVED


def _said(text: str) -> str:
    if not text.strip():
        raise NothingSaid
    return text.strip()


def _either(names: Sequence[str]) -> str:
    return listed(names, "or") or "nobody"


def _what_became(review: Review) -> str:
    who = f"<@{review.decided_by}>"
    match review.verdict:
        case Verdict.APPROVED | Verdict.EDITED:
            return f"{who} has approved it." if review.decided_by else "The deadline has passed, so it was approved."
        case Verdict.CHANGES:
            return f"{who} has asked for changes."
        case Verdict.ANSWERED:
            return f"{who} has replied." if review.decided_by else "The deadline has passed without a reply."
        case Verdict.REJECTED:
            return "The deadline has passed, so it was rejected."
    return "The run is over."


def _in_the_log(before: Review, after: Review) -> str:
    what = "agreed" if after.open else str(after.verdict)
    return f"Run {before.execution_id}, task “{before.task}”: {what}."
