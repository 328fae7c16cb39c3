"""What happened before anybody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from store import reviews, runs, schedules
from store.crews import CrewInstance
from store.definitions import Definition
from store.more_settings import ReviewSettings
from store.runs import Execution, RunState
from store.schedules import ScheduleState
from tests.support.office import SCHEDULE

if TYPE_CHECKING:
    from bot.app import Crewcall


class Past:
    """What happened before anybody looked, written straight into the store."""

    def __init__(self, bot: Crewcall) -> None:
        self.store = bot.store

    def began(self, crew: CrewInstance, by: str) -> Execution:
        """A run that some other process works on."""
        frozen = Definition(name=crew.name, process=crew.process_type, agents=[], tasks=[])
        told: dict[str, Any] = {"version": 1, "by": by, "channel": "C0GENERAL01"}
        with self.store.transaction() as session:
            run = runs.add(session, crew, frozen, {}, **told)
            claimed = runs.claim(session, run.id, owner="another")
        assert claimed is not None
        return claimed

    def failed(self, crew: CrewInstance, by: str, why: str = "The key is wrong.", days_ago: int = 0) -> Execution:
        """A run that failed."""
        run = self.began(crew, by)
        with self.store.transaction() as session:
            runs.finish(session, run, RunState.FAILED, error=why, error_task="Research")
            then = datetime.now(UTC) - timedelta(days=days_ago)
            session.connection().exec_driver_sql(
                f"UPDATE executions SET ended_at = '{then:%Y-%m-%d %H:%M:%S.%f}' WHERE id = {run.id}"
            )
        return run

    def asked(self, crew: CrewInstance, by: str) -> None:
        """A run that waits for a decision."""
        run = self.began(crew, by)
        said: dict[str, Any] = {"kind": "review", "task": "Research", "agent": "Ada", "produced": "x", "prompt": ""}
        with self.store.transaction() as session:
            reviews.ask(session, run, "x", **said, settings=ReviewSettings(), round=0, now=datetime.now(UTC))
            runs.pause(session, run, waiting_for="Research")

    def paused(self, crew: CrewInstance, by: str, state: ScheduleState = ScheduleState.FAILING) -> None:
        """A schedule that came to rest by itself."""
        with self.store.transaction() as session:
            made = schedules.add(session, SCHEDULE, crew_id=crew.id, team=crew.team, by=by, next_at=None)
            schedules.move(session, made, state=state, note="The key is wrong." * 20)
