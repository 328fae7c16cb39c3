"""How long it takes to look back when there are a million lines of log."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from store import crews, line, logs, run_lists, runs
from store.crews import CrewDraft
from store.database import Session, Store
from store.definitions import Definition
from store.runs import RunState
from store.shares import EVERYBODY, Seer
from tests.benchmarks.measure import in_turn, median, ms, table

RUNS, LINES = 20_000, 50
ROUNDS = 30
TEAM = "T0NORTHWIND"


def measure(_model: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(Store(f"sqlite:///{Path(folder) / 'history.db'}")) as store:
        crew_id = fill(store)
        with store.reading() as session:
            questions = _questions(session, crew_id)
            took = in_turn(ROUNDS, *(partial(_timed, ask) for ask in questions.values()))
    rows = [(name, ms(median(times)), ms(max(times))) for name, times in zip(questions, took, strict=True)]
    table(f"A question among {RUNS:,} runs with {RUNS * LINES:,} log lines", ("question", "median", "longest"), rows)


def fill(store: Store) -> int:
    """Runs of 100 crews by 50 people, each with 4 KB of snapshot; the id of one crew."""
    store.upgrade()
    with store.transaction() as session:
        made = [crews.add(session, CrewDraft(name=f"Crew {n}"), team=TEAM, by="U0") for n in range(100)]
        frozen = Definition(name="Crew", process=made[0].process_type, agents=[], tasks=[])
        frozen = frozen.model_copy(update={"description": "x" * 4_000})
        first = runs.add(session, made[0], frozen, {}, version=1, by="U0", channel="C0")
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
    with store.engine.begin() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(executions)") if row[1] != "id"]
        changed = {
            "crew_id": f"{made[0].id} + n % 100",
            "started_by": "'U' || (n % 50)",
            "status": "CASE n % 10 WHEN 0 THEN 'failed' ELSE 'completed' END",
            "ended_at": f"'{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}'",
        }
        values = ", ".join(changed.get(name, name) for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO executions ({', '.join(columns)}) {numbers.format(RUNS)} "
            f"SELECT {values} FROM executions, numbers WHERE id = {first.id}"
        )
        connection.exec_driver_sql(
            "INSERT INTO execution_logs (execution_id, timestamp, log_type, task, message) "
            f"{numbers.format(LINES)} SELECT id, created_at, 'ModelCalled', 'Research', "
            "'openai/gpt-4.1: 1200 tokens in, 300 out' FROM executions, numbers"
        )
    return made[0].id


def _questions(session: Session, crew_id: int) -> dict[str, Callable[[], object]]:
    ask = partial(run_lists.latest, session, team=TEAM, limit=9)
    seer = Seer("U7", ("U7", EVERYBODY))
    return {
        "the last runs": ask,
        "the last runs, for somebody with runs but no crew": partial(ask, seer=seer),
        "failed ones": partial(ask, status=RunState.FAILED),
        "of a crew, failed": partial(ask, crew_id=crew_id, status=RunState.FAILED),
        "of a person, failed, from the middle": partial(
            ask, started_by="U10", status=RunState.FAILED, before=RUNS // 2
        ),
        "in a state that there is none of": partial(ask, status=RunState.CANCELLED),
        "of a crew by somebody who never ran it": partial(ask, crew_id=crew_id, started_by="U1"),
        "a page of a run's log": partial(logs.of_run, session, RUNS // 2, limit=41),
        "whose turn it is": partial(line.order, session),
    }


def _timed(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began
