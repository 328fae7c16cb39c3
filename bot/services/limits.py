"""What runs may take: the limits of the workspace and of each crew, and what to do when a run has come to one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bot.engine.meter import Meter
from bot.services import Actor
from bot.services.admins import Admins
from bot.services.audit import Verb, note
from bot.services.rights import Rights
from store import limits, usage, workspace_settings
from store.crews import CrewInstance
from store.database import Session, Store
from store.limits import Ceiling, CrewLimits, Scope, WorkspaceLimits
from store.runs import Execution
from store.shares import Level
from store.usage import Used

_CHANGE = "change its limits"
# A call is cut at its limit by who reads the answer; a client that cannot be cut gives up so many seconds later.
_GRACE = 5.0


@dataclass(frozen=True)
class WorkspaceSheet:
    """A workspace's limits, what it and the reader have used this month, and whether the reader may change them."""

    limits: WorkspaceLimits
    workspace: Used
    reader: Used
    may_change: bool
    whom_to_ask: str


@dataclass(frozen=True)
class CrewSheet:
    """The same of a crew."""

    crew: CrewInstance
    limits: CrewLimits
    used: Used
    may_change: bool


class Limits:
    """The limits of a workspace."""

    def __init__(self, store: Store, rights: Rights, admins: Admins) -> None:
        self.store = store
        self.rights = rights
        self.admins = admins

    # --- Deciding --------------------------------------------------------------------------------------------------

    def of_workspace(self, *, by: Actor) -> WorkspaceSheet:
        """The workspace's limits, for everybody to see."""
        may_change = self.admins.is_admin(by)
        whom = "" if may_change else self.admins.whom_to_ask(by)
        with self.store.reading() as session:
            return WorkspaceSheet(
                limits=workspace_settings.get(session, by.team).limits,
                workspace=usage.in_month(session, usage.WORKSPACE, team=by.team),
                reader=usage.in_month(session, usage.person(by.user), team=by.team),
                may_change=may_change,
                whom_to_ask=whom,
            )

    def change_workspace(self, decided: WorkspaceLimits, *, by: Actor) -> None:
        """Hold the workspace's runs to these limits from now on; raise ``AdministratorsOnly``."""
        self.admins.require(by, _CHANGE)
        with self.store.transaction() as session:
            workspace_settings.change(session, by.team, limits=decided)
            note(session, Verb.CHANGED, "workspace limits", "", by=by, details=in_words(decided))

    def of_crew(self, crew_id: int, *, by: Actor) -> CrewSheet:
        """A crew's limits; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.RUN)
            return CrewSheet(
                crew=crew,
                limits=limits.of_crew(session, crew_id, team=by.team),
                used=usage.in_month(session, usage.crew(crew_id), team=by.team),
                may_change=viewer.level(session, crew) is Level.OWN,
            )

    def change_crew(self, crew_id: int, decided: CrewLimits, *, by: Actor) -> None:
        """Hold the crew's runs to these limits from now on; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, crew_id, Level.OWN)
            limits.set_of_crew(session, crew_id, decided, team=by.team, by=by.user)
            note(session, Verb.CHANGED, "limits", crew.name, by=by, details=in_words(decided))

    # --- Holding a run to them -------------------------------------------------------------------------------------

    def meter(self, run: Execution) -> Meter:
        """What holds the run to its limits, as they and its figures are now."""
        with self.store.reading() as session:
            ceilings = _ceilings(session, run)
        used = Used(run.prompt_tokens, run.completion_tokens, run.cost)
        return Meter(ceilings, used=used, seconds=run.seconds, in_month=partial(self._in_month, run))

    def call_seconds(self, run: Execution) -> float | None:
        """How long a client should wait for one answer at most; ``None`` where nobody has decided."""
        with self.store.reading() as session:
            told = [ceiling.most for ceiling in _ceilings(session, run) if ceiling.name == "call_seconds"]
        return min(told) + _GRACE if told else None

    def _in_month(self, run: Execution, ceiling: Ceiling) -> Used:
        subject = usage.WORKSPACE
        if ceiling.name.startswith("person_"):
            subject = usage.person(run.started_by)
        elif ceiling.scope is Scope.CREW:
            subject = usage.crew(run.crew_id or 0)
        with self.store.reading() as session:
            return usage.in_month(session, subject, team=run.team)


def _ceilings(session: Session, run: Execution) -> list[Ceiling]:
    workspace = workspace_settings.get(session, run.team).limits
    crew = limits.of_crew(session, run.crew_id, team=run.team)
    return limits.ceilings(workspace, crew, limits.allowed(session, run.id))


def in_words(decided: CrewLimits) -> str:
    """The limits that are set, in a line; where there is none, that."""
    told = [
        f"{info.title}: {value:,}"
        for name, info in type(decided).model_fields.items()
        if (value := getattr(decided, name)) is not None
    ]
    return " · ".join(told) or "No limits."
