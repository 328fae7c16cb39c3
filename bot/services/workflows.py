"""Steps of workflows: each runs a crew, and is told how the run ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.services import Actor
from bot.services.rights import Viewer
from bot.services.runs import Runs
from bot.services.step_inputs import read_inputs
from store import crews, runs, shares, workflow_steps
from store.database import Store
from store.runs import Execution, RunState
from store.shares import EVERYBODY, Level, Seer

if TYPE_CHECKING:
    from store.crews import CrewInstance
    from store.database import Session
    from store.workflow_steps import WorkflowStep

logger = logging.getLogger(__name__)

# Slack is tried again after 2 s, then 4 s, and so on up to an hour; altogether for most of a day.
_FIRST, _LONGEST = timedelta(seconds=2), timedelta(hours=1)
_MOST_TRIES = 30


class NoSuchCrew(UserError):
    """There is no crew called “{name}”."""


class NobodyThere(UserError):
    """Slack does not say who used this workflow. Add the step again, in a workflow that begins with a person."""


class NotForWorkflows(UserError):
    """“{name}” is not shared with everybody, so no workflow may run it."""


@dataclass(frozen=True)
class StepEnd:
    """How a step ended: a ``result`` and the run that it came from, or an ``error`` in a sentence."""

    step_id: str
    team: str
    result: str = ""
    error: str | None = None
    run: Execution | None = None
    # How often Slack could not be told so far.
    tries: int = 0


# Tells Slack how a step ended; raises when Slack cannot be told now.
Finish = Callable[[StepEnd], None]


class Workflows:
    """The steps that workflows of the workspace run."""

    def __init__(
        self,
        store: Store,
        run_service: Runs,
        finish: Finish,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.now = now
        self.runs = run_service
        self.finish = finish

    def begin(self, step_id: str, crew: str, inputs: str, *, channel: str, by: Actor) -> None:
        """Run a crew for a step, once however often the step is told of; what is wrong ends the step.

        Whoever built the workflow says what is run and where, and reads the result: only what everybody may run is run,
        and it is run by whoever used the workflow, ``by``; an empty user is nobody.
        """
        viewer = Viewer(by, Seer(by.user, (EVERYBODY,)))
        try:
            if not by.user:
                raise NobodyThere
            given = read_inputs(inputs)
            with self.store.transaction() as session:
                if workflow_steps.known(session, step_id, team=by.team):
                    return
                found = self._crew(session, crew, by.team)
                run = self.runs.queue(session, found.id, given, viewer=viewer, channel=channel, source="workflow")
                workflow_steps.add(session, step_id, team=by.team, run_id=run.id)
        except UserError as refusal:
            self._refuse(step_id, by.team, refusal.sentence)
            return
        self.runs.launcher.launch(run, partial(self._refuse, step_id, by.team))

    def tell(self, run_id: int | None = None) -> None:
        """Tell Slack of the steps whose runs are over, or of that of one run; several processes may call it.

        Called every few seconds it makes up for whatever was not told at once.
        """
        with self.store.reading() as session:
            found = workflow_steps.to_tell(session, self.now(), most=_MOST_TRIES, run_id=run_id)
            ends = [_end(session, step) for step in found]
        for end in ends:
            self._tell(end)

    def _refuse(self, step_id: str, team: str, error: str) -> None:
        """Write down first why the step got no run, so that Slack is told of it even if it does not listen now."""
        with self.store.transaction() as session:
            new = workflow_steps.refuse(session, step_id, error, team=team)
        if new:
            self._tell(StepEnd(step_id, team, error=error))

    def _tell(self, end: StepEnd) -> None:
        try:
            self.finish(end)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            self._put_off(end, error)
            return
        with self.store.transaction() as session:
            workflow_steps.told(session, end.step_id)

    def _put_off(self, end: StepEnd, error: Exception) -> None:
        tries, wait = end.tries + 1, min(_FIRST * 2**end.tries, _LONGEST)
        with self.store.transaction() as session:
            workflow_steps.put_off(session, end.step_id, self.now() + wait, tries=tries)
        what = "tries again" if tries < _MOST_TRIES else "gives up"
        logger.warning("Slack was not told how the step %s ended, and the bot %s: %s", end.step_id, what, error)

    def _crew(self, session: Session, name: str, team: str) -> CrewInstance:
        found = crews.named(session, name, team=team)
        if found is None:
            raise NoSuchCrew(name=name)
        if (shares.level(session, found.id, (EVERYBODY,), team=team) or 0) < Level.RUN:
            raise NotForWorkflows(name=found.name)
        return found


def _end(session: Session, step: WorkflowStep) -> StepEnd:
    if step.execution_id is None:
        return StepEnd(step.id, step.team, error=step.error, tries=step.tries)
    run = runs.fetch(session, step.execution_id)
    if run.status is RunState.COMPLETED:
        return StepEnd(step.id, run.team, result=run.results or "", run=run, tries=step.tries)
    where = f" at “{run.error_task}”" if run.error_task else ""
    said = "was stopped." if run.status is RunState.CANCELLED else f"failed{where}. {run.error or ''}"
    error = f"The run of “{run.crew_name}” {said}".strip()
    return StepEnd(step.id, run.team, error=error, run=run, tries=step.tries)
