"""Steps of workflows that Slack cannot be told of: tried again, after all others, and given up in the end."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from bot.services import Actor
from bot.services.workflows import StepEnd, Workflows
from store import workflow_steps
from tests.support.office import BEN, TEAM, Office


class Slack:
    """Hears how steps ended, but of some it never will; counts how often it was told of each."""

    def __init__(self) -> None:
        self.deaf: set[str] = set()
        self.tried: list[str] = []
        self.heard: list[str] = []

    def __call__(self, end: StepEnd) -> None:
        self.tried.append(end.step_id)
        if end.step_id in self.deaf:
            raise ConnectionError("parameter_validation_failed")
        self.heard.append(end.step_id)


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def test_a_hundred_that_slack_refuses_keep_no_other_from_being_told(office: Office) -> None:
    slack, clock = Slack(), Clock()
    workflows = Workflows(office.store, office.runs, slack, now=clock)
    slack.deaf = {f"Fx{number}" for number in range(100)}
    for step in sorted(slack.deaf):
        workflows.begin(step, "Nothing", "", channel="C0GENERAL", by=BEN)
    with office.store.transaction() as session:
        workflow_steps.add(session, "FxLast", team=TEAM, error="There is no crew called “Nothing”.")

    clock.at += timedelta(hours=2)
    workflows.tell()
    workflows.tell()

    assert slack.heard == ["FxLast"]


def test_what_slack_always_refuses_is_tried_ever_less_often_and_given_up(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    slack, clock = Slack(), Clock()
    workflows = Workflows(office.store, office.runs, slack, now=clock)
    slack.deaf = {"Fx1"}
    with caplog.at_level(logging.WARNING, "bot.services.workflows"):
        workflows.begin("Fx1", "Nothing", "", channel="C0GENERAL", by=BEN)
        workflows.tell()
        assert slack.tried == ["Fx1"]
        for _ in range(30 * 24):
            clock.at += timedelta(minutes=10)
            workflows.tell()

    assert len(slack.tried) == 30
    assert "the bot gives up: parameter_validation_failed" in caplog.messages[-1]


def test_a_run_that_could_not_be_announced_fails_its_step_even_when_slack_listens_later(office: Office) -> None:
    slack, clock = Slack(), Clock()
    workflows = Workflows(office.store, office.runs, slack, now=clock)
    office.share(everybody="run")
    slack.deaf = {"Fx1"}
    workflows.begin("Fx1", office.crew.name, "", channel="C0GENERAL", by=Actor(TEAM, BEN.user))
    [tell] = office.launcher.told

    tell("I’m not in this channel.")
    slack.deaf.clear()
    clock.at += timedelta(seconds=5)
    workflows.tell()
    workflows.tell()

    assert slack.heard == ["Fx1"]
