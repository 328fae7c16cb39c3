"""Expressions: what they say, what is wrong with them, and that none can do harm."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import celpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.engine import cel
from bot.engine.cel import Undecided

# The library raises Python’s recursion limit at its first use, which Hypothesis must not see happen.
celpy.Environment()

FACTS: dict[str, Any] = {
    "state": {
        "n": 3,
        "x": 2.5,
        "yes": True,
        "none": None,
        "text": "tea",
        "names": ["Ann", "Ben"],
        "person": {"name": "Ann", "age": 40},
        "long": list(range(1000)),
        "big": "a" * 150_000,
    },
    "outputs": {"draft": {"raw": "A draft.", "tasks": {"Find it": "Found."}}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("state.n + 1", 4),
        ("state.x * 2.0", 5.0),
        ("!state.yes", False),
        ("state.none", None),
        ("state.text + '!'", "tea!"),
        ("state.names", ["Ann", "Ben"]),
        ("state.names.map(name, name + '.')", ["Ann.", "Ben."]),
        ("state.person", {"name": "Ann", "age": 40}),
        ('{"who": state.person.name, "all": [1, 2.5, true, null]}', {"who": "Ann", "all": [1, 2.5, True, None]}),
        ('outputs.draft.tasks["Find it"]', "Found."),
        ("has(state.nope) ? state.nope : 'else'", "else"),
        ("size(state.names) == 2 && 'Ann' in state.names", True),
        ('timestamp("2030-01-31T12:00:00Z") + duration("1h")', "2030-01-31T13:00:00+00:00"),
        ("state.big.size()", 150_000),
    ],
)
def test_an_expression_comes_to_a_json_value(expression: str, value: Any) -> None:
    found = cel.evaluate(expression, FACTS)

    assert found == value
    assert type(found) is type(value)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "it is empty"),
        ("state.n +", "it cannot be read at character 9"),
        ("state.nope", "there is no “nope” to look at"),
        ('outputs["nobody"].raw', "there is no “nobody” to look at"),
        ("weather", "there is no “weather” to look at"),
        ("1 / 0", "it cannot be worked out"),
        ("1 + 'a'", "its parts do not fit together"),
        ("9223372036854775807 + 1", "it cannot be worked out"),
        ("1.0 / 0.0", "it comes to something that is no value"),
        ("{1: 2}", "it comes to something that is no value"),
        ("type(1)", "it comes to something that is no value"),
        ("x" * 2_001, "it is longer than 2000 characters"),
    ],
)
def test_an_expression_without_a_value_says_why(expression: str, why: str) -> None:
    with pytest.raises(Undecided) as refusal:
        cel.evaluate(expression, FACTS)

    assert str(refusal.value) == why


@pytest.mark.parametrize(
    "hostile",
    [
        '"a" * 1000000000',
        'b"a" * 1000000000',
        "state.names * 1000000000",
        '"%1000000000d" % 3',
        "state.big + state.big",
        '[1, 2, 3].reduce(a, b, "x", a + a)',
        "state.long.map(a, state.long.map(b, 1))",
        "state.long.map(a, state.long)",
        "state.long.map(a, state.big)",
        "state.long.exists(a, 'not a bool')",
        'state.big.matches("(a+)+b") ? 1 : {}[1]',
        'state.big.matches("((a{0,100}){0,100}){0,100}")',
        "(" * 300 + "1" + ")" * 300,
        "!" * 1_500 + "true",
        "-" * 1_500 + "1",
        " + ".join(["state.big"] * 150),
        " || ".join(["state.nope"] * 150),
        "[" * 300 + "]" * 300,
        '__import__("os").system("true")',
        "state.__class__.__mro__",
        "state.n.__init__",
        '"{}".format(state)',
    ],
)
def test_nothing_hostile_hangs_fills_the_memory_or_gets_out(hostile: str) -> None:
    began = time.monotonic()

    with pytest.raises(Undecided):
        cel.evaluate(hostile, FACTS)

    assert time.monotonic() - began < 10


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="state.nxbig'\"[]{}()+-*/%&|!?:,0123456789 \\\n\u00e9", max_size=60))
@example("state." * 20)
@example("'\\ud800'")
@example("1e999")
def test_whatever_is_typed_has_a_value_or_a_reason(text: str) -> None:
    said = cel.problem(text, ("state", "outputs"), "Known.")
    try:
        value = cel.evaluate(text, FACTS)
    except Undecided:
        return
    json.dumps(value, allow_nan=False)
    assert said is None or "does not know" in said


@pytest.mark.parametrize(
    ("expression", "paths", "path"),
    [
        ("state.n", {("state", "n")}, ("state", "n")),
        ("(state.n)", {("state", "n")}, ("state", "n")),
        ('outputs.draft["raw"]', {("outputs", "draft", "raw")}, ("outputs", "draft", "raw")),
        ("-state.n", {("state", "n")}, None),
        ("[state.n]", {("state", "n")}, None),
        ("state.n + outputs.draft.raw.size()", {("state", "n"), ("outputs", "draft", "raw")}, None),
        ("has(state.a) ? state.a : state.b", {("state", "b")}, None),
        ("has(state.a) ? state.a.b : state.n", {("state", "n")}, None),
        ("state.names.map(it, it.size() + state.n)", {("state", "names"), ("state", "n")}, None),
        ("'text'", set(), None),
    ],
)
def test_what_an_expression_looks_at_is_known(expression: str, paths: set[Any], path: Any) -> None:
    assert cel.paths(expression) == paths
    assert cel.path(expression) == path


def test_several_at_once_do_not_disturb_each_other() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: cel.evaluate(f"state.n + {n}", {"state": {"n": n}}), range(200)))

    assert found == [2 * n for n in range(200)]
