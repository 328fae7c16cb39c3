"""Conditions: what they can say, and that nobody can do harm with one."""

from __future__ import annotations

import json

import pytest

from bot.engine.conditions import Undecided, condition_problem, holds

OUTPUTS = {"Find it": "three sources", "Rate": json.dumps({"score": 7, "tags": ["new", "big"], "none": None})}


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ('output.contains("urgent")', True),
        ('output.matches("(?i)URGENT")', True),
        ('size(outputs["Find it"]) > 100', False),
        ('outputs["Find it"] == "three sources" || false', True),
        ('data["Rate"].score > 5', True),
        ('"new" in data["Rate"].tags && !data["Rate"].tags.exists(tag, tag == "old")', True),
        ("has(data.Rate) && data.Rate.score < 5", False),
        ("data.Rate.none == null", True),
    ],
)
def test_a_condition_looks_at_earlier_results(expression: str, answer: bool) -> None:
    assert condition_problem(expression) is None
    assert holds(expression, "This is urgent.", OUTPUTS) is answer


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('outputs["Nobody"] == ""', "there is no “Nobody” to look at"),
        ("output > 5", "its parts do not fit together"),
        ("output", "it comes to something else than yes or no"),
        ('data["Find it"].score > 5', "there is no “Find it” to look at"),
        ("1 / 0 == 1", "it cannot be worked out"),
        ('output.matches("(")', "it cannot be worked out"),
        ('output.matches("(a{999}){999}")', "it cannot be worked out"),
        ("9223372036854775807 + 1 > 0", "it cannot be worked out"),
    ],
)
def test_a_condition_without_an_answer_says_why(expression: str, why: str) -> None:
    with pytest.raises(Undecided) as refusal:
        holds(expression, "This is urgent.", OUTPUTS)

    assert str(refusal.value) == why


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("output ==", "cannot be read"),
        ("import os", "cannot be read"),
        ('__import__("os")', "It does not know “__import__”"),
        ("output.shout()", "It does not know “shout”"),
        ("weather == 1", "It does not know “weather”"),
        ("(" * 240 + "true" + ")" * 240, "too many brackets"),
        ("data.a.all(x, data.a.all(y, x == y))", "one loop stands inside another"),
        (" && ".join(["data.a.all(x, x > 0)"] * 4), "more than 3 loops"),
    ],
)
def test_what_is_no_condition_is_said_in_a_sentence(expression: str, said: str) -> None:
    assert said in (condition_problem(expression) or "nothing")


def test_a_pattern_that_would_never_end_ends() -> None:
    assert holds('output.matches("^(a+)+$")', "a" * 5_000 + "b", {}) is False


def test_no_condition_has_no_problem() -> None:
    assert condition_problem(" ") is None
