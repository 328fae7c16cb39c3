"""What crews remember: whose it is, how much of it is kept, and when it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from store import crews, memories
from store.memories import Fact
from tests.store.examples import CONTOSO, NORTHWIND, Shelf

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def fact(number: int, content: str = "The sky is blue.") -> Fact:
    at = LONG_AGO + timedelta(minutes=number)
    return Fact(id=f"fact-{number}", content=content, categories=["sky"], created_at=at, recalled_at=at)


def contents(shelf: Shelf, crew_id: int, *, team: str = NORTHWIND) -> list[str]:
    return [each.content for each in shelf.read(memories.list_all, crew_id, team=team)]


def test_facts_are_read_back_newest_first(shelf: Shelf) -> None:
    crew = shelf.crew("Research")
    shelf.write(memories.keep, crew.id, [fact(1, "Old."), fact(2, "New.")], team=NORTHWIND)

    assert shelf.read(memories.list_all, crew.id, team=NORTHWIND) == [fact(2, "New."), fact(1, "Old.")]
    assert contents(shelf, crew.id, team=CONTOSO) == []


def test_a_fact_is_changed_by_keeping_it_again(shelf: Shelf) -> None:
    crew = shelf.crew("Research")
    shelf.write(memories.keep, crew.id, [fact(1, "Old.")], team=NORTHWIND)
    shelf.write(memories.keep, crew.id, [fact(1, "Corrected.")], team=NORTHWIND)

    assert contents(shelf, crew.id) == ["Corrected."]


def test_the_oldest_go_where_there_are_too_many(shelf: Shelf) -> None:
    crew = shelf.crew("Research")
    shelf.write(memories.keep, crew.id, [fact(number) for number in range(memories.MOST_FACTS)], team=NORTHWIND)
    shelf.write(memories.keep, crew.id, [fact(5_000, "Newest.")], team=NORTHWIND)

    kept = shelf.read(memories.list_all, crew.id, team=NORTHWIND)
    assert (len(kept), kept[0].content, kept[-1].id) == (memories.MOST_FACTS, "Newest.", "fact-1")
    assert shelf.read(memories.count, crew.id, team=NORTHWIND) == memories.MOST_FACTS


def test_facts_are_forgotten_one_by_one_or_all(shelf: Shelf) -> None:
    crew, other = shelf.crew("Research"), shelf.crew("Other")
    shelf.write(memories.keep, crew.id, [fact(1), fact(2), fact(3)], team=NORTHWIND)
    shelf.write(memories.keep, other.id, [fact(4)], team=NORTHWIND)

    shelf.write(memories.remove, crew.id, team=NORTHWIND, ids=["fact-1"])
    assert shelf.read(memories.count, crew.id, team=NORTHWIND) == 2
    shelf.write(memories.remove, crew.id, team=CONTOSO)
    assert shelf.read(memories.count, crew.id, team=NORTHWIND) == 2
    shelf.write(memories.remove, crew.id, team=NORTHWIND)
    assert (contents(shelf, crew.id), len(contents(shelf, other.id))) == ([], 1)


def test_facts_go_with_their_crew(shelf: Shelf) -> None:
    crew = shelf.crew("Research")
    shelf.write(memories.keep, crew.id, [fact(1)], team=NORTHWIND)

    shelf.write(crews.remove, crew.id, team=NORTHWIND)

    assert shelf.read(memories.count, crew.id, team=NORTHWIND) == 0
