"""What the page of a run calls the results of its tasks and steps."""

from __future__ import annotations

from typing import Any

from bot.services.run_results import Outcome, outcomes
from store.definitions import Definition
from tests.support.flows import crew, flow, step

DONE: dict[str, Any] = {"raw": "Done.", "skipped": False}


def names(definition: Definition, *keys: str) -> list[str]:
    return [each.name for each in outcomes(definition, dict.fromkeys(keys, DONE))]


def test_a_crews_tasks_are_called_by_their_names() -> None:
    assert names(crew("Research", "Find", "a/b"), "task:Find", "task:a/b", "plan") == ["Find", "a/b"]


def test_a_flows_tasks_are_told_apart_by_step_item_and_round() -> None:
    inner = flow(step("look_up", name="Look it up"), name="Inner", parts=[])
    definition = flow(
        step("draft", name="Write it"),
        step("all", "each", name="For all"),
        step("sub", "flow", target="Inner", name="The inner one"),
        parts=[inner, crew()],
    )

    assert names(
        definition,
        "step:draft/task:Find",
        "step:draft",
        "step:draft#2/task:Find",
        "step:all[0]/task:Find",
        "step:all[11]#3/task:Find",
        "step:all/due",
        "step:sub/step:look_up#2/task:Find",
        "step:sub",
    ) == [
        "Write it · Find",
        "Write it · round 2 · Find",
        "For all · item 1 · Find",
        "For all · item 12 · round 3 · Find",
        "The inner one · Look it up · round 2 · Find",
    ]


def test_steps_without_tasks_tell_what_they_came_to_themselves() -> None:
    definition = flow(step("rate", "decide", name="Good?"), step("pause", "wait", name="Pause"), parts=[])
    kept = {"step:rate#2": {"raw": "yes"}, "step:pause/due": {"due": "now"}, "step:pause": {"raw": ""}}

    assert list(outcomes(definition, kept)) == [Outcome("Good? · round 2", "yes")]


def test_what_was_left_out_came_to_nothing() -> None:
    kept = {"task:Find": {"raw": "", "skipped": True}, "task:Rate": DONE}

    assert list(outcomes(crew("Research", "Find", "Rate"), kept)) == [Outcome("Rate", "Done.")]
