"""Crews on their shelf: listed, found, changed, deleted, and noted after a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from bot.errors import EditedMeanwhile, Gone
from store import crews, runs
from store.crews import CrewDraft, Process
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf


def names_on(shelf: Shelf, **asked: object) -> list[str]:
    found, _ = shelf.read(crews.page, team=NORTHWIND, **{"mine": ANA, **asked})  # type: ignore[arg-type]
    return [crew.name for crew in found]


def test_a_new_crew_is_read_back_as_it_was_made(shelf: Shelf) -> None:
    made = shelf.crew("Market research", description="What is new?", process_type=Process.HIERARCHICAL)

    read = shelf.read(crews.get, made.id, team=NORTHWIND)

    assert read == made
    assert (read.owner, read.changed_by, read.version, read.status, read.kind) == (ANA, ANA, 1, "new", "crew")
    assert read.draft() == CrewDraft(
        name="Market research", description="What is new?", process_type=Process.HIERARCHICAL
    )
    assert (read.config, read.state_schema, read.last_executed) == ({}, None, None)


def test_all_names_can_be_had_at_once(shelf: Shelf) -> None:
    one, two = shelf.crew("One"), shelf.crew("Two", by=BEN)

    assert sorted(shelf.read(crews.names, team=NORTHWIND)) == [(one.id, "One"), (two.id, "Two")]


def test_ones_own_crews_come_first_and_each_group_by_latest_change(shelf: Shelf) -> None:
    old = shelf.crew("Old but mine")
    shelf.crew("New but bens", by=BEN)
    shelf.crew("Mine")
    shelf.crew("Newest of ben", by=BEN)
    shelf.write(crews.change, old.id, CrewDraft(name="Mine, just changed"), team=NORTHWIND, version=1, by=BEN)

    assert names_on(shelf) == ["Mine, just changed", "Mine", "Newest of ben", "New but bens"]
    assert names_on(shelf, mine=BEN)[:2] == ["Newest of ben", "New but bens"]


def test_pages_follow_each_other_without_gap_or_overlap(shelf: Shelf) -> None:
    for number in range(25):
        shelf.crew(f"Crew {number:02}", by=BEN if number % 2 else ANA)

    pages = [names_on(shelf, offset=offset, limit=10) for offset in (0, 10, 20, 30)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert sorted(name for page in pages for name in page) == [f"Crew {number:02}" for number in range(25)]
    assert shelf.read(crews.page, team=NORTHWIND, mine=ANA, offset=20)[1] == 25


def test_every_word_must_stand_in_the_name_or_the_description(shelf: Shelf) -> None:
    shelf.crew("Market research", description="Batteries, weekly")
    shelf.crew("Support answers", description="Market questions")
    shelf.crew("Something else")

    assert names_on(shelf, words="market BATTER") == ["Market research"]
    assert sorted(names_on(shelf, words="MARKET")) == ["Market research", "Support answers"]
    assert shelf.read(crews.page, team=NORTHWIND, mine=ANA, words="market", limit=1)[1] == 2
    assert names_on(shelf, words="market zebra") == []


@pytest.mark.parametrize("typed", ["übersicht", "ÜBERSICHT", "strasse", "STRASSE", "straße"])
def test_case_is_ignored_in_every_alphabet(shelf: Shelf, typed: str) -> None:
    shelf.crew("Berichte", description="Übersicht je Straße")

    assert names_on(shelf, words=typed) == ["Berichte"]


@pytest.mark.parametrize(
    ("typed", "found"), [("%", ["50% off"]), ("_", ["snake_case"]), ("\\", ["C:\\crew"]), ("0% o", ["50% off"])]
)
def test_wildcards_are_ordinary_characters(shelf: Shelf, typed: str, found: list[str]) -> None:
    for name in ("50% off", "snake_case", "C:\\crew", "Plain"):
        shelf.crew(name)

    assert names_on(shelf, words=typed) == found


def test_a_changed_crew_is_found_by_its_new_words_only(shelf: Shelf) -> None:
    crew = shelf.crew("Before", description="old words")
    draft = CrewDraft(name="After", description="fresh words")
    shelf.write(crews.change, crew.id, draft, team=NORTHWIND, version=1, by=ANA)

    assert names_on(shelf, words="old") == []
    assert names_on(shelf, words="fresh") == ["After"]


def test_the_second_of_two_edits_is_refused_and_nothing_of_it_is_kept(shelf: Shelf) -> None:
    crew = shelf.crew("Market research")
    bens = shelf.write(crews.change, crew.id, CrewDraft(name="Bens"), team=NORTHWIND, version=crew.version, by=BEN)

    with pytest.raises(EditedMeanwhile, match="changed this crew while you were editing"):
        shelf.write(crews.change, crew.id, CrewDraft(name="Anas"), team=NORTHWIND, version=crew.version, by=ANA)

    assert shelf.read(crews.get, crew.id, team=NORTHWIND) == bens
    assert (bens.version, bens.changed_by, bens.owner) == (2, BEN, ANA)


def test_a_run_does_not_disturb_an_open_edit(shelf: Shelf) -> None:
    crew = shelf.crew()
    at = datetime.now(UTC)

    shelf.write(crews.note_run, crew.id, team=NORTHWIND, status="completed", at=at)
    saved = shelf.write(crews.change, crew.id, CrewDraft(name="New"), team=NORTHWIND, version=crew.version, by=ANA)

    assert (saved.status, saved.last_executed, saved.version) == ("completed", at, 2)


def test_the_run_of_a_crew_that_is_gone_notes_nothing(shelf: Shelf) -> None:
    crew = shelf.crew()

    shelf.write(crews.note_run, None, team=NORTHWIND, status="failed", at=datetime.now(UTC))

    assert shelf.read(crews.get, crew.id, team=NORTHWIND) == crew


def test_deleting_a_crew_takes_its_agents_and_tasks_and_leaves_its_runs(shelf: Shelf) -> None:
    crew, other = shelf.crew("Gone tomorrow"), shelf.crew("Stays")
    for each in (crew, other):
        first = shelf.task(each, "First", agent_id=shelf.agent(each).id)
        shelf.task(each, "Second", depends_on=[first.id])
    run = shelf.run(crew, {"topic": "batteries"})

    was = shelf.write(crews.remove, crew.id, team=NORTHWIND)

    assert was.name == "Gone tomorrow"
    assert [shelf.count(table) for table in ("crew_instances", "agents", "tasks", "task_dependencies")] == [1, 1, 2, 1]
    kept = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert (kept.crew_id, kept.crew_name, kept.inputs) == (None, "Gone tomorrow", {"topic": "batteries"})
    assert [task.name for task in kept.definition.tasks] == ["First", "Second"]
    with pytest.raises(Gone, match="That crew has been deleted"):
        shelf.read(crews.get, crew.id, team=NORTHWIND)


def test_a_deleted_crew_cannot_be_changed_or_deleted_again(shelf: Shelf) -> None:
    crew = shelf.crew()
    shelf.write(crews.remove, crew.id, team=NORTHWIND)

    with pytest.raises(Gone):
        shelf.write(crews.change, crew.id, CrewDraft(name="New"), team=NORTHWIND, version=1, by=ANA)
    with pytest.raises(Gone):
        shelf.write(crews.remove, crew.id, team=NORTHWIND)


def test_the_name_of_a_deleted_crew_is_free_again(shelf: Shelf) -> None:
    shelf.write(crews.remove, shelf.crew("Phoenix").id, team=NORTHWIND)

    assert shelf.crew("Phoenix").version == 1


def test_another_workspace_sees_and_changes_nothing(shelf: Shelf) -> None:
    crew = shelf.crew()

    forbidden: list[Callable[[], object]] = [
        lambda: shelf.read(crews.get, crew.id, team=CONTOSO),
        lambda: shelf.write(crews.change, crew.id, CrewDraft(name="Theirs"), team=CONTOSO, version=1, by=BEN),
        lambda: shelf.write(crews.remove, crew.id, team=CONTOSO),
    ]
    for act in forbidden:
        with pytest.raises(Gone):
            act()
    shelf.write(crews.note_run, crew.id, team=CONTOSO, status="failed", at=datetime.now(UTC))

    assert shelf.read(crews.names, team=CONTOSO) == []
    assert shelf.read(crews.page, team=CONTOSO, mine=ANA, words="market") == ([], 0)
    assert shelf.read(crews.get, crew.id, team=NORTHWIND) == crew
