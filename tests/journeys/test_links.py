"""Links to crews and runs in messages: what is shown below them, and to whom nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import BoltRequest

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.sharing import Access, ShareDraft, Sharing
from bot.settings import Settings
from store.crews import CrewDraft, CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

HOME = "https://crew.example.com"
NAMELESS = "A crew or flow in Crewcall, not shared with everybody here."


@pytest.fixture
def workspace() -> Iterator[LocalSlack]:
    """Northwind's workspace, which tells the bot of links to its host."""
    with LocalSlack(manifest(links="crew.example.com")) as workspace:
        yield workspace


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A server with an address for links."""
    return settings.model_copy(update={"public_url": HOME})


@pytest.fixture
def allowed_errors() -> set[str]:
    """What Slack is told to refuse."""
    return {"fatal_error"}


def link_to(crew: CrewInstance) -> str:
    return f"{HOME}/crews/{crew.id}"


def test_the_page_of_a_crew_has_its_link(crewcall: Crewcall, ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show market")

    ana.sees(f"Link to it: {link_to(a_crew)}")


def test_a_crew_that_everybody_may_use_is_shown_and_opened(
    crewcall: Crewcall, ana: Person, ben: Person, a_crew: CrewInstance
) -> None:
    ana.types(f"Look at {link_to(a_crew)}")
    ben.sees("👥 Market research · crew of @Ana Ferreira", "Finds things out.")

    ben.presses("Open")

    ben.sees("Sequential · owner @Ana Ferreira")


def test_a_run_is_shown_with_how_it_went(
    crewcall: Crewcall, ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research tides.").says("They rise.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Started by", until="Run again")
    ana.types("/crew logs")
    ana.sees(f"Link to it: {HOME}/runs/1")
    ana.closes()

    ana.goes_to("#research")
    ana.types(f"{HOME}/runs/1")
    ana.sees("Market research · run 1", "✅ done · by @Ana Ferreira")
    ana.presses("Open")

    ana.sees("Run 1 of version", "They rise.")


def test_a_name_stays_among_those_who_may_see_it(
    crewcall: Crewcall, ana: Person, ben: Person, crew_of: CrewMaker
) -> None:
    crew = crew_of("Salaries", everybody=Access.NOTHING)

    ana.types(f"Look at {link_to(crew)}")
    ben.sees(NAMELESS)
    ben.presses("Open")
    ben.sees("You may not see or run this crew. Ask its owner, @Ana Ferreira")
    ana.goes_to("Crew")
    ana.types(link_to(crew))
    ana.sees("👥 Salaries · crew of @Ana Ferreira")

    assert not any("Salaries" in said for said in ben.reads())


def test_a_channel_that_a_crew_is_shared_with_sees_its_name(
    crewcall: Crewcall, ana: Person, crew_of: CrewMaker
) -> None:
    crew = crew_of("Salaries", everybody=Access.NOTHING)
    ana.goes_to("#research")
    shares = ShareDraft(run_channels=[ana.channel])
    Sharing(crewcall.store, crewcall.rights).share(crew.id, shares, by=Actor("T0NORTHWIND", ana.id))

    ana.types(link_to(crew))
    ana.sees("👥 Salaries · crew of @Ana Ferreira")
    ana.goes_to("#general")
    ana.types(link_to(crew))

    ana.sees(NAMELESS)


def test_who_may_not_see_a_crew_shows_nothing_of_it(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, ben: Person, crew_of: CrewMaker
) -> None:
    secret, known = crew_of("Salaries", everybody=Access.NOTHING), crew_of("Weather")

    ben.types(f"{link_to(secret)} and {link_to(known)}")

    ben.sees("👥 Weather")
    [call] = workspace.calls("chat.unfurl")
    assert list(call["args"]["unfurls"]) == [link_to(known)]


def test_nothing_is_shown_of_another_workspace_or_of_rubbish(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, a_crew: CrewInstance
) -> None:
    draft, stranger = CrewDraft(name="Theirs"), Actor("T0ELSEWHERE", ana.id)
    theirs = Crews(crewcall.store, crewcall.rights).create(draft, by=stranger)
    Sharing(crewcall.store, crewcall.rights).share(theirs.id, ShareDraft(everybody=Access.EDIT), by=stranger)
    rubbish = [
        *(link_to(theirs), f"{HOME}/runs/1", f"{HOME}/crews/{'9' * 18}", f"{HOME}/crews/{'9' * 40}"),
        *(f"{link_to(a_crew)}/../1", f"{link_to(a_crew)}?x=1", f"{HOME}/crews/%31", f"{HOME}:444/crews/1"),
        *(f"http://crew.example.com/crews/{a_crew.id}", f"https://a.crew.example.com/crews/{a_crew.id}", HOME),
    ]
    for link in rubbish:
        ana.types(link)
    ana.types(link_to(a_crew))

    ana.sees("👥 Market research")
    assert [list(call["args"]["unfurls"]) for call in workspace.calls("chat.unfurl")] == [[link_to(a_crew)]]


def test_of_ten_links_the_first_five_are_shown(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, crew_of: CrewMaker
) -> None:
    made = [crew_of.empty(f"Crew {number}") for number in range(10)]

    ana.types(" ".join([*map(link_to, made), link_to(made[0])]))

    ana.sees("👥 Crew 0", "👥 Crew 4")
    assert "👥 Crew 5" not in ana.seen
    [call] = workspace.calls("chat.unfurl")
    assert list(call["args"]["unfurls"]) == [link_to(crew) for crew in made[:5]]


@pytest.mark.parametrize("more", [{"event": {"source": "composer"}}, {"is_ext_shared_channel": True}])
def test_nothing_is_shown_where_nobody_knows_who_will_see_it(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, a_crew: CrewInstance, more: dict[str, Any]
) -> None:
    ts = ana.does("message", channel=ana.channel, text="Hm")["ts"]
    links = [{"url": link_to(a_crew), "domain": "crew.example.com"}]
    event = {"type": "link_shared", "user": ana.id, "channel": ana.channel, "message_ts": ts, "links": links}
    body = {"type": "event_callback", "team_id": "T0NORTHWIND", **more, "event": {**event, **more.get("event", {})}}

    assert crewcall.bolt.dispatch(BoltRequest(body=body, mode="socket_mode")).status == 200

    ana.types(f"{link_to(a_crew)}/")
    ana.sees("👥 Market research")
    assert len(workspace.calls("chat.unfurl")) == 1


def test_a_slack_that_shows_no_previews_harms_nothing(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, a_crew: CrewInstance
) -> None:
    workspace.misbehave({"methods": {"chat.unfurl": {"error": "fatal_error"}}})
    ana.types(link_to(a_crew))
    ana.waits(lambda: bool(workspace.calls("chat.unfurl")), "the bot to try")

    ana.types("@Crew list")

    ana.sees("Market research · crew, yours")
    assert "wrong" not in ana.seen
