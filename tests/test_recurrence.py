"""Rules for times: the next ones, also around every change of the clocks, and the same in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recurrence import Day, Kind, Recurrence, check, spoken, zone_of

LONDON, NEW_YORK, KOLKATA, LORD_HOWE = map(
    ZoneInfo, ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
)
ZONES = [LONDON, NEW_YORK, KOLKATA, LORD_HOWE, ZoneInfo("Pacific/Apia"), ZoneInfo("UTC")]


def cron(rule: str) -> Recurrence:
    return Recurrence(kind=Kind.CRON, cron=rule)


def local(rule: Recurrence, zone: ZoneInfo, after: str, count: int = 3) -> list[str]:
    """The next times on the clock of the zone, after a moment on that clock."""
    moment = datetime.fromisoformat(after).replace(tzinfo=zone)
    return [at.astimezone(zone).strftime("%Y-%m-%d %H:%M %z") for at in rule.next_times(moment, zone, count)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Recurrence(kind=Kind.WEEKDAYS), "every weekday at 9:00"),
        (Recurrence(kind=Kind.DAILY, at=time(18, 5)), "every day at 18:05"),
        (Recurrence(kind=Kind.WEEKLY), "every Monday at 9:00"),
        (Recurrence(kind=Kind.WEEKLY, days=(Day.FRIDAY, Day.MONDAY)), "every Monday and Friday at 9:00"),
        (Recurrence(kind=Kind.MONTHLY), "on the 1st of every month at 9:00"),
        (Recurrence(kind=Kind.MONTHLY, day=12), "on the 12th of every month at 9:00"),
        (Recurrence(kind=Kind.MONTHLY, day=22), "on the 22nd of every month at 9:00"),
        (Recurrence(kind=Kind.MONTHLY, day=0), "on the last day of every month at 9:00"),
        (Recurrence(kind=Kind.HOURS), "every 2 hours"),
        (Recurrence(kind=Kind.HOURS, hours=1), "every hour"),
        (Recurrence(kind=Kind.ONCE, on=date(2026, 12, 4)), "once, on Friday 4 December 2026 at 9:00"),
        (cron("0 9 * * mon-fri"), "at 09:00 on Monday through Friday (cron 0 9 * * mon-fri)"),
        (cron("@daily"), "at 00:00 every day (cron 0 0 * * *)"),
        (cron("0 0 31 * *"), "at 00:00 on the 31st day of every month (cron 0 0 31 * *)"),
        (cron("0 0 12,22 * *"), "at 00:00 on the 12th and the 22nd day of month (cron 0 0 12,22 * *)"),
    ],
)
def test_a_rule_is_said_in_words(rule: Recurrence, words: str) -> None:
    assert rule.words == words


def test_a_weekday_is_monday_to_friday_and_cron_counts_as_cron_does() -> None:
    thursday = "2026-11-26 10:00"
    weekdays = ["2026-11-27 09:00 +0000", "2026-11-30 09:00 +0000", "2026-12-01 09:00 +0000"]

    assert local(Recurrence(kind=Kind.WEEKDAYS), LONDON, thursday) == weekdays
    assert local(cron("0 9 * * 1-5"), LONDON, thursday) == weekdays
    assert local(cron("0 9 * * 7"), LONDON, thursday, 1) == local(cron("0 9 * * 0"), LONDON, thursday, 1)
    assert local(cron("0 9 1 * 1"), LONDON, thursday)[:2] == ["2026-11-30 09:00 +0000", "2026-12-01 09:00 +0000"]


def test_a_time_that_the_clocks_skip_comes_as_soon_as_they_have() -> None:
    at_half_past_two = Recurrence(kind=Kind.DAILY, at=time(2, 30))

    assert local(at_half_past_two, NEW_YORK, "2027-03-13 12:00", 2) == [
        "2027-03-14 03:00 -0400",
        "2027-03-15 02:30 -0400",
    ]
    once = Recurrence(kind=Kind.ONCE, on=date(2027, 3, 14), at=time(2, 30))
    assert local(once, NEW_YORK, "2027-03-13 12:00") == ["2027-03-14 03:00 -0400"]
    both = cron("0,30 2 * * *")
    assert local(both, NEW_YORK, "2027-03-13 12:00", 2) == ["2027-03-14 03:00 -0400", "2027-03-15 02:00 -0400"]


def test_a_time_that_the_clocks_show_twice_comes_the_first_time_only() -> None:
    at_half_past_one = Recurrence(kind=Kind.DAILY, at=time(1, 30))
    first = "2027-10-31 01:30 +0100"

    assert local(at_half_past_one, LONDON, "2027-10-30 12:00", 2) == [first, "2027-11-01 01:30 +0000"]
    once = Recurrence(kind=Kind.ONCE, on=date(2027, 10, 31), at=time(1, 30))
    assert local(once, LONDON, "2027-10-30 12:00") == [first]
    between_the_two = datetime(2027, 10, 31, 1, 10, tzinfo=UTC)
    after = at_half_past_one.after(between_the_two, LONDON)
    assert after == datetime(2027, 11, 1, 1, 30, tzinfo=UTC)


def test_what_comes_every_hour_goes_on_through_both_changes() -> None:
    hourly = Recurrence(kind=Kind.HOURS, hours=1)
    for day in (datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 10, 31, tzinfo=UTC)):
        times = hourly.between(day, day + timedelta(hours=6), LONDON)
        assert times == [day + timedelta(hours=hours) for hours in range(7)]


def test_leap_days_come_when_there_are_any() -> None:
    leap = cron("0 9 29 2 *")
    assert local(leap, LONDON, "2026-01-01 00:00", 2) == ["2028-02-29 09:00 +0000", "2032-02-29 09:00 +0000"]
    last = Recurrence(kind=Kind.MONTHLY, day=0)
    assert local(last, LONDON, "2028-01-31 10:00", 1) == ["2028-02-29 09:00 +0000"]
    assert local(last, LONDON, "2027-01-31 10:00", 1) == ["2027-02-28 09:00 +0000"]


def test_a_single_time_is_over_once_it_has_come() -> None:
    once = Recurrence(kind=Kind.ONCE, on=date(2026, 12, 4))
    at = datetime(2026, 12, 4, 9, tzinfo=UTC)

    assert once.after(at - timedelta(microseconds=1), LONDON) == at
    assert once.after(at, LONDON) is None


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("0 9 * *", "Write five fields: minute, hour, day of the month, month, day of the week."),
        ("* * * * * *", "Write five fields: minute, hour, day of the month, month, day of the week."),
        ("61 9 * * *", "That is no cron rule: bad minute."),
        ("0 9 30 2 *", "That is no cron rule: bad day-of-month."),
        ("* * * * *", "That is too often: leave at least five minutes between two runs."),
        ("58,2 * * * *", "That is too often: leave at least five minutes between two runs."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_words(rule: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*")):
        check(rule)


def test_an_unknown_zone_counts_as_utc() -> None:
    assert zone_of("Mars/Olympus").key == zone_of("").key == zone_of("../etc/passwd").key == "UTC"
    assert spoken(datetime(2026, 11, 26, 9, tzinfo=UTC), NEW_YORK) == "Thursday 26 November 2026 at 4:00"


RULES = st.one_of(
    st.builds(
        Recurrence,
        kind=st.sampled_from([Kind.WEEKDAYS, Kind.DAILY, Kind.WEEKLY, Kind.MONTHLY, Kind.HOURS]),
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        days=st.lists(st.sampled_from(Day), min_size=1, unique=True).map(tuple),
        day=st.integers(0, 28),
        hours=st.sampled_from([1, 2, 3, 4, 6, 8, 12]),
    ),
    st.sampled_from(["*/30 * * * *", "15 */3 * * *", "0 9,17 * * 1-5", "0 0 1 1 *", "5 4 L * sun", "30 1,2 * * *"]).map(
        cron
    ),
)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@settings(max_examples=150, deadline=None)
@given(RULES, st.sampled_from(ZONES), MOMENTS)
def test_times_follow_each_other_and_do_not_depend_on_where_one_begins(
    rule: Recurrence, zone: ZoneInfo, moment: datetime
) -> None:
    times = rule.next_times(moment, zone, 6)

    assert times[0] > moment
    assert all(earlier < later for earlier, later in pairwise(times))
    assert [rule.after(earlier, zone) for earlier in times[:-1]] == times[1:]
    assert rule.after(moment + (times[0] - moment) / 2, zone) == times[0]
    assert rule.between(times[0], times[-1], zone) == times


@settings(max_examples=150, deadline=None)
@given(RULES, st.sampled_from(ZONES), MOMENTS)
def test_a_time_is_what_the_rule_says_on_the_clock_of_its_zone(
    rule: Recurrence, zone: ZoneInfo, moment: datetime
) -> None:
    at = rule.after(moment, zone)
    assert at is not None
    there = at.astimezone(zone)
    # Where the clocks have just jumped, the time that they skipped is made up for.
    jumped = there.utcoffset() != (at - timedelta(hours=3)).astimezone(zone).utcoffset()

    if rule.kind in (Kind.WEEKDAYS, Kind.DAILY, Kind.WEEKLY, Kind.MONTHLY) and not jumped:
        assert (there.hour, there.minute) == (rule.at.hour, rule.at.minute)
    if rule.kind is Kind.WEEKDAYS:
        assert there.weekday() < 5
    if rule.kind is Kind.WEEKLY:
        assert list(Day)[there.weekday()] in rule.days
    if rule.kind is Kind.MONTHLY:
        assert there.day == rule.day or (rule.day == 0 and (there + timedelta(days=1)).day == 1)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30) | st.from_regex(r"[\d*/,LA-Z -]{5,25}", fullmatch=True))
def test_whatever_is_written_as_cron_is_taken_or_refused_in_a_sentence(written: str) -> None:
    try:
        check(written)
    except ValueError as error:
        said = str(error)
    else:
        said = f"{Recurrence(kind=Kind.CRON, cron=written).words}."
    assert said.endswith(".")
