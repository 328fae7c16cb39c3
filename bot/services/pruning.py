"""Deleting the logs of runs that ended long ago."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from store import logs, runs, workspace_settings
from store.database import Store

# One transaction deletes so many lines, so that nobody waits long for the database.
BATCH = 500
# One tick of the clock does not go on for longer than so many transactions.
_AT_A_TIME = 20
# How often it is looked whether something has become old.
_PAUSE = timedelta(hours=1)


class Pruning:
    """Whatever is too old. Every process may do it; each line is deleted once."""

    def __init__(self, store: Store, days: int, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Workspaces that decided nothing keep logs for so many ``days``; ``now`` is a clock in UTC."""
        self.store = store
        self.days = days
        self._now = now
        self._next = now()

    def tick(self) -> None:
        """Delete some of what is too old; when nothing is, look again in an hour."""
        if self._now() < self._next:
            return
        left = _AT_A_TIME
        with self.store.reading() as session:
            teams = runs.teams(session)
        for team in teams:
            while self._prune(team):
                left -= 1
                if not left:
                    return
        self._next = self._now() + _PAUSE

    def _prune(self, team: str) -> bool:
        """Delete a batch; whether there may be more."""
        with self.store.transaction() as session:
            days = workspace_settings.get(session, team).limits.log_days or self.days
            return logs.prune(session, team=team, ended_before=self._now() - timedelta(days=days), limit=BATCH)
