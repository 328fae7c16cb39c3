"""Who administers a workspace, asked of Slack and remembered for a while."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from bot.local_slack.workspace import ANA, BEN, BOT_USER, TEAM
from bot.slack.people import People, _administers

NORTHWIND = TEAM["id"]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(workspace: LocalSlack, clock: Clock) -> People:
    return People(WebClient(workspace.bot_token, base_url=workspace.api_url, retry_handlers=[]), now=clock)


def asked(workspace: LocalSlack, method: str) -> int:
    return len([call for call in workspace.calls() if call["method"] == method])


def test_ana_is_an_administrator_and_ben_is_not(people: People) -> None:
    assert people.is_admin(NORTHWIND, ANA)
    assert not people.is_admin(NORTHWIND, BEN)
    assert not people.is_admin(NORTHWIND, BOT_USER)
    assert people.admins(NORTHWIND) == ["Ana Ferreira"]


def test_an_administrator_of_one_workspace_is_nobody_in_another(people: People) -> None:
    assert not people.is_admin("T0CONTOSO", ANA)
    assert people.admins("T0CONTOSO") == []


def test_an_answer_is_remembered_for_five_minutes(people: People, workspace: LocalSlack, clock: Clock) -> None:
    for clock.seconds in (0.0, 299.0):
        people.is_admin(NORTHWIND, ANA)
        people.admins(NORTHWIND)
    assert (asked(workspace, "users.info"), asked(workspace, "users.list")) == (1, 1)

    clock.seconds = 301.0
    people.is_admin(NORTHWIND, ANA)

    assert asked(workspace, "users.info") == 2


def test_nobody_is_an_administrator_while_slack_is_silent_and_that_is_not_remembered(
    people: People, workspace: LocalSlack
) -> None:
    silent = People(WebClient(workspace.bot_token, base_url="http://127.0.0.1:9/api/", retry_handlers=[]))

    assert not silent.is_admin(NORTHWIND, ANA)
    assert silent.admins(NORTHWIND) == []
    assert not people.is_admin(NORTHWIND, "U0UNKNOWN")
    assert not people.is_admin(NORTHWIND, "U0UNKNOWN")
    assert asked(workspace, "users.info") == 2


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ({"team_id": "T1", "is_owner": True}, True),
        ({"team_id": "T1", "is_admin": True, "deleted": True}, False),
        ({"team_id": "T1", "is_admin": True, "is_bot": True}, False),
        ({"team_id": "T2", "is_admin": True}, False),
        ({"team_id": "E1", "is_admin": True, "enterprise_user": {"teams": ["T1", "T3"]}}, True),
        ({"team_id": "T1"}, False),
        ({}, False),
    ],
)
def test_what_slack_says_of_somebody_is_read_with_care(user: dict[str, Any], may: bool) -> None:
    assert _administers(user, "T1") is may
