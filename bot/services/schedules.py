"""Schedules as people make, see and change them; ``clock`` makes them run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from bot.engine import state
from bot.errors import FormRefused, UserError
from bot.recurrence import Kind, check, zone_of
from bot.services import Actor
from bot.services.admins import Admins
from bot.services.audit import Verb, note
from bot.services.crews import needed_inputs
from bot.services.rights import Rights, Viewer
from bot.services.runs import InputsMissing, InputsRefused, Runs, Tell
from bot.time_words import resolved
from store import agents, crews, schedules, tasks, workspace_settings
from store.crews import CrewInstance
from store.database import Store
from store.runs import Execution
from store.schedules import LastRun, News, Schedule, ScheduleDraft, ScheduleState
from store.shares import Level

if TYPE_CHECKING:
    from store.database import Session

_OVER = "That time is over. Choose a later one."
_NOT_THERE = (
    "I’m not in this channel, so I couldn’t post there. Invite me with /invite in that channel, then save again."
)


class NotYourSchedule(UserError):
    """You may not change this schedule. Ask <@{owner}>, whose it is, or an administrator."""

    people = ("owner",)


class OwnerLeft(UserError):
    """The owner of this schedule has left, so it can’t run as them. Edit it, and it becomes yours."""


class TimeOver(UserError):
    """This schedule has no time left to come. Edit it to give it a new one."""


class Directory(Protocol):
    """What Slack knows about people and channels; ``None`` where it gives no answer just now."""

    def zone(self, team: str, user: str) -> str | None: ...

    def is_gone(self, team: str, user: str) -> bool | None: ...

    def is_member(self, team: str, channel: str) -> bool | None: ...


@dataclass(frozen=True)
class Preview:
    """What a schedule would do: its next times in UTC, and what its inputs would be just now."""

    crew: CrewInstance
    draft: ScheduleDraft
    times: list[datetime]
    inputs: dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A schedule in a list: its last run, and whether the reader may change it."""

    schedule: Schedule
    last: LastRun | None
    mine: bool
    may_change: bool


@dataclass(frozen=True)
class ScheduleList:
    """Schedules, and whether an administrator has stopped them all; ``admin``: the reader may do that."""

    entries: list[Entry]
    paused: bool
    admin: bool


class Schedules:
    """The workspace's schedules. Whoever may not change one is told ``NotYourSchedule``."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        admins: Admins,
        directory: Directory,
        runs: Runs,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.rights = rights
        self.admins = admins
        self.directory = directory
        self.runs = runs
        self.now = now

    def zone(self, *, by: Actor) -> str:
        """The name of a person's time zone as Slack has it; UTC where it does not say."""
        return self.directory.zone(by.team, by.user) or "UTC"

    def asked(self, crew_id: int, *, by: Actor) -> tuple[CrewInstance, dict[str, bool]]:
        """The crew or flow, and by name what it can be given, each with whether it must be.

        Raises ``Gone`` or ``NotAllowed``.
        """
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.RUN)
            return crew, _needed(session, crew)

    def preview(self, crew_id: int, draft: ScheduleDraft, *, by: Actor) -> Preview:
        """What a schedule would do; raise what ``create`` raises."""
        if draft.channel and self.directory.is_member(by.team, draft.channel) is False:
            raise FormRefused(fields={"channel": _NOT_THERE})
        crew, needed = self.asked(crew_id, by=by)
        now = self.now()
        zone = zone_of(draft.zone)
        self._first(draft)
        given = {name: draft.inputs.get(name) for name in needed if str(draft.inputs.get(name) or "").strip()}
        if missing := [name for name, must in needed.items() if must and name not in given]:
            raise InputsMissing(name=crew.name, missing=", ".join(missing))
        filled_in = resolved(given, now.astimezone(zone))
        if crew.is_flow and (wrong := state.begin(crew.state_schema, filled_in)[1]):
            raise InputsRefused(wrong)
        return Preview(crew, draft, draft.recurrence.next_times(now, zone), filled_in)

    def create(self, crew_id: int, draft: ScheduleDraft, *, by: Actor) -> Schedule:
        """Add a schedule of ``by``; raise ``Gone``, ``NotAllowed``, ``InputsMissing`` or ``FormRefused``."""
        self.preview(crew_id, draft, by=by)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crews.hold(session, crew_id, team=by.team)
            crew = viewer.require(session, crew_id, Level.RUN)
            first = self._first(draft)
            schedule = schedules.add(session, draft, crew_id=crew.id, team=by.team, by=by.user, next_at=first)
            note(
                session, Verb.CREATED, "schedule", crew.name, by=by, details=f"{draft.recurrence.words} ({draft.zone})"
            )
            return schedule

    def change(self, schedule_id: int, draft: ScheduleDraft, *, version: int, by: Actor) -> Schedule:
        """Save an edit that began at ``version``; the schedule runs as ``by`` from then on.

        Raises ``EditedMeanwhile`` and what ``create`` raises.
        """
        before = self.get(schedule_id, by=by)
        self.preview(before.crew_id, draft, by=by)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            self._require(session, viewer, schedule_id)
            viewer.require(session, before.crew_id, Level.RUN)
            first = self._first(draft)
            changed = schedules.change(
                session, schedule_id, draft, team=by.team, version=version, by=by.user, next_at=first
            )
            self._note(session, Verb.CHANGED, changed, by)
            return changed

    def get(self, schedule_id: int, *, by: Actor) -> Schedule:
        """One schedule, to change it; raise ``Gone`` or ``NotYourSchedule``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return self._require(session, viewer, schedule_id)

    def list_all(self, *, by: Actor, crew_id: int | None = None) -> ScheduleList:
        """The schedules that the person may see, of one crew or all: their own first, then the next that comes."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            found = schedules.list_all(session, team=by.team, crew_id=crew_id, seer=viewer.seer)
            last = schedules.last_runs(session, [schedule.id for schedule in found], team=by.team)
            entries = [self._entry(session, viewer, schedule, last.get(schedule.id)) for schedule in found]
            paused = workspace_settings.get(session, by.team).schedules_paused
        return ScheduleList(sorted(entries, key=lambda entry: not entry.mine), paused, admin=viewer.seer is None)

    def pause(self, schedule_id: int, *, by: Actor) -> Schedule:
        """Let it come to rest; the run that is going goes on, times that wait are forgotten."""
        return self._set(schedule_id, Verb.PAUSED, by, state=ScheduleState.PAUSED, note="", waiting=[])

    def resume(self, schedule_id: int, *, by: Actor) -> Schedule:
        """Let it run again, from its next time on; raise ``OwnerLeft`` or ``TimeOver``."""
        schedule = self.get(schedule_id, by=by)
        if self.directory.is_gone(by.team, schedule.owner):
            raise OwnerLeft
        first = schedule.recurrence.after(self.now(), zone_of(schedule.zone))
        if first is None:
            raise TimeOver
        active = ScheduleState.ACTIVE
        return self._set(schedule_id, Verb.RESUMED, by, state=active, note="", failures=0, next_at=first)

    def delete(self, schedule_id: int, *, by: Actor) -> Schedule:
        """Delete a schedule and return what it was; its runs stay in the history."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = self._require(session, viewer, schedule_id)
            schedules.remove(session, schedule_id, team=by.team)
            self._note(session, Verb.DELETED, was, by)
            return was

    def run_now(self, schedule_id: int, *, by: Actor, tell: Tell) -> Execution:
        """Start a run as ``by``, with the schedule's inputs as they are now; raise what a start raises."""
        schedule = self.get(schedule_id, by=by)
        inputs = resolved(schedule.inputs, self.now().astimezone(zone_of(schedule.zone)))
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            run = self.runs.queue(
                session,
                schedule.crew_id,
                inputs,
                viewer=viewer,
                channel=schedule.channel,
                schedule_id=schedule.id,
            )
        self.runs.launcher.launch(run, tell)
        return run

    def pause_all(self, paused: bool, *, by: Actor) -> None:
        """Stop all schedules of the workspace, or let them go on; raise ``AdministratorsOnly``."""
        self.admins.require(by, "pause all schedules")
        with self.store.transaction() as session:
            workspace_settings.change(session, by.team, schedules_paused=paused)
            note(session, Verb.PAUSED if paused else Verb.RESUMED, "all schedules", "", by=by)

    def _set(self, schedule_id: int, verb: Verb, by: Actor, **changes: Any) -> Schedule:
        viewer = self.rights.of(by)
        while True:
            with self.store.transaction() as session:
                schedule = self._require(session, viewer, schedule_id)
                # The clock may have been quicker by a moment; then it is looked at again.
                if moved := schedules.move(session, schedule, **changes):
                    self._note(session, verb, schedule, by)
                    return moved

    def _require(self, session: Session, viewer: Viewer, schedule_id: int) -> Schedule:
        schedule = schedules.get(session, schedule_id, team=viewer.actor.team)
        if not self._may_change(session, viewer, schedule):
            raise NotYourSchedule(owner=schedule.owner)
        return schedule

    def _may_change(self, session: Session, viewer: Viewer, schedule: Schedule) -> bool:
        if viewer.seer is None or schedule.owner == viewer.actor.user:
            return True
        crew = crews.get(session, schedule.crew_id, team=viewer.actor.team)
        return viewer.level(session, crew) is Level.OWN

    def _entry(self, session: Session, viewer: Viewer, schedule: Schedule, last: LastRun | None) -> Entry:
        mine = schedule.owner == viewer.actor.user
        return Entry(schedule, last, mine, self._may_change(session, viewer, schedule))

    def _first(self, draft: ScheduleDraft) -> datetime:
        if draft.recurrence.kind is Kind.CRON:
            try:
                check(draft.recurrence.cron)
            except ValueError as wrong:
                raise FormRefused(fields={"cron": str(wrong)}) from None
        first = draft.recurrence.after(self.now(), zone_of(draft.zone))
        if first is None:
            raise FormRefused(fields={"on": _OVER})
        if draft.news is News.RULE and not draft.news_rule.strip():
            raise FormRefused(fields={"news_rule": "Say in words which results are worth telling."})
        return first

    def _note(self, session: Session, verb: Verb, schedule: Schedule, by: Actor) -> None:
        details = f"{schedule.recurrence.words} ({schedule.zone})"
        note(session, verb, "schedule", schedule.crew_name, by=by, details=details)


def _needed(session: Session, crew: CrewInstance) -> dict[str, bool]:
    if crew.is_flow:
        fields = state.fields(crew.state_schema)
        return {each.name: each.required and each.default is None and each.type != "null" for each in fields}
    members = agents.list_all(session, crew.id, team=crew.team)
    work = tasks.list_all(session, crew.id, team=crew.team)
    return dict.fromkeys(needed_inputs(crew, members, work), True)
