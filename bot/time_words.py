"""Words like “today” and “last week” in the inputs of a run, and what they give at a moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from rapidfuzz import fuzz, process

T = TypeVar("T")

_BRACES = re.compile(r"\{\s*([^{}\n]{2,40}?)\s*\}")
# A word in braces that comes so near to one of ours is a slip of the pen.
_NEAR = 80


def _span(first: date, days: int) -> str:
    return f"{first} to {first + timedelta(days=days - 1)}"


def _week(now: datetime, offset: int) -> str:
    monday = now.date() - timedelta(days=now.weekday())
    return _span(monday + timedelta(weeks=offset), 7)


def _month(now: datetime, offset: int) -> str:
    number = now.year * 12 + now.month - 1 + offset
    return f"{date(number // 12, number % 12 + 1, 1):%B %Y}"


def _quarter(now: datetime, offset: int) -> str:
    number = now.year * 4 + (now.month - 1) // 3 + offset
    return f"Q{number % 4 + 1} {number // 4}"


# Dates as ISO 8601 has them, which every model reads the same way; weeks begin on Monday, as they do there.
WORDS: Mapping[str, Callable[[datetime], str]] = {
    "today": lambda now: f"{now.date()}",
    "yesterday": lambda now: f"{now.date() - timedelta(days=1)}",
    "tomorrow": lambda now: f"{now.date() + timedelta(days=1)}",
    "now": lambda now: f"{now:%Y-%m-%d %H:%M}",
    "day of the week": lambda now: f"{now:%A}",
    "this week": lambda now: _week(now, 0),
    "last week": lambda now: _week(now, -1),
    "next week": lambda now: _week(now, 1),
    "this month": lambda now: _month(now, 0),
    "last month": lambda now: _month(now, -1),
    "next month": lambda now: _month(now, 1),
    "this quarter": lambda now: _quarter(now, 0),
    "last quarter": lambda now: _quarter(now, -1),
    "this year": lambda now: f"{now.year}",
    "last year": lambda now: f"{now.year - 1}",
    "last 7 days": lambda now: _span(now.date() - timedelta(days=7), 7),
    "last 30 days": lambda now: _span(now.date() - timedelta(days=30), 30),
}


def resolved(value: T, now: datetime) -> T:
    """A value with its time words filled in for ``now``, a moment in the zone that counts.

    A text that is nothing but such a word is replaced; inside a longer one the words stand in braces, as in
    “the news of {last week}”. In lists and objects every text is looked at, names of fields excepted.
    """
    return _resolved(value, now)  # type: ignore[no-any-return]  # the same shape as what was given


def _resolved(value: Any, now: datetime) -> Any:
    match value:
        case str():
            whole = WORDS.get(_key(value))
            return whole(now) if whole else _BRACES.sub(lambda found: _filled(found, now), value)
        case list():
            return [_resolved(each, now) for each in value]
        case dict():
            return {name: _resolved(each, now) for name, each in value.items()}
    return value


def misspelt(text: str) -> tuple[str, str] | None:
    """What stands in braces, is no time word and comes very near to one, and that one."""
    for found in _BRACES.finditer(text):
        key = _key(found[1])
        if key not in WORDS and (name := _nearest(key)):
            return found[0], f"{{{name}}}"
    return None


def _nearest(key: str) -> str | None:
    found = process.extractOne(key, list(WORDS), scorer=fuzz.ratio, score_cutoff=_NEAR)
    return found[0] if found else None


def _filled(found: re.Match[str], now: datetime) -> str:
    word = WORDS.get(_key(found[1]))
    return word(now) if word else found[0]


def _key(text: str) -> str:
    return " ".join(text.casefold().split())
