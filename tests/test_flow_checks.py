"""What is wrong with a flow, each fault in its sentence and with the place of its mend."""

from __future__ import annotations

from typing import Any

import celpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.services.checks import Place
from bot.services.flow_checks import Need, flow_problems, needs
from store.definitions import Definition, LinkPlan, StepPlan
from tests.support.flows import crew, flow, state, step

# The library raises Python’s recursion limit at its first use, which Hypothesis must not see happen.
celpy.Environment()

TOPIC = state(topic="string", count={"type": "integer", "default": 0}, names="array", ok="boolean", out="string")
ENOUGH: dict[str, Any] = {"rules": [{"when": "state.ok", "outcome": "yes"}], "otherwise": "no"}


def said(definition: Definition) -> list[str]:
    return [finding.sentence for finding in flow_problems(definition)]


def put(key: str, *after: str, **more: Any) -> StepPlan:
    return step(key, "set", *after, **{"value": "'x'", "result": "out", **more})


# --- What is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "right",
    [
        flow(step("a"), step("b", "crew", "a"), step("c", "crew", "a"), step("d", "crew", "b", "c")),
        flow(
            step("a", "decide", **ENOUGH),
            step("b", "crew", "a/yes"),
            step("c", "crew", "a/no"),
            step("d", "crew", "b", "c", join="any"),
            state=TOPIC,
        ),
        flow(
            step("a", "crew", "start", "b/no", join="any"),
            step("b", "decide", "a", **ENOUGH, ends=["yes"]),
            state=TOPIC,
        ),
        flow(step("a"), step("b", "review", "a"), step("c", "crew", "b/approved")),
        # Two decisions, each branch of which meets only its own.
        flow(
            step("a", "decide", **ENOUGH),
            step("b", "decide", "a/yes", **ENOUGH, ends=["no"]),
            step("c", "crew", "a/no"),
            step("d", "crew", "b/yes", "c", join="any"),
            state=TOPIC,
        ),
        flow(step("a", "each", items="state.names", inputs={"name": "item"}), state=TOPIC),
        flow(
            put("a", value="has(outputs.b) ? outputs.b.outcome : 'none'"),
            step("b", "review", "a", ends=["approved", "rejected", "changes"]),
            state=TOPIC,
        ),
    ],
    ids=["diamond", "excluding", "loop", "review", "nested decisions", "each", "looking ahead with has"],
)
def test_nothing_is_wrong_with(right: Definition) -> None:
    assert said(right) == []


# --- Where steps lead -------------------------------------------------------------------------------------------------


def test_a_flow_without_steps() -> None:
    [finding] = flow_problems(flow())
    assert (finding.sentence, finding.place) == ("It has no steps yet. Add at least one.", Place.NEW_STEP)


@pytest.mark.parametrize(
    ("wrong", "sentences"),
    [
        (
            flow(step("a"), step("b", "crew", "gone")),
            [
                "“B” comes after a step that is not there any more. Choose what it comes after.",
                "Nothing leads to “B”, so it is never done. Choose what it comes after, or remove it.",
            ],
        ),
        (
            flow(step("a"), step("b", "crew", "c"), step("c", "crew", "b")),
            [
                "Nothing leads to “B”, so it is never done. Choose what it comes after, or remove it.",
                "Nothing leads to “C”, so it is never done. Choose what it comes after, or remove it.",
            ],
        ),
        (
            flow(step("b", "crew", "c"), step("c", "crew", "b")),
            ["Nothing comes first, so the flow never begins. Let a step come after the start."],
        ),
        (
            flow(step("a", "decide", **ENOUGH), step("b", "crew", "a/maybe", "a/yes", join="any"), state=TOPIC),
            [
                "“B” waits for “A” to come to “maybe”, which it never does. Choose another outcome.",
                "When “A” comes to “no”, nothing follows. Add a step after it, or say that the flow ends there.",
            ],
        ),
        (
            flow(step("a", "decide", **ENOUGH), step("b", "crew", "a/yes"), state=TOPIC),
            ["When “A” comes to “no”, nothing follows. Add a step after it, or say that the flow ends there."],
        ),
        (
            flow(
                step("a", "decide", **ENOUGH),
                step("b", "crew", "a/yes"),
                step("c", "crew", "a/no"),
                step("d", "crew", "b", "c"),
                state=TOPIC,
            ),
            ["“D” waits for “B” and “C”, which never come together. Let it wait for any of them."],
        ),
        (
            flow(step("a"), step("b"), step("c", "crew", "a", "b", join="any")),
            [
                (
                    "“C” waits for any of “A” and “B”, but both can come, and it would be done twice. "
                    "Let it wait for all of them."
                )
            ],
        ),
        (
            flow(step("a", "crew", "start", "b/no"), step("b", "decide", "a", **ENOUGH, ends=["yes"]), state=TOPIC),
            ["“A” waits for “B”, which only comes after it. Let it wait for any of them."],
        ),
        (
            flow(step("a", "crew", "start", "b", join="any"), step("b", "crew", "a")),
            ["“A”, “B” go round without an end. Add a step that decides when it is enough."],
        ),
        (
            flow(step("a", "crew", "start", "a", join="any")),
            ["“A” comes after itself for ever. Add a step that decides when it is enough."],
        ),
        (
            flow(
                step("a", "crew", "start", "b/no", "b/yes", join="any"), step("b", "decide", "a", **ENOUGH), state=TOPIC
            ),
            ["“A”, “B” go round without an end. Add a step that decides when it is enough."],
        ),
        (
            flow(step("a", "crew", "start", "b", join="any"), step("b", "crew", "a"), step("c", "crew", "a")),
            ["“A”, “B” go round without an end. Add a step that decides when it is enough."],
        ),
    ],
)
def test_a_step_that_leads_astray(wrong: Definition, sentences: list[str]) -> None:
    assert said(wrong) == sentences


# --- What steps run, are given and say --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence", "place"),
    [
        (
            flow(step("a", target="Gone")),
            "The crew that “A” runs has been deleted, or was never chosen. Choose one.",
            Place.STEP,
        ),
        (flow(step("a", "flow", target="Research")), "“A” must run a flow. Choose one.", Place.STEP),
        (
            flow(step("a"), parts=[crew(asks="On {topic}.")]),
            "“A” needs “topic”. Say where it comes from.",
            Place.STEP,
        ),
        (
            flow(
                step("a", "flow", target="Inner"),
                parts=[crew(), flow(step("x"), name="Inner", state={**state(n="integer"), "required": ["n"]})],
            ),
            "“A” needs “n”. Say where it comes from.",
            Place.STEP,
        ),
        (
            flow(
                step("a", "flow", target="Inner", inputs={"n": "state.names"}),
                parts=[crew(), flow(step("x"), name="Inner", state=state(n="integer"))],
                state=TOPIC,
            ),
            "“A”: the input “n” is a list, but must be a whole number. Choose something else.",
            Place.STEP,
        ),
        (
            flow(step("a", inputs={"topic": "state.topic +"}), parts=[crew(asks="{topic}")], state=TOPIC),
            (
                "“A”: the input “topic” can’t be read. This is no expression: it cannot be read at character 13. "
                "It knows state, inputs and outputs."
            ),
            Place.STEP,
        ),
        (
            flow(put("a", value="state.nothing"), state=TOPIC),
            (
                "“A”: “Value” looks at “state.nothing”, which the state does not have. "
                "Add it to the state, or choose something else."
            ),
            Place.STEP_SETTINGS,
        ),
        (
            flow(put("a", value="outputs.nobody.raw"), state=TOPIC),
            "“A”: “Value” looks at “outputs.nobody”, but there is no such step. Choose something else.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(put("a", value="outputs.b.raw"), put("b", "a"), state=TOPIC),
            "“A”: “Value” looks at “outputs.b”, but “B” does not come before it. Choose something else.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a"), put("b", "a", value="outputs.a.score"), state=TOPIC),
            "“B”: “Value” looks at “outputs.a.score”, which “A” does not give.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(put("a", value="weather"), state=TOPIC),
            "“A”: “Value” can’t be read. It does not know “weather”. It knows state, inputs and outputs.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(put("a", value="item"), state=TOPIC),
            "“A”: “Value” can’t be read. It does not know “item”. It knows state, inputs and outputs.",
            Place.STEP_SETTINGS,
        ),
        (flow(put("a", result=""), state=TOPIC), "“A” must say which field of the state it sets.", Place.STEP),
        (
            flow(put("a", result="report"), state=TOPIC),
            (
                "The result of “A” goes to “report”, which the state does not have. "
                "Choose a field, or add it to the state."
            ),
            Place.STEP,
        ),
        (
            flow(put("a", value="state.names", result="count"), state=TOPIC),
            "The result of “A” is a list, but “count” of the state is a whole number. Choose another field.",
            Place.STEP,
        ),
        (
            flow(put("a", value="'seven'", result="count"), state=TOPIC),
            "“A” can’t set “count”: It must be a whole number.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a", "each", items="state.names", result="count"), state=TOPIC),
            "The result of “A” is a list, but “count” of the state is a whole number. Choose another field.",
            Place.STEP,
        ),
        (
            flow(step("a", "each", items="state.topic"), state=TOPIC),
            "“A”: “List” is a text, but must be a list. Choose something else.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a", "decide", rules=[{"when": "state.count", "outcome": "x"}], ends=["x"]), state=TOPIC),
            "“A”: “Rules” is a whole number, but must be yes or no. Choose something else.",
            Place.STEP_SETTINGS,
        ),
        (flow(step("a", "each")), "“A”: Say which list.", Place.STEP_SETTINGS),
        (flow(step("a", "wait")), "“A”: Say how long, or until when.", Place.STEP_SETTINGS),
        (
            flow(step("a", "wait", seconds=3, until="state.topic"), state=TOPIC),
            "“A”: Say how long or until when, not both.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a", "decide", by="model", question="Which?", outcomes=["one"], ends=["one"])),
            "“A”: Write at least two outcomes to choose from.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a", "decide", by="model", question="Is {text} good?", outcomes=["y", "n"], ends=["y", "n"])),
            "“A” needs “text”. Say where it comes from.",
            Place.STEP,
        ),
        (
            flow(step("a", "decide", by="model", question="?", outcomes=["Yes", "yes"], ends=["Yes", "yes"])),
            "“A”: “Yes” and “yes” are too much alike.",
            Place.STEP_SETTINGS,
        ),
        (
            flow(step("a"), step("b", "crew", "a", links=[LinkPlan(task="Do it", step="a", depends_on="Gone")])),
            "“B” connects a task that is not there any more. Change its connected tasks.",
            Place.STEP,
        ),
        (
            flow(step("a", links=[LinkPlan(task="Do it", step="b", depends_on="Do it")]), step("b", "crew", "a")),
            "“A” uses a result of “B”, which does not come before it. Change its connected tasks.",
            Place.STEP,
        ),
        (
            flow(step("a", "flow", target="Inner"), parts=[flow(step("x", "flow", target="Weekly"), name="Inner")]),
            "“A” runs a flow that runs this one, so it would never end. Choose another flow.",
            Place.STEP,
        ),
        (
            flow(step("a"), state={"type": "object", "properties": {"x": {"type": "date"}}}),
            "The state can’t be used. Give “x” a type: one of object, array, string, integer, number, boolean, null.",
            Place.STATE,
        ),
        (
            flow(step("a", "dance")),
            "Nobody knows how to do “A” (dance) here. Remove it or choose another kind.",
            Place.STEP,
        ),
    ],
)
def test_a_fault_leads_to_its_mend(wrong: Definition, sentence: str, place: Place) -> None:
    found = {finding.sentence: finding.place for finding in flow_problems(wrong)}

    assert list(found.items()) == [(sentence, place)]


def test_what_a_crew_and_a_flow_need_is_known_with_its_type() -> None:
    assert needs(crew(asks="On {topic} for {reader}.")) == [Need("topic", "", True), Need("reader", "", True)]
    schema = {**state(n={"type": "integer", "description": "How many"}, m="string"), "required": ["n"]}
    assert needs(flow(state=schema)) == [Need("n", "integer", True, "How many"), Need("m", "string", False)]


def test_a_flow_with_more_ways_than_anybody_can_look_at_is_checked_in_a_moment() -> None:
    steps: list[StepPlan] = []
    for number in range(40):
        before = [f"d{number - 1}/yes", f"d{number - 1}/no"] if number else ["start"]
        steps.append(step(f"d{number}", "decide", *before, join="any", **ENOUGH))

    assert "When “D39” comes to “yes”, nothing follows." in said(flow(*steps, state=TOPIC))[0]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_flow_at_all_can_be_checked(data: st.DataObject) -> None:
    keys = [f"k{number}" for number in range(data.draw(st.integers(1, 7)))]
    places = st.sampled_from([*keys, "start", "gone", *(f"{key}/yes" for key in keys), *(f"{key}/no" for key in keys)])
    texts = st.sampled_from(["", "state.ok", "outputs.k0.raw", "item", "1 +", "state.nope", "'x'", "outputs.k1"])
    kinds = st.sampled_from(["crew", "flow", "decide", "review", "set", "each", "wait", "dance"])
    steps = [
        step(
            key,
            data.draw(kinds),
            *data.draw(st.lists(places, max_size=3)),
            join=data.draw(st.sampled_from(["all", "any"])),
            inputs={"topic": data.draw(texts)},
            result=data.draw(st.sampled_from(["", "ok", "nope"])),
            value=data.draw(texts),
            items=data.draw(texts),
            rules=[{"when": data.draw(texts), "outcome": "yes"}],
            otherwise=data.draw(st.sampled_from(["", "no"])),
        )
        for key in keys
    ]

    for finding in flow_problems(flow(*steps, state=TOPIC)):
        assert finding.sentence.endswith((".", "give."))
        assert finding.key in {*keys, ""}


# --- What overwrites what ---------------------------------------------------------------------------------------------


LOST = (
    "“{}” and “{}” can go on at the same time and both set “out”, so one result is lost. "
    "Let one come after the other, or let its result go to another field."
)


@pytest.mark.parametrize(
    ("wrong", "pairs"),
    [
        (flow(put("a"), put("b"), state=TOPIC), [("A", "B")]),
        (flow(step("a"), put("b", "a"), step("c", "crew", "a"), put("d", "c"), state=TOPIC), [("B", "D")]),
        (flow(put("a"), put("b"), put("c"), state=TOPIC), [("A", "B"), ("A", "C")]),
        # Both in each round of a loop.
        (
            flow(
                step("a", "crew", "start", "d/no", join="any"),
                put("b", "a"),
                put("c", "a"),
                step("d", "decide", "b", "c", **ENOUGH, ends=["yes"]),
                state=TOPIC,
            ),
            [("B", "C")],
        ),
        # Decisions in branches of their own exclude nothing in the other.
        (
            flow(
                step("a", "decide", **ENOUGH, ends=["no"]),
                step("b", "decide", **ENOUGH, ends=["no"]),
                put("c", "a/yes"),
                put("d", "b/yes"),
                state=TOPIC,
            ),
            [("C", "D")],
        ),
    ],
    ids=["first steps", "branches", "three", "in a loop", "two decisions"],
)
def test_steps_at_the_same_time_do_not_set_the_same_field(wrong: Definition, pairs: list[tuple[str, str]]) -> None:
    assert said(wrong) == [LOST.format(*pair) for pair in pairs]


@pytest.mark.parametrize(
    "right",
    [
        flow(put("a"), put("b", "a"), step("c", "crew", "b"), put("d", "c"), state=TOPIC),
        flow(put("a"), step("b"), put("c", "a", "b"), state=TOPIC),
        flow(step("a", "decide", **ENOUGH), put("b", "a/yes"), put("c", "a/no"), state=TOPIC),
        flow(
            step("a", "decide", **ENOUGH),
            step("b", "crew", "a/yes"),
            put("c", "b"),
            step("d", "crew", "a/no"),
            put("e", "d"),
            put("f", "c", "e", join="any"),
            state=TOPIC,
        ),
        flow(
            put("a", "start", "c/no", join="any"),
            put("b", "a"),
            step("c", "decide", "b", **ENOUGH, ends=["yes"]),
            state=TOPIC,
        ),
        flow(put("a"), put("b", result="ok", value="true"), state=TOPIC),
    ],
    ids=["one after the other", "after a join", "excluding", "meeting again", "loop", "other fields"],
)
def test_steps_that_never_go_on_together_may_set_the_same_field(right: Definition) -> None:
    assert said(right) == []
