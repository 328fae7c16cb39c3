"""What runs may take: the limits of the workspace and of each crew, and what to do when a run has come to one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial

from pydantic import Field

from bot.engine.desk import Waiting
from bot.engine.meter import LimitReached, Meter
from bot.errors import FormRefused, UserError
from bot.services import Actor
from bot.services.admins import AdministratorsOnly, Admins
from bot.services.audit import Verb, note
from bot.services.rights import Rights
from store import crews, finished, limits, outbox, runs, usage, workspace_settings
from store.crews import CrewInstance
from store.database import Draft, Session, Store
from store.limits import Ceiling, CrewLimits, LimitPause, Scope, WorkspaceLimits
from store.runs import Execution, RunState
from store.shares import Level
from store.usage import Used

_log = logging.getLogger(__name__)

_CHANGE = "change its limits"
# A call is cut at its limit by who reads the answer; a client that cannot be cut gives up so many seconds later.
_GRACE = 5.0


class AlreadyDecided(UserError):
    """<@{who}> has already {what}."""

    people = ("who",)


class NotWaiting(UserError):
    """That run of “{name}” no longer waits at a limit."""


class NotYourLimit(UserError):
    """Only those who may edit this crew can raise its limits. Ask its owner, <@{owner}>, or an administrator."""

    people = ("owner",)


class NewLimit(Draft):
    """How far one run may go."""

    most: float = Field(title="New limit for this run", gt=0, le=1_000_000_000_000, allow_inf_nan=False)


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

    def __init__(self, store: Store, rights: Rights, admins: Admins, resume: Callable[[int], None]) -> None:
        """``resume`` is given the id of a run that may go on, and brings it back to work."""
        self.store = store
        self.rights = rights
        self.admins = admins
        self.resume = resume
        # Of the runs that work in this process, and of those whose last figures the store has not taken.
        self._meters: dict[int, Meter] = {}

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
        """Hold the workspace's runs to these limits from now on; raise ``AdministratorsOnly``.

        Runs that wait at a limit which is higher now, or gone, go on.
        """
        self.admins.require(by, _CHANGE)
        with self.store.transaction() as session:
            workspace_settings.change(session, by.team, limits=decided)
            note(session, Verb.CHANGED, "workspace limits", "", by=by, details=in_words(decided))
            woken = _let_go_on(session, decided, None, by=by)
        for run_id in woken:
            self.resume(run_id)

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
        """Hold the crew's runs to these limits from now on; raise ``Gone`` or ``NotAllowed``.

        Runs that wait at a limit which is higher now, or gone, go on.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, crew_id, Level.OWN)
            limits.set_of_crew(session, crew_id, decided, team=by.team, by=by.user)
            note(session, Verb.CHANGED, "limits", crew.name, by=by, details=in_words(decided))
            woken = _let_go_on(session, decided, crew, by=by)
        for run_id in woken:
            self.resume(run_id)

    # --- Holding a run to them -------------------------------------------------------------------------------------

    def meter(self, run: Execution) -> Meter:
        """What holds the run to its limits, as they and its figures are now."""
        with self.store.reading() as session:
            ceilings = _ceilings(session, run)
        used = Used(run.prompt_tokens, run.completion_tokens, run.cost)
        part = partial(self._part, run, "") if run.definition.is_flow else None
        return Meter(
            ceilings,
            used=used,
            seconds=run.seconds,
            in_month=partial(self._in_month, run),
            part=part,
        )

    @contextmanager
    def counting(self) -> Iterator[dict[int, Used]]:
        """What the runs that are held here have used and is not counted yet; it is, when the block ends well."""
        with ExitStack() as meters:
            yield {run_id: meters.enter_context(meter.keeping()) for run_id, meter in list(self._meters.items())}

    def _count(self, run: Execution, meter: Meter) -> None:
        """Count the rest of what a run has used; what the store does not take now is counted with others' later."""
        try:
            with meter.keeping() as used, self.store.transaction() as session:
                usage.add(session, {run.id: used})
        except Exception:  # noqa: BLE001 - why the run ended is worth more than its figures
            _log.exception("Run %s: what it used could not be counted yet", run.id)
        else:
            self._meters.pop(run.id, None)

    def _part(self, run: Execution, path: str, name: str, whole: Meter) -> Meter:
        """The meter of a crew or flow inside the flow that runs; what is not of the workspace has no limits.

        ``path`` has the names of the flows that lie between, as in ``Weekly letter/``: a crew that is used in several
        of them may use up its limits of a run in each.
        """
        known = run.definition.parts.get(name)
        place = f"{path}{name}"
        part = partial(self._part, run, f"{place}/") if known and known.is_flow else None
        with self.store.reading() as session:
            crew = crews.named(session, name, team=run.team) if known else None
            if crew is None:
                return Meter(whole=whole, part=part)
            raised = limits.allowed(session, run.id)
            ceilings = limits.ceilings_inside(crew.name, limits.of_crew(session, crew.id, team=run.team), raised)
            spent = finished.all_of(session, run.id).get(finished.SPENT + place, {})
        seconds = spent.pop("seconds", 0.0)
        return Meter(
            ceilings,
            used=Used(**spent),
            seconds=seconds,
            in_month=partial(self._in_month, run, crew_id=crew.id),
            whole=whole,
            part=part,
            keep=partial(self._keep, run, place, crew.id),
        )

    def _keep(self, run: Execution, place: str, crew_id: int, meter: Meter) -> None:
        """Write down what a crew or flow inside a flow has used, for the rest of the run and for the crew's month."""
        with meter.keeping() as used, self.store.transaction() as session:
            told = {**asdict(meter.total), "seconds": meter.seconds}
            if finished.keep(session, run, finished.SPENT + place, told):
                usage.add_inside(session, crew_id, used, team=run.team)

    @contextmanager
    def holding(self, run: Execution) -> Iterator[Meter]:
        """Hold the run to its limits; at one raise ``Waiting``, whose key is ``outbox.LIMIT`` and the pause's id."""
        meter = self._meters[run.id] = self.meter(run)
        try:
            with ExitStack() as first:
                # Before anybody is asked for more, and can answer.
                first.callback(self._count, run, meter)
                yield meter
        except LimitReached as reached:
            raise Waiting(self._pause(run, reached), reached.task) from None

    def _pause(self, run: Execution, reached: LimitReached) -> str:
        """Ask people for more, or let the run go on where they have given more meanwhile; the key of the question."""
        ceiling, used, said = reached.ceiling, reached.used, reached.sentence
        with self.store.transaction() as session:
            if _outgrown(session, run, reached):
                runs.wake(session, run.id)
                return outbox.LIMIT
            pause = limits.pause(session, run.id, ceiling, used=used, said=said, task=reached.task)
            outbox.want(session, run.id, [f"{outbox.LIMIT}{pause.id}"], pause.model_dump(mode="json"))
        return f"{outbox.LIMIT}{pause.id}"

    def call_seconds(self, run: Execution) -> float | None:
        """How long a client should wait for one answer at most; ``None`` where nobody has decided."""
        with self.store.reading() as session:
            told = [ceiling.most for ceiling in _ceilings(session, run) if ceiling.name == "call_seconds"]
        return min(told) + _GRACE if told else None

    def _in_month(self, run: Execution, ceiling: Ceiling, *, crew_id: int | None = None) -> Used:
        subject = usage.WORKSPACE
        if ceiling.name.startswith("person_"):
            subject = usage.person(run.started_by)
        elif ceiling.scope is Scope.CREW:
            subject = usage.crew(crew_id or run.crew_id or 0)
        with self.store.reading() as session:
            return usage.in_month(session, subject, team=run.team)

    # --- When a run has come to one --------------------------------------------------------------------------------

    def asked(self, run_id: int, pause_id: int, *, by: Actor) -> tuple[Execution, LimitPause]:
        """The run and the limit it waits at, if the person may raise it.

        Raises ``Gone``, ``NotYourRun``, ``NotYourLimit``, ``AdministratorsOnly``, ``AlreadyDecided`` or ``NotWaiting``.
        """
        viewer, is_admin = self.rights.of(by), self.admins.is_admin(by)
        whom = "" if is_admin else self.admins.whom_to_ask(by)
        with self.store.reading() as session:
            run = viewer.require_run(session, run_id, Level.RUN)
            pause = limits.get_pause(session, pause_id, run_id=run_id)
            if pause.scope is Scope.WORKSPACE and not is_admin:
                raise AdministratorsOnly(what="raise its limits", whom=whom)
            crew = _whose(session, run, pause)
            if crew is not None and (viewer.level(session, crew) or 0) < Level.EDIT:
                raise NotYourLimit(owner=crew.owner)
        _still_open(run, pause)
        return run, pause

    def allow(self, run_id: int, pause_id: int, wanted: NewLimit, *, by: Actor) -> tuple[Execution, LimitPause]:
        """Let the run go on until it comes to ``wanted``; raise what ``asked`` does, or ``FormRefused``.

        The run, and what was decided.
        """
        run, pause = self.asked(run_id, pause_id, by=by)
        if wanted.most <= max(pause.used, pause.most):
            so_far = limits.amount(pause.name, max(pause.used, pause.most))
            raise FormRefused(fields={"most": f"It is at {so_far} already. Write more than that, or stop the run."})
        raised = replace(pause.ceiling, most=wanted.most)
        with self.store.transaction() as session:
            first = limits.decide(session, pause_id, verdict="raised", by=by.user, new_most=wanted.most)
            if first:
                limits.allow(session, run_id, raised, by=by.user)
                said = f"Run {run_id}: {limits.amount(raised.name, raised.most)}."
                note(session, Verb.RAISED, "limit", run.crew_name, by=by, details=said)
                runs.wake(session, run_id)
        if not first:
            return self.asked(run_id, pause_id, by=by)
        self.resume(run.id)
        return run, pause.model_copy(update={"new_most": wanted.most, "answered_by": by.user})


def _whose(session: Session, run: Execution, pause: LimitPause) -> CrewInstance | None:
    """The crew or flow whose limit it is; nothing for a limit of the workspace, or where it is gone."""
    if pause.scope is not Scope.CREW:
        return None
    if pause.crew is not None:
        return crews.named(session, pause.crew, team=run.team)
    return crews.get(session, run.crew_id, team=run.team) if run.crew_id is not None else None


def _let_go_on(session: Session, decided: CrewLimits, crew: CrewInstance | None, *, by: Actor) -> list[int]:
    """Bring back the runs that wait at a limit of the crew, or of the workspace, and are below it now; their ids."""
    woken = []
    for pause in limits.open_pauses(session, team=by.team):
        most = getattr(decided, pause.name, None)
        run = runs.fetch(session, pause.execution_id)
        whose = _whose(session, run, pause)
        theirs = pause.scope is Scope.WORKSPACE if crew is None else whose is not None and whose.id == crew.id
        if not theirs or (most is not None and most <= pause.used):
            continue
        if limits.decide(session, pause.id, verdict="raised", by=by.user, new_most=most):
            runs.wake(session, run.id)
            woken.append(run.id)
    return woken


def _outgrown(session: Session, run: Execution, reached: LimitReached) -> bool:
    """Whether the limit has been raised since the run began; it cannot be until the transaction ends."""
    scope, name = reached.ceiling.scope, reached.ceiling.name
    if scope is Scope.WORKSPACE:
        decided: CrewLimits = workspace_settings.get(session, run.team, lock=True).limits
    else:
        inside = crews.named(session, reached.ceiling.crew, team=run.team) if reached.ceiling.crew else None
        decided = limits.of_crew(session, inside.id if inside else run.crew_id, team=run.team, lock=True)
    most = getattr(decided, name, None)
    return most is None or most > reached.used


def _still_open(run: Execution, pause: LimitPause) -> None:
    if pause.verdict and pause.answered_by:
        raise AlreadyDecided(who=pause.answered_by, what=f"{pause.verdict} it")
    if run.status is not RunState.WAITING:
        raise NotWaiting(name=run.crew_name)


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
