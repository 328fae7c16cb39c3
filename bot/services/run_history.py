"""Looking back at runs: a list of them, and everything about one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.links import Links
from bot.services import Actor
from bot.services.rights import Rights
from bot.services.run_results import Outcome, outcomes
from store import finished, logs, run_lists, runs
from store.database import Session, Store
from store.logs import LogEntry
from store.runs import Execution, RunState
from store.shares import Level

# A log as a file has no more lines than this, the last ones.
LONGEST_FILE = 20_000
# Of somebody's own runs no more than this are looked at.
_LOOKED_AT = 50


@dataclass(frozen=True)
class RunFilter:
    """Which runs a list shows: of a crew, started by somebody, in a state, older than the run ``before``."""

    crew_id: int | None = None
    started_by: str | None = None
    status: RunState | None = None
    before: int | None = None


@dataclass(frozen=True)
class RunSheet:
    """One run with a part of its log in order; ``more``: there are earlier lines, ``newest``: none are later."""

    run: Execution
    results: list[Outcome]
    entries: list[LogEntry]
    more: bool
    newest: bool
    # The link to it, where the server has an address for links.
    link: str = ""


class RunHistory:
    """The runs of a workspace, as far as somebody may see them."""

    def __init__(self, store: Store, rights: Rights, links: Links | None = None) -> None:
        self.store = store
        self.rights = rights
        self.links = links or Links()

    def page(self, which: RunFilter, *, by: Actor, limit: int) -> list[Execution]:
        """The newest of these runs that the person may see first."""
        seer = self.rights.of(by).seer
        with self.store.reading() as session:
            return run_lists.latest(
                session,
                team=by.team,
                crew_id=which.crew_id,
                started_by=which.started_by,
                status=which.status,
                before=which.before,
                seer=seer,
                limit=limit,
            )

    def own(self, *, by: Actor, limit: int = 5) -> list[Execution]:
        """The person's newest runs of whole crews and flows: neither steps alone nor changes to a result."""
        with self.store.reading() as session:
            found = run_lists.latest(session, team=by.team, started_by=by.user, limit=_LOOKED_AT)
        return [run for run in found if run.crew_id and run.source not in (runs.TRIAL, runs.FOLLOW_UP)][:limit]

    def sheet(self, run_id: int, *, by: Actor, lines: int = LONGEST_FILE, before: int | None = None) -> RunSheet:
        """A run with the last ``lines`` of its log, or those before the line ``before``.

        Raises ``Gone`` or ``NotYourRun``.
        """
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            run = viewer.require_run(session, run_id, Level.RUN)
            return _sheet(session, run, lines, before, self.links.to("runs", run.id))

    def latest_sheet(self, *, by: Actor, crew_id: int | None = None, lines: int) -> RunSheet | None:
        """The newest run of a crew, or of all that the person may see, like ``sheet``; ``None`` if there is none."""
        newest = self.page(RunFilter(crew_id=crew_id), by=by, limit=1)
        return self.sheet(newest[0].id, by=by, lines=lines) if newest else None


def _sheet(session: Session, run: Execution, lines: int, before: int | None, link: str) -> RunSheet:
    entries = logs.of_run(session, run.id, limit=lines + 1, before=before)
    return RunSheet(
        run=run,
        results=list(outcomes(run.definition, finished.all_of(session, run.id))),
        entries=entries[-lines:],
        more=len(entries) > lines,
        newest=before is None,
        link=link,
    )
