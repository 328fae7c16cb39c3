"""Crews and flows that belong to others: chosen in the form, shown on the page and in the list."""

from __future__ import annotations

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.sharing import Access
from store.crews import CrewDraft, CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


def test_a_crew_is_made_as_a_part_of_another(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew create Interviews")
    ana.picks_found("Part of", "mark", "Market research")
    ana.submits()
    ana.sees("Interviews is created. Add agents and tasks next.", "part of Market research")
    ana.closes()

    ana.types("/crew edit market")
    ana.sees("Belongs to it (1)", "Crew Interviews")
    ana.presses("Open", beside="Interviews")
    ana.sees("part of Market research")


def test_what_a_crew_is_a_part_of_can_be_changed_and_taken_away(ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Research")
    crew_of("Interviews")
    ana.types("/crew edit interviews")
    ana.presses("Edit")
    ana.picks_found("Part of", "", "Research")
    ana.submits()
    ana.sees("part of Research")
    ana.closes()

    ana.types("/crew edit interviews")
    ana.presses("Edit")
    assert ana.field("Part of") == "Research"
    ana.chooses("Part of")
    ana.submits()
    assert "part of" not in ana.sees("Saved.")
    ana.presses("History")
    ana.sees("what it is a part of changed from “nothing” to “Research”", "from “Research” to “nothing”")


def test_nothing_is_a_part_of_itself_nor_of_its_own_part(ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Research")
    crew_of("Interviews")
    ana.types("/crew edit interviews")
    ana.presses("Edit")
    assert "Interviews" not in ana.searches("Part of", "")
    ana.picks_found("Part of", "", "Research")
    ana.submits()
    ana.sees("part of Research")
    ana.closes()

    ana.types("/crew edit research")
    ana.presses("Edit")
    ana.picks_found("Part of", "", "Interviews")
    ana.submits()
    assert ana.sees_error("Part of") == "“Interviews” is a part of “Research”. Choose another one."


def test_the_list_shows_only_crews_only_flows_or_what_belongs_to_one(
    ana: Person, crew_of: CrewMaker, crewcall: Crewcall
) -> None:
    draft = CrewDraft(name="Weekly", is_flow=True, parent_crew_id=crew_of("Research").id)
    Crews(crewcall.store, crewcall.rights).create(draft, by=Actor("T0NORTHWIND", ana.id))

    ana.types("/crew list")
    ana.sees("2 crews", "👥 Research", "🔀 Weekly · flow")
    ana.presses("Flows")
    assert "Research" not in ana.sees("1 crew", "Weekly")
    ana.presses("Crews")
    assert "Weekly" not in ana.sees("1 crew", "Research")
    ana.picks_found("Crews", "res", "Research")
    ana.sees("1 crew, part of Research", "Weekly")


def test_only_what_one_may_use_can_be_chosen(ben: Person, crew_of: CrewMaker) -> None:
    crew_of("Anas own", everybody=Access.NOTHING)
    ben.types("/crew create Mine")

    assert ben.searches("Part of", "") == []
