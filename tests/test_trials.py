"""A step by itself: what it asks for in place of the state and of other steps' outputs."""

from __future__ import annotations

from bot.services.trials import alone, asked
from tests.support.flows import crew, flow, state, step

WEEKLY = flow(
    step("research", inputs={"topic": "state.topic"}),
    step("draft", "crew", "research", inputs={"facts": "outputs.research.raw", "again": "outputs.research.raw + '!'"}),
    step("good", "decide", "draft", rules=[{"when": "state.score > 7", "outcome": "yes"}], otherwise="no"),
    state=state(topic="string", score={"type": "number", "default": 3}, letter="string"),
    parts=[crew()],
)


def test_a_step_asks_for_the_state_that_it_looks_at() -> None:
    schema = asked(WEEKLY, "research")

    assert schema
    assert list(schema["properties"]) == ["topic"]
    assert schema["required"] == ["topic"]
    assert alone(WEEKLY, "research").name == "Weekly: Research"


def test_what_other_steps_give_is_asked_for_too() -> None:
    tried, schema = alone(WEEKLY, "draft"), asked(WEEKLY, "draft")

    assert schema
    assert schema["properties"] == {
        "research_raw": {"type": "string", "description": "In place of outputs.research.raw"}
    }
    [only] = tried.steps
    assert only.inputs == {"facts": "state.research_raw", "again": "state.research_raw + '!'"}
    assert only.after == []


def test_rules_ask_for_what_they_look_at_and_a_default_need_not_be_given() -> None:
    schema = asked(WEEKLY, "good")

    assert schema
    assert (list(schema["properties"]), schema["required"]) == (["score"], [])


def test_a_step_that_looks_at_nothing_asks_for_nothing() -> None:
    assert asked(flow(step("pause", "wait", seconds=1)), "pause") is None
