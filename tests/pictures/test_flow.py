"""Pictures of flows: what is in them, read from the SVG, and the same in words."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.crew import Status
from bot.pictures.flow import flow_of, in_words
from bot.pictures.flow_svg import WIDTH, flow_svg
from bot.pictures.fonts import width
from bot.pictures.layout import Box
from store.definitions import Definition
from tests.pictures.crews import HOSTILE
from tests.pictures.flows import KINDS, LETTER, chain, fan, flow, step
from tests.pictures.test_crew import texts

SVG = "{http://www.w3.org/2000/svg}"
FAR = {"Draft": Status.DONE, "Check": Status.IN_PROGRESS, "Numbers": Status.FAILED, "Send": Status.SKIPPED}


def svg(definition: Definition, statuses: dict[str, Status] | None = None, *, dark: bool = False) -> str:
    return flow_svg(flow_of(definition, KINDS, statuses), dark=dark)


def cards(picture: str) -> list[Box]:
    """The cards, and the stops on lines: every frame but the page itself."""
    frames = [one for one in ET.fromstring(picture).iter(f"{SVG}rect") if one.get("stroke")]
    return [Box(*(float(one.get(side) or 0) for side in ("x", "y", "width", "height"))) for one in frames]


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def test_a_picture_shows_what_each_step_does_and_which_outcome_leads_where() -> None:
    said = texts(svg(LETTER))

    assert said[:2] == ["Weekly letter", "5 steps"]
    assert {"Start", "Draft", "Writers", "Review by a person", "Run a flow"} <= set(said)
    assert {"changes", "approved"} <= set(said), "the outcomes stand on their lines"
    assert {"waits for any of them", "waits for all of them"} <= set(said)
    assert said.index("Draft") < said.index("Check") < said.index("Approval") < said.index("Send")


def test_a_loop_is_dashed_and_leads_back() -> None:
    picture = svg(LETTER)

    assert picture.count('stroke-dasharray="6 4"') == 1
    assert picture.count("<polygon") == 7, "a head at every step that a line comes to, none at an outcome"


def test_the_same_stands_in_the_alternative_text() -> None:
    assert in_words(flow_of(LETTER, KINDS)) == [
        "Weekly letter: 5 steps.",
        "1. Draft (Writers), after the start or Approval (changes).",
        "2. Check (Writers), after Draft.",
        "3. Numbers (Writers), after Draft.",
        "4. Approval (Review by a person), after Check and Numbers.",
        "5. Send (Run a flow), after Approval (approved).",
    ]


def test_a_run_shows_how_far_each_step_is_by_colour_sign_and_word() -> None:
    picture = svg(LETTER, FAR)

    said = texts(picture)
    assert said[1] == "5 steps: 1 done, 1 in progress, 1 failed, 1 skipped, 1 pending"
    assert [word for word in said if word in list(Status)] == ["Done", "In progress", "Failed", "Pending", "Skipped"]
    assert in_words(flow_of(LETTER, KINDS, FAR))[3] == "3. Numbers (Writers), after Draft: failed."
    assert picture != svg(LETTER, FAR, dark=True)


@pytest.mark.parametrize("statuses", [None, {"Step 1": Status.DONE, "Step 20": Status.WAITING}])
@pytest.mark.parametrize("length", [1, 5, 12, 40])
def test_every_step_of_a_long_flow_is_there(length: int, statuses: dict[str, Status] | None) -> None:
    picture = svg(chain(length), statuses)

    said = [text.rpartition(". ")[2] for text in texts(picture)]
    names = [text for text in said if text.startswith("Step ")]
    assert names == [f"Step {number}" for number in range(1, length + 1)]
    assert float(ET.fromstring(picture).get("height") or 0) < 4_400


def test_a_flow_of_forty_steps_has_all_its_lines() -> None:
    straight = svg(chain(40), {"Step 1": Status.DONE})
    assert straight.count("<polygon") == 40, "from the start, and from each step to the next"
    assert texts(straight)[2:5] == ["Start", "1. Step 1", "Writers"]
    assert texts(straight)[-2:] == ["Pending", "Done"]

    def after(number: int) -> list[str]:
        if number % 4 == 3:
            return [f"Step {number - 2}", f"Step {number - 1}"]
        return [f"Step {number - (number % 4 or 1)}"] if number else []

    branching = svg(flow(*(step(f"Step {number}", after(number)) for number in range(40))))
    boxes = cards(branching)
    assert len(boxes) == 41, "the start, and a card for each step"
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert branching.count("<polygon") == 50
    assert [words for words in texts(branching) if "all of them" in words] == ["Writers · all of them"] * 10


def test_the_small_cards_of_a_very_long_flow_say_what_each_comes_after_and_what_its_sign_means() -> None:
    said = texts(svg(chain(70), {"Step 1": Status.DONE}))

    assert said[2:5] == ["1. Step 1", "Writers", "2. Step 2"]
    assert "after 69" in said
    assert said[-2:] == ["Pending", "Done"]


def test_a_flow_too_long_for_a_picture_says_how_much_more_there_is() -> None:
    assert "and 20 more steps" in texts(svg(chain(100)))


@pytest.mark.parametrize("wide", [2, 3, 4, 9, 25])
def test_steps_side_by_side_stay_on_the_page(wide: int) -> None:
    boxes = cards(svg(fan(wide), {}))

    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert all(box.x >= 16 and box.right <= WIDTH - 16 for box in boxes)


def test_an_empty_flow_says_so() -> None:
    assert texts(svg(flow())) == ["Weekly letter", "0 steps", "No steps yet"]


def test_what_is_gone_is_left_out() -> None:
    assert in_words(flow_of(flow(step("Send", ["Draft"])), KINDS))[1] == "1. Send (Writers)."


@pytest.mark.parametrize("dark", [False, True])
def test_hostile_names_are_only_words(dark: bool) -> None:
    hostile = flow(step(HOSTILE), step("B", [f"{HOSTILE}={HOSTILE}"]), name=HOSTILE)

    picture = svg(hostile, dark=dark)
    assert "<script" not in picture
    assert any(text.startswith('<script>alert("1")</script> & ]]>') for text in texts(picture))


@pytest.mark.parametrize("name", ["W" * 300, "word " * 80, "市場調査" * 40, "🚀" * 100])
def test_long_names_stay_on_the_page(name: str) -> None:
    long = flow(step(name), step("B", [f"{name}={name}"]), *(step(f"C{at}", ["B"]) for at in range(4)), name=name)

    for element in ET.fromstring(svg(long, {name: Status.IN_PROGRESS})).iter(f"{SVG}text"):
        wide = width(element.text or "", float(element.get("font-size") or 0), bold=element.get("font-weight") == "500")
        at = float(element.get("x") or 0)
        left = {"middle": at - wide / 2, "end": at - wide}.get(element.get("text-anchor") or "", at)
        assert left >= 0, element.text
        assert left + wide <= WIDTH - 16, element.text


@st.composite
def flows(draw: st.DrawFn) -> Definition:
    """Up to 40 steps that come after any others, loops included, on any outcome."""
    many = draw(st.integers(1, 40))
    keys = st.sampled_from(["start", *(f"s{at}" for at in range(many))])
    afters = draw(
        st.lists(
            st.lists(st.tuples(keys, st.sampled_from(["", "", "good", "bad"])), max_size=3),
            min_size=many,
            max_size=many,
        )
    )
    return flow(*(step(f"s{at}", [f"{key}={said}" for key, said in after]) for at, after in enumerate(afters)))


@settings(max_examples=60, deadline=None)
@given(flows())
def test_nothing_stands_on_anything_else_whatever_the_flow(definition: Definition) -> None:
    began = time.process_time()
    boxes = cards(svg(definition, {"s0": Status.DONE}))

    assert time.process_time() - began < 2
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert all(box.x >= 16 and box.right <= WIDTH - 16 for box in boxes)
