"""A crew that remembers: switched on in its settings, filled by a run, read and forgotten in Slack."""

from __future__ import annotations

import json

import pytest

from store.crews import CrewInstance
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_what_a_run_learnt_is_shown_and_forgotten(ana: Person, a_crew: CrewInstance, llm: ScriptedModel) -> None:
    llm.when("Research tides.").says("Tides follow the moon.")
    llm.when("Content to store").says(json.dumps({"suggested_scope": "/", "categories": [], "importance": 0.5}))
    llm.when("Extract memory statements").says(json.dumps({"memories": ["Tides follow the moon <!channel>."]}))
    ana.types("/crew edit market")
    ana.presses("More settings")
    ana.chooses("Memory", "Remember what was learnt")
    ana.submits()
    ana.sees("Saved.", "Memory")
    ana.presses("Memory")
    ana.sees("Market research remembers 0 facts.")
    ana.closes()

    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.closes_thread()
    ana.types("/crew edit market")
    ana.presses("Memory")
    ana.sees("Market research remembers 1 fact.", "Tides follow the moon <!channel>.")
    ana.presses("Forget everything", and_confirms="Forget")
    ana.sees("Market research remembers 0 facts.")
