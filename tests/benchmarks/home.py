"""How soon App Home is there, with three crews and with ten thousand, and after a bare Bolt app's of one sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from functools import partial

from store.database import Store
from store.shares import EVERYBODY, Level
from tests.benchmarks.crews import ONE
from tests.benchmarks.measure import in_turn, median, ms, p99, ratio, table
from tests.benchmarks.runs import run
from tests.benchmarks.workplace import ANA, CREWCALL, TEAM, Place, place
from tests.local_slack.acting import Person

ROUNDS = 15
# The bot shows 80 App Homes a minute in the long run, so that Slack refuses none.
REST = 1.0
CREWS, SHARED, RUNS = 10_000, 2_000, 10_000
BEN = "U0BEN000002"
# Slack hears of an administrator, who sees every crew, and of somebody with whom some are shared.
PEOPLE = {"an administrator": ANA, "a member": BEN}


def measure(model: Mapping[str, str]) -> None:
    with ExitStack() as open_:
        few, many, bolt = (open_.enter_context(place(model)) for _ in range(3))
        fill(many)
        open_.enter_context(few.program(CREWCALL, "start")).reads()
        open_.enter_context(many.program(CREWCALL, "start")).reads()
        open_.enter_context(bolt.program("tests.benchmarks.bare_bolt", "bolt")).reads()
        for here in (few, many):
            run(here, ONE)  # CrewAI has been imported when it ends
        ways = {"bare Bolt, one sentence": bolt, "three crews": few, f"{CREWS:,} crews, {RUNS:,} runs": many}
        for who, user in PEOPLE.items():
            works = [partial(opening, here, user) for here in ways.values()]
            in_turn(2, *works)
            times = in_turn(ROUNDS, *works)
            rows = [
                (way, ms(median(taken)), ms(p99(taken)), ratio(median(taken), median(times[0])))
                for way, taken in zip(ways, times, strict=True)
            ]
            table(f"Opening App Home, {who}", ("", "median", "longest", "to bare Bolt"), rows)


def opening(here: Place, user: str) -> float:
    """Seconds from the click to the App Home in Slack."""
    time.sleep(REST / 2)
    person = Person(here.slack, user)
    before = _hash(person)
    began = time.perf_counter()
    assert person.does("open_home", tab="home")["ok"]
    person.sees(lambda: _hash(person) != before)
    return time.perf_counter() - began


def fill(here: Place) -> None:
    """Copies of the first crew, a fifth of them Ben's, some shared with everybody, and as many runs."""
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {})"
    with closing(Store(f"sqlite:///{here.data_dir / 'crewcall.db'}")) as store, store.engine.begin() as connection:
        found = connection.exec_driver_sql("PRAGMA table_info(crew_instances)")
        columns = [row[1] for row in found if row[1] != "id"]
        changed = {
            "name": "name || ' ' || n",
            "name_key": "name_key || ' ' || n",
            "owner": f"CASE n % 5 WHEN 0 THEN '{BEN}' ELSE owner END",
        }
        values = ", ".join(changed.get(name, name) for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO crew_instances ({', '.join(columns)}) {numbers.format(CREWS)}"
            f" SELECT {values} FROM crew_instances, numbers WHERE id = 1"
        )
        connection.exec_driver_sql(
            f"INSERT INTO shares (crew_id, team, subject, level) SELECT id, team, '{EVERYBODY}', {int(Level.RUN)}"
            f" FROM crew_instances WHERE id % 5 = 1 LIMIT {SHARED}"
        )
        connection.exec_driver_sql(
            "INSERT INTO executions (team, crew_id, crew_name, crew_version, definition, inputs, status, created_at,"
            " started_at, ended_at, error, started_by, source, channel, prompt_tokens, completion_tokens, fence,"
            f" crashes, woken, round, worked) {numbers.format(RUNS)}"
            f' SELECT \'{TEAM}\', n, \'Crew \' || n, 1, \'{{"name": "Crew", "process": "sequential", '
            "\"agents\": [], \"tasks\": []}', '{}', CASE n % 10 WHEN 0 THEN 'failed' ELSE 'completed' END,"
            " datetime('now'), datetime('now'), datetime('now'), CASE n % 10 WHEN 0 THEN 'The key is wrong.' END,"
            f" CASE n % 20 WHEN 10 THEN '{BEN}' ELSE '{ANA}' END, 'person', 'C0GENERAL01', 1, 1, 1, 0, 0, 0, 1.0"
            " FROM numbers"
        )


def _hash(person: Person) -> str:
    return str((person.asks("home")["view"] or {}).get("hash", ""))
