"""Which steps a flow goes on with, told from what is finished of it."""

from __future__ import annotations

import pytest

from bot.engine.ways import going_on
from store.definitions import StepPlan
from tests.support.flows import step

LINE = [step("find"), step("write", "crew", "find"), step("send", "crew", "write")]
# The branch that is taken comes later in the list than the one that is not.
CHOICE = [
    step("rate", "decide"),
    step("mend", "crew", "rate/bad"),
    step("send", "crew", "rate/good"),
    step("file", "crew", "mend", "send", join="any"),
]
LOOP = [
    step("draft", "crew", "start", "look/changes", join="any"),
    step("check", "crew", "draft"),
    step("look", "review", "draft"),
    step("publish", "crew", "check", "look/approved"),
]
PARALLEL = [
    step("find"),
    step("left", "crew", "find"),
    step("pause", "wait", "find"),
    step("right", "crew", "find"),
    step("meet", "crew", "left", "right", "pause"),
]
ROUNDS = [
    step("round", "set", "start", "enough/no", join="any"),
    step("left", "set", "round"),
    step("right", "set", "round"),
    step("enough", "decide", "left", "right"),
    step("after", "crew", "enough/yes"),
]


@pytest.mark.parametrize(
    ("steps", "finished", "names"),
    [
        (LINE, "", ["Find"]),
        (LINE, "find", ["Write"]),
        (LINE, "find write send", []),
        (CHOICE, "rate/good", ["Send"]),
        (CHOICE, "rate/good send", ["File"]),
        (CHOICE, "rate/bad mend file", []),
        (LOOP, "draft", ["Check"]),
        (LOOP, "draft check", ["Look"]),
        (LOOP, "draft check look/changes", ["Draft"]),
        (LOOP, "draft check look/changes draft#2", ["Check"]),
        # What was checked is the draft of before.
        (LOOP, "draft check look/changes draft#2 look#2/approved", ["Check"]),
        (LOOP, "draft look/changes draft#2 look#2/approved check", ["Check"]),
        (LOOP, "draft check look/changes draft#2 look#2/approved check#2", ["Publish"]),
        (PARALLEL, "find", ["Left", "Right"]),
        (PARALLEL, "find right", ["Left"]),
        (PARALLEL, "find left right", ["Pause"]),
        (PARALLEL, "find left right pause", ["Meet"]),
        (ROUNDS, "round left right", ["Enough"]),
        (ROUNDS, "round left right enough/no round#2 left#2", ["Right"]),
        (ROUNDS, "round left right enough/no round#2 left#2 right#2", ["Enough"]),
        (ROUNDS, "round left right enough/no round#2 left#2 right#2 enough#2/yes", ["After"]),
    ],
)
def test_a_flow_goes_on_with_what_its_finished_steps_led_to(
    steps: list[StepPlan], finished: str, names: list[str]
) -> None:
    kept = {f"step:{each.partition('/')[0]}": {"outcome": each.partition("/")[2]} for each in finished.split()}

    assert going_on(steps, kept) == names
