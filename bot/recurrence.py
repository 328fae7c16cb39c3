"""When something happens again and again: the next times, and the same in words. Knows neither clock nor database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, model_validator

# A crew works for minutes and costs money; whoever writes * for the minute has mistaken the field.
LEAST_APART = timedelta(minutes=5)
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# How many times are looked at to find two that are too near to each other: more than a day of the shortest allowed.
_LOOKED_AT = 300
_LAST = 0
_TH = re.compile(r"\b(\d+)th\b")
# Where a rule is only looked at; a leap year, so that 29 February is found at once.
_SOMETIME = datetime(2024, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """The usual choices, and cron for everything else."""

    WEEKDAYS = "weekdays"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    HOURS = "hours"
    ONCE = "once"
    CRON = "cron"


class Day(StrEnum):
    """A day of the week; its value is what cron calls it."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Recurrence(BaseModel):
    """A rule for times on the clock of some zone; only the fields of its ``kind`` count.

    Raises ``ValueError`` with a sentence for people when the fields make no sense. What is written as cron goes through
    ``check`` first, where it comes in.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    at: time = time(9)
    days: tuple[Day, ...] = (Day.MONDAY,)
    # The day of the month, at most 28 so that every month has it; 0 is its last day.
    day: int = Field(1, ge=_LAST, le=28)
    hours: int = Field(2, ge=1, le=12)
    on: date | None = None
    cron: str = Field("", max_length=100)

    @model_validator(mode="after")
    def _makes_sense(self) -> Recurrence:
        if self.kind is Kind.ONCE and self.on is None:
            raise ValueError("Choose a date.")
        if self.kind is Kind.WEEKLY and not self.days:
            raise ValueError("Choose at least one day.")
        return self

    @property
    def expression(self) -> str:
        """The same as five fields of cron; ``""`` for a single time."""
        clock = f"{self.at.minute} {self.at.hour}"
        match self.kind:
            case Kind.WEEKDAYS:
                return f"{clock} * * 1-5"
            case Kind.DAILY:
                return f"{clock} * * *"
            case Kind.WEEKLY:
                return f"{clock} * * {','.join(self.days)}"
            case Kind.MONTHLY:
                return f"{clock} {self.day or 'L'} * *"
            case Kind.HOURS:
                return f"0 */{self.hours} * * *"
            case Kind.CRON:
                written = " ".join(self.cron.split())
                return _ALIASES.get(written.lower(), written)
            case Kind.ONCE:
                return ""

    @property
    def words(self) -> str:
        """The rule in words: “every weekday at 9:00”."""
        at = f"at {clock(self.at)}"
        match self.kind:
            case Kind.WEEKDAYS:
                return f"every weekday {at}"
            case Kind.DAILY:
                return f"every day {at}"
            case Kind.WEEKLY:
                return f"every {_listed([day.name.capitalize() for day in Day if day in self.days])} {at}"
            case Kind.MONTHLY:
                return f"on the {_ordinal(self.day)} of every month {at}"
            case Kind.HOURS:
                return "every hour" if self.hours == 1 else f"every {self.hours} hours"
            case Kind.ONCE:
                return f"once, on {spoken_date(self.on)} {at}" if self.on else "once"
            case Kind.CRON:
                # The library writes “the 31th day”.
                said = _TH.sub(lambda found: _ordinal(int(found[1])), CronSim(self.expression, _SOMETIME).explain())
                return f"{said[:1].lower()}{said[1:]} (cron {self.expression})"

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time later than ``moment``, in UTC; ``None`` when there is none any more.

        A time that the clocks skip in spring comes as soon as they have; one that they show twice in autumn comes the
        first time only. What is meant to come every hour or oftener goes on through both.
        """
        return next(self._from(moment, zone), None)

    def next_times(self, moment: datetime, zone: ZoneInfo, count: int = 3) -> list[datetime]:
        """The next ``count`` times after ``moment``, or as many as there are, in UTC."""
        return list(islice(self._from(moment, zone), count))

    def between(self, first: datetime, last: datetime, zone: ZoneInfo) -> list[datetime]:
        """Every time from ``first`` to ``last``, both included, in UTC, the earliest first."""
        found = []
        for at in self._from(first - timedelta(microseconds=1), zone):
            if at > last:
                break
            found.append(at)
        return found

    def _from(self, moment: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        if self.kind is Kind.ONCE:
            assert self.on is not None
            at = _existing(datetime.combine(self.on, self.at), zone)
            yield from [at] if at > moment else []
            return
        # The library looks for times after a whole second; it must not miss one within the second that has begun.
        start = (moment.astimezone(UTC) - timedelta(seconds=1)).replace(microsecond=0)
        last = moment
        for found in CronSim(self.expression, start.astimezone(zone)):
            at = found.astimezone(UTC)
            # Around a change of the clocks the library may begin with a time that is over, or say one twice.
            if at > last:
                last = at
                yield at


def zone_of(name: str) -> ZoneInfo:
    """The time zone with this IANA name; UTC where there is none with it."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def clock(at: time | datetime) -> str:
    """“9:00”."""
    return f"{at.hour}:{at.minute:02}"


def spoken_date(on: date) -> str:
    """“Friday 27 November 2026”."""
    return f"{on:%A} {on.day} {on:%B} {on.year}"


def spoken(at: datetime, zone: ZoneInfo) -> str:
    """A moment as the clock and calendar of a zone have it: “Friday 27 November 2026 at 9:00”."""
    there = at.astimezone(zone)
    return f"{spoken_date(there.date())} at {clock(there)}"


def check(written: str) -> str:
    """The cron rule, or alias, as it was written; raise ``ValueError`` with a sentence for one that cannot be used."""
    expression = _ALIASES.get(written.strip().lower(), written)
    if len(expression.split()) != 5:
        raise ValueError("Write five fields: minute, hour, day of the month, month, day of the week.")
    try:
        found = CronSim(expression, _SOMETIME)
        first = next(found)
        near = takewhile(lambda at: at - first < timedelta(days=62), found)
        times = [first, *islice(near, _LOOKED_AT)]
    except CronSimError as error:
        raise ValueError(f"That is no cron rule: {str(error).lower()}.") from None
    except StopIteration:
        raise ValueError("That never happens.") from None
    if any(later - earlier < LEAST_APART for earlier, later in pairwise(times)):
        raise ValueError("That is too often: leave at least five minutes between two runs.")
    return written


def _existing(local: datetime, zone: ZoneInfo) -> datetime:
    """A time on a zone's clock in UTC: the first one where it comes twice, the end of the gap where it never comes."""
    at = local.replace(tzinfo=zone)
    while at.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at.replace(tzinfo=None):
        at = (at.replace(tzinfo=None) + timedelta(minutes=1)).replace(tzinfo=zone)
    return at.astimezone(UTC)


def _ordinal(day: int) -> str:
    if day == _LAST:
        return "last day"
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _listed(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
