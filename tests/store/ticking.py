"""A process of the bot that does nothing but tick: ``python -m tests.store.ticking URL START SPEED``.

Its clock goes ``SPEED`` times as fast as the real one from ``START`` on, and every run ends as soon as it is seen. It
says “ticking” once it does, and then what time it is after each tick, until it is killed.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta

from bot.services.clock import Clock
from bot.services.rights import Rights
from bot.services.runs import Runs
from store.database import Store
from store.runs import RunState
from tests.support.office import Launcher, Slack


def main(url: str, start: str, speed: str) -> None:
    """Tick."""
    store, slack, began = Store(url), Slack(), time.time()
    rights = Rights(slack)
    runs = Runs(store, rights, Launcher(), lambda name, team: None)

    def now() -> datetime:
        return datetime.fromisoformat(start) + timedelta(seconds=(time.time() - began) * float(speed))

    clock = Clock(store, rights, slack, runs, lambda team, user, text: None, now=now)
    print("ticking", flush=True)
    while True:
        clock.tick()
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE executions SET status = '{RunState.COMPLETED}' WHERE status = 'queued'")
        print(now().isoformat(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
