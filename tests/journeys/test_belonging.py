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
    ana.sees("Saved.", without="part of")
    ana.presses("History")
    ana.sees("what it is a part of changed.")


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
    ana.sees("1 crew", "Weekly", without="Research")
    ana.presses("Crews")
    ana.sees("1 crew", "Research", without="Weekly")
    ana.picks_found("Crews", "res", "Research")
    ana.sees("1 crew, part of Research", "Weekly")


def test_only_what_one_may_use_can_be_chosen(ben: Person, crew_of: CrewMaker) -> None:
    crew_of("Anas own", everybody=Access.NOTHING)
    ben.types("/crew create Mine")

    assert ben.searches("Part of", "") == []


def test_what_it_is_a_part_of_is_not_named_to_those_who_may_not_use_that(
    ana: Person, ben: Person, crew_of: CrewMaker, crewcall: Crewcall
) -> None:
    secret = crew_of("Secret plans", everybody=Access.NOTHING)
    crew = crew_of("Interviews")
    draft = crew.draft().model_copy(update={"parent_crew_id": secret.id})
    crews, actor = Crews(crewcall.store, crewcall.rights), Actor("T0NORTHWIND", ana.id)
    crews.change(crew.id, draft, version=crew.version, by=actor)

    ben.types("/crew edit interviews")
    assert "Secret" not in ben.sees("part of a crew you can’t see (ask @Ana")
    ben.presses("Edit")
    assert ben.field("Part of") == "a crew you can’t see"
    ben.fills("Description", "Talks to customers.")
    ben.submits()
    ben.sees("Saved.", "part of a crew you can’t see")
    ben.presses("History")
    ben.presses("Compare", beside="Version 3")
    seen = ben.sees("what it is a part of changed.", "Now: one that is gone or not shared with you")
    assert "Secret" not in seen
    ben.closes()

    ana.types("/crew show interviews")
    ana.sees("Talks to customers.", "part of Secret plans")
