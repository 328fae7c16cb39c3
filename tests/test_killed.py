"""A run whose process is killed at any moment goes on in the next one, does nothing twice and says nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.local_slack import LocalSlack
from bot.manifest import manifest
from store import outbox, runs
from store.database import Store
from store.definitions import Definition
from store.runs import Execution, RunState
from tests.engine.crews import agent, crew, task
from tests.slack.northwind import RESEARCH, Northwind
from tests.store.databases import postgres_database
from tests.store.examples import ANA, NORTHWIND, Shelf
from tests.support.mortal import Nursery
from tests.support.scripted_model import ScriptedModel

TASKS = ("Find", "Sift", "Write")
# A run has about so many moments: two for each commit and for each call to Slack.
MOMENTS = range(1, 62)
SOME = [1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36, 40, 45]
FEW = [5, 11, 17, 25, 35]
THREE_TASKS = crew(
    [agent("Ann")],
    [task(name, f"{name} it.", "Ann", uses=list(TASKS[:number])) for number, name in enumerate(TASKS)],
)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("mortal"), {}) as nursery:
        yield nursery


@pytest.fixture
def northwind() -> Iterator[Northwind]:
    with LocalSlack(manifest(), rate_limits=False) as slack:
        yield Northwind(slack)


def started(shelf: Shelf, definition: Definition) -> Execution:
    """A run as it is when somebody has just started it."""
    made = shelf.crew()
    with shelf.store.transaction() as session:
        run = runs.add(session, made, definition, {}, version=1, by=ANA, channel=RESEARCH)
        outbox.want(session, run.id, [outbox.PARENT, outbox.PROGRESS])
    return run


def told(northwind: Northwind, since: int) -> list[str]:
    """The parts of the run in the channel and in its thread, after the ``since`` messages that were there before."""
    parents = northwind.messages()[since:]
    every = [*parents, *(reply for each in parents for reply in northwind.messages(thread_ts=each["ts"])[1:])]
    return [message["metadata"]["event_payload"]["part"] for message in every]


def survives(
    url: str, northwind: Northwind, llm: ScriptedModel, nursery: Nursery, die_at: list[int]
) -> tuple[Execution, list[str]]:
    """Let one process after the other be killed, and the last one finish; the run, and what its thread holds."""
    before = len(northwind.messages())
    for name in TASKS:
        llm.when(f"Current Task: {name} it.").says(f"{name}: done.")
    with closing(Store(url)) as store:
        store.upgrade()
        shelf = Shelf(store)
        run = started(shelf, THREE_TASKS)
        where = {
            "database": url,
            "slack": northwind.slack.api_url,
            "token": northwind.slack.bot_token,
            "model": llm.env(),
        }
        killed = [nursery.lives(die_at=moment, **where) for moment in die_at]
        nursery.lives(**where)
        ended = shelf.read(runs.get, run.id, team=NORTHWIND)
        parts = told(northwind, before)
    asked = Counter(name for name in TASKS for each in llm.requests if f"Current Task: {name} it." in each.prompt)
    assert ended.status is RunState.COMPLETED
    assert ended.results == "Write: done."
    # Only what was going on when a process died is done once more.
    assert sum(asked.values()) <= len(TASKS) + sum(killed)
    assert [parts.count(part) for part in ("parent", "progress", "result")] == [1, 1, 1]
    assert len(set(parts)) == len(parts)
    assert "Done" in northwind.texts()[-1]
    return ended, parts


@pytest.mark.parametrize("moment", SOME)
def test_a_run_survives_the_death_of_its_process(
    moment: int, tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    survives(f"sqlite:///{tmp_path / 'crewcall.db'}", northwind, llm, nursery, [moment])


@pytest.mark.parametrize("moment", FEW)
def test_a_run_survives_the_death_of_its_process_on_postgresql(
    moment: int, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    with postgres_database() as url:
        survives(url, northwind, llm, nursery, [moment])


def test_a_run_survives_two_deaths_and_says_each_time_with_what_it_goes_on(
    tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    ended, parts = survives(f"sqlite:///{tmp_path / 'crewcall.db'}", northwind, llm, nursery, [24, 12])

    assert ended.crashes >= 1
    assert len([part for part in parts if part.startswith("notice:")]) == ended.crashes


@pytest.mark.soak
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_survives_the_death_of_its_process_at_every_moment(
    moment: int, database: str, tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    if database == "sqlite":
        survives(f"sqlite:///{tmp_path / 'crewcall.db'}", northwind, llm, nursery, [moment])
        return
    with postgres_database() as url:
        survives(url, northwind, llm, nursery, [moment])
