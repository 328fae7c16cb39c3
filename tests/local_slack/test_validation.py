"""The validator: for every rule of Block Kit a payload that just keeps it and one that just breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.models.blocks import (
    ContextActionsBlock,
    FeedbackButtonObject,
    FeedbackButtonsElement,
    InputBlock,
    MarkdownBlock,
    Option,
    OverflowMenuElement,
    PlainTextInputElement,
    PlainTextObject,
    PlanBlock,
    RawNumberObject,
    RawTextObject,
    RichTextBlock,
    RichTextSectionElement,
    SectionBlock,
    TableBlock,
    TaskCardBlock,
    UrlSourceElement,
)
from slack_sdk.models.blocks.block_elements import RichTextElementParts
from slack_sdk.models.views import View

from bot.local_slack.validation import Surface, problems
from tests.local_slack.acting import button, buttons, modal, plain, section, text_input

Json = dict[str, Any]


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def options(count: int) -> list[Json]:
    return [{"text": plain(str(number)), "value": str(number)} for number in range(count)]


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "a", "options": options(2), **more}


def asking(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain("x"), "element": {"action_id": "a", **element}, **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def accessory(element: Json) -> Json:
    return {**section("x"), "accessory": element}


def rich(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def said(text: str = "x", **more: Any) -> Json:
    return {"type": "text", "text": text, **more}


def task(number: int = 1, **more: Any) -> Json:
    return {"type": "task_card", "task_id": str(number), "title": "Write", "status": "pending", **more}


def plan(*tasks: Json) -> Json:
    return {"type": "plan", "title": "Running", "tasks": list(tasks)}


def table(rows: int = 1, cells: int = 1, text: str = "x", **more: Any) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * cells] * rows, **more}


def confirm(**more: Any) -> Json:
    return {"title": plain("x"), "text": mrkdwn("x"), "confirm": plain("x"), "deny": plain("x"), **more}


FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "f",
    "positive_button": {"text": plain("Good"), "value": "up"},
    "negative_button": {"text": plain("Bad"), "value": "down"},
}
LINK = "https://example.com/" + "x" * 2980
CARD = {"type": "card", "title": mrkdwn("Blog")}
ALERT = {"type": "alert", "level": "warning", "text": mrkdwn("No tasks")}
CHART = {
    "type": "data_visualization",
    "title": "Tokens",
    "chart": {"type": "bar", "series": [{"name": "tokens", "data": [{"label": "r1", "value": 120}]}]},
}
DATA_TABLE = {
    "type": "data_table",
    "caption": "Runs",
    "rows": [[{"type": "raw_text", "text": "Run"}], [{"type": "raw_number", "value": 3.2, "text": "3.2"}]],
}

# A block at its limit, and the same block just beyond it with where and why it is refused.
LIMITS: list[tuple[Json, Json, str, str]] = [
    (section("x" * 3000), section("x" * 3001), "/text/text", "less than 3001"),
    (section("x"), section(""), "/text/text", "more than 0"),
    (
        {"type": "section", "fields": [mrkdwn("x" * 2000)] * 5},
        {"type": "section", "fields": [mrkdwn("x" * 2001)]},
        "/fields/0/text",
        "less than 2001",
    ),
    (
        {"type": "section", "fields": [mrkdwn("x")] * 10},
        {"type": "section", "fields": [mrkdwn("x")] * 11},
        "/fields",
        "no more than 10",
    ),
    (section("x"), {"type": "section"}, "", "one of text, fields"),
    (
        {"type": "header", "text": plain("x" * 150)},
        {"type": "header", "text": plain("x" * 151)},
        "/text/text",
        "less than 151",
    ),
    ({"type": "header", "text": plain("x")}, {"type": "header", "text": mrkdwn("x")}, "/text", "mrkdwn is not"),
    (
        {"type": "context", "elements": [mrkdwn("x")] * 10},
        {"type": "context", "elements": [mrkdwn("x")] * 11},
        "/elements",
        "no more than 10",
    ),
    (
        actions(*(button(str(n)) for n in range(25))),
        actions(*(button(str(n)) for n in range(26))),
        "/elements",
        "no more than 25",
    ),
    (actions(button("a")), actions(), "/elements", "no less than 1"),
    ({**section("x"), "block_id": "x" * 255}, {**section("x"), "block_id": "x" * 256}, "/block_id", "less than 256"),
    (
        actions(button("x" * 255, text=plain("x"))),
        actions(button("x" * 256, text=plain("x"))),
        "/elements/0/action_id",
        "less than 256",
    ),
    (
        actions(button("a", text=plain("x" * 75))),
        actions(button("a", text=plain("x" * 76))),
        "/elements/0/text/text",
        "less than 76",
    ),
    (actions(button("a")), actions(button("a", text=mrkdwn("x"))), "/elements/0/text", "mrkdwn is not"),
    (
        actions(button("a", value="x" * 2000)),
        actions(button("a", value="x" * 2001)),
        "/elements/0/value",
        "less than 2001",
    ),
    (actions(button("a", url=LINK)), actions(button("a", url=LINK + "x")), "/elements/0/url", "less than 3001"),
    (actions(button("a", style="danger")), actions(button("a", style="red")), "/elements/0/style", "must be one of"),
    (
        actions(button("a", accessibility_label="x" * 75)),
        actions(button("a", accessibility_label="x" * 76)),
        "/elements/0/accessibility_label",
        "less than 76",
    ),
    (actions(button("a"), button("b")), actions(button("a"), button("a")), "", "`action_id` a already exists"),
    (
        actions(button("a", confirm=confirm(title=plain("x" * 100), text=plain("x" * 300), deny=plain("x" * 30)))),
        actions(button("a", confirm=confirm(title=plain("x" * 101)))),
        "/elements/0/confirm/title/text",
        "less than 101",
    ),
    (
        actions(button("a", confirm=confirm())),
        actions(button("a", confirm=confirm(text=plain("x" * 301)))),
        "/elements/0/confirm/text/text",
        "less than 301",
    ),
    (
        actions(button("a", confirm=confirm())),
        actions(button("a", confirm=confirm(deny=plain("x" * 31)))),
        "/elements/0/confirm/deny/text",
        "less than 31",
    ),
    (
        accessory(select(options=options(100))),
        accessory(select(options=options(101))),
        "/accessory/options",
        "no more than 100",
    ),
    (accessory(select()), accessory(select(options=[])), "/accessory/options", "no less than 1"),
    (
        accessory(select(options=[{"text": plain("x" * 75), "value": "x" * 75}])),
        accessory(select(options=[{"text": plain("x" * 76), "value": "x"}])),
        "/accessory/options/0/text/text",
        "less than 76",
    ),
    (
        accessory(select()),
        accessory(select(options=[{"text": plain("x"), "value": "x" * 76}])),
        "/accessory/options/0/value",
        "less than 76",
    ),
    (
        accessory(select(options=[{"text": plain("x"), "value": "x", "description": plain("x" * 75)}])),
        accessory(select(options=[{"text": plain("x"), "value": "x", "description": plain("x" * 76)}])),
        "/accessory/options/0/description/text",
        "less than 76",
    ),
    (accessory(select()), accessory(select(options=[*options(1), *options(1)])), "/accessory", "must be unique"),
    (
        accessory(select(initial_option=options(2)[1])),
        accessory(select(initial_option=options(3)[2])),
        "/accessory",
        "must be among",
    ),
    (
        accessory({"type": "static_select", "option_groups": [{"label": plain("x" * 75), "options": options(2)}]}),
        accessory({"type": "static_select", "option_groups": [{"label": plain("x" * 76), "options": options(2)}]}),
        "/accessory/option_groups/0/label/text",
        "less than 76",
    ),
    (accessory(select()), accessory(select(option_groups=[])), "/accessory/option_groups", "no less than 1"),
    (
        accessory(select()),
        accessory(select(option_groups=[{"label": plain("x"), "options": options(3)[2:]}])),
        "/accessory",
        "exactly one of options, option_groups",
    ),
    (
        accessory(select(placeholder=plain("x" * 150))),
        accessory(select(placeholder=plain("x" * 151))),
        "/accessory/placeholder/text",
        "less than 151",
    ),
    (
        accessory({"type": "multi_users_select", "max_selected_items": 1}),
        accessory({"type": "multi_users_select", "max_selected_items": 0}),
        "/accessory/max_selected_items",
        "at least 1",
    ),
    (
        accessory({"type": "checkboxes", "options": options(10)}),
        accessory({"type": "checkboxes", "options": options(11)}),
        "/accessory/options",
        "no more than 10",
    ),
    (
        accessory({"type": "radio_buttons", "options": options(10)}),
        accessory({"type": "radio_buttons", "options": options(11)}),
        "/accessory/options",
        "no more than 10",
    ),
    (
        accessory({"type": "overflow", "options": options(5)}),
        accessory({"type": "overflow", "options": options(6)}),
        "/accessory/options",
        "no more than 5",
    ),
    (
        accessory({"type": "datepicker", "initial_date": "2026-11-23"}),
        accessory({"type": "datepicker", "initial_date": "23.11.2026"}),
        "/accessory/initial_date",
        "must",
    ),
    (
        accessory({"type": "timepicker", "initial_time": "23:59"}),
        accessory({"type": "timepicker", "initial_time": "24:00"}),
        "/accessory/initial_time",
        "must match",
    ),
    (
        {"type": "image", "image_url": LINK, "alt_text": "x" * 2000},
        {"type": "image", "image_url": LINK, "alt_text": "x" * 2001},
        "/alt_text",
        "less than 2001",
    ),
    (
        {"type": "image", "image_url": LINK, "alt_text": "x"},
        {"type": "image", "alt_text": "x"},
        "",
        "exactly one of image_url, slack_file",
    ),
    (
        rich(said(style={"bold": True}), {"type": "user", "user_id": "U1"}, {"type": "emoji", "name": "x"}),
        rich(said(style={"loud": True})),
        "/elements/0/elements/0/style",
        "additional property: loud",
    ),
    (rich(said()), rich(said("")), "/elements/0/elements/0/text", "more than 0"),
    (rich(said()), rich({"type": "shout"}), "/elements/0/elements/0", "unsupported type: shout"),
    (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "indent": 8,
                    "elements": [{"type": "rich_text_section", "elements": [said()]}],
                }
            ],
        },
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": [said()]}]},
        "/elements/0/elements/0",
        "unsupported type: text",
    ),
    (section("x"), {**section("x"), "colour": "red"}, "", "additional property: colour"),
    (section("x"), {"type": "sections"}, "", "unsupported type: sections"),
    (section("x"), {"type": "file", "external_id": "x", "source": "remote"}, "", "unsupported type: file"),
    (accessory(button("a")), accessory({"type": "knob"}), "/accessory", "unsupported type: knob"),
    (asking(select()), asking(button("a")), "/element", "button is not supported in an input"),
    (asking(select()), {"type": "input", "element": select()}, "", "missing required field: label"),
    (
        asking(select(), label=plain("x" * 2000), hint=plain("x" * 2000)),
        asking(select(), hint=plain("x" * 2001)),
        "/hint/text",
        "less than 2001",
    ),
    (
        asking({"type": "plain_text_input", "max_length": 3000, "initial_value": "x" * 3000}),
        asking({"type": "plain_text_input", "initial_value": "x" * 3001}),
        "/element/initial_value",
        "less than 3001",
    ),
    (
        asking({"type": "plain_text_input", "min_length": 0}),
        asking({"type": "plain_text_input", "max_length": 3001}),
        "/element/max_length",
        "at most 3000",
    ),
    (
        asking({"type": "plain_text_input", "min_length": 2, "max_length": 2}),
        asking({"type": "plain_text_input", "min_length": 3, "max_length": 2}),
        "/element",
        "min_length must not be above max_length",
    ),
    (
        asking({"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "initial_value": "1"}),
        asking({"type": "number_input", "is_decimal_allowed": False, "min_value": "2", "initial_value": "1"}),
        "/element",
        "min_value must not be above initial_value",
    ),
    (
        asking({"type": "number_input", "is_decimal_allowed": False}),
        asking({"type": "number_input", "is_decimal_allowed": False, "max_value": 7}),
        "/element/max_value",
        "must be a string",
    ),
    (
        asking({"type": "rich_text_input", "initial_value": rich(said())}),
        asking({"type": "rich_text_input", "initial_value": section("x")}),
        "/element/initial_value",
        "section is not supported here",
    ),
]

MESSAGE_LIMITS: list[tuple[Json, Json, str, str]] = [
    (
        {"type": "markdown", "text": "x" * 12_000},
        {"type": "markdown", "text": "x" * 12_001},
        "/text",
        "less than 12001",
    ),
    (plan(task(1), task(2)), plan(task(1), task(1)), "/tasks", "task_id must be unique"),
    (plan(*(task(n) for n in range(48))), plan(*(task(n) for n in range(49))), "/tasks", "no more than 48"),
    (plan(), {**plan(), "title": plain("Running")}, "/title", "must be a string"),
    (plan(task()), plan(task(status="done")), "/tasks/0/status", "must be one of"),
    (plan(task(details=rich(said()))), plan(task(details="searching")), "/tasks/0/details", "unsupported type"),
    (plan(task(output=rich(said()))), plan(task(output=section("x"))), "/tasks/0/output", "section is not supported"),
    (task(), {"type": "task_card", "title": "Write"}, "", "missing required field: task_id"),
    (plan(task()), plan(section("x")), "/tasks/0", "section is not supported in a plan"),
    (
        task(sources=[{"type": "url", "url": "https://e.com", "text": "e.com"}]),
        task(sources=["https://e.com"]),
        "/sources/0",
        "unsupported type",
    ),
    (table(100), table(101), "/rows", "no more than 100"),
    (table(1, 20), table(1, 21), "/rows/0", "no more than 20"),
    (table(10, 10, "x" * 100), table(10, 10, "x" * 101), "/rows", "10000 characters"),
    (table(column_settings=[{"align": "right"}] * 20), table(column_settings=[{}] * 21), "/column_settings", "20"),
    (
        {"type": "table", "rows": [[rich(said())]]},
        {"type": "table", "rows": [[{}]]},
        "/rows/0/0",
        "unsupported type: None",
    ),
    (DATA_TABLE, {**DATA_TABLE, "rows": DATA_TABLE["rows"][:1]}, "/rows", "no less than 2"),
    (DATA_TABLE, {**DATA_TABLE, "rows": [*DATA_TABLE["rows"], []]}, "/rows/2", "no less than 1"),
    (CHART, {**CHART, "title": "x" * 51}, "/title", "less than 51"),
    (
        {"type": "context_actions", "elements": [FEEDBACK]},
        {"type": "context_actions", "elements": [button("a")]},
        "/elements/0",
        "button is not supported in context actions",
    ),
    (
        {"type": "context_actions", "elements": [{**FEEDBACK, "action_id": str(n)} for n in range(5)]},
        {"type": "context_actions", "elements": [{**FEEDBACK, "action_id": str(n)} for n in range(6)]},
        "/elements",
        "no more than 5",
    ),
    (
        {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain("x")}]},
        {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "rocket", "text": plain("x")}]},
        "/elements/0/icon",
        "must be one of",
    ),
    (CARD, {"type": "card", "subtitle": mrkdwn("x")}, "", "one of hero_image, title, actions, body"),
    (CARD, {**CARD, "body": mrkdwn("x" * 201)}, "/body/text", "less than 201"),
    (
        {"type": "carousel", "elements": [CARD] * 10},
        {"type": "carousel", "elements": [CARD] * 11},
        "/elements",
        "no more than 10",
    ),
    (
        {"type": "container", "title": plain("Agents"), "child_blocks": [section("x")] * 10},
        {"type": "container", "title": plain("Agents"), "child_blocks": [plan()]},
        "/child_blocks/0",
        "plan is not supported in a container",
    ),
]


def found(payload: Json, surface: Surface) -> list[tuple[str, str]]:
    return [(one.pointer, one.message) for one in problems(payload, surface)]


@pytest.mark.parametrize(("good", "bad", "pointer", "reason"), LIMITS + MESSAGE_LIMITS)
def test_a_blocks_limits_in_messages(good: Json, bad: Json, pointer: str, reason: str) -> None:
    assert found({"text": "x", "blocks": [good]}, "message") == []

    [(where, why)] = found({"text": "x", "blocks": [section("first"), bad]}, "message")

    assert where == f"/blocks/1{pointer}"
    assert reason in why


@pytest.mark.parametrize(("good", "bad", "pointer", "reason"), LIMITS)
def test_a_blocks_limits_in_views(good: Json, bad: Json, pointer: str, reason: str) -> None:
    for surface, view in (("modal", modal("x", bad)), ("home", {"type": "home", "blocks": [bad]})):
        assert found({**view, "blocks": [good]}, surface) == []  # type: ignore[arg-type]  # one of the two words
        [(where, why)] = found(view, surface)  # type: ignore[arg-type]  # as above
        assert where == f"/blocks/0{pointer}"
        assert reason in why


@pytest.mark.parametrize(
    "block",
    [
        *({"type": "markdown", "text": "x"}, plan(task()), task(), table(), DATA_TABLE, CHART),
        {"type": "context_actions", "elements": [FEEDBACK]},
        {"type": "container", "title": plain("x"), "child_blocks": [section("x")]},
    ],
    ids=lambda block: str(block["type"]),
)
def test_blocks_for_messages_alone(block: Json) -> None:
    assert found({"blocks": [block]}, "message") == []
    assert found(modal("x", block), "modal") == [("/blocks/0", f"{block['type']} is not supported in a modal")]
    home = {"type": "home", "blocks": [block]}
    assert found(home, "home") == [("/blocks/0", f"{block['type']} is not supported in a home")]


def test_an_alert_is_for_modals_alone() -> None:
    assert found(modal("x", ALERT), "modal") == []
    assert found({"blocks": [ALERT]}, "message") == [("/blocks/0", "alert is not supported in a message")]
    assert found({"type": "home", "blocks": [ALERT]}, "home") == [("/blocks/0", "alert is not supported in a home")]


def test_cards_are_for_messages_and_homes() -> None:
    assert found({"type": "home", "blocks": [CARD]}, "home") == []
    assert found(modal("x", CARD), "modal") == [("/blocks/0", "card is not supported in a modal")]


def test_files_are_asked_for_in_modals_alone() -> None:
    wanted = asking({"type": "file_input", "filetypes": ["md"], "max_files": 10})
    assert found(modal("x", wanted), "modal") == []
    assert found({"blocks": [wanted]}, "message") == [("/blocks/0/element", "file_input is only supported in modals")]
    too_many = asking({"type": "file_input", "max_files": 11})
    assert found(modal("x", too_many), "modal")[0][0] == "/blocks/0/element/max_files"


@pytest.mark.parametrize(
    ("good", "bad", "pointer", "reason"),
    [
        (modal("x" * 24), modal("x" * 25), "/title/text", "less than 25"),
        (modal("x"), modal(""), "/title/text", "more than 0"),
        (modal("x"), {**modal("x"), "title": mrkdwn("x")}, "/title", "mrkdwn is not"),
        (modal("x", submit=plain("x" * 24)), modal("x", submit=plain("x" * 25)), "/submit/text", "less than 25"),
        (modal("x", close=plain("x" * 24)), modal("x", close=plain("x" * 25)), "/close/text", "less than 25"),
        (modal("x", section("x"), submit=None), modal("x", submit=None), "/submit", "`submit` is required"),
        (modal("x", *[section("x")] * 100), modal("x", *[section("x")] * 101), "/blocks", "no more than 100"),
        (modal("x"), {**modal("x"), "blocks": []}, "/blocks", "no less than 1"),
        (
            modal("x", private_metadata="x" * 3000),
            modal("x", private_metadata="x" * 3001),
            "/private_metadata",
            "less than 3001",
        ),
        (modal("x", callback_id="x" * 255), modal("x", callback_id="x" * 256), "/callback_id", "less than 256"),
        (modal("x", external_id="x" * 255), modal("x", external_id="x" * 256), "/external_id", "less than 256"),
        (modal("x", clear_on_close=True), modal("x", clear_on_close="yes"), "/clear_on_close", "boolean"),
        (modal("x"), modal("x", hash="1.2"), "", "additional property: hash"),
        (
            modal("x", text_input("a", focus_on_load=True), text_input("b", focus_on_load=False)),
            modal("x", text_input("a", focus_on_load=True), text_input("b", focus_on_load=True)),
            "",
            "only one element may have",
        ),
        (
            modal("x", {**section("x"), "block_id": "a"}, {**section("x"), "block_id": "b"}),
            modal("x", {**section("x"), "block_id": "a"}, {**section("x"), "block_id": "a"}),
            "/blocks/1",
            "`block_id` a already exists",
        ),
        (modal("x", *[section("x" * 2400)] * 100), modal("x", *[section("x" * 2480)] * 100), "", "smaller than 250000"),
    ],
)
def test_a_modals_limits(good: Json, bad: Json, pointer: str, reason: str) -> None:
    assert found(good, "modal") == []
    [(where, why)] = found(bad, "modal")
    assert (where, reason in why) == (pointer, True)


def test_a_modal_needs_its_title() -> None:
    untitled = {key: value for key, value in modal("x").items() if key != "title"}
    assert found(untitled, "modal") == [("", "missing required field: title")]


def test_a_home_has_no_title_or_submit() -> None:
    home: Json = {"type": "home", "blocks": [], "private_metadata": "x", "callback_id": "x", "external_id": "x"}
    assert found(home, "home") == []
    assert found({**home, "title": plain("x")}, "home") == [("", "invalid additional property: title")]
    assert found(home, "modal") == [("", "home is not supported on this surface")]


@pytest.mark.parametrize(
    ("good", "bad", "pointer", "error"),
    [
        ({"text": "x" * 40_000}, {"text": "x" * 40_001}, "/text", "msg_too_long"),
        ({"blocks": [section("x")] * 50}, {"blocks": [section("x")] * 51}, "/blocks", "invalid_blocks"),
        (
            {"blocks": [section("x" * 2600)] * 5},
            {"blocks": [section("x" * 2601)] * 5},
            "/blocks",
            "msg_blocks_too_long",
        ),
        (
            {"blocks": [{"type": "markdown", "text": "x" * 6000}] * 2},
            {"blocks": [{"type": "markdown", "text": "x" * 6001}] * 2},
            "/blocks",
            "invalid_blocks",
        ),
        ({"blocks": [plan()]}, {"blocks": [plan(), plan()]}, "/blocks", "invalid_blocks"),
        ({"blocks": [table()]}, {"blocks": [table(), table()]}, "/blocks", "invalid_blocks"),
        ({"blocks": [CHART] * 2}, {"blocks": [CHART] * 3}, "/blocks", "invalid_blocks"),
        ({"blocks": []}, {"blocks": section("x")}, "/blocks", "invalid_blocks"),
        ({"blocks": [buttons("a")]}, {"blocks": [buttons("a"), buttons("b")]}, "/blocks/1", "invalid_blocks"),
    ],
)
def test_a_messages_limits(good: Json, bad: Json, pointer: str, error: str) -> None:
    assert problems(good, "message") == []
    [one] = problems(bad, "message")
    assert (one.pointer, one.error) == (pointer, error)


def test_an_update_has_a_limit_of_its_own() -> None:
    assert problems({"text": "x" * 4000}, "message", most_text=4000) == []
    assert [one.error for one in problems({"text": "x" * 4001}, "message", most_text=4000)] == ["msg_too_long"]


def test_a_block_may_be_unknown_in_this_workspace() -> None:
    blocks = [section("x"), plan()]
    assert found({"blocks": blocks}, "message") == []
    [one] = problems({"blocks": blocks}, "message", refuse=["plan"])
    assert (one.pointer, one.message) == ("/blocks/1", "unsupported type: plan")


@pytest.mark.parametrize("nonsense", [None, 7, "x", [], {}, {"type": 7}, {"type": None}, {"type": ["section"]}])
def test_nonsense_is_refused_and_never_breaks_the_validator(nonsense: Any) -> None:
    assert problems({"blocks": [nonsense]}, "message") != []
    assert problems(modal("x", nonsense), "modal") != []
    assert problems({"blocks": [{**section("x"), "accessory": nonsense}]}, "message") != []
    assert problems({"blocks": [{"type": "actions", "elements": [nonsense]}]}, "message") != []
    assert problems({"blocks": [{"type": "rich_text", "elements": [nonsense]}]}, "message") != []


def test_what_the_official_classes_build_is_accepted() -> None:
    words = RichTextBlock(
        elements=[
            RichTextSectionElement(
                elements=[RichTextElementParts.Text(text="x"), RichTextElementParts.User(user_id="U1")]
            )
        ]
    )
    source = UrlSourceElement(url="https://e.com", text="e.com")
    card = TaskCardBlock(task_id="1", title="x", status="complete", details=words, output=words, sources=[source])
    good, bad = (FeedbackButtonObject(text=word, value=word) for word in ("Good", "Bad"))
    message = [
        MarkdownBlock(text="**x**"),
        PlanBlock(title="x", tasks=[card]),
        TableBlock(
            rows=[[RawTextObject(text="x"), RawNumberObject(value=1, text="1")]], column_settings=[{"align": "right"}]
        ),
        ContextActionsBlock(elements=[FeedbackButtonsElement(positive_button=good, negative_button=bad)]),
        SectionBlock(text="x", accessory=OverflowMenuElement(action_id="o", options=[Option(value="a", text="a")])),
    ]
    title, ask = PlainTextObject(text="x"), PlainTextInputElement(action_id="a", multiline=True, max_length=3000)
    view = View(type="modal", title=title, submit=title, blocks=[InputBlock(label="x", element=ask, hint="x")])

    assert problems({"text": "x", "blocks": [block.to_dict() for block in message]}, "message") == []
    assert problems(view.to_dict(), "modal") == []


def test_every_problem_is_found_at_once() -> None:
    blocks = [section(""), {"type": "header", "text": mrkdwn("x")}, actions()]
    assert [one.pointer for one in problems({"text": "x" * 40_001, "blocks": blocks}, "message")] == [
        "/text",
        "/blocks/0/text/text",
        "/blocks/1/text",
        "/blocks/2/elements",
    ]
