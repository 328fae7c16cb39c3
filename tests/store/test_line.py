"""Whose turn it is: nobody who starts many runs keeps others waiting."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

from store import line, runs, workspace_settings
from store.database import Store
from store.limits import WorkspaceLimits
from store.runs import Execution, RunState
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def take(shelf: Shelf) -> int | None:
    """Take the next run and finish it; its id."""
    run = shelf.write(line.claim_next, owner="here")
    if run is not None:
        shelf.write(runs.finish, run, RunState.COMPLETED, results="x")
    return run.id if run else None


def started(shelf: Shelf, number: int, *, by: str, team: str = NORTHWIND) -> list[int]:
    crew = shelf.crew(f"Crew of {by} {team} {number}", team=team)
    return [shelf.run(crew, by=by).id for _ in range(number)]


def test_people_take_turns_whoever_came_first(shelf: Shelf) -> None:
    many, few = started(shelf, 4, by=ANA), started(shelf, 2, by=BEN)

    assert shelf.read(line.order) == [many[0], few[0], many[1], few[1], many[2], many[3]]
    assert [take(shelf) for _ in range(7)] == [many[0], few[0], many[1], few[1], many[2], many[3], None]


def test_workspaces_take_turns_and_their_people_within_them(shelf: Shelf) -> None:
    ana, ben = started(shelf, 3, by=ANA), started(shelf, 1, by=BEN)
    theirs = started(shelf, 2, by=ANA, team=CONTOSO)

    assert shelf.read(line.order) == [ana[0], theirs[0], ben[0], theirs[1], ana[1], ana[2]]


def test_whose_turn_it_was_is_remembered(shelf: Shelf) -> None:
    many = started(shelf, 3, by=ANA)
    assert take(shelf) == many[0]

    # Ben comes later than all of Ana's runs, but Ana's turn has just been.
    few = started(shelf, 1, by=BEN)

    assert shelf.read(line.order) == [few[0], many[1], many[2]]
    assert take(shelf) == few[0]


def test_a_restart_changes_nothing_about_the_line(shelf: Shelf) -> None:
    many, few = started(shelf, 3, by=ANA), started(shelf, 2, by=BEN)
    assert take(shelf) == many[0]

    with closing(Store(shelf.store.engine.url.render_as_string(hide_password=False))) as again:
        after = Shelf(again)
        assert after.read(line.order) == [few[0], many[1], few[1], many[2]]
        assert take(after) == few[0]


def test_no_more_runs_of_a_workspace_go_on_at_once_than_it_allows(shelf: Shelf) -> None:
    shelf.write(workspace_settings.change, NORTHWIND, limits=WorkspaceLimits(runs_at_once=1))
    ours, theirs = started(shelf, 2, by=ANA), started(shelf, 1, by=ANA, team=CONTOSO)

    first = claimed(shelf)
    assert first.id == ours[0]
    assert claimed(shelf).id == theirs[0]
    assert shelf.write(line.claim_next, owner="here") is None

    shelf.write(runs.finish, first, RunState.COMPLETED, results="x")
    assert claimed(shelf).id == ours[1]


def test_no_more_runs_of_a_person_go_on_at_once_than_the_workspace_allows(shelf: Shelf) -> None:
    shelf.write(workspace_settings.change, NORTHWIND, limits=WorkspaceLimits(person_runs_at_once=1))
    ana, ben = started(shelf, 2, by=ANA), started(shelf, 1, by=BEN)

    first = claimed(shelf)
    assert first.id == ana[0]
    assert claimed(shelf).id == ben[0]
    assert shelf.write(line.claim_next, owner="here") is None

    shelf.write(runs.finish, first, RunState.COMPLETED, results="x")
    assert claimed(shelf).id == ana[1]


def claimed(shelf: Shelf) -> Execution:
    run = shelf.write(line.claim_next, owner="here")
    assert run is not None
    return run


def test_processes_that_ask_at_once_get_different_runs_and_keep_the_limit(shelf: Shelf) -> None:
    shelf.write(workspace_settings.change, NORTHWIND, limits=WorkspaceLimits(runs_at_once=3))
    started(shelf, 8, by=ANA)

    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(shelf.write, line.claim_next, owner=f"process {number}") for number in range(6)]
    taken = [run.id for one in asked if (run := one.result()) is not None]

    assert len(taken) == len(set(taken)) == 3


def test_everybody_waits_at_most_a_round() -> None:
    chance = random.Random(7)
    for _ in range(50):
        who = [(f"T{chance.randrange(3)}", f"U{chance.randrange(4)}") for _ in range(chance.randrange(1, 60))]
        waiting = [(number, team, person) for number, (team, person) in enumerate(who)]
        taken = {key: NOON - timedelta(seconds=chance.randrange(99)) for key in set(who) if chance.random() < 0.5}

        found = line.in_turn(waiting, taken)

        assert sorted(found) == [run_id for run_id, _, _ in waiting]
        teams = [who[run_id][0] for run_id in found]
        for place in range(len(teams) - 1):
            # Nobody is taken twice in a row while another workspace waits.
            assert teams[place] != teams[place + 1] or set(teams[place:]) == {teams[place]}
        for team, person in set(who):
            own = [run_id for run_id in found if who[run_id] == (team, person)]
            assert own == sorted(own)


def test_a_line_of_ten_thousand_is_put_in_order_at_once() -> None:
    waiting = [(number, f"T{number % 50}", f"U{number % 700}") for number in range(10_000)]

    assert len(line.in_turn(waiting, {})) == 10_000
