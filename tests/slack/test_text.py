"""Text that Slack takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.text import (
    count,
    duration,
    escape,
    escape_markdown,
    fit,
    fit_escaped,
    fit_markup,
    markdown_parts,
    units,
)

# The same examples every time, on a slow machine too.
ALWAYS_THE_SAME = settings(derandomize=True, deadline=None)


def test_a_models_words_cannot_ring_the_channel():
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert escape_markdown("> a quote <!here> [a](https://x.y/?a=1&b=2)") == (
        "> a quote &lt;!here> [a](https://x.y/?a=1&b=2)"
    )


def test_escaping_markdown_twice_changes_nothing():
    once = escape_markdown("<b> & &lt;")
    assert escape_markdown(once) == once


def test_a_name_cannot_turn_the_reading_direction_round():
    assert escape("safe\u202etxt.exe") == "safetxt.exe"
    assert escape_markdown("\u2066hidden\u2069") == "hidden"


def test_prose_that_is_too_long_says_that_it_was_cut():
    assert fit("hello world", 11) == "hello world"
    assert fit("hello world", 7) == "hello…"
    assert fit("hello world", 9, mark=" (cut)") == "hel (cut)"


@ALWAYS_THE_SAME
@given(st.text(), st.integers(1, 40))
def test_fitted_text_is_never_longer_than_its_limit_in_slacks_count(text, limit):
    assert units(fit(text, limit)) <= limit
    assert units(fit_escaped(text, limit)) <= limit


@ALWAYS_THE_SAME
@given(st.text(alphabet="a&<>😀 "), st.integers(1, 40))
def test_escaped_text_is_never_cut_inside_an_entity(text, limit):
    rest = re.sub(r"&(amp|lt|gt);", "", fit_escaped(text, limit))
    assert not set("&<>") & set(rest)


def test_a_link_is_never_cut_in_its_middle():
    assert fit_markup("see <https://example.com|the page> for more", 20) == "see…"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (72, "1 min 12 s"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
        (3_605, "1 h"),
        (90_061, "1 d 1 h"),
        (-3, "0 s"),
    ],
)
def test_durations_are_said_in_their_two_largest_units(seconds, words):
    assert duration(seconds) == words


def test_counts_agree_with_their_noun():
    assert [count(0, "task"), count(1, "task"), count(2_000, "task")] == ["0 tasks", "1 task", "2,000 tasks"]
    assert count(2, "entry", "entries") == "2 entries"


def test_short_markdown_stays_one_part():
    assert markdown_parts("# Title\n\nBody") == ["# Title\n\nBody"]
    assert markdown_parts("\n\n") == []


def test_markdown_is_split_between_paragraphs_where_possible():
    assert markdown_parts("a" * 30 + "\n\n" + "b" * 30, 40) == ["a" * 30, "b" * 30]


def test_a_cut_code_block_is_closed_and_opened_again():
    code = "\n".join(f"line_{number} = {number}" for number in range(30))
    parts = markdown_parts(f"Look:\n\n```python\n{code}\n```\n\nDone.", 200)

    assert len(parts) > 2
    for part in parts:
        assert part.count("```") % 2 == 0
    assert all(part.startswith("```python\n") for part in parts[1:-1])
    assert [line for part in parts for line in part.splitlines() if line.startswith("line_")] == code.splitlines()


def test_backticks_inside_a_longer_fence_do_not_close_it():
    text = "````\n" + "```\nx\n```\n" * 10 + "````"
    parts = markdown_parts(text, 60)
    assert all(part.startswith("````\n") and part.endswith("\n````") for part in parts)


def test_a_cut_table_repeats_its_header():
    head = "| Name | Tokens |\n|------|-------:|"
    rows = [f"| run {number} | {number} |" for number in range(40)]
    parts = markdown_parts("\n".join([head, *rows]), 200)

    assert len(parts) > 2
    assert all(part.startswith(head + "\n") for part in parts)
    assert [line for part in parts for line in part.splitlines() if line.startswith("| run")] == rows


def test_an_entity_is_never_cut_in_two_parts():
    parts = markdown_parts("x" + "<" * 50, 40)
    assert len(parts) > 1
    assert all(re.fullmatch(r"x?(&lt;)+", part) for part in parts)
    assert "".join(parts) == "x" + "&lt;" * 50


_LINES = st.sampled_from(
    [
        "",
        "a paragraph of some words",
        "word " * 30,
        "x" * 150,
        "```py",
        "```",
        "~~~",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "> quote",
        "- item",
        "😀" * 40,
        "<b> & c",
    ]
)


@ALWAYS_THE_SAME
@given(st.lists(_LINES, max_size=30).map("\n".join), st.integers(40, 120))
def test_whatever_is_split_every_part_fits_and_every_word_stays_in_order(text, limit):
    parts = markdown_parts(text, limit)
    assert all(units(part) <= limit and part.strip() for part in parts)

    # Fences and the lines of a table's header may be said again, everything else exactly once.
    said_again = re.compile(r"```py|```|~~~|\| (a|1) \| (b|2) \||\|---\|---\||\s")
    assert said_again.sub("", "".join(parts)) == said_again.sub("", escape_markdown(text))
