"""What a run uses, against its limits, with a clock of the test's own."""

from __future__ import annotations

import pytest

from bot.engine.meter import LimitReached, Meter, Price
from store.limits import Ceiling, Scope, amount
from store.usage import Used


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def ceiling(name: str, most: float, scope: Scope = Scope.CREW) -> Ceiling:
    return Ceiling(name, scope, most)


def test_a_run_without_limits_never_comes_to_one() -> None:
    meter = Meter()
    meter.used(10**12, 10**12, 10**6)

    assert meter.reached() is None
    assert meter.late() is None


def test_tokens_count_what_the_run_used_before(clock: Clock) -> None:
    meter = Meter([ceiling("run_tokens", 100)], used=Used(60, 0), now=clock)
    meter.used(20, 19, None)
    assert meter.reached() is None

    meter.used(1, 0, None)

    assert str(meter.reached()) == "This run has used 100 tokens. The crew’s limit is 100 tokens a run."


def test_money_counts_where_a_price_is_known(clock: Clock) -> None:
    meter = Meter([ceiling("run_cost", 0.5, Scope.WORKSPACE)], used=Used(0, 0, 0.3), now=clock)
    meter.used(10**9, 0, None)
    assert meter.reached() is None

    meter.used(1_000, 100, Price(2, 8).of(100_000, 0))

    assert str(meter.reached()) == "This run has used $0.50. The workspace’s limit is $0.50 a run."


def test_time_goes_on_from_where_it_was(clock: Clock) -> None:
    meter = Meter([ceiling("run_minutes", 2)], seconds=60, now=clock)
    clock.seconds += 59
    assert meter.late() is None

    clock.seconds += 1

    assert str(meter.late()) == "This run has worked for 2 minutes. The crew’s limit is 2 minutes a run."
    assert meter.seconds == 120


def test_a_call_that_takes_too_long_is_noticed_while_it_lasts_and_after(clock: Clock) -> None:
    meter = Meter([ceiling("call_seconds", 30)], now=clock)
    meter.asked("one")
    clock.seconds += 29
    meter.answered("one")
    meter.asked("two")
    clock.seconds += 29
    assert meter.late() is None

    clock.seconds += 2
    late = "A call to a model took 31 seconds. The crew’s limit is 30 seconds a call."
    assert str(meter.late()) == late
    meter.answered("two")
    assert str(meter.reached()) == late


def test_the_month_is_asked_for_now_and_then_and_what_the_run_uses_counts_at_once(clock: Clock) -> None:
    asked: list[str] = []
    month = Used(900, 0)

    def in_month(one: Ceiling) -> Used:
        asked.append(one.key)
        return month

    meter = Meter([ceiling("month_tokens", 1_000)], in_month=in_month, now=clock)
    assert meter.reached() is None
    meter.used(99, 0, None)
    assert meter.reached() is None
    assert asked == ["crew.month_tokens"]

    # Somebody else used the last one; the store has counted ours by now.
    with meter.keeping() as fresh:
        assert fresh == Used(99, 0)
    month = Used(1_000, 0)
    assert meter.reached() is None
    clock.seconds += 6

    said = "This crew’s runs have used 1,000 tokens this month. The crew’s limit is 1,000 tokens a month."
    assert str(meter.reached()) == said


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (ceiling("month_cost", 10, Scope.WORKSPACE), "This workspace’s runs have used $12.00 this month."),
        (ceiling("person_cost", 10, Scope.WORKSPACE), "Whoever started this run has used $12.00 this month."),
    ],
)
def test_it_says_whose_figures_are_meant(one: Ceiling, words: str) -> None:
    assert words in LimitReached(one, 12).sentence


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("run_cost", 1_234.5, "$1,234.50"),
        ("run_cost", 0.0004, "$0.0004"),
        ("run_minutes", 1, "1 minute"),
        ("call_seconds", 90, "90 seconds"),
        ("run_tokens", 1, "1 token"),
    ],
)
def test_figures_have_their_unit(name: str, number: float, words: str) -> None:
    assert amount(name, number) == words


@pytest.fixture
def clock() -> Clock:
    return Clock()
