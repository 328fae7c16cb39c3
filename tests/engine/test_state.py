"""A flow's state: every type of JSON Schema, from what people type and from what steps come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.state import Misfit, begin, fields, fitting, ordered, state_problem
from tests.support.flows import state


@pytest.mark.parametrize(
    ("type_", "typed", "value"),
    [
        ("string", "tea", "tea"),
        ("string", 7, "7"),
        ("string", ["a"], '["a"]'),
        ("integer", "7", 7),
        ("integer", " -7 ", -7),
        ("integer", "7.0", 7),
        ("integer", 7.0, 7),
        ("number", "2.5", 2.5),
        ("number", "1e3", 1000.0),
        ("boolean", "yes", True),
        ("boolean", "No", False),
        ("boolean", False, False),
        ("array", "a, b", ["a", "b"]),
        ("array", '["a", 2]', ["a", 2]),
        ("array", [1], [1]),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", {"a": 1}, {"a": 1}),
        ("null", "null", None),
        ("null", None, None),
    ],
)
def test_a_value_is_read_as_its_type(type_: str, typed: Any, value: Any) -> None:
    found = fitting(typed, {"type": type_})

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("schema", "value", "why"),
    [
        ({"type": "integer"}, "seven", "It must be a whole number."),
        ({"type": "integer"}, True, "It must be a whole number."),
        ({"type": "integer"}, "7.5", "It must be a whole number."),
        ({"type": "number"}, "1e999", "It must be a number."),
        ({"type": "number"}, "NaN", "It must be a number."),
        ({"type": "boolean"}, "maybe", "It must be yes or no."),
        ({"type": "boolean"}, 1, "It must be yes or no."),
        ({"type": "array"}, '{"a": 1}', "It must be a list."),
        ({"type": "array"}, "[1,", "It must be a list."),
        ({"type": "object"}, "[1]", "It must be an object."),
        ({"type": "null"}, 1, "It must be nothing."),
        ({"type": "string"}, None, "It must be a text."),
        ({"type": "string", "enum": ["red", "blue"]}, "green", "It must be one of red, blue."),
        ({"type": "integer", "minimum": 1, "maximum": 5}, 6, "It must be at most 5."),
        ({"type": "string", "minLength": 3}, "ab", "It must be at least 3 characters long."),
        ({"type": "array", "maxItems": 1}, [1, 2], "It must be at most 1 entries long."),
        ({"type": "array", "items": {"type": "integer"}}, [1, "x"], "“2” must be a whole number."),
        (
            {"type": "object", "properties": {"age": {"type": "integer"}}},
            {"age": "old"},
            "“age” must be a whole number.",
        ),
        ({"type": "object", "properties": {}, "required": ["age"]}, {}, "It lacks “age”."),
        ({"type": "object", "properties": {}, "additionalProperties": False}, {"x": 1}, "It can’t have “x”."),
        ({"type": "string"}, "a" * 200_001, "It is longer than 200,000 characters."),
    ],
)
def test_what_does_not_fit_says_why(schema: dict[str, Any], value: Any, why: str) -> None:
    with pytest.raises(Misfit) as misfit:
        fitting(value, schema)

    assert str(misfit.value) == why


def test_a_run_begins_with_inputs_then_defaults_then_nothing() -> None:
    schema = {**state(topic="string", n={"type": "integer", "default": 3}, notes="array"), "required": ["topic"]}

    assert begin(schema, {"topic": "Tea"}) == ({"topic": "Tea", "n": 3, "notes": None}, {})
    assert begin(schema, {"topic": "Tea", "n": " ", "notes": "a,b"})[0] == {"topic": "Tea", "n": 3, "notes": ["a", "b"]}


def test_every_input_at_fault_is_told_at_once() -> None:
    schema = {**state(topic="string", n="integer", ok="boolean"), "required": ["topic", "ok"]}

    assert begin(schema, {"n": "many", "ok": "perhaps", "more": "x"})[1] == {
        "topic": "“topic” is needed.",
        "n": "It must be a whole number.",
        "ok": "It must be yes or no.",
        "more": "There is no “more” in this flow’s state.",
    }


def test_a_required_field_with_a_default_can_be_left_out() -> None:
    schema = {**state(n={"type": "integer", "default": 0}), "required": ["n"]}

    assert begin(schema, {}) == ({"n": 0}, {})


def test_a_default_is_not_shared_between_runs() -> None:
    schema = state(names={"type": "array", "items": {"type": "string"}, "default": []})
    begin(schema, {})[0]["names"].append("x")

    assert begin(schema, {})[0] == {"names": []}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "It must describe an object"),
        ({"type": "array"}, "It must describe an object"),
        (state(x="date"), "Give “x” a type"),
        (state(x={"type": "string", "pattern": "(a+)+$"}), "“pattern” cannot be used here"),
        (state(x={"$ref": "file:///etc/passwd"}), "Give “x” a type"),
        (state(**{"in": "string"}), "“in” cannot be the name"),
        (state(über="string"), "“über” cannot be the name"),
        (state(**{"two words": "string"}), "“two words” cannot be the name"),
        (state(n={"type": "integer", "default": "x"}), "The default of “n” does not fit: It must be a whole number."),
        (state(**{f"f{number}": "string" for number in range(61)}), "It has more than 60 fields."),
        ({**state(x="string"), "required": ["y"]}, "“required” of the state must be a list of its properties."),
    ],
)
def test_a_schema_that_is_no_states_says_why(schema: Any, why: str) -> None:
    assert why in (state_problem(schema) or "")


def test_a_schema_that_goes_round_is_refused() -> None:
    schema: dict[str, Any] = state(x="object")
    schema["properties"]["x"]["properties"] = {"x": schema["properties"]["x"]}

    assert "levels deep" in (state_problem(schema) or "")


def test_fields_keep_their_order_where_the_database_keeps_none() -> None:
    schema = ordered(state(zebra="string", a="string", monkey="string"))
    assert schema is not None
    shuffled = json.loads(json.dumps(schema, sort_keys=True))

    assert [field.name for field in fields(shuffled)] == ["zebra", "a", "monkey"]
    assert state_problem(shuffled) is None
    assert ordered(state()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(value=JSON, type_=st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"]))
def test_any_value_fits_or_is_told_why(value: Any, type_: str) -> None:
    try:
        found = fitting(value, {"type": type_})
    except Misfit:
        return
    assert fitting(found, {"type": type_}) == found


@given(JSON)
def test_any_schema_at_all_is_judged(schema: Any) -> None:
    state_problem(schema)
    state_problem({"type": "object", "properties": {"x": schema}})
