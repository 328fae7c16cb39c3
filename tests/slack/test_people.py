"""What Slack says about people: asked over HTTP, remembered for five minutes, and nothing without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from bot.slack.people import People, direct_channel
from tests.support.people import Person

TEAM, ANA, BEN = "T0NORTHWIND", "U0ANA000001", "U0BEN000002"
OPEN = ["C0GENERAL01", "C0RESEARCH2", "C0RANDOM003"]
BOARD = "C0BOARD0004"


@dataclass
class Clock:
    """Seconds, as far as the test lets them pass."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def client(workspace: LocalSlack) -> WebClient:
    return WebClient(token=workspace.bot_token, base_url=workspace.api_url, retry_handlers=[])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(client: WebClient, clock: Clock) -> People:
    return People(client, now=clock)


def calls(workspace: LocalSlack, method: str) -> list[Any]:
    return [call for call in workspace.calls() if call["method"] == method]


def test_administrators_are_known_and_named(people: People) -> None:
    assert people.is_admin(TEAM, ANA)
    assert not people.is_admin(TEAM, BEN)
    assert not people.is_admin("T0ELSEWHERE", ANA)
    assert people.admins(TEAM) == ["Ana Ferreira"]


def test_a_private_channel_counts_once_the_bot_is_in_it(people: People, clock: Clock, ana: Person) -> None:
    assert people.channels(TEAM, BEN) == OPEN
    assert not people.reaches(TEAM, BOARD)

    ana.goes_to("#board")
    ana.invites_the_bot()

    assert people.reaches(TEAM, BOARD)
    assert people.channels(TEAM, BEN) == OPEN
    clock.seconds = 301
    assert people.channels(TEAM, BEN) == [*OPEN, BOARD]


def test_slack_is_asked_once_in_five_minutes(people: People, clock: Clock, workspace: LocalSlack) -> None:
    for seconds in (0, 100, 299, 301):
        clock.seconds = seconds
        people.channels(TEAM, BEN)
        people.is_admin(TEAM, BEN)

    assert len(calls(workspace, "users.conversations")) == len(calls(workspace, "users.info")) == 2


def test_without_an_answer_nobody_may_anything_and_slack_is_asked_again(people: People, ana: Person) -> None:
    methods = ("users.conversations", "users.info", "conversations.info")
    ana.does("faults", methods={method: {"status": 500, "times": 1} for method in methods})

    assert people.channels(TEAM, BEN) == []
    assert not people.is_admin(TEAM, ANA)
    assert not people.reaches(TEAM, OPEN[0])
    assert people.channels(TEAM, BEN) == OPEN
    assert people.is_admin(TEAM, ANA)
    assert people.reaches(TEAM, OPEN[0])


def test_a_person_has_one_direct_channel_with_the_bot(client: WebClient) -> None:
    assert direct_channel(client, ANA) == direct_channel(client, ANA) == "D0ANA000001"


def test_everybody_has_a_time_zone(people: People) -> None:
    assert people.zone(TEAM, ANA) == "Europe/London"
    assert people.zone(TEAM, BEN) == "America/New_York"
    assert people.zone(TEAM, "U0NOBODY000") is None


def test_who_has_left_is_known_within_five_minutes(people: People, clock: Clock, ana: Person) -> None:
    assert people.is_gone(TEAM, BEN) is False
    ana.does("deactivate", who=BEN)
    assert people.is_gone(TEAM, BEN) is False
    clock.seconds = 301

    assert people.is_gone(TEAM, BEN) is True
    assert people.is_gone(TEAM, "U0NOBODY000") is True
    assert BEN not in people.admins(TEAM)


def test_without_an_answer_nobody_has_left_and_nobody_is_heard_of(people: People, ana: Person) -> None:
    methods = ("users.conversations", "users.info", "conversations.info")
    ana.does("faults", methods={method: {"status": 500, "times": 1} for method in methods})

    assert people.is_gone(TEAM, BEN) is None
    assert people.channels(TEAM, BEN) == []
    assert not people.heard_of(TEAM, BEN)
    assert people.is_member(TEAM, OPEN[0]) is None
    assert people.channels(TEAM, BEN) == OPEN
    assert people.heard_of(TEAM, BEN)


def test_where_the_bot_can_post_is_asked_each_time(people: People, ana: Person) -> None:
    assert people.is_member(TEAM, OPEN[0]) is True
    assert people.is_member(TEAM, BOARD) is False
    ana.goes_to("#board")
    ana.invites_the_bot()

    assert people.is_member(TEAM, BOARD) is True
