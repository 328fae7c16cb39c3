"""What the clock does with schedules: it looks which times have come, and begins their runs, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from bot.errors import Gone, UserError
from bot.recurrence import spoken, zone_of
from bot.services import Actor
from bot.services.rights import NotAllowed, People, Rights, Viewer
from bot.services.runs import Runs
from bot.services.schedules import Directory
from bot.time_words import resolved
from store import runs, schedules, workspace_settings
from store.database import Store
from store.runs import NEWS_ONLY, Execution, RunState
from store.schedules import Busy, News, Schedule, ScheduleState

logger = logging.getLogger(__name__)

# So many failures in a row pause a schedule.
_TOO_MANY = 3
# So many times wait at most for the run before them; older ones are forgotten.
_MOST_WAITING = 10
# Clocks are put right by less than this all the time.
_JUMP = timedelta(minutes=1)

_TOO_BUSY = "Left out the time of {at}: the run before was still going."
_TOO_LATE = "Left out the time of {at}: it came while the bot was down."
_SINCE_PAUSED = "Left out the time of {at}: all schedules were paused."
_LEFT = "Its owner is no longer in this workspace."
_NOT_ALLOWED = "Its owner may no longer run this crew."

# Says one sentence to a person of a workspace, in their direct messages with the bot.
Notify = Callable[[str, str, str], None]


class Attentive(Directory, People, Protocol):
    """People who are asked about, with whether Slack has answered about their channels lately."""

    def heard_of(self, team: str, user: str) -> bool: ...


class Clock:
    """Every process may have one. The table says what is due, and whoever moves a row on acts on it."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        people: Attentive,
        runs: Runs,
        notify: Notify,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.rights = rights
        self.people = people
        self.runs = runs
        self.notify = notify
        self.now = now
        self._latest: datetime | None = None

    def tick(self) -> None:
        """Take note of the times that have come, and begin what can begin."""
        now = self.now()
        self._follow(now)
        with self.store.reading() as session:
            due = schedules.due(session, now)
        for schedule in due:
            self._safely(partial(self._come, schedule, now), schedule)
        with self.store.reading() as session:
            idle = schedules.idle(session)
        for schedule, status in idle:
            self._safely(partial(self._go_on, schedule, status), schedule)

    def _safely(self, job: Callable[[], None], schedule: Schedule) -> None:
        # The trouble of one schedule must not keep the others from their time.
        try:
            job()
        except Exception:
            logger.exception("schedule %s could not be looked at", schedule.id)

    def _follow(self, now: datetime) -> None:
        """After the clock went back, or in a new process, set every next time anew: it may lie too far ahead.

        Times that have had their run are recognised when they come again.
        """
        went_back = self._latest is None or now < self._latest - _JUMP
        self._latest = now
        if not went_back:
            return
        with self.store.reading() as session:
            ahead = schedules.ahead(session, now)
        for schedule in ahead:
            first = schedule.recurrence.after(now, zone_of(schedule.zone))
            if first is not None and first != schedule.next_at:
                with self.store.transaction() as session:
                    schedules.move(session, schedule, next_at=first)

    # --- A time has come -------------------------------------------------------------------------------------------

    def _come(self, schedule: Schedule, now: datetime) -> None:
        assert schedule.next_at is not None
        gone = self.people.is_gone(schedule.team, schedule.owner)
        if gone is None:
            # Without Slack nothing could be said about a run; its time is looked at again with the next tick.
            return
        if gone:
            self._rest(schedule, ScheduleState.OWNER_LEFT, _LEFT)
            return
        zone = zone_of(schedule.zone)
        first = max(schedule.next_at, now - schedule.missed.within)
        slots = schedule.recurrence.between(first, now, zone)[-schedule.missed.most :]
        next_at = schedule.recurrence.after(now, zone)
        state = schedule.state if next_at else ScheduleState.DONE
        with self.store.transaction() as session:
            going = runs.going(session, schedule.run_id) if schedule.going and schedule.run_id else None
            paused = workspace_settings.get(session, schedule.team).schedules_paused
            taken = schedules.begun(session, schedule, slots)
            waiting, said = self._queued(schedule, [] if paused else slots, going, taken)
            said = _SINCE_PAUSED if paused else said
            said = said.format(at=spoken(slots[-1] if slots else schedule.next_at, zone))
            moved = schedules.move(session, schedule, next_at=next_at, state=state, waiting=waiting, note=said)
        if moved and going and waiting and schedule.busy is Busy.STOP:
            self.runs.launcher.stop(going, schedule.owner)

    def _queued(
        self, schedule: Schedule, slots: list[datetime], going: Execution | None, taken: set[datetime]
    ) -> tuple[list[datetime], str]:
        """The times that wait for their run from now on, and what is to be said about those that do not."""
        new = [slot for slot in slots if slot not in taken]
        if not new:
            return schedule.waiting, "" if taken else _TOO_LATE
        if not going and not schedule.waiting:
            return new, ""
        if schedule.busy is Busy.SKIP:
            return schedule.waiting, _TOO_BUSY
        return ([*schedule.waiting, *new] if schedule.busy is Busy.QUEUE else new)[-_MOST_WAITING:], ""

    # --- A run is over, or can begin -------------------------------------------------------------------------------

    def _go_on(self, schedule: Schedule, status: RunState | None) -> None:
        settled = self._settled(schedule, status) if schedule.going else schedule
        if settled is not None and settled.waiting:
            self._begin(settled)

    def _settled(self, schedule: Schedule, status: RunState | None) -> Schedule | None:
        """The schedule without the run that is over: counted, and paused where it was one failure too many."""
        failures = 0 if status is RunState.COMPLETED else schedule.failures
        # A run that is no more was taken back, because it could not be told about.
        failures += status in (RunState.FAILED, None)
        return self._counted(schedule, failures, going=False)

    def _counted(self, schedule: Schedule, failures: int, **changes: object) -> Schedule | None:
        fails = failures >= _TOO_MANY and schedule.state is ScheduleState.ACTIVE
        if fails:
            changes |= {"state": ScheduleState.FAILING, "waiting": []}
        with self.store.transaction() as session:
            moved = schedules.move(session, schedule, failures=failures, **changes)
        if moved and fails:
            self._tell_owner(moved, "has failed three times in a row, so I have paused it.")
        return moved

    def _begin(self, schedule: Schedule) -> None:
        owner = Actor(schedule.team, schedule.owner)
        gone = self.people.is_gone(owner.team, owner.user)
        if gone is None:
            return
        if gone:
            self._rest(schedule, ScheduleState.OWNER_LEFT, _LEFT)
            return
        viewer = self.rights.of(owner)
        try:
            run = self._run(schedule, viewer)
        except (NotAllowed, Gone):
            # Only what Slack has said counts: while it is silent nobody is in any channel.
            if self.people.heard_of(owner.team, owner.user):
                self._rest(schedule, ScheduleState.NOT_ALLOWED, _NOT_ALLOWED)
        except UserError as refusal:
            self._refused(schedule, refusal.sentence)
        else:
            if run is not None:
                self.runs.launcher.launch(run, partial(self._unannounced, schedule))

    def _run(self, schedule: Schedule, viewer: Viewer) -> Execution | None:
        """The run of the time that has waited longest; ``None`` where somebody else was first."""
        slot, *waiting = schedule.waiting
        inputs = resolved(schedule.inputs, slot.astimezone(zone_of(schedule.zone)))
        with self.store.transaction() as session:
            if schedules.begun(session, schedule, [slot]):
                schedules.move(session, schedule, waiting=waiting)
                return None
            moved = schedules.move(session, schedule, waiting=waiting, going=True, last_at=slot)
            if moved is None:
                return None
            run = self.runs.queue(
                session,
                schedule.crew_id,
                inputs,
                viewer=viewer,
                channel=schedule.channel,
                source="schedule",
                schedule_id=schedule.id,
                slot=slot,
                telling=None if schedule.news is News.ALWAYS else NEWS_ONLY,
            )
            schedules.move(session, moved, run_id=run.id)
            return run

    def _refused(self, schedule: Schedule, sentence: str) -> None:
        """A run could not begin: that counts as a failure, and the owner hears of the first one."""
        counted = self._counted(schedule, schedule.failures + 1, waiting=schedule.waiting[1:], note=sentence)
        if counted and counted.state is not ScheduleState.FAILING and counted.failures == 1:
            self._tell_owner(counted, "could not start.")

    def _rest(self, schedule: Schedule, state: ScheduleState, why: str) -> None:
        with self.store.transaction() as session:
            moved = schedules.move(session, schedule, state=state, waiting=[], note=why)
        if moved and state is ScheduleState.NOT_ALLOWED:
            said = "is paused: you may no longer run this crew. Ask its owner or an administrator."
            self._tell_owner(moved.model_copy(update={"note": ""}), said)

    def _tell_owner(self, schedule: Schedule, what: str) -> None:
        words = f"Your schedule of “{schedule.crew_name}” ({schedule.recurrence.words}) {what} {schedule.note}".strip()
        self.notify(schedule.team, schedule.owner, f"{words} `/crew schedules` shows it.")

    def _unannounced(self, schedule: Schedule, sentence: str) -> None:
        self._tell_owner(schedule.model_copy(update={"note": sentence}), "could not post a run.")
