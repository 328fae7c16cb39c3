"""Words in braces: which are asked for, how they are filled in, which are misspelt."""

from __future__ import annotations

import pytest

from bot.engine.placeholders import MissingInput, fill, malformed, names, needed
from tests.engine.crews import agent, crew, task

JSON_EXAMPLE = 'Answer as {"topic": "{topic}", "scores": [1, 2], "nested": {"a": {}}}'


def test_placeholders_are_named_once_in_the_order_people_wrote_them() -> None:
    assert names(["Compare {topic} with {rival-1}.", "{topic} in {year_2}"]) == ["topic", "rival-1", "year_2"]


def test_json_in_a_prompt_is_not_a_placeholder() -> None:
    assert names([JSON_EXAMPLE]) == ["topic"]
    assert fill(JSON_EXAMPLE, {"topic": "tea"}) == JSON_EXAMPLE.replace("{topic}", "tea")


def test_braces_in_a_value_are_not_filled_again() -> None:
    assert fill("Do {topic}, {other}", {"topic": "{other}", "other": "{topic}"}) == "Do {other}, {topic}"


@pytest.mark.parametrize("value", [r"\1 \g<0> \n", "{", "}{", "", 0, None, ["a", {"b": 1}]])
def test_a_value_is_taken_as_it_is(value: object) -> None:
    assert fill("<{x}>", {"x": value}) == f"<{value}>"


def test_a_missing_value_is_named() -> None:
    with pytest.raises(MissingInput, match="The input “year” is missing"):
        fill("{topic} in {year}", {"topic": "tea"})


def test_a_crew_needs_what_its_tasks_ask_for_and_then_its_agents() -> None:
    ann = agent("Ann", role="{trade} expert", goals=["Know {topic}", "Please {client}"], backstory="From {town}.")
    find = task("Find", "Find {topic}.", "Ann", expected_output="In {language}.")

    assert needed(crew([ann], [find])) == ["topic", "language", "trade", "client", "town"]


@pytest.mark.parametrize(
    "written", ["{my topic}", "{ topic }", "{1st}", "{topic.name}", "{customer's name}", "{Thema für heute}", "{größe}"]
)
def test_what_was_meant_as_a_placeholder_is_pointed_out_as_written(written: str) -> None:
    assert malformed(f"Write about {written}, please, for {{reader}}.") == [written]


@pytest.mark.parametrize("text", ["About {topic", "About {topic. ", "First {topic\nthen the rest", "Really {topic?"])
def test_a_brace_left_open_is_pointed_out(text: str) -> None:
    assert malformed(text) == ["{topic"]


@pytest.mark.parametrize(
    "text",
    [
        "{topic}",
        '{"a": 1}',
        "{'a': 1, 'b': 2}",
        "{'a'}",
        "{}",
        "{3}",
        "{2,3}",
        "{1.5}",
        "{a, b}",
        "{a: b}",
        "{f(x)}",
        "if (x) {\n    return y\n}",
        "{\n  name\n}",
        "no braces at all",
        "a } alone and a { alone",
    ],
)
def test_code_and_json_are_left_in_peace(text: str) -> None:
    assert malformed(text) == []


def test_mistakes_are_told_once_in_the_order_they_were_made() -> None:
    assert malformed("{b b} {a a} {b b} and {c") == ["{b b}", "{a a}", "{c"]
