"""The clock: each time of a schedule has its run once, whatever happens to processes, clocks, people and Slack."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta

import pytest

from bot.recurrence import Day, Kind, Recurrence, zone_of
from bot.services import Actor
from bot.services.clock import Clock
from bot.services.schedules import Schedules
from store import run_lists, runs, schedules
from store.database import Store
from store.runs import RunState
from store.schedules import Busy, Missed, Schedule, ScheduleDraft, ScheduleState
from tests.store.examples import Shelf
from tests.support.office import BEN, OWNER, TEAM, Office

NINE = datetime(2027, 1, 5, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LATE = timedelta(seconds=3)
DAILY = Recurrence(kind=Kind.DAILY)


class Killed(BaseException):
    """The process dies at this point."""


class Simulation:
    """An office whose clock the test sets; several processes tick by it, and runs end when the test says so."""

    def __init__(self, store: Store) -> None:
        self.office = Office(store)
        self.shelf = Shelf(store)
        self.at = NINE - HOUR
        self.told: list[str] = []
        # The run that the office begins with is none of ours.
        self.ends(RunState.COMPLETED)
        self.schedules = Schedules(
            store,
            self.office.rights,
            self.office.admins,
            self.office.slack,
            self.office.runs,
            now=lambda: self.at,
        )
        self.clock = self.process()

    def process(self, ahead: timedelta = timedelta()) -> Clock:
        """Another process, whose clock goes ``ahead`` of the right time."""
        o = self.office
        return Clock(o.store, o.rights, o.slack, o.runs, self._notify, now=lambda: self.at + ahead)

    def _notify(self, team: str, user: str, text: str) -> None:
        self.told.append(f"{user}: {text}")

    def schedule(self, rule: Recurrence = DAILY, *, by: Actor = OWNER, zone: str = "UTC", **more: object) -> Schedule:
        draft = ScheduleDraft.model_validate({"recurrence": rule, "zone": zone, "channel": "C0GENERAL", **more})
        return self.schedules.create(self.office.crew.id, draft, by=by)

    def now(self, schedule: Schedule) -> Schedule:
        return self.shelf.read(schedules.get, schedule.id, team=TEAM)

    def ticks(self, at: datetime) -> None:
        self.at = at
        self.clock.tick()

    def ends(self, status: RunState, results: str = "Done.") -> int:
        """Every run that is not over ends so; how many."""
        ids = [row[0] for row in self.shelf.sql("SELECT id FROM executions WHERE status IN ('queued', 'running')")]
        for run_id in ids:
            self.shelf.sql(
                "UPDATE executions SET status = :status, results = :results WHERE id = :id",
                status=str(status),
                results=results,
                id=run_id,
            )
        return len(ids)

    def slots(self, schedule: Schedule) -> list[datetime]:
        """The times that have had a run, in the order of the runs."""
        with self.office.store.reading() as session:
            found = run_lists.latest(session, team=TEAM, limit=10_000)
        return [run.slot for run in reversed(found) if run.schedule_id == schedule.id and run.slot]

    def fails(self, schedule: Schedule, times: int) -> None:
        for _ in range(times):
            due = self.now(schedule).next_at
            assert due
            self.ticks(due + LATE)
            self.ends(RunState.FAILED)
            self.ticks(due + LATE)


@pytest.fixture
def sim(store: Store) -> Simulation:
    return Simulation(store)


@pytest.fixture
def one(sqlite_store: Store) -> Simulation:
    """The same on SQLite alone, for what the database makes no difference to."""
    return Simulation(sqlite_store)


# --- Each time once ------------------------------------------------------------------------------------------------


def test_a_time_that_comes_has_its_run_and_the_next_one_is_known(sim: Simulation) -> None:
    schedule = sim.schedule()
    sim.ticks(NINE - LATE)
    assert sim.slots(schedule) == []

    sim.ticks(NINE + LATE)
    sim.ticks(NINE + 2 * LATE)

    assert sim.slots(schedule) == [NINE]
    stored = sim.now(schedule)
    assert (stored.next_at, stored.last_at, stored.going) == (NINE + DAY, NINE, True)


def test_eight_clocks_at_once_begin_each_time_once(sim: Simulation) -> None:
    made = [sim.schedule(Recurrence(kind=Kind.HOURS, hours=1)) for _ in range(3)]
    clocks = [sim.process() for _ in range(8)]
    line = threading.Barrier(8)

    def tick(clock: Clock) -> None:
        line.wait(30)
        clock.tick()

    with ThreadPoolExecutor(8) as pool:
        for hours in range(4):
            sim.at = NINE + hours * HOUR + LATE
            list(pool.map(tick, clocks))
            sim.ends(RunState.COMPLETED)

    for schedule in made:
        assert sim.slots(schedule) == [NINE + hours * HOUR for hours in range(4)]


@pytest.mark.parametrize("dies_at", ["before the time is noted", "before the run begins", "before it is launched"])
def test_a_process_that_dies_loses_nothing_and_doubles_nothing(sim: Simulation, dies_at: str) -> None:
    schedule = sim.schedule()
    dying = Dying(sim, dies_at)
    sim.at = NINE + LATE
    with pytest.raises(Killed):
        dying.tick()

    sim.process().tick()
    sim.process().tick()

    assert sim.slots(schedule) == [NINE]
    # Written and not launched: the runner takes up what is queued and nobody works on.
    assert sim.now(schedule).going
    assert sim.ends(RunState.COMPLETED) == 1


class Dying(Clock):
    """A process that is killed at some point of its tick: what it has committed stays, the rest never was."""

    def __init__(self, sim: Simulation, at: str) -> None:
        o = sim.office
        super().__init__(o.store, o.rights, o.slack, o.runs, sim._notify, now=lambda: sim.at)
        self._dies_at = at
        self._sim = sim

    def _safely(self, job: object, schedule: Schedule) -> None:
        if self._dies_at == "before the time is noted":
            raise Killed
        super()._safely(job, schedule)  # type: ignore[arg-type]

    def _begin(self, schedule: Schedule) -> None:
        if self._dies_at == "before the run begins":
            raise Killed
        viewer = self.rights.of(Actor(schedule.team, schedule.owner))
        assert self._run(schedule, viewer)
        raise Killed


def test_three_processes_of_which_one_is_killed_begin_each_hour_once(sim: Simulation) -> None:
    """An hour of theirs is half a second, and each has its own idea of what time it is."""
    hourly = Recurrence(kind=Kind.HOURS, hours=1)
    made = [sim.schedule(hourly, missed=Missed.EACH_DAY, busy=Busy.QUEUE) for _ in range(3)]
    url = sim.office.store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.store.ticking", url, NINE.isoformat(), "8000"]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) for _ in range(3)
        ]
        for process in processes:
            stack.callback(process.kill)
            assert process.stdout
            assert process.stdout.readline() == "ticking\n"
        first = processes[0]
        assert first.stdout
        while datetime.fromisoformat(first.stdout.readline().strip()) < NINE + 3 * HOUR:
            pass
        first.kill()
        for other in processes[1:]:
            assert other.stdout
            while datetime.fromisoformat(other.stdout.readline().strip()) < NINE + 8 * HOUR:
                pass

    for schedule in made:
        slots = sim.slots(schedule)
        assert len(slots) > 7
        assert slots == [NINE + hours * HOUR for hours in range(len(slots))]


def test_a_transaction_that_is_cut_off_leaves_the_time_due(sim: Simulation) -> None:
    schedule = sim.schedule()
    sim.ticks(NINE - LATE)
    sim.at = NINE + LATE

    def cut_off() -> None:
        with sim.office.store.transaction() as session:
            assert schedules.move(session, schedule, next_at=NINE + DAY, waiting=[NINE])
            raise Killed

    with pytest.raises(Killed):
        cut_off()

    sim.clock.tick()

    assert sim.slots(schedule) == [NINE]


def test_a_clock_that_is_ahead_begins_early_and_nothing_twice(sim: Simulation) -> None:
    schedule = sim.schedule()
    sim.at = NINE - HOUR
    sim.process(ahead=2 * HOUR).tick()
    sim.ends(RunState.COMPLETED)

    sim.ticks(NINE + LATE)

    assert sim.slots(schedule) == [NINE]


def test_a_clock_that_jumps_a_year_ahead_and_back_leaves_no_gap(sim: Simulation) -> None:
    schedule = sim.schedule()
    sim.ticks(NINE + LATE)
    sim.ends(RunState.COMPLETED)
    sim.ticks(NINE + 365 * DAY + LATE)
    sim.ends(RunState.COMPLETED)

    sim.ticks(NINE + HOUR)
    for day in (1, 2, 3):
        sim.ticks(NINE + day * DAY + LATE)
        sim.ends(RunState.COMPLETED)

    assert sorted(sim.slots(schedule)) == [NINE, NINE + DAY, NINE + 2 * DAY, NINE + 3 * DAY, NINE + 365 * DAY]


def test_a_time_that_comes_again_after_the_clock_went_back_stops_no_run(sim: Simulation) -> None:
    schedule = sim.schedule(busy=Busy.STOP)
    sim.ticks(NINE + LATE)
    sim.ticks(NINE - HOUR)

    sim.ticks(NINE + LATE)

    assert sim.slots(schedule) == [NINE]
    assert sim.office.launcher.stopped == []


ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")


def test_a_year_in_four_zones_with_outages(one: Simulation) -> None:
    """On Sundays, when clocks change, and Thursdays, at a time that two of the zones skip and show twice."""
    chance = random.Random(2027)
    one.at = start = datetime(2026, 12, 31, 12, tzinfo=UTC)
    end = start + 365 * DAY
    rule = Recurrence(kind=Kind.WEEKLY, days=(Day.SUNDAY, Day.THURSDAY), at=time(2, 15))
    sundays = Recurrence(kind=Kind.WEEKLY, days=(Day.SUNDAY,), at=time(2, 15))
    each = {zone: one.schedule(rule, zone=zone, missed=Missed.EACH_WEEK) for zone in ZONES}
    skipping = {zone: one.schedule(sundays, zone=zone, missed=Missed.SKIP) for zone in ZONES}
    clocks = [one.process(), one.process()]
    down = sorted(start + chance.random() * (end - start - 6 * DAY) for _ in range(15))
    outages = [(at, at + chance.random() * 4 * DAY) for at in down]
    times = [at for zone in ZONES for at in rule.between(start, end, zone_of(zone))]
    moments = sorted([*(at + LATE for at in times), *(over for _, over in outages)])
    for at in (at for at in moments if not any(begins <= at < over for begins, over in outages)):
        one.at = at
        chance.choice(clocks).tick()
        # What was missed comes one after the other.
        while one.ends(RunState.COMPLETED):
            chance.choice(clocks).tick()

    year = [date(2027, 1, 1) + number * DAY for number in range(365)]
    for zone in ZONES:
        begun = one.slots(each[zone])
        assert begun == sorted(set(begun)), zone
        days = [at.astimezone(zone_of(zone)).date() for at in begun]
        assert days == [day for day in year if day.weekday() in (3, 6)], zone
        missed = {at for at in begun if any(first <= at + LATE < over for first, over in outages)}
        assert len(missed) > 3
        on_sundays = {at for at in begun if at.astimezone(zone_of(zone)).weekday() == 6}
        assert set(one.slots(skipping[zone])) == on_sundays - missed, zone


# --- What was missed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("missed", "late", "hours"),
    [
        (Missed.SKIP, timedelta(minutes=9), [3]),
        (Missed.SKIP, timedelta(minutes=11), []),
        (Missed.ONCE_HOUR, timedelta(minutes=59), [3]),
        (Missed.ONCE_DAY, timedelta(minutes=59), [3]),
        (Missed.EACH_DAY, timedelta(minutes=59), [0, 1, 2, 3]),
    ],
)
def test_what_was_missed_is_made_up_for_as_the_schedule_says(
    one: Simulation, missed: Missed, late: timedelta, hours: list[int]
) -> None:
    schedule = one.schedule(Recurrence(kind=Kind.HOURS, hours=1), missed=missed)
    one.ticks(NINE + 3 * HOUR + late)
    while one.ends(RunState.COMPLETED):
        one.clock.tick()

    assert one.slots(schedule) == [NINE + number * HOUR for number in hours]
    assert one.now(schedule).next_at == NINE + 4 * HOUR
    said = "" if hours else "Left out the time of Tuesday 5 January 2027 at 9:00: it came while the bot was down."
    assert one.now(schedule).note == said


def test_at_most_ten_are_made_up_for(one: Simulation) -> None:
    schedule = one.schedule(Recurrence(kind=Kind.HOURS, hours=1), missed=Missed.EACH_WEEK)
    one.ticks(NINE + 100 * HOUR + LATE)
    while one.ends(RunState.COMPLETED):
        one.clock.tick()

    assert one.slots(schedule) == [NINE + number * HOUR for number in range(91, 101)]


def test_a_single_time_is_done_with_and_one_that_was_missed_too_long_says_so(one: Simulation) -> None:
    once = Recurrence(kind=Kind.ONCE, on=date(2027, 1, 5), at=time(9))
    kept, lost = one.schedule(once, missed=Missed.ONCE_DAY), one.schedule(once, missed=Missed.SKIP)
    one.ticks(NINE + HOUR)

    assert (one.slots(kept), one.slots(lost)) == ([NINE], [])
    assert one.now(kept).state is one.now(lost).state is ScheduleState.DONE
    assert "it came while the bot was down" in one.now(lost).note


# --- The last run is still going -----------------------------------------------------------------------------------


def test_a_time_is_left_out_while_the_last_run_goes_on(one: Simulation) -> None:
    schedule = one.schedule(busy=Busy.SKIP)
    one.ticks(NINE + LATE)
    one.ticks(NINE + DAY + LATE)

    assert one.slots(schedule) == [NINE]
    assert one.now(schedule).note.endswith("the run before was still going.")
    one.ends(RunState.COMPLETED)
    one.ticks(NINE + 2 * DAY + LATE)
    assert one.slots(schedule) == [NINE, NINE + 2 * DAY]
    assert one.now(schedule).note == ""


def test_a_time_waits_for_the_last_run(one: Simulation) -> None:
    schedule = one.schedule(busy=Busy.QUEUE)
    for day in range(13):
        one.ticks(NINE + day * DAY + LATE)
    assert one.slots(schedule) == [NINE]

    while one.ends(RunState.COMPLETED):
        one.clock.tick()

    assert one.slots(schedule) == [NINE, *(NINE + day * DAY for day in range(3, 13))]


def test_the_last_run_is_stopped_and_the_next_begins_when_it_is_over(one: Simulation) -> None:
    schedule = one.schedule(busy=Busy.STOP)
    one.ticks(NINE + LATE)
    one.ticks(NINE + DAY + LATE)
    assert len(one.office.launcher.stopped) == 1
    assert one.slots(schedule) == [NINE]

    one.ends(RunState.CANCELLED)
    one.clock.tick()

    assert one.slots(schedule) == [NINE, NINE + DAY]
    assert one.now(schedule).failures == 0


# --- What goes wrong -----------------------------------------------------------------------------------------------


def test_three_failures_in_a_row_pause_a_schedule_and_its_owner_is_told(sim: Simulation) -> None:
    schedule = sim.schedule()
    sim.fails(schedule, 2)
    assert sim.now(schedule).state is ScheduleState.ACTIVE
    assert sim.told == []

    sim.fails(schedule, 1)

    assert sim.now(schedule).state is ScheduleState.FAILING
    (said,) = sim.told
    assert said.startswith("U0OWNER: Your schedule of “Market research” (every day at 9:00) has failed three times")
    sim.ticks(NINE + 10 * DAY)
    assert len(sim.slots(schedule)) == 3
    sim.schedules.resume(schedule.id, by=OWNER)
    sim.ticks(NINE + 11 * DAY + LATE)
    assert sim.slots(schedule)[-1] == NINE + 11 * DAY


def test_a_success_between_makes_failures_count_anew(one: Simulation) -> None:
    schedule = one.schedule()
    one.fails(schedule, 2)
    due = one.now(schedule).next_at
    assert due
    one.ticks(due + LATE)
    one.ends(RunState.COMPLETED)
    one.clock.tick()
    one.fails(schedule, 2)

    assert one.now(schedule).state is ScheduleState.ACTIVE


def test_a_crew_that_cannot_start_counts_as_failing_and_the_owner_hears_at_once(one: Simulation) -> None:
    schedule = one.schedule()
    one.office.tasks.remove(one.office.task.id, by=OWNER)
    one.ticks(NINE + LATE)
    assert one.slots(schedule) == []
    (first,) = one.told
    assert "could not start. “Market research” can’t run yet." in first

    one.ticks(NINE + DAY + LATE)
    one.ticks(NINE + 2 * DAY + LATE)

    assert one.now(schedule).state is ScheduleState.FAILING
    assert "has failed three times in a row" in one.told[-1]
    assert len(one.told) == 2


def test_a_run_that_could_not_be_posted_counts_as_a_failure(one: Simulation) -> None:
    schedule = one.schedule()
    one.ticks(NINE + LATE)
    run_id = one.now(schedule).run_id
    assert run_id
    one.shelf.write(runs.discard, run_id)
    one.clock.tick()

    assert one.now(schedule).failures == 1
    assert not one.now(schedule).going


def test_who_may_no_longer_run_the_crew_is_told_and_nothing_runs_as_them(one: Simulation) -> None:
    one.office.share(run_people=[BEN.user])
    schedule = one.schedule(by=BEN)
    one.office.share()
    one.ticks(NINE + LATE)

    assert one.slots(schedule) == []
    assert one.now(schedule).state is ScheduleState.NOT_ALLOWED
    (said,) = one.told
    assert said.startswith("U0BEN: Your schedule of “Market research”")
    assert "you may no longer run this crew" in said


def test_nothing_runs_as_somebody_who_has_left(one: Simulation) -> None:
    one.office.share(run_people=[BEN.user])
    schedule = one.schedule(by=BEN)
    one.office.slack.gone.add(BEN.user)
    one.ticks(NINE + LATE)

    assert one.slots(schedule) == []
    assert one.now(schedule).state is ScheduleState.OWNER_LEFT


def test_while_slack_is_silent_a_time_stays_due_and_nobody_loses_their_rights(one: Simulation) -> None:
    one.office.share(run_channels=["C0RESEARCH"])
    schedule = one.schedule(by=BEN, missed=Missed.ONCE_HOUR)
    one.office.slack.silent = True
    one.ticks(NINE + LATE)
    assert one.now(schedule).next_at == NINE

    one.office.slack.silent = False
    one.ticks(NINE + HOUR / 2)

    assert one.slots(schedule) == [NINE]


def test_slack_that_falls_silent_between_looking_and_starting_takes_no_rights_away(one: Simulation) -> None:
    one.office.share(run_channels=["C0RESEARCH"])
    schedule = one.schedule(by=BEN)
    one.office.slack.members.clear()
    one.office.slack.forgotten.add(BEN.user)
    one.ticks(NINE + LATE)
    assert one.now(schedule).state is ScheduleState.ACTIVE
    assert one.now(schedule).waiting == [NINE]

    one.office.slack.forgotten.clear()
    one.office.slack.members[BEN.user] = ["C0RESEARCH"]
    one.clock.tick()

    assert one.slots(schedule) == [NINE]


def test_all_schedules_of_a_workspace_rest_while_an_administrator_has_paused_them(one: Simulation) -> None:
    schedule = one.schedule()
    one.schedules.pause_all(True, by=Actor(TEAM, "U0ADMIN"))
    one.ticks(NINE + LATE)
    assert one.now(schedule).note.endswith("all schedules were paused.")

    one.schedules.pause_all(False, by=Actor(TEAM, "U0ADMIN"))
    one.ticks(NINE + HOUR)
    assert one.slots(schedule) == []
    one.ticks(NINE + DAY + LATE)

    assert one.slots(schedule) == [NINE + DAY]


# --- What a run is given and told ----------------------------------------------------------------------------------


def test_inputs_are_filled_in_for_the_time_of_the_run_in_the_zone_of_the_schedule(one: Simulation) -> None:
    rule = Recurrence(kind=Kind.DAILY, at=time(8))
    zone = "Pacific/Auckland"
    schedule = one.schedule(rule, zone=zone, inputs={"day": "the news of {today}"}, missed=Missed.EACH_WEEK)
    task = one.office.task
    draft = task.draft().model_copy(update={"description": "Read {day}."})
    one.office.tasks.change(task.id, draft, version=task.version, by=OWNER)
    first = one.now(schedule).next_at
    assert first
    one.ticks(first + DAY + LATE)
    while one.ends(RunState.COMPLETED):
        one.clock.tick()

    with one.office.store.reading() as session:
        given = [run.inputs for run in run_lists.latest(session, team=TEAM) if run.schedule_id == schedule.id]
    assert given == [{"day": "the news of 2027-01-07"}, {"day": "the news of 2027-01-06"}]
