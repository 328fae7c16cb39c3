"""Limits: who sees and who sets them, and what happens to a run that comes to one."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


def test_an_administrator_sets_the_workspaces_limits_and_others_read_them(ana: Person, ben: Person) -> None:
    ana.types("/crew limits")
    ana.sees("Limits of this workspace", "None.", "All runs: 0 tokens")
    ana.presses("Change")
    ana.fills("Tokens per run", "5000")
    ana.fills("US dollars per month", "12.5")
    ana.fills("Runs at once", "3")
    ana.submits()
    ana.sees("Saved.", "Tokens per run: 5,000", "US dollars per month: 12.5", "Runs at once: 3")

    ben.types("/crew limits")
    said = ben.sees("Tokens per run: 5,000", "Administrators of this workspace change this. Ask Ana Ferreira")
    assert "Change\n" not in said
    ana.closes()
    ana.types("/crew audit")
    ana.sees("changed workspace limits", "Tokens per run: 5,000 · US dollars per month: 12.5 · Runs at once: 3")


def test_an_owner_sets_the_limits_of_a_crew_from_its_page(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Limits")
    ana.presses("Change")
    ana.fills("Minutes per run", "10")
    ana.submits()
    ana.sees("Saved.", "Limits of Market research", "Minutes per run: 10")
    ana.closes()

    ben.types("/crew limits market")
    said = ben.sees("Minutes per run: 10", "Its owner changes this: @Ana Ferreira")
    assert "Change\n" not in said


def test_what_makes_no_sense_is_refused_under_its_field(ana: Person) -> None:
    ana.types("/crew limits")
    ana.presses("Change")
    ana.fills("Minutes per run", "0")
    ana.submits()

    assert "1" in ana.sees_error("Minutes per run")
