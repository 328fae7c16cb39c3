"""Starting, stopping and looking back at runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.documents import Document
from bot.engine.state import begin
from bot.errors import UserError
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.checks import ModelProblem, ToolProblem, no_tool_problem
from bot.services.files import FileShelf
from bot.services.follow_ups import changing, written
from bot.services.freezing import frozen_whole
from bot.services.readiness import InputsMissing, InputsRefused, NotReady, prepared
from bot.services.rights import Rights, Viewer
from bot.services.trials import alone
from store import crews, finished, logs, outbox, run_files, run_lists, runs, steps, versions
from store.database import Store
from store.logs import LogEntry
from store.runs import Execution, RunState
from store.shares import Level

if TYPE_CHECKING:
    from store.database import Session

__all__ = [
    "AlreadyOver",
    "InputsMissing",
    "InputsRefused",
    "Launcher",
    "NoRunHere",
    "NotReady",
    "NotRetried",
    "NothingToRetry",
    "NothingToStop",
    "Runs",
    "Tell",
]

# Says one sentence to the person who asked, where nobody else sees it.
Tell = Callable[[str], None]


class AlreadyOver(UserError):
    """That run of “{name}” is already over."""


class NothingToStop(UserError):
    """You have no run going on. `/crew runs` shows the last ones."""


class NothingToRetry(UserError):
    """You have no run that failed or was stopped. `/crew runs` shows the last ones."""


class NotRetried(UserError):
    """That run of “{name}” cannot be tried again now: it goes on, or it is done."""


class NoRunHere(UserError):
    """This message does not belong to a run."""


class NoResultYet(UserError):
    """“{name}” has no result here that can be changed. Of a run that is done I can change the result."""


class NoCrewsResult(UserError):
    """“{name}” puts its result together from several steps. Change the step that writes it, or use “Edit inputs”."""


class Launcher(Protocol):
    """What makes a queued run known and brings it to work; it returns at once."""

    def launch(self, run: Execution, tell: Tell) -> None: ...

    def stop(self, run: Execution, by: str) -> None: ...

    def resume(self, run_id: int) -> None:
        """Let a run that was queued again go on."""
        ...


class Runs:
    """The workspace's runs."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        launcher: Launcher,
        model_problem: ModelProblem,
        tool_problem: ToolProblem = no_tool_problem,
        shelf: FileShelf | None = None,
    ) -> None:
        """``model_problem`` says what is wrong with a model's name in a workspace; ``""`` names the default model.

        ``tool_problem`` says the same of a tool in a workspace. ``shelf`` keeps the files that runs are given.
        """
        self.shelf = shelf or FileShelf(Path(".data"))
        self.store = store
        self.rights = rights
        self.tool_problem = tool_problem
        self.launcher = launcher
        self.model_problem = model_problem

    def start(
        self,
        crew_id: int,
        inputs: dict[str, Any],
        *,
        by: Actor,
        channel: str,
        tell: Tell,
        source: str = "person",
        thread_ts: str | None = None,
        files: Sequence[Document] = (),
    ) -> Execution:
        """Queue a run of the crew as it is now; raise ``Gone``, ``NotAllowed``, ``NotReady`` or ``InputsMissing``.

        A flow's inputs are JSON values or texts that say them; raise ``InputsRefused`` with those that do not fit.
        ``source`` says what started it: ``person``, ``schedule``, ``shortcut``, ``workflow`` or ``thread``; with
        ``thread_ts`` it is told about in that thread. What goes wrong later, before the run has a thread of its own, is
        said through ``tell``. Its agents can read ``files``.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            run = self.queue(
                session, crew_id, inputs, viewer=viewer, channel=channel, source=source, thread_ts=thread_ts
            )
            self.shelf.keep(session, run.id, files)
        self.launcher.launch(run, tell)
        return run

    def queue(
        self,
        session: Session,
        crew_id: int,
        inputs: dict[str, Any],
        *,
        viewer: Viewer,
        channel: str,
        source: str = "person",
        thread_ts: str | None = None,
        schedule_id: int | None = None,
        slot: datetime | None = None,
        telling: str | None = None,
    ) -> Execution:
        """Write down a run of the crew as it is now, in a transaction of the caller's, who launches it after that.

        Raises what ``start`` raises.
        """
        by = viewer.actor
        # No save may come between the parts that are read here.
        crews.hold(session, crew_id, team=by.team)
        crew = viewer.require(session, crew_id, Level.RUN)
        frozen, given = prepared(
            session, crew, inputs, viewer=viewer, tool_problem=self.tool_problem, model_problem=self.model_problem
        )
        version = versions.number(session, crew.id, team=by.team)
        run = runs.add(
            session,
            crew,
            frozen,
            given,
            version=version,
            by=by.user,
            channel=channel,
            source=source,
            thread_ts=thread_ts,
            schedule_id=schedule_id,
            slot=slot,
            telling=telling,
        )
        if telling is None:
            outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
        note(session, Verb.STARTED, "run", crew.name, by=by, details=f"Run {run.id} of version {version}.")
        return run

    def try_step(self, step_id: int, inputs: dict[str, Any], *, by: Actor, channel: str, tell: Tell) -> Execution:
        """Queue a run of one step of a flow by itself; raise ``Gone``, ``NotAllowed`` or ``InputsRefused``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            step = steps.get(session, step_id, team=by.team)
            flow = viewer.require(session, step.flow_id, Level.EDIT)
            definition = alone(frozen_whole(session, flow), step.key)
            _, wrong = begin(definition.state, inputs)
            if wrong:
                raise InputsRefused(wrong)
            named = flow.model_copy(update={"name": definition.name})
            version = versions.number(session, flow.id, team=by.team)
            run = runs.add(
                session, named, definition, inputs, version=version, by=by.user, channel=channel, source=runs.TRIAL
            )
            outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
            note(session, Verb.STARTED, "run", definition.name, by=by, details=f"Run {run.id}, of one step.")
        self.launcher.launch(run, tell)
        return run

    def stop(self, run_id: int, *, by: Actor) -> Execution:
        """Ask a run to stop; raise ``Gone``, ``NotYourRun`` or ``AlreadyOver``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            run = viewer.require_run(session, run_id, Level.EDIT)
            if run.status.over:
                raise AlreadyOver(name=run.crew_name)
            runs.want_stop(session, run_id, by=by.user)
            note(session, Verb.STOPPED, "run", run.crew_name, by=by, details=f"Run {run.id}.")
        self.launcher.stop(run, by.user)
        return run

    def again(self, run_id: int, *, by: Actor, tell: Tell, thread_ts: str | None = None) -> tuple[Execution, int]:
        """Run the same once more: the crew as it was then, with the same inputs in the same channel.

        With ``thread_ts`` it is told about in that thread there, else in one of its own. Gives the new run and the
        number of the crew's newest version. Raises ``Gone``, ``NotAllowed`` or ``NotYourRun``.
        """
        viewer, files = self.rights.of(by), self.files(run_id, by=by)
        with self.store.transaction() as session:
            old = viewer.require_run(session, run_id, Level.RUN)
            crew = viewer.require(session, old.crew_id or 0, _needed(old))
            run = runs.add(
                session,
                crew.model_copy(update={"name": old.definition.name}) if old.source == runs.TRIAL else crew,
                old.definition,
                old.inputs,
                version=old.crew_version,
                by=by.user,
                channel=old.channel,
                source=runs.TRIAL if old.source == runs.TRIAL else "person",
                thread_ts=thread_ts,
            )
            self.shelf.keep(session, run.id, files)
            outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
            note(session, Verb.STARTED, "run", run.crew_name, by=by, details=f"Run {run.id}, again as run {old.id}.")
            newest = versions.number(session, crew.id, team=by.team)
        self.launcher.launch(run, tell)
        return run, newest

    def newest(self, run_id: int, *, by: Actor, tell: Tell) -> Execution:
        """Run the crew of an earlier run as it is now, with the same inputs in the same channel."""
        run = self.get(run_id, by=by)
        files = self.files(run_id, by=by)
        return self.start(run.crew_id or 0, run.inputs, by=by, channel=run.channel, tell=tell, files=files)

    def files(self, run_id: int, *, by: Actor) -> list[Document]:
        """The files that a run was given, as far as they are still kept; raise ``Gone`` or ``NotYourRun``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            viewer.require_run(session, run_id, Level.RUN)
            given = run_files.of_run(session, run_id)
        return self.shelf.documents(given)

    def retry(self, run_id: int, *, by: Actor) -> Execution:
        """Let a run that failed or was stopped go on from what is unfinished, in the same thread.

        Raises ``Gone``, ``NotAllowed``, ``NotYourRun`` or ``NotRetried``; of two who ask at once the second gets that.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            found = viewer.require_run(session, run_id, Level.RUN)
            # Whoever started it sees it and stops it for ever, but has it work on only with the crew.
            viewer.require(session, found.crew_id or 0, _needed(found))
            run = runs.retry(session, run_id, by=by.user)
            if run is None:
                raise NotRetried(name=found.crew_name)
            outbox.move_again(session, run_id)
            note(session, Verb.RETRIED, "run", run.crew_name, by=by, details=f"Run {run.id}.")
        self.launcher.resume(run_id)
        return run

    def retry_latest(self, *, by: Actor, crew_id: int | None = None) -> Execution:
        """Let the person's newest run that failed or was stopped go on, of one crew or any.

        Raises ``NothingToRetry``.
        """
        with self.store.reading() as session:
            ended = [
                run
                for status in (RunState.FAILED, RunState.CANCELLED)
                for run in run_lists.latest(
                    session, team=by.team, crew_id=crew_id, started_by=by.user, status=status, limit=1
                )
            ]
        if not ended:
            raise NothingToRetry
        return self.retry(max(run.id for run in ended), by=by)

    def stop_in_thread(self, channel: str, thread_ts: str, *, by: Actor) -> Execution:
        """Ask the run that is told about in this thread to stop; raise what ``stop`` raises, or ``NoRunHere``."""
        return self.stop(self._here(channel, thread_ts, by).id, by=by)

    def retry_in_thread(self, channel: str, thread_ts: str, *, by: Actor) -> Execution:
        """Let the run that is told about in this thread go on; raise what ``retry`` raises, or ``NoRunHere``."""
        return self.retry(self._here(channel, thread_ts, by).id, by=by)

    def again_in_thread(
        self, channel: str, thread_ts: str, *, by: Actor, tell: Tell, stay: bool = False
    ) -> tuple[Execution, int]:
        """Run once more what is told about in this thread, to ``stay`` in it or in one of its own.

        Raises what ``again`` raises, or ``NoRunHere``.
        """
        into = thread_ts if stay else None
        return self.again(self._here(channel, thread_ts, by).id, by=by, tell=tell, thread_ts=into)

    def follow_up(self, channel: str, thread_ts: str, change: str, *, by: Actor, tell: Tell) -> Execution:
        """Have the result that is told about in this thread changed as somebody asks.

        It is a run of the same crew as it was then, of a flow the crew that wrote the result: its last task alone,
        which is given the result and the wish.
        Raises ``NoRunHere``, ``NoResultYet``, ``NoCrewsResult``, ``Gone``, ``NotAllowed`` or ``NotYourRun``.
        """
        old = self.get(self._here(channel, thread_ts, by).id, by=by)
        if old.status is not RunState.COMPLETED or not old.results:
            raise NoResultYet(name=old.crew_name)
        with self.store.reading() as session:
            kept = finished.all_of(session, old.id)
        author = written(old.definition, old.inputs, old.results, kept)
        if author is None:
            raise NoCrewsResult(name=old.crew_name)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, old.crew_id or 0, _needed(old))
            run = runs.add(
                session,
                crew,
                changing(author.by, old.results, change),
                dict(author.inputs),
                version=old.crew_version,
                by=by.user,
                channel=channel,
                source=runs.FOLLOW_UP,
                thread_ts=thread_ts,
            )
            outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
            note(session, Verb.STARTED, "run", crew.name, by=by, details=f"Run {run.id}, to change run {old.id}.")
        self.launcher.launch(run, tell)
        return run

    def is_here(self, team: str, channel: str, thread_ts: str) -> bool:
        """Whether a run is told about in this thread."""
        with self.store.reading() as session:
            return runs.in_thread(session, team=team, channel=channel, thread_ts=thread_ts) is not None

    def _here(self, channel: str, thread_ts: str, by: Actor) -> Execution:
        with self.store.reading() as session:
            run = runs.in_thread(session, team=by.team, channel=channel, thread_ts=thread_ts)
        if run is None:
            raise NoRunHere
        return run

    def stop_latest(self, *, by: Actor, crew_id: int | None = None) -> Execution:
        """Ask the person's newest unfinished run, of one crew or any, to stop; raise ``NothingToStop``."""
        with self.store.reading() as session:
            going = run_lists.latest(
                session, team=by.team, crew_id=crew_id, started_by=by.user, unfinished=True, limit=1
            )
        if not going:
            raise NothingToStop
        return self.stop(going[0].id, by=by)

    def get(self, run_id: int, *, by: Actor) -> Execution:
        """One run; raise ``Gone`` or ``NotYourRun``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return viewer.require_run(session, run_id, Level.RUN)

    def in_thread(self, channel: str, thread_ts: str, *, by: Actor) -> Execution | None:
        """The run that is told about in this thread, if there is one; raise ``NotYourRun``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            run = runs.in_thread(session, team=by.team, channel=channel, thread_ts=thread_ts)
            return viewer.require_run(session, run.id, Level.RUN) if run else None

    def latest(
        self,
        *,
        by: Actor,
        crew_id: int | None = None,
        before: int | None = None,
        unfinished: bool = False,
        limit: int = 10,
    ) -> list[Execution]:
        """The newest runs that the person may see first, of one crew or all, older than ``before`` if given.

        ``unfinished`` leaves out those that are over.
        """
        seer = self.rights.of(by).seer
        with self.store.reading() as session:
            return run_lists.latest(
                session,
                team=by.team,
                crew_id=crew_id,
                before=before,
                unfinished=unfinished,
                seer=seer,
                limit=limit,
            )

    def state(self, run_id: int, *, by: Actor) -> dict[str, Any]:
        """A flow's state as the run has it, or as it began while no step is done; raise ``Gone`` or ``NotYourRun``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            run = viewer.require_run(session, run_id, Level.RUN)
            said = logs.last_message(session, run_id, "StateChanged")
        if said:
            return dict(json.loads(said))
        return begin(run.definition.state, run.inputs)[0]

    def log(self, run_id: int, *, by: Actor) -> list[LogEntry]:
        """A run's log in the order things happened; raise ``Gone`` or ``NotYourRun``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            viewer.require_run(session, run_id, Level.RUN)
            return logs.of_run(session, run_id)


def _needed(run: Execution) -> Level:
    """What lets somebody run the same: steps alone are for those who may change the flow, as the first time."""
    return Level.EDIT if run.source == runs.TRIAL else Level.RUN
