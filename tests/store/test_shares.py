"""Shares and the audit log, on each database."""

from __future__ import annotations

import pytest

from bot.errors import Gone
from store import audit, crews, run_lists, shares
from store.crews import Filter
from store.database import Store
from store.shares import EVERYBODY, Level, Seer
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf

RESEARCH = "C0RESEARCH"


def test_a_crew_is_shared_with_exactly_those_last_named(shelf: Shelf) -> None:
    crew = shelf.crew()
    shelf.write(shares.put, crew.id, {BEN: Level.RUN, RESEARCH: Level.EDIT}, team=NORTHWIND)
    shelf.write(shares.put, crew.id, {EVERYBODY: Level.RUN, RESEARCH: Level.EDIT}, team=NORTHWIND)

    assert shelf.read(shares.of_crew, crew.id, team=NORTHWIND) == {EVERYBODY: Level.RUN, RESEARCH: Level.EDIT}
    assert shelf.read(shares.of_crew, crew.id, team=CONTOSO) == {}


def test_the_highest_of_all_that_is_shared_counts(shelf: Shelf) -> None:
    crew = shelf.crew()
    shelf.write(shares.put, crew.id, {EVERYBODY: Level.RUN, RESEARCH: Level.EDIT}, team=NORTHWIND)

    def level(*subjects: str, team: str = NORTHWIND) -> Level | None:
        return shelf.read(shares.level, crew.id, subjects, team=team)

    assert level(BEN) is None
    assert level(BEN, EVERYBODY) is Level.RUN
    assert level(BEN, EVERYBODY, RESEARCH) is Level.EDIT
    assert level(EVERYBODY, RESEARCH, team=CONTOSO) is None


def test_shares_go_with_their_crew(shelf: Shelf) -> None:
    crew = shelf.crew()
    shelf.write(shares.put, crew.id, {BEN: Level.RUN}, team=NORTHWIND)
    shelf.write(crews.remove, crew.id, team=NORTHWIND)

    assert shelf.count("shares") == 0


def test_a_crew_that_is_deleted_meanwhile_is_not_shared(postgres_store: Store) -> None:
    # SQLite lets nobody write between looking a crew up and sharing it.
    with pytest.raises(Gone):
        Shelf(postgres_store).write(shares.put, 7, {BEN: Level.RUN}, team=NORTHWIND)


def test_lists_hold_what_is_owned_or_shared_each_once_in_order(shelf: Shelf) -> None:
    shared, both, secret = (shelf.crew(name) for name in ("Shared", "Twice shared", "Secret"))
    own = shelf.crew("Own", by=BEN)
    elsewhere = shelf.crew("Elsewhere", team=CONTOSO)
    shelf.write(shares.put, shared.id, {RESEARCH: Level.EDIT}, team=NORTHWIND)
    shelf.write(shares.put, both.id, {BEN: Level.RUN, EVERYBODY: Level.RUN}, team=NORTHWIND)
    shelf.write(shares.put, elsewhere.id, {BEN: Level.EDIT, EVERYBODY: Level.EDIT}, team=CONTOSO)
    seer = Seer(BEN, (BEN, EVERYBODY, RESEARCH))

    def page(which: Filter, seer: Seer | None = seer) -> list[str]:
        found, total = shelf.read(crews.page, team=NORTHWIND, mine=BEN, seer=seer, which=which)
        assert total == len(found)
        return [crew.name for crew in found]

    assert page(Filter.ALL) == ["Own", "Twice shared", "Shared"]
    assert page(Filter.MINE) == ["Own"]
    assert page(Filter.SHARED) == ["Twice shared", "Shared"]
    assert page(Filter.ALL, None) == ["Own", "Secret", "Twice shared", "Shared"]
    assert dict(shelf.read(crews.names, team=NORTHWIND, seer=seer)).keys() == {own.id, shared.id, both.id}
    assert dict(shelf.read(crews.names, team=NORTHWIND, seer=seer, least=Level.EDIT)).keys() == {own.id, shared.id}
    assert secret.id in dict(shelf.read(crews.names, team=NORTHWIND))


def test_runs_are_seen_by_their_starters_and_those_who_may_use_the_crew(shelf: Shelf) -> None:
    shared, secret = shelf.crew("Shared"), shelf.crew("Secret")
    shelf.write(shares.put, shared.id, {BEN: Level.RUN}, team=NORTHWIND)
    of_shared, his, hers = shelf.run(shared), shelf.run(secret, by=BEN), shelf.run(secret)

    def seen(seer: Seer | None, *, crew_id: int | None = None, before: int | None = None) -> list[int]:
        found = shelf.read(run_lists.latest, team=NORTHWIND, seer=seer, crew_id=crew_id, before=before)
        return [run.id for run in found]

    assert seen(Seer(BEN, (BEN, EVERYBODY))) == [his.id, of_shared.id]
    assert seen(Seer(BEN, (BEN,)), crew_id=secret.id) == [his.id]
    assert seen(Seer(BEN, (BEN,)), before=his.id) == [of_shared.id]
    assert seen(None) == [hers.id, his.id, of_shared.id]


def test_the_audit_log_is_read_from_the_newest_on_and_whole(shelf: Shelf) -> None:
    for number in range(5):
        shelf.write(
            audit.add, team=NORTHWIND, actor=ANA, verb="changed", kind="crew", name=f"{number}", details="<!channel>"
        )
    shelf.write(audit.add, team=CONTOSO, actor=ANA, verb="changed", kind="crew", name="theirs")

    first = shelf.read(audit.page, team=NORTHWIND, limit=2)
    rest = shelf.read(audit.page, team=NORTHWIND, before=first[-1].id)
    assert [entry.name for entry in [*first, *rest]] == ["4", "3", "2", "1", "0"]
    assert shelf.read(lambda session: [e.name for e in audit.everything(session, team=CONTOSO)]) == ["theirs"]
    assert first[0].details == "<!channel>"
