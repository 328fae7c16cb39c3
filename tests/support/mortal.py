"""Processes that work on a run and are killed at a chosen moment; they are forked from one that has CrewAI already."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Nursery:
    """A process that forks one that works, waits for its end, and says how it ended."""

    def __init__(self, data_dir: Path, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.support.mortal", str(data_dir)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        assert self._process.stdout
        self._process.stdout.close()

    def lives(self, *, database: str, slack: str, token: str, model: dict[str, str], die_at: int = 0) -> bool:
        """Let a process work until nothing is left to do, or be killed at its ``die_at``th moment; whether it was."""
        assert self._process.stdin
        assert self._process.stdout
        life = {"database": database, "slack": slack, "token": token, "model": model, "die_at": die_at}
        self._process.stdin.write(json.dumps(life) + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in (0, -signal.SIGKILL), f"the process ended with {ended}"
        return ended != 0


class Fate:
    """Counts moments, and kills this process at one of them."""

    def __init__(self, die_at: int) -> None:
        self._left = die_at
        self._lock = threading.Lock()

    def __call__(self, *_: object) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _live(data_dir: Path, life: dict[str, Any]) -> None:
    """Work on whatever there is, as the bot does. Commits have a moment before, calls to Slack one after them too."""
    from slack_sdk import WebClient
    from sqlalchemy import event

    from bot.engine.llms import Models
    from bot.engine.memory import Stored
    from bot.engine.run import execute
    from bot.events import ENDINGS, RunEvent
    from bot.progress.asked import Questions
    from bot.progress.feed import Feed
    from bot.runner import Runner
    from bot.scheduler import Scheduler
    from bot.services.admins import Admins
    from bot.services.desk import RunDesk
    from bot.services.limits import Limits
    from bot.services.rights import NoPeople, Rights
    from bot.slack.gate import Gate
    from store.database import Store
    from store.runs import Execution
    from tests.support.watching import Watch

    fate = Fate(life["die_at"])

    class Client(WebClient):
        def api_call(self, *args: Any, **kwargs: Any) -> Any:
            fate()
            answer = super().api_call(*args, **kwargs)
            fate()
            return answer

    models = Models("openai/scripted", data_dir, life["model"])

    def work(run: Execution, emit: Callable[[RunEvent], None], stop: threading.Event) -> str:
        with limits.holding(run) as meter:
            return execute(
                run.definition,
                run.inputs,
                run_id=run.id,
                models=models,
                emit=emit,
                stop=stop,
                meter=meter,
                memory=Stored(store, run, meter),
                desk=RunDesk(store, run, questions.ask),
            )

    def tell(event: RunEvent) -> None:
        feed(event)
        if isinstance(event, ENDINGS):
            questions.run_over(event.run_id)

    store = Store(life["database"])
    watch = Watch(store.engine)
    # Only what is written counts, and SQLAlchemy says the same of what was only read.
    event.listen(store.engine, "commit", fate)
    client = Client(life["token"], base_url=life["slack"])
    limits = Limits(store, Rights(NoPeople()), Admins(NoPeople()), lambda _run_id: None)
    gate = Gate(lambda _team: client)
    feed = Feed(
        store, gate, bot_name="crew", notify=lambda *_: None, patience=timedelta(seconds=0.1), counting=limits.counting
    )
    questions = Questions(store, gate, lambda _review: "Ben", notify=lambda *_: None, patience=timedelta(seconds=0.1))
    runner = Runner(store, work, tell, workers=2, poll=0.1)
    scheduler = Scheduler(every=timedelta(seconds=0.1), jobs=[questions.catch_up])
    runner.recover()
    scheduler.start()
    watch.until(lambda: not _left(store), seconds=PATIENCE)
    scheduler.close()
    runner.close()
    questions.close()
    feed.close()
    gate.close()


def _left(store: Any) -> bool:
    """Whether a run is not over, or something is still to be said."""
    from sqlalchemy import text

    unfinished = "SELECT count(*) FROM executions WHERE status IN ('queued', 'running')"
    unsaid = (
        "SELECT count(*) FROM outbox JOIN executions ON executions.id = outbox.execution_id "
        "WHERE outbox.state = 'pending' OR (outbox.state = 'moving' AND executions.status <> 'waiting')"
    )
    unshown = "SELECT count(*) FROM reviews WHERE shown < changes"
    with store.reading() as session:
        return any(session.execute(text(each)).scalar() for each in (unfinished, unsaid, unshown))


def _serve(data_dir: Path) -> None:
    from bot.engine.hardening import harden
    from bot.engine.warmup import Warmup

    harden(data_dir)
    warmup = Warmup()
    warmup.start()
    warmup.wait()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _live(data_dir, json.loads(line))
                code = 0
            finally:
                # Nothing of the parent's is to be tidied up here.
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
