"""Questions to people: asked once, decided once, and each reminder and deadline taken by one process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.errors import Gone
from store import reviews, runs
from store.reviews import Review, Verdict
from store.runs import Execution, RunState
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf, asked_of
from tests.store.test_concurrency import all_at_once

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def run(shelf: Shelf) -> Execution:
    return shelf.claimed(shelf.crew())


def decided(shelf: Shelf, review: Review, verdict: Verdict, by: str = BEN, **more: Any) -> Review | None:
    return shelf.write(reviews.decide, review, verdict, by=by, now=NOW, **more)


def test_a_question_is_asked_once(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run, settings={"remind_after": 60, "deadline": 1_440}, now=NOW)
    again: Any = {"kind": "review", "task": "Write", "agent": "Writer", "produced": "Other.", "prompt": "", "round": 0}

    assert shelf.write(reviews.ask, run, review.key, **again, settings=review.settings, now=NOW) is None
    assert (review.remind_at, review.due_at) == (NOW + timedelta(hours=1), NOW + timedelta(days=1))
    assert (review.crew_name, review.started_by, review.channel) == ("Market research", ANA, "C0RESEARCH")
    assert shelf.read(reviews.of_run, run.id) == shelf.read(reviews.unanswered, team=NORTHWIND) == [review]
    assert shelf.read(reviews.answer, run, review.key) == review
    assert shelf.read(reviews.answer, run, "review#1:task:Write") is None


def test_another_workspace_knows_nothing_of_it(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run)

    assert shelf.read(reviews.unanswered, team=CONTOSO) == []
    for ask in (reviews.get, reviews.hold):
        with pytest.raises(Gone):
            shelf.write(ask, review.id, team=CONTOSO)


def test_one_of_eight_decides(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run)
    verdicts = (Verdict.APPROVED, Verdict.CHANGES)

    outcomes = all_at_once(lambda number: decided(shelf, review, verdicts[number % 2], by=f"U{number}"))

    (winner,) = [each for each in outcomes if each]
    assert shelf.read(reviews.get, review.id, team=NORTHWIND) == winner
    assert shelf.read(reviews.unanswered, team=NORTHWIND) == []


def test_eight_who_agree_at_the_same_time_all_count(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run, settings={"agreeing": 8})

    def agree(number: int) -> None:
        with shelf.store.transaction() as session:
            held = reviews.hold(session, review.id, team=NORTHWIND)
            assert reviews.agree(session, held, by=f"U{number}")

    all_at_once(agree)

    now = shelf.read(reviews.get, review.id, team=NORTHWIND)
    assert (sorted(now.agreed), now.missing, now.open) == ([f"U{number}" for number in range(8)], 0, True)


def test_who_agreed_to_another_text_has_not_agreed(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run, settings={"agreeing": 2})
    agreed = shelf.write(reviews.agree, review, by=ANA)
    assert agreed is not None
    edited = shelf.write(reviews.agree, agreed, by=BEN, produced="A better poem.")

    assert edited is not None
    assert (edited.agreed, edited.produced, edited.edited_by, edited.revision) == ([BEN], "A better poem.", BEN, 1)
    # Whoever had the old text in front of them is too late.
    assert shelf.write(reviews.agree, agreed, by="U0CEM") is None


def test_one_of_eight_reminds_and_the_deadline_comes_after(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run, settings={"remind_after": 60, "deadline": 120}, now=NOW)
    assert shelf.read(reviews.due, NOW + timedelta(minutes=59)) == []
    assert shelf.read(reviews.due, NOW + timedelta(minutes=60)) == [review]

    reminded = all_at_once(lambda _: shelf.write(reviews.reminded, review))

    assert len([each for each in reminded if each]) == 1
    assert shelf.read(reviews.due, NOW + timedelta(minutes=119)) == []
    assert [due.id for due in shelf.read(reviews.due, NOW + timedelta(minutes=120))] == [review.id]


def test_what_a_deadline_ended_is_asked_anew_when_the_run_is_tried_again(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run)
    decided(shelf, review, Verdict.REJECTED)
    assert shelf.write(runs.finish, run, RunState.FAILED, error="Nobody decided.")

    again = shelf.write(runs.retry, run.id, by=ANA)
    assert again is not None
    assert shelf.read(reviews.answer, again, review.key) is None
    assert asked_of(shelf, again).attempt == 1


def test_changes_that_were_asked_for_stay_when_the_run_is_tried_again(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run)
    changes = decided(shelf, review, Verdict.CHANGES, text="Shorter.")
    assert shelf.write(runs.finish, run, RunState.FAILED, error="The model failed.")

    again = shelf.write(runs.retry, run.id, by=ANA)

    assert again is not None
    assert shelf.read(reviews.answer, again, review.key) == changes


def test_the_questions_of_a_run_that_is_over_are_closed(shelf: Shelf, run: Execution) -> None:
    first, second = asked_of(shelf, run), asked_of(shelf, run, "review#0:task:Print")
    decided(shelf, first, Verdict.APPROVED)

    closed = shelf.write(reviews.withdraw, run.id, now=NOW)

    assert [(each.id, each.verdict) for each in closed] == [(second.id, Verdict.WITHDRAWN)]
    assert shelf.write(reviews.withdraw, run.id, now=NOW) == []


def test_open_questions_are_found_by_their_thread(shelf: Shelf, run: Execution) -> None:
    shelf.write(runs.place, run.id, thread_ts="17.5")
    review = asked_of(shelf, run, kind="question")

    assert [each.id for each in shelf.read(reviews.in_thread, "C0RESEARCH", "17.5", team=NORTHWIND)] == [review.id]
    assert shelf.read(reviews.in_thread, "C0RESEARCH", "17.6", team=NORTHWIND) == []
    assert shelf.read(reviews.in_thread, "C0OTHER", "17.5", team=NORTHWIND) == []


def test_a_message_that_lacks_something_is_found(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run, now=NOW)
    assert shelf.read(reviews.unshown, since=NOW - timedelta(seconds=1)) == []
    assert shelf.read(reviews.unshown, since=NOW) == [review]

    shelf.write(reviews.shown, review, message_ts="17.6")
    assert shelf.read(reviews.unshown, since=NOW) == []
    approved = decided(shelf, review, Verdict.APPROVED)
    assert approved is not None
    assert shelf.read(reviews.unshown, since=datetime.now(UTC)) == [approved]
    assert approved.message_ts == "17.6"
    shelf.write(reviews.shown, approved)
    # What was sent before and arrives later takes nothing back.
    shelf.write(reviews.shown, review, message_ts="17.7")
    assert shelf.read(reviews.unshown, since=datetime.now(UTC)) == []
    assert shelf.read(reviews.get, review.id, team=NORTHWIND).message_ts == "17.6"


def test_open_questions_of_a_run_that_is_over_are_found(shelf: Shelf, run: Execution) -> None:
    review = asked_of(shelf, run)
    assert shelf.read(reviews.pointless) == []

    shelf.write(runs.finish, run, RunState.FAILED, error="Out of quota.")

    assert shelf.read(reviews.pointless) == [review]


def test_a_question_goes_with_its_run(shelf: Shelf, run: Execution) -> None:
    asked_of(shelf, run)

    shelf.sql("DELETE FROM executions WHERE id = :id", id=run.id)

    assert shelf.count("reviews") == 0
