"""Block Kit within Slack's limits, whatever the words are."""

from __future__ import annotations

import pytest

from bot.local_slack.validation import problems
from bot.slack import blocks

LONG = "a long & <b>word</b> 😀 " * 2_000


@pytest.mark.parametrize("words", ["Research", "", "   ", LONG])
def test_every_block_of_a_message_stays_within_the_limits(words):
    sure = blocks.confirm(words, words, words, words, danger=True)
    message = [
        blocks.header(words),
        blocks.section(words, accessory=blocks.button(words, "crew.open", "1"), block_id="crew"),
        blocks.context(*[words] * 12),
        blocks.divider(),
        blocks.actions(
            blocks.button(words, "run.stop", "1", style="danger", confirm=sure, accessibility_label=words or None),
            blocks.overflow("crew.more", blocks.option(words, "a", words), blocks.option(words, "b")),
            block_id="buttons",
        ),
    ]
    for block in message:
        assert problems({"text": "Research", "blocks": [block]}, "message") == []


def test_markdown_is_harmless_and_fits():
    block = blocks.markdown("<!channel> " + LONG)
    assert block["text"].startswith("&lt;!channel>")
    assert problems({"text": "Result", "blocks": [block]}, "message") == []


@pytest.mark.parametrize("tasks", [1, 10, 48, 60])
def test_a_plan_of_any_size_fits_one_message(tasks):
    cards = [blocks.task_card(f"t{number}", LONG, "complete", LONG, LONG) for number in range(tasks)]
    block = blocks.plan("Running " + LONG, cards)
    assert problems({"text": "Running", "blocks": [block]}, "message") == []
    assert len(block["tasks"]) == min(tasks, 48)


def test_a_plan_with_too_many_tasks_says_how_many_are_missing():
    block = blocks.plan(
        "Running", [blocks.task_card(f"t{number}", f"Task {number}", "pending") for number in range(50)]
    )
    assert block["tasks"][46]["title"] == "Task 46"
    assert block["tasks"][47]["title"] == "and 3 more"


def test_what_a_task_says_is_literal():
    card = blocks.task_card("t1", "Find *sources*", "in_progress", details="<!channel> _now_")
    assert card["details"]["elements"][0]["elements"] == [{"type": "text", "text": "<!channel> _now_"}]
    assert "output" not in card


def test_facts_that_do_not_fit_are_counted_not_dropped_in_silence():
    block = blocks.context(*[f"Fact {number}" for number in range(12)])
    assert len(block["elements"]) == 10
    assert block["elements"][-1]["text"] == "and 3 more"


def test_a_long_modal_and_home_end_with_a_word_about_the_rest():
    rows = [blocks.section(f"Row {number}", block_id=f"row{number}") for number in range(130)]
    for view, surface in (
        (blocks.modal("A crew with a very long name", rows, callback_id="crew.page", submit="Save"), "modal"),
        (blocks.home(rows), "home"),
    ):
        assert problems(view, surface) == []
        assert "this has 130" in view["blocks"][-1]["elements"][0]["text"]


def test_an_alert_is_taken_in_a_modal():
    view = blocks.modal("Crew", [blocks.alert(LONG, "warning")], callback_id="crew.page")
    assert problems(view, "modal") == []


def test_a_view_gives_its_meta_back():
    assert blocks.meta_of(blocks.modal("Crew", [], callback_id="x", meta={"crew": 5})) == {"crew": 5}
    assert blocks.meta_of(blocks.home([])) == {}
    with pytest.raises(ValueError, match="private_metadata"):
        blocks.modal("Crew", [], callback_id="x", meta={"everything": LONG})


def test_the_programs_own_mistakes_are_refused():
    for mistake in (
        blocks.actions,
        lambda: blocks.actions(*[blocks.button("Go", f"go{number}") for number in range(26)]),
        lambda: blocks.overflow("more", *[blocks.option("A", str(number)) for number in range(6)]),
        lambda: blocks.option("A", "v" * 76),
        lambda: blocks.button("Go", ""),
        lambda: blocks.button("Go", "go", "v" * 2_001),
    ):
        with pytest.raises(ValueError, match=r"Slack takes|has 1 to"):
            mistake()
