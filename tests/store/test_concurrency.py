"""Many at once: one claims a run, one ends it, one saves an edit, and everybody's writing arrives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

import pytest

from bot.errors import EditedMeanwhile, NameTaken
from store import agents, crews, logs, runs, usage
from store.crews import CrewDraft
from store.database import Store
from store.logs import LogEntry
from store.runs import RunState
from store.usage import Used
from tests.store.examples import ANA, NORTHWIND, Shelf
from tests.support.office import AGENT, OWNER, TASK, Office

T = TypeVar("T")
THREADS = 8
SOON = 30


def all_at_once(act: Callable[[int], T]) -> list[T]:
    """What ``act`` gives each of eight threads that set off at the same moment."""
    line = threading.Barrier(THREADS)

    def go(number: int) -> T:
        line.wait(SOON)
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(go, range(THREADS), timeout=SOON))


def test_one_of_eight_claims_a_run(shelf: Shelf) -> None:
    crew = shelf.crew()
    for _ in range(5):
        run = shelf.run(crew)

        taken = all_at_once(lambda number, run=run: shelf.write(runs.claim, run.id, owner=f"process {number}"))  # type: ignore[misc]

        (winner,) = [number for number, won in enumerate(taken) if won]
        assert shelf.sql("SELECT owner_process, fence FROM executions WHERE id = :id", id=run.id) == [
            (f"process {winner}", 1)
        ]


def test_one_of_eight_ends_a_run(shelf: Shelf) -> None:
    run = shelf.claimed(shelf.crew())

    ended = all_at_once(lambda number: shelf.write(runs.finish, run, RunState.COMPLETED, results=f"{number}"))

    (winner,) = [each for each in ended if each]
    assert shelf.read(runs.get, run.id, team=NORTHWIND).results == winner.results


def test_one_of_eight_saves_an_edit_and_the_others_are_told(shelf: Shelf) -> None:
    crew = shelf.crew()

    def save(number: int) -> str | None:
        draft = CrewDraft(name=f"Version of {number}")
        try:
            return shelf.write(crews.change, crew.id, draft, team=NORTHWIND, version=1, by=ANA).name
        except EditedMeanwhile:
            return None

    (saved,) = [name for name in all_at_once(save) if name]
    read = shelf.read(crews.get, crew.id, team=NORTHWIND)
    assert (read.name, read.version) == (saved, 2)


def test_one_of_eight_gets_a_name_and_the_others_are_told(shelf: Shelf) -> None:
    def create(number: int) -> bool:
        try:
            shelf.crew("Straße" if number % 2 else "STRASSE")
        except NameTaken:
            return False
        return True

    assert sum(all_at_once(create)) == 1


def test_eight_who_add_to_one_crew_make_eight_versions(store: Store) -> None:
    office = Office(store)

    all_at_once(
        lambda number: office.agents.add(
            office.crew.id, AGENT.model_copy(update={"name": f"Writer {number}"}), by=OWNER
        )
    )

    told = office.history.versions(office.crew.id, by=OWNER)
    assert [version.number for version in told] == list(range(11, 0, -1))
    names = [{agent.name for agent in version.definition.agents} for version in told[:9]]
    added = [later - earlier for later, earlier in pairwise(names)]
    assert [version.summary for version in told[:THREADS]] == [f"Agent “{name}” added." for (name,) in added]


def test_eight_who_move_tasks_to_and_fro_never_lock_each_other_out(store: Store) -> None:
    office = Office(store)
    both = (office.crew.id, office.other.id)
    mine = [
        office.tasks.add(both[number % 2], TASK.model_copy(update={"name": f"Part {number}"}), by=OWNER)
        for number in range(THREADS)
    ]

    def work(number: int) -> None:
        for step in range(1, 5):
            office.tasks.move_to(mine[number].id, both[(number + step) % 2], by=OWNER)
            office.tasks.move(mine[number].id, later=False, by=OWNER)

    all_at_once(work)

    ended = [{task.name for task in office.crews.sheet(crew_id, by=OWNER).tasks} for crew_id in both]
    assert ended == [{"Research", "Part 0", "Part 2", "Part 4", "Part 6"}, {"Part 1", "Part 3", "Part 5", "Part 7"}]


def test_tokens_counted_at_the_same_time_all_count(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())

    all_at_once(lambda number: [shelf.write(usage.add, {run.id: Used(1, number)}) for _ in range(10)])

    counted = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert (counted.prompt_tokens, counted.completion_tokens) == (80, 10 * sum(range(THREADS)))


def test_eight_writers_that_read_first_are_never_locked_out(shelf: Shelf) -> None:
    crew = shelf.crew()
    run = shelf.run(crew)

    def work(number: int) -> None:
        for step in range(15):
            with shelf.store.transaction() as session:
                crews.get(session, crew.id, team=NORTHWIND)
                line = LogEntry(
                    execution_id=run.id, timestamp=datetime.now(UTC), log_type="x", message=f"{number}-{step}"
                )
                logs.add(session, [line])

    all_at_once(work)

    told = [entry.message for entry in shelf.read(logs.of_run, run.id)]
    assert sorted(told) == sorted(f"{number}-{step}" for number in range(THREADS) for step in range(15))
    for number in range(THREADS):
        assert [line for line in told if line.startswith(f"{number}-")] == [f"{number}-{step}" for step in range(15)]


def test_reading_goes_on_while_somebody_writes(sqlite_store: Store) -> None:
    shelf = Shelf(sqlite_store)
    crew = shelf.crew()

    with sqlite_store.transaction() as session:
        crews.change(session, crew.id, CrewDraft(name="Half written"), team=NORTHWIND, version=1, by=ANA)
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(shelf.read, crews.get, crew.id, team=NORTHWIND).result(SOON)

    assert read.name == "Market research"


def test_nothing_is_kept_of_a_transaction_that_fails(shelf: Shelf) -> None:
    crew = shelf.crew()

    with pytest.raises(NameTaken), shelf.store.transaction() as session:  # noqa: PT012 -- both belong to one transaction
        crews.change(session, crew.id, CrewDraft(name="Renamed"), team=NORTHWIND, version=1, by=ANA)
        crews.add(session, CrewDraft(name="RENAMED"), team=NORTHWIND, by=ANA)

    assert shelf.read(crews.names, team=NORTHWIND) == [(crew.id, "Market research")]


def test_a_reader_never_changes_anything(shelf: Shelf) -> None:
    crew = shelf.crew()

    with shelf.store.reading() as session:
        agents.list_all(session, crew.id, team=NORTHWIND)
        crews.note_run(session, crew.id, team=NORTHWIND, status="failed", at=datetime.now(UTC))

    assert shelf.read(crews.get, crew.id, team=NORTHWIND).status == "new"
