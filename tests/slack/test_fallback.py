"""What people still read and press when Slack refuses a message's blocks."""

from __future__ import annotations

from typing import Any

import pytest

from bot.local_slack.validation import problems
from bot.slack.fallback import Content, harmless, new_types, versions
from bot.slack.text import units

Json = dict[str, Any]


def rich_text(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


PLAN: Json = {
    "type": "plan",
    "title": "Market research",
    "tasks": [
        {"type": "task_card", "task_id": "1", "title": "Find <sources>", "status": "complete"},
        {
            "type": "task_card",
            "task_id": "2",
            "title": "Write",
            "status": "in_progress",
            "details": rich_text({"type": "text", "text": "using R&D search"}),
        },
    ],
}
STOP: Json = {
    "type": "actions",
    "elements": [{"type": "button", "action_id": "stop", "text": {"type": "plain_text", "text": "Stop"}}],
}
TABLE: Json = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "Agent"}, {"type": "raw_text", "text": "Tokens"}],
        [rich_text({"type": "text", "text": "Writer"}), {"type": "raw_number", "value": 1234, "text": "1,234"}],
    ],
}


def all_of(text: str, *blocks: Json, file_follows: bool = True) -> list[Content]:
    return list(versions(text, list(blocks), file_follows=file_follows))


def words(content: Content) -> str:
    return "\n".join(block["text"]["text"] for block in content.blocks if block["type"] == "section")


def test_a_plan_becomes_lines_that_say_the_same() -> None:
    _, simpler, *_ = all_of("Running", PLAN, STOP)

    assert words(simpler) == ("Market research\n• Find &lt;sources&gt;: Done\n• Write: Working\nusing R&amp;D search")
    assert simpler.blocks[-1] == STOP


def test_a_table_becomes_rows_of_text() -> None:
    _, simpler, *_ = all_of("Costs", TABLE)

    assert words(simpler) == "Agent | Tokens\nWriter | 1,234"


def test_markdown_is_escaped_for_the_place_it_moves_to() -> None:
    _, simpler, *_ = all_of("Result", {"type": "markdown", "text": "R&D says &lt;!channel> 1 > 0"})

    assert words(simpler) == "R&amp;D says &lt;!channel&gt; 1 &gt; 0"


def test_long_markdown_is_spread_over_sections_without_a_word_lost() -> None:
    said = "\n\n".join(f"Paragraph {number} is {'long ' * 30}" for number in range(50))
    _, simpler, *_ = all_of("Result", {"type": "markdown", "text": said})

    assert words(simpler).split() == said.split()
    assert problems({"blocks": simpler.blocks}, "message") == []


def test_what_every_workspace_has_is_not_made_simpler() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Hello*"}}
    as_asked, plain = all_of("Hello", section)

    assert as_asked.blocks == [section]
    assert (plain.text, plain.blocks) == ("*Hello*", [])


def test_the_buttons_stay_as_long_as_slack_takes_them() -> None:
    *_, with_buttons, plain = all_of("Running", PLAN, STOP)

    assert with_buttons.blocks[-1] == STOP
    assert plain.blocks == []


@pytest.mark.parametrize("text", ["x" * 10_000, "😀" * 5_000, "&" * 5_000, "word " * 3_000])
def test_text_too_long_is_cut_and_kept_whole_for_a_file(text: str) -> None:
    (only,) = all_of(text)

    assert units(only.text) <= 3_900
    assert only.text.endswith("the whole text follows as a file.)")
    assert only.whole == text


def test_without_a_file_to_follow_the_cut_does_not_promise_one() -> None:
    (only,) = all_of("x" * 10_000, file_follows=False)

    assert only.text.endswith("(Cut to fit.)")


def test_text_that_fits_is_left_whole_and_literal() -> None:
    (only,) = all_of("Ana & <!channel> & “Ben”")

    assert only == Content("Ana &amp; &lt;!channel&gt; &amp; “Ben”", [])


def test_a_message_without_a_summary_is_summed_up_by_its_words() -> None:
    as_asked, *_ = all_of("", PLAN)

    assert as_asked.text.startswith("Market research\n• Find &lt;sources&gt;: Done")


@pytest.mark.parametrize("mention", ["<!channel>", "<!here|here>", "<!EVERYONE>", "<! everyone>", "<!subteam^S1|all>"])
@pytest.mark.parametrize("kind", ["mrkdwn", "markdown"])
def test_nobody_is_rung_by_a_text_a_builder_forgot_to_escape(mention: str, kind: str) -> None:
    safe = harmless([{"type": "section", "text": {"type": kind, "text": f"Hi {mention}, <@U1>"}}])

    assert safe[0]["text"]["text"] == f"Hi {mention.replace('<', '&lt;')}, <@U1>"


def test_nobody_is_rung_from_inside_rich_text() -> None:
    safe = harmless(rich_text({"type": "broadcast", "range": "here"}, {"type": "usergroup", "usergroup_id": "S1"}))

    assert safe == rich_text({"type": "text", "text": "@here"}, {"type": "text", "text": "@S1"})


def test_only_blocks_that_are_still_being_rolled_out_count_as_new() -> None:
    assert new_types([PLAN, TABLE, STOP, {"type": "divider"}]) == {"plan", "table"}
