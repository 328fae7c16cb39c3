"""Schedules: the form, what it shows before it saves, the list with all its buttons, and what goes wrong."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")


def schedules(person: Person, name: str = "market", topic: str = "tides") -> None:
    """Make the schedule that the form offers."""
    person.types(f"/crew schedule {name}")
    person.fills("topic", topic)
    person.submits()
    person.sees("Every weekday at 9:00")
    person.submits()
    person.sees("runs every weekday at 9:00")
    person.closes()


def test_ana_lets_her_crew_run_every_weekday(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew schedule market")
    ana.sees("“Market research” will run by itself:", "On the clock of Europe/London, your time zone in Slack.")
    assert ana.field("Where to post") == "general"
    ana.fills("topic", "the news of {last week}")
    ana.fills("Time", "07:30")
    ana.submits()

    seen = ana.sees("Every weekday at 7:30 (Europe/London time)", "The next times:", "Save")
    assert seen.count(" at 7:30\n") >= 3
    ana.sees("Just now its inputs would be:\ntopic: the news of 20")
    assert ana.field("topic") == "the news of {last week}"
    ana.submits()

    ana.sees("Market research runs every weekday at 7:30 (Europe/London).", "Next: ", "in #general · yours")
    ana.closes()
    ana.types("/crew show market")
    ana.sees("Schedules (1)", "every weekday at 7:30 (Europe/London) · @Ana Ferreira · Next: ")
