"""Replies in the thread of a run: a change to its result, once more, and what people ask the bot about."""

from __future__ import annotations

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def runs_it(person: Person, llm: ScriptedModel) -> None:
    llm.when("Research tides.").says("They rise, and they fall.")
    person.types("/crew run market topic=tides")
    person.reads_thread(of="Started by", until="Run again")


def test_a_reply_changes_the_result(ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    runs_it(ana, llm)
    llm.when("They rise, and they fall.", "Make it shorter {topic}").says("Up, down.")
    ben.opens_thread(of="Started by")

    ben.types("@Crew Make it shorter {topic}")

    ana.reads_thread(of="Started by @Ana", until="Up, down.")
    assert len(llm.requests) == 2


def test_a_reply_runs_it_again(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    runs_it(ana, llm)
    ana.opens_thread(of="Started by")

    ana.types("@Crew run it again")

    llm.heard("Research tides.", times=2)


def test_there_must_be_a_result_to_change(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(401)
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Started by", until="Run again")
    ana.opens_thread(of="Started by")

    ana.types("@Crew make it shorter")

    ana.sees("“Market research” has no result here that can be changed.")


def test_who_may_not_run_the_crew_changes_nothing(
    ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    from bot.services.sharing import Access

    crew_of(everybody=Access.NOTHING)
    runs_it(ana, llm)
    ben.opens_thread(of="Started by")

    ben.types("@Crew make it shorter")

    ben.sees("You may not")
    assert len(llm.requests) == 1
