"""Who may use a crew: sharing it, what others then see, and refusals that say whom to ask."""

from __future__ import annotations

import pytest

from bot.services.sharing import Access
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

ASK_ANA = "Ask its owner, @Ana Ferreira, or an administrator."


@pytest.fixture
def a_secret_crew(crew_of: CrewMaker) -> CrewInstance:
    """“Market research”, Ana’s alone."""
    return crew_of(everybody=Access.NOTHING)


def shares(person: Person, label: str, *with_whom: str) -> None:
    person.types("/crew edit market")
    person.presses("Share")
    person.chooses(label, *with_whom)
    person.submits()


def test_what_is_not_shared_is_not_seen(ana: Person, ben: Person, a_secret_crew: CrewInstance) -> None:
    ben.types("/crew list")
    ben.sees("There are no crews for you yet.")
    ben.types("/crew edit mark")
    ben.sees("There is no crew called “mark”. /crew list shows them all.")
    ben.opens_home()
    assert "Market research" not in ben.sees("There are no crews for you yet.")

    ana.types("/crew list")
    ana.sees("1 crew", "Market research", "yours")


@pytest.mark.parametrize("command", ["edit", "run", "history", "delete"])
def test_the_name_of_somebody_elses_crew_is_refused_with_whom_to_ask(
    ben: Person, a_secret_crew: CrewInstance, command: str
) -> None:
    ben.types(f"/crew {command} market research")

    ben.sees(f"You may not see or run this crew. {ASK_ANA}")


def test_ana_lets_ben_run_her_crew(ana: Person, ben: Person, llm: ScriptedModel, a_secret_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    shares(ana, "People who may run it", "Ben Okafor")
    ana.sees("Saved.", "Shared with @Ben Okafor (may run)")

    ben.types("/crew show market")
    seen = ben.sees("Market research", "Run", "Picture", "Copy", "History")
    for button in ("Edit", "More settings", "Share", "Delete", "Add agent", "Add task"):
        assert button not in seen.splitlines()
    ben.closes()
    ben.types("/crew run market topic=tides")
    assert "They come and go." in "".join(ben.reads_thread(of="Started by @Ben Okafor", until="They come and go."))
    ben.types("/crew delete market")
    ben.sees(f"You may not share or delete this crew. {ASK_ANA}")


def test_who_may_only_run_compares_versions_and_finds_no_way_back(
    ana: Person, ben: Person, a_secret_crew: CrewInstance
) -> None:
    shares(ana, "Everybody in the workspace", "May run it")
    ana.sees("Shared with everybody (may run)")

    ben.types("/crew history market")
    ben.presses("Compare", beside="Version 1")

    assert "Roll back" not in ben.sees("What has changed from version 1")


def test_the_members_of_a_channel_edit_together(ana: Person, ben: Person, a_secret_crew: CrewInstance) -> None:
    shares(ana, "Channels whose members may edit it", "#research")
    ana.sees("Shared with #research (may edit)")

    ben.types("/crew edit market")
    ben.presses("Edit")
    ben.fills("Description", "Ours")
    ben.submits()
    seen = ben.sees("Saved.", "Ours", "Shared with #research (may edit)", "Add agent")
    assert "Delete" not in seen.splitlines()


def test_a_private_channel_without_the_bot_is_refused_until_it_is_invited(
    ana: Person, ben: Person, a_secret_crew: CrewInstance
) -> None:
    shares(ana, "Channels whose members may run it", "#board")
    assert "Invite it there first" in ana.sees_error("Channels whose members may run it")

    ana.closes()
    ana.goes_to("#board")
    ana.invites_the_bot()
    shares(ana, "Channels whose members may run it", "#board")
    ana.sees("Shared with #board (may run)")
    ben.types("/crew list")
    ben.sees("1 crew", "Market research", "of @Ana Ferreira")


def test_the_form_shows_how_the_crew_is_shared_and_takes_it_back(
    ana: Person, ben: Person, a_secret_crew: CrewInstance
) -> None:
    shares(ana, "People who may edit it", "Ben Okafor")
    ana.sees("Shared with @Ben Okafor (may edit)")
    ana.closes()
    ana.types("/crew edit market")
    ana.presses("Share")
    assert ana.field("People who may edit it") == "Ben Okafor"
    ana.chooses("People who may edit it")
    ana.submits()
    ana.sees("Saved.", "Not shared with anybody yet")

    ben.types("/crew list")
    ben.sees("There are no crews for you yet.")


def test_an_old_page_does_no_more_than_its_reader_may(ana: Person, ben: Person, a_secret_crew: CrewInstance) -> None:
    shares(ana, "Everybody in the workspace", "May run and edit it")
    ben.types("/crew edit market")
    ben.presses("Edit")
    ben.fills("Description", "Mine now")
    ana.closes()
    shares(ana, "Everybody in the workspace", "May not use it")
    ana.sees("Not shared with anybody yet")

    ben.submits()

    ben.sees(f"You may not change this crew. {ASK_ANA}")
    assert ben.field("Description") == "Mine now"


def test_an_administrator_shares_what_is_not_hers(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of(by=ben.id, everybody=Access.NOTHING)
    shares(ana, "People who may run it", "Chloé Tan")

    ana.sees("Shared with @Chloé Tan (may run)", "owner @Ben Okafor")


def test_the_list_shows_all_mine_or_what_is_shared(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    for number in range(1, 11):
        crew_of.empty(f"Shared {number:02}")
    crew_of.empty("Secret", everybody=Access.NOTHING)
    crew_of.empty("Own", by=ben.id)

    ben.types("/crew list")
    ben.sees("11 crews", "1 to 8 of 11", "Own")
    ben.presses("Mine")
    ben.sees("1 crew", "Own", without="Shared 10")
    ben.presses("Shared with me")
    ben.sees("10 crews", "1 to 8 of 10")
    ben.presses("More")
    ben.sees("9 to 10 of 10", "Shared 01")
    ben.presses("All")
    ben.sees("11 crews", "Own")


def test_app_home_has_the_same_filter(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of.empty("Shared one")
    crew_of.empty("Own", by=ben.id)

    ben.opens_home()
    ben.sees("Shared one", "Own")
    ben.presses("Shared with me")
    ben.sees_no_more("Own")
    ben.sees("Shared one")
    ben.presses("Mine")
    ben.sees_no_more("Shared one")
    ben.sees("Own")


def test_the_run_of_a_crew_that_is_not_shared_stays_its_starters(
    ana: Person, ben: Person, llm: ScriptedModel, a_secret_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")

    ben.opens_thread(of="Market research")
    ben.presses("Show log")
    ben.sees("You may not see this run. Ask @Ana Ferreira, who started it and owns its crew.")
    ben.presses("Run again")
    ben.sees("You may not see this run. Ask @Ana Ferreira, who started it and owns its crew.")
    ben.closes_thread()
    ben.types("/crew runs")
    ben.sees("There are no runs yet.")
    ben.opens_home()
    assert "by @Ana Ferreira" not in ben.sees("There are no crews for you yet.")


# --- Moving --------------------------------------------------------------------------------------------------------


def test_an_agent_moves_to_another_crew(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of()
    crew_of.empty("Newsroom")
    crew_of.empty("Locked", everybody=Access.RUN)
    ben.types("/crew edit market")
    ben.picks("Researcher", "Remove or move")
    assert ben.searches("Or move it to another crew.", "") == ["Newsroom"]
    ben.picks_found("Or move it to another crew.", "news", "Newsroom")

    ben.sees("Researcher is now in Newsroom.")
    ben.closes(everything=False)
    ben.sees("Researcher is now in Newsroom.", "Agents (0)", "1. Research · no agent yet")
    ben.closes()
    ben.types("/crew show newsroom")
    ben.sees("Agents (1)", "Researcher")


def test_a_task_moves_and_its_agent_stays(ana: Person, crew_of: CrewMaker) -> None:
    crew_of()
    crew_of.empty("Newsroom")
    ana.types("/crew edit market")
    ana.picks("1. Research", "Remove or move")
    ana.sees("Its agent and the results it uses stay here.")
    ana.picks_found("Or move it to another crew.", "", "Newsroom")
    ana.sees("Research is now in Newsroom.", "/crew edit Newsroom opens that crew.")
    ana.closes()
    ana.types("/crew edit Newsroom")

    ana.sees("Newsroom", "1. Research · no agent yet", "Agents (0)")


def test_a_name_that_the_other_crew_has_already_stays_where_it_is(ana: Person, crew_of: CrewMaker) -> None:
    crew_of()
    crew_of("Newsroom")
    ana.types("/crew edit market")
    ana.picks("Researcher", "Remove or move")
    ana.picks_found("Or move it to another crew.", "", "Newsroom")

    ana.sees("There is already an agent called “Researcher”. Choose another name.")
