"""The pace of calls, with a clock that only the test moves."""

from __future__ import annotations

import pytest

from bot.slack.gate import PER_CHANNEL, RATES
from bot.slack.limiter import Key, Limiter, Rate

EDITS = Key("T1", "chat.update")
# Slack's tiers in calls a minute; the burst must not carry any minute above them.
TIERS = {"chat.update": 50, "files.upload": 100}


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(RATES, per_channel=PER_CHANNEL)


def calls_without_pause(limiter: Limiter, key: Key, until: float) -> list[float]:
    """The moments at which somebody calls who always has something to send."""
    moments = []
    now = 0.0
    while (now := now + limiter.delay(key, now)) < until:
        limiter.take(key, now)
        moments.append(now)
    return moments


@pytest.mark.parametrize(("method", "tier"), TIERS.items())
def test_no_minute_has_more_calls_than_slack_allows(limiter: Limiter, method: str, tier: int) -> None:
    moments = calls_without_pause(limiter, Key("T1", method), until=300)

    busiest = max(sum(start <= moment < start + 60 for moment in moments) for start in moments)
    assert 0.8 * tier <= busiest <= tier


def test_two_runs_are_never_more_than_three_seconds_behind(limiter: Limiter) -> None:
    moments = calls_without_pause(limiter, EDITS, until=120)

    assert max(later - earlier for earlier, later in zip(moments, moments[2:], strict=False)) < 3


def test_one_channel_gets_about_one_message_a_second(limiter: Limiter) -> None:
    moments = calls_without_pause(limiter, Key("T1", "chat.postMessage", "C1"), until=60)

    assert 57 <= len(moments) <= 62


def test_after_a_rest_a_few_calls_may_come_at_once(limiter: Limiter) -> None:
    calls_without_pause(limiter, EDITS, until=60)

    at_once = 0
    while limiter.delay(EDITS, 120.0) == 0:
        limiter.take(EDITS, 120.0)
        at_once += 1
    assert at_once == RATES["chat.update"].burst


def test_calls_that_can_wait_leave_some_for_urgent_ones(limiter: Limiter) -> None:
    at_once = 0
    while limiter.delay(EDITS, 0.0, urgent=False) == 0:
        limiter.take(EDITS, 0.0)
        at_once += 1

    rate = RATES["chat.update"]
    assert at_once == rate.burst - rate.kept
    assert limiter.delay(EDITS, 0.0) == 0


def test_what_slack_told_to_wait_waits_and_nothing_else(limiter: Limiter) -> None:
    limiter.pause(EDITS, now=0.0, seconds=30.0)

    assert limiter.delay(EDITS, 0.0) == 30.0
    assert limiter.delay(EDITS, 29.0) == 1.0
    assert limiter.delay(EDITS, 30.0) == 0.0
    assert limiter.delay(Key("T2", "chat.update"), 0.0) == 0.0
    assert limiter.delay(Key("T1", "chat.postMessage"), 0.0) == 0.0


def test_a_shorter_wait_does_not_end_a_longer_one(limiter: Limiter) -> None:
    limiter.pause(EDITS, now=0.0, seconds=30.0)
    limiter.pause(EDITS, now=1.0, seconds=2.0)

    assert limiter.delay(EDITS, 10.0) == 20.0


def test_a_call_that_could_not_wait_is_paid_for_later() -> None:
    limiter = Limiter({"chat.update": Rate(60, burst=1)}, per_channel={})
    limiter.take(EDITS, 0.0)
    limiter.take(EDITS, 0.0)

    assert limiter.delay(EDITS, 0.0) == pytest.approx(2.0, abs=0.01)
