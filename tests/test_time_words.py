"""Time words in inputs: what they give, in which zone, and slips of the pen."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.time_words import WORDS, misspelt, resolved

NOW = datetime(2026, 11, 26, 9, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("today", "2026-11-26"),
        ("yesterday", "2026-11-25"),
        ("tomorrow", "2026-11-27"),
        ("now", "2026-11-26 09:05"),
        ("day of the week", "Thursday"),
        ("this week", "2026-11-23 to 2026-11-29"),
        ("last week", "2026-11-16 to 2026-11-22"),
        ("next week", "2026-11-30 to 2026-12-06"),
        ("last 7 days", "2026-11-19 to 2026-11-25"),
        ("last 30 days", "2026-10-27 to 2026-11-25"),
        ("this month", "November 2026"),
        ("last month", "October 2026"),
        ("next month", "December 2026"),
        ("this quarter", "Q4 2026"),
        ("last quarter", "Q3 2026"),
        ("this year", "2026"),
        ("last year", "2025"),
    ],
)
def test_a_word_is_filled_in(word: str, value: str) -> None:
    assert resolved(word, NOW) == resolved(f" {word.upper()} ", NOW) == value
    assert resolved(f"All of {{{word}}}, please", NOW) == f"All of {value}, please"


def test_every_word_has_its_test() -> None:
    assert len(WORDS) == 17


def test_the_turn_of_a_year_and_a_leap_day() -> None:
    january = datetime(2028, 1, 1, tzinfo=UTC)
    assert resolved("last month", january) == "December 2027"
    assert resolved("last quarter", january) == "Q4 2027"
    assert resolved("{last week}", january) == "2027-12-20 to 2027-12-26"
    assert resolved("yesterday", datetime(2028, 3, 1, tzinfo=UTC)) == "2028-02-29"


def test_today_is_the_day_of_the_zone() -> None:
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    assert resolved("today", late.astimezone(ZoneInfo("Asia/Kolkata"))) == "2026-11-27"


def test_what_is_no_time_word_stays() -> None:
    for text in ("today's news", "{topic}", '{"a": 1}', "{}", "", "Thursday {now and then}"):
        assert resolved(text, NOW) == text


def test_values_of_a_flow_are_filled_in_wherever_they_stand() -> None:
    given = {"today": ["{today}", 3, None, {"when": "last year"}]}
    assert resolved(given, NOW) == {"today": ["2026-11-26", 3, None, {"when": "2025"}]}


def test_a_slip_of_the_pen_is_noticed() -> None:
    assert misspelt("News of {lats week}") == ("{lats week}", "{last week}")
    assert misspelt("News of {last week}, {topic}, {Last  Month}") is None


@given(st.text())
def test_any_text_can_be_filled_in(text: str) -> None:
    assert isinstance(resolved(text, NOW), str)
    misspelt(text)
