"""The clock: what has to be looked at every few seconds, in every process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

logger = logging.getLogger(__name__)


class Scheduler:
    """Calls its jobs one after the other, again and again. It remembers nothing: what is due stands in the database.

    Several processes may each have one; a job must bear that.
    """

    def __init__(self, *, every: timedelta, jobs: Sequence[Callable[[], object]]) -> None:
        """Nothing is called before ``start``."""
        self.jobs = jobs
        self._clock = BackgroundScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)}, daemon=True)
        # A tick that is late is as good as one in time, and two at once are none better.
        self._clock.add_job(
            self.tick,
            "interval",
            seconds=every.total_seconds(),
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )
        # It says so each time a tick takes longer than the time between two, which is nothing to worry about.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def start(self) -> None:
        """Let the clock go; the first tick comes after ``every``."""
        self._clock.start()

    def close(self) -> None:
        """Stop the clock and wait for the tick that is going on."""
        if self._clock.running:
            self._clock.shutdown(wait=True)

    def tick(self) -> None:
        """Call every job once; the failure of one is logged and keeps no other from its turn."""
        for job in self.jobs:
            try:
                job()
            except Exception:
                logger.exception("a job of the clock failed")
