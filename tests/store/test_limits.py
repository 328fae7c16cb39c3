"""Limits of workspaces, crews and single runs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from store import crews, limits, workspace_settings
from store.limits import Ceiling, CrewLimits, Scope, WorkspaceLimits
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf


def test_a_crew_has_no_limits_until_somebody_decides_some(shelf: Shelf) -> None:
    crew = shelf.crew()
    assert shelf.read(limits.of_crew, crew.id, team=NORTHWIND) == CrewLimits()
    assert shelf.read(limits.of_crew, None, team=NORTHWIND) == CrewLimits()

    shelf.write(limits.set_of_crew, crew.id, CrewLimits(run_tokens=500), team=NORTHWIND, by=ANA)
    shelf.write(limits.set_of_crew, crew.id, CrewLimits(run_cost=1.5), team=NORTHWIND, by=BEN)

    assert shelf.read(limits.of_crew, crew.id, team=NORTHWIND) == CrewLimits(run_cost=1.5)
    assert shelf.read(limits.of_crew, crew.id, team=CONTOSO) == CrewLimits()
    shelf.write(crews.remove, crew.id, team=NORTHWIND)
    assert shelf.count("crew_limits") == 0


def test_a_workspaces_limits_stand_in_its_settings(shelf: Shelf) -> None:
    decided = WorkspaceLimits(runs_at_once=2, month_cost=10)

    shelf.write(workspace_settings.change, NORTHWIND, limits=decided)

    assert shelf.read(workspace_settings.get, NORTHWIND).limits == decided
    assert shelf.read(workspace_settings.get, CONTOSO).limits == WorkspaceLimits()


def test_a_run_may_go_as_far_as_it_was_allowed(shelf: Shelf) -> None:
    run = shelf.run(shelf.crew())
    assert shelf.read(limits.allowed, run.id) == {}

    for most in (200, 400):
        shelf.write(limits.allow, run.id, Ceiling("run_tokens", Scope.CREW, most), by=ANA)

    assert shelf.read(limits.allowed, run.id) == {"crew.run_tokens": 400}


def test_a_run_is_held_to_every_limit_and_an_allowance_never_lowers_one() -> None:
    workspace = WorkspaceLimits(run_tokens=1_000, person_cost=2.5)
    raised = {"crew.run_tokens": 600, "workspace.run_tokens": 10, "workspace.month_cost": 5}

    found = limits.ceilings(workspace, CrewLimits(run_minutes=5, run_tokens=500), raised)

    assert found == [
        Ceiling("run_minutes", Scope.CREW, 5),
        Ceiling("run_tokens", Scope.CREW, 600),
        Ceiling("run_tokens", Scope.WORKSPACE, 1_000),
        Ceiling("person_cost", Scope.WORKSPACE, 2.5),
    ]


@pytest.mark.parametrize("wrong", [{"run_tokens": 0}, {"run_cost": 0}, {"call_seconds": 99_999}, {"log_days": -1}])
def test_a_limit_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        WorkspaceLimits.model_validate(wrong)
