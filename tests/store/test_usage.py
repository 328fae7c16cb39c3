"""What was used is counted for the run, and for its workspace, crew and person in each month."""

from __future__ import annotations

from datetime import UTC, datetime

from store import crews, runs, usage
from store.usage import WORKSPACE, Used
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf

OCTOBER = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)


def test_what_runs_use_adds_up_for_all_whom_it_concerns(shelf: Shelf) -> None:
    research, letters = shelf.crew(), shelf.crew("Letters")
    mine, other = shelf.run(research, by=ANA), shelf.run(letters, by=BEN)

    shelf.write(usage.add, {mine.id: Used(100, 20, 0.5), other.id: Used(7, 3)})
    shelf.write(usage.add, {mine.id: Used(1, 1, 0.25)})

    told = shelf.read(runs.get, mine.id, team=NORTHWIND)
    assert (told.prompt_tokens, told.completion_tokens, told.cost) == (101, 21, 0.75)
    assert shelf.read(runs.get, other.id, team=NORTHWIND).cost is None
    used = {
        subject: shelf.read(usage.in_month, subject, team=NORTHWIND)
        for subject in (WORKSPACE, usage.crew(research.id), usage.crew(letters.id), usage.person(ANA), "person:U0")
    }
    assert used == {
        WORKSPACE: Used(108, 24, 0.75),
        usage.crew(research.id): Used(101, 21, 0.75),
        usage.crew(letters.id): Used(7, 3, None),
        usage.person(ANA): Used(101, 21, 0.75),
        "person:U0": Used(),
    }
    assert shelf.read(usage.in_month, WORKSPACE, team=CONTOSO) == Used()


def test_each_month_begins_at_nothing(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())

    shelf.write(usage.add, {run.id: Used(5, 5)}, at=OCTOBER)

    assert shelf.read(usage.in_month, WORKSPACE, team=NORTHWIND) == Used()
    assert shelf.read(usage.in_month, WORKSPACE, team=NORTHWIND, at=OCTOBER) == Used(5, 5)


def test_runs_of_a_deleted_crew_and_runs_taken_back_count_where_they_can(shelf: Shelf) -> None:
    crew = shelf.crew()
    kept, gone = shelf.run(crew), shelf.run(crew)
    shelf.write(runs.discard, gone.id)
    shelf.write(crews.remove, crew.id, team=NORTHWIND)

    shelf.write(usage.add, {kept.id: Used(1, 1), gone.id: Used(1, 1)})

    assert shelf.read(usage.in_month, WORKSPACE, team=NORTHWIND) == Used(1, 1)
