"""What App Home shows: all that concerns one person, in a few questions to the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.services import Actor
from bot.services.reviews import Reviews
from bot.services.rights import Rights, Viewer
from store import crews, run_lists, schedules, workspace_settings
from store.crews import CrewInstance, Filter
from store.database import Store
from store.reviews import Review
from store.runs import Execution
from store.schedules import Schedule, ScheduleState
from store.shares import Level

if TYPE_CHECKING:
    from store.database import Session

# What failed longer ago is history.
_RECENT = timedelta(days=7)
_MOST_STOPPED = 50
# So many runs are watched even when they are over, so that none begins and ends unseen.
_NEWEST = 30

# A run or schedule by its id, and how each stands.
Thing = tuple[str, int]
Standing = Mapping[Thing, object]


@dataclass(frozen=True)
class Told:
    """A run, and whether the reader may do with it what is offered beside it."""

    run: Execution
    allowed: bool


@dataclass(frozen=True)
class HomeSheet:
    """One person's App Home. The lists of what waits and what goes on have one more than is shown, if there is more.

    ``crews`` are the page of the list that begins at ``offset``, of ``total``.
    """

    reader: Actor
    reviews: list[Review]
    failed: list[Told]
    stopped: list[Schedule]
    going: list[Told]
    crews: list[CrewInstance]
    offset: int
    total: int
    latest: list[Execution]
    owns_any: bool
    admin: bool
    schedules_paused: bool


class Home:
    """App Home's content."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        reviews: Reviews,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.rights = rights
        self.reviews = reviews
        self.now = now

    def sheet(self, *, by: Actor, which: Filter = Filter.ALL, offset: int = 0, page: int, most: int) -> HomeSheet:
        """What concerns the person: a ``page`` of the crews, and of everything else ``most`` and one more."""
        viewer, reviews = self.rights.of(by), self.reviews.waiting_for(by=by)
        with self.store.reading() as session:
            going = run_lists.latest(session, team=by.team, unfinished=True, seer=viewer.seer, limit=most + 1)
            # What goes on stands above them.
            latest = run_lists.latest(session, team=by.team, seer=viewer.seer, limit=2 * most)
            found, offset, total = _crews(session, viewer, which, offset, page)
            return HomeSheet(
                reader=by,
                reviews=reviews,
                failed=self._failed(session, viewer, most + 1),
                stopped=_stopped(session, viewer)[: most + 1],
                going=[Told(run, viewer.may(session, run, Level.EDIT)) for run in going],
                crews=found,
                offset=offset,
                total=total,
                latest=[run for run in latest if run.status.over][:most],
                owns_any=crews.owns_any(session, team=by.team, user=by.user),
                admin=viewer.seer is None,
                schedules_paused=workspace_settings.get(session, by.team).schedules_paused,
            )

    def failed(self, *, by: Actor, most: int) -> list[Told]:
        """The person's failed runs that wait for them, the newest first: ``most`` and one more."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return self._failed(session, viewer, most + 1)

    def _failed(self, session: Session, viewer: Viewer, limit: int) -> list[Told]:
        by, since = viewer.actor, self.now() - _RECENT
        found = run_lists.left_failed(session, team=by.team, user=by.user, since=since, limit=limit)
        return [Told(run, viewer.may_use(session, run.crew_id or 0, Level.RUN)) for run in found]

    def standing(self, team: str) -> Standing:
        """How what may concern somebody stands in a workspace just now; cheap, to be compared with what it was."""
        with self.store.reading() as session:
            told: dict[Thing, object] = {
                ("run", run_id): state
                for run_id, state in run_lists.standing(session, team=team, newest=_NEWEST).items()
            }
            told |= {("schedule", each): state for each, state in schedules.standing(session, team=team).items()}
            told["all", 0] = workspace_settings.get(session, team).schedules_paused
        return told

    def concerns(self, changed: Collection[Thing], *, by: Actor) -> bool:
        """Whether the person's App Home may look different, now that the standing of these things has changed."""
        if any(kind != "run" for kind, _ in changed):
            return True
        seer = self.rights.of(by).seer
        with self.store.reading() as session:
            return run_lists.seen_among(session, [run_id for _, run_id in changed], team=by.team, seer=seer)


def _crews(
    session: Session, viewer: Viewer, which: Filter, offset: int, page: int
) -> tuple[list[CrewInstance], int, int]:
    """The page of crews that begins at ``offset``, or the last one there is; where it begins; how many there are."""
    by = viewer.actor

    def at(offset: int) -> tuple[list[CrewInstance], int]:
        return crews.page(session, team=by.team, mine=by.user, seer=viewer.seer, which=which, offset=offset, limit=page)

    found, total = at(offset)
    if total and not found:
        offset = (total - 1) // page * page
        found, total = at(offset)
    return found, offset, total


def _stopped(session: Session, viewer: Viewer) -> list[Schedule]:
    """The schedules that came to rest by themselves and that are the person's to mend."""
    by = viewer.actor
    found = schedules.stopped(session, team=by.team, owner=by.user, seer=viewer.seer, limit=_MOST_STOPPED)
    return [
        each
        for each in found
        if each.state is not ScheduleState.OWNER_LEFT or viewer.may_use(session, each.crew_id, Level.OWN)
    ]
