"""What a link shows to a channel: no more than everybody there may see, and nothing for a poster who may not."""

from __future__ import annotations

import pytest

from bot.links import Links
from bot.services import Actor
from bot.services.previews import Preview, Previews
from store.runs import RunState
from tests.support.office import ADMIN, BEN, CHLOE, ELSEWHERE, OWNER, Office

STRANGER = Actor(ELSEWHERE, OWNER.user)
RESEARCH, GENERAL = "C0RESEARCH", "C0GENERAL"

# Whether the card has a name, or there is none at all: for each way of sharing, poster and place (None: alone).
CREW = [
    ({}, OWNER, GENERAL, False),
    ({}, OWNER, None, True),
    ({}, ADMIN, GENERAL, False),
    ({}, BEN, GENERAL, None),
    ({}, BEN, None, None),
    ({"everybody": "run"}, BEN, GENERAL, True),
    ({"everybody": "run"}, STRANGER, GENERAL, None),
    ({"run_people": ["U0BEN"]}, BEN, GENERAL, False),
    ({"run_people": ["U0BEN"]}, BEN, None, True),
    ({"edit_channels": [RESEARCH]}, OWNER, RESEARCH, True),
    ({"edit_channels": [RESEARCH]}, OWNER, GENERAL, False),
    ({"edit_channels": [RESEARCH]}, BEN, RESEARCH, True),
    ({"edit_channels": [RESEARCH]}, CHLOE, RESEARCH, None),
]


def named(preview: Preview | None) -> bool | None:
    return preview and bool(preview.crew or preview.run)


@pytest.mark.parametrize(("shared", "by", "place", "shown"), CREW)
def test_a_crew(office: Office, shared: dict[str, object], by: Actor, place: str | None, shown: bool | None) -> None:
    office.share(**shared)
    previews = Previews(office.store, office.rights)

    assert named(previews.of("crews", office.crew.id, by=by, place=place)) is shown
    # The run was started, and is told about nowhere yet.
    run = previews.of("runs", office.run.id, by=by, place=place)
    assert named(run) is shown


def test_a_run_is_named_where_it_is_told_about_though_its_crew_is_not_shared(office: Office) -> None:
    run = office.ended(RunState.COMPLETED)
    previews = Previews(office.store, office.rights)

    assert named(previews.of("runs", run.id, by=OWNER, place=GENERAL)) is True
    assert named(previews.of("runs", run.id, by=OWNER, place=RESEARCH)) is False
    assert previews.of("runs", run.id, by=BEN, place=GENERAL) is None


def test_a_run_of_a_crew_that_is_gone_has_no_name_elsewhere(office: Office) -> None:
    office.crews.delete(office.other.id, by=OWNER)
    previews = Previews(office.store, office.rights)

    assert previews.of("crews", office.other.id, by=OWNER, place=None) is None
    assert previews.of("crews", 10**17, by=ADMIN, place=None) is None
    assert previews.of("runs", 10**17, by=ADMIN, place=None) is None


@pytest.mark.parametrize(
    "url",
    [
        *("https://crew.example.com", "https://crew.example.com/", "https://crew.example.com/crews/", "crews/1", ""),
        *(
            "https://crew.example.com/crews/0",
            "https://crew.example.com/crews/-1",
            "https://crew.example.com/crews/1/2",
        ),
        *(
            "https://crew.example.com/crews/1#x",
            "https://crew.example.com/crews/1?x",
            "https://crew.example.com//crews/1",
        ),
        *("https://crew.example.com@evil.example/crews/1", "https://crew.example.com.evil.example/crews/1"),
        *(
            "http://crew.example.com/crews/1",
            "https://crew.example.com/crews/\uff11",
            "https://crew.example.com/crews/1\n",
        ),
    ],
)
def test_only_exact_links_lead_anywhere(url: str) -> None:
    assert Links("https://crew.example.com").read(url) is None


def test_a_link_leads_to_what_it_was_made_for() -> None:
    links = Links("https://crew.example.com")

    assert links.read(links.to("crews", 12)) == ("crews", 12)
    assert links.read(f"{links.to('runs', 3)}/") == ("runs", 3)
    assert (links.host, Links().host, Links().to("runs", 3)) == ("crew.example.com", "", "")
    assert Links().read("/crews/1") is None
