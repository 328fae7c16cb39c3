"""Block Kit's blocks: which keys each has, how much fits, and on which surface it may stand."""

from __future__ import annotations

from typing import Any

from bot.local_slack.elements import AS_ACCESSORY, ELEMENTS, ID, IN_ACTIONS, IN_INPUT, element
from bot.local_slack.rules import (
    Check,
    Json,
    Report,
    Rule,
    anything,
    at_least_one,
    exactly_one,
    flag,
    focus,
    many,
    number,
    one_of,
    plain,
    shape,
    string,
    text_object,
    typed,
    whole,
)

ANYWHERE = {"section", "context", "divider", "header", "image", "actions", "input", "rich_text", "video"}
SURFACES: dict[str, set[str]] = {
    "message": ANYWHERE
    | {"markdown", "plan", "task_card", "context_actions", "data_visualization", "table", "data_table"}
    | {"card", "carousel", "container"},
    "modal": ANYWHERE | {"alert"},
    "home": ANYWHERE | {"card", "carousel"},
}

# A plan of 48 task cards was accepted everywhere it was tried; 51 were not.
PLAN_TASKS = 48
TABLE_CHARACTERS = 10_000


def _block(required: dict[str, Check], optional: dict[str, Check], *rules: Rule) -> Check:
    check_shape = shape(required, {"block_id": ID, **optional}, *rules, _unique_action_ids)

    def check(value: Json, at: str, report: Report) -> None:
        if isinstance(value.get("block_id"), str):
            report.block_ids[value["block_id"]] += 1
        check_shape(value, at, report)

    return check


def _unique_action_ids(block: Json, at: str, report: Report) -> None:
    elements = [*block.get("elements", []), block.get("accessory"), block.get("element"), *block.get("actions", [])]
    ids = [part["action_id"] for part in elements if isinstance(part, dict) and "action_id" in part]
    for repeated in sorted({name for name in ids if ids.count(name) > 1}):
        report.say(at, f"`action_id` {repeated} already exists")


_PICTURE: dict[str, Check] = {
    "image_url": string(3000),
    "slack_file": shape({}, {"id": ID, "url": string(3000)}, exactly_one("id", "url")),
}
_ONE_PICTURE = exactly_one("image_url", "slack_file")
ELEMENTS["image"] = shape({"alt_text": string(2000)}, _PICTURE, _ONE_PICTURE)

_STYLE_NAMES = ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink")
_STYLE = shape({}, dict.fromkeys(_STYLE_NAMES, flag))
_RICH_TEXT_PARTS: dict[str, Check] = {
    "text": shape({"text": string(40_000)}, {"style": _STYLE}),
    "link": shape({"url": string(3000)}, {"text": string(40_000), "unsafe": flag, "style": _STYLE}),
    "user": shape({"user_id": ID}, {"style": _STYLE}),
    "usergroup": shape({"usergroup_id": ID}, {"style": _STYLE}),
    "team": shape({"team_id": ID}, {"style": _STYLE}),
    "channel": shape({"channel_id": ID}, {"style": _STYLE}),
    "emoji": shape({"name": string(255)}, {"unicode": string(255), "skin_tone": whole(1, 6), "style": _STYLE}),
    "broadcast": shape({"range": one_of("here", "channel", "everyone")}, {"style": _STYLE}),
    "color": shape({"value": string(255)}, {"style": _STYLE}),
    "date": shape(
        {"timestamp": whole(0), "format": string(1000)},
        {"url": string(3000), "fallback": string(1000), "style": _STYLE},
    ),
}
_PARTS = many(typed(_RICH_TEXT_PARTS, _RICH_TEXT_PARTS, "in rich text"), 0, 10_000)
_SECTION: dict[str, Check] = {"rich_text_section": shape({"elements": _PARTS}, {})}
_RICH_TEXT: dict[str, Check] = {
    **_SECTION,
    "rich_text_list": shape(
        {"style": one_of("bullet", "ordered"), "elements": many(typed(_SECTION, _SECTION, "in a list"), 1, 10_000)},
        {"indent": whole(0, 8), "offset": whole(0), "border": whole(0, 1)},
    ),
    "rich_text_preformatted": shape({"elements": _PARTS}, {"border": whole(0, 1)}),
    "rich_text_quote": shape({"elements": _PARTS}, {"border": whole(0, 1)}),
}

BLOCKS: dict[str, Check] = {
    "rich_text": _block({"elements": many(typed(_RICH_TEXT, _RICH_TEXT, "in rich text"), 1, 10_000)}, {})
}
_RICH_TEXT_BLOCK = typed(BLOCKS, ("rich_text",), "here")
ELEMENTS["rich_text_input"] = shape(
    {},
    {
        "action_id": ID,
        "initial_value": _RICH_TEXT_BLOCK,
        "placeholder": plain(150),
        "focus_on_load": focus,
        "dispatch_action_config": anything,
    },
)

_TASK: dict[str, Check] = {
    "task_id": ID,
    "title": string(256),
}
_TASK_MORE: dict[str, Check] = {
    "status": one_of("pending", "in_progress", "complete", "error"),
    "details": _RICH_TEXT_BLOCK,
    "output": _RICH_TEXT_BLOCK,
    "sources": many(
        typed({"url": shape({"url": string(3000), "text": string(255)}, {})}, ("url",), "as a source"), 0, 20
    ),
}


def _task_ids_are_unique(plan: Json, at: str, report: Report) -> None:
    ids = [task["task_id"] for task in plan.get("tasks", [])]
    if len(set(ids)) < len(ids):
        report.say(f"{at}/tasks", "task_id must be unique within a plan")


_RAW_CELLS: dict[str, Check] = {
    "raw_text": shape({"text": string(10_000, 0)}, {}),
    "raw_number": shape({"value": number}, {"text": string(10_000)}),
}
_CELLS: dict[str, Check] = {**_RAW_CELLS, "rich_text": BLOCKS["rich_text"]}
_CELL = typed(_CELLS, _CELLS, "in a table")
_ROW = many(_CELL, 1, 20)
_COLUMN = shape({}, {"is_wrapped": flag, "align": one_of("left", "center", "right")})


def visible_text(value: Any) -> int:
    """How many characters of ``value`` a person reads: its ``text``, ``title``, ``caption`` and ``label`` strings."""
    if isinstance(value, list):
        return sum(visible_text(item) for item in value)
    if not isinstance(value, dict):
        return 0
    words = ("text", "title", "caption", "label", "alt_text")
    return sum(
        len(part) if isinstance(part, str) and key in words else visible_text(part) for key, part in value.items()
    )


def _table_fits(table: Json, at: str, report: Report) -> None:
    if visible_text(table["rows"]) > TABLE_CHARACTERS:
        report.say(f"{at}/rows", f"no more than {TABLE_CHARACTERS} characters allowed in all cells")


def _even_rows(table: Json, at: str, report: Report) -> None:
    if len({len(row) for row in table["rows"]}) > 1:
        report.say(f"{at}/rows", "all rows must have the same number of cells")
    if any(cell["type"] == "rich_text" for cell in table["rows"][0]):
        report.say(f"{at}/rows/0", "rich_text is not supported in the header row")


_POINT = shape({"label": string(20), "value": number}, {})
_CHARTS: dict[str, Check] = {
    "pie": shape({"segments": many(_POINT, 1, 6)}, {}),
    **dict.fromkeys(
        ("bar", "line", "area"),
        shape(
            {"series": many(shape({"name": string(50), "data": many(_POINT, 1, 20)}, {}), 1, 6)},
            {
                "axis_config": shape(
                    {"categories": many(string(20), 1, 20)}, {"x_label": string(50), "y_label": string(50)}
                )
            },
        ),
    ),
}

_BUTTONS = element("button", where="in a card")
_CARD = _block(
    {},
    {
        "hero_image": typed(ELEMENTS, ("image",), "in a card"),
        "icon": typed(ELEMENTS, ("image",), "in a card"),
        "title": text_object(150),
        "subtitle": text_object(150),
        "body": text_object(200),
        "actions": many(_BUTTONS, 1, 5),
    },
    at_least_one("hero_image", "title", "actions", "body"),
)
_IN_CONTAINER = {"actions", "context", "divider", "header", "image", "input", "rich_text", "section", "table", "video"}
_CONTEXT_PARTS: dict[str, Check] = {
    "image": ELEMENTS["image"],
    "plain_text": shape({"text": string(3000)}, {"emoji": flag}),
    "mrkdwn": shape({"text": string(3000)}, {"verbatim": flag}),
}

BLOCKS.update(
    {
        "section": _block(
            {},
            {
                "text": text_object(3000),
                "fields": many(text_object(2000), 1, 10),
                "accessory": element(*AS_ACCESSORY, where="as an accessory"),
                "expand": flag,
            },
            at_least_one("text", "fields"),
        ),
        "context": _block({"elements": many(typed(_CONTEXT_PARTS, _CONTEXT_PARTS, "in a context"), 1, 10)}, {}),
        "divider": _block({}, {}),
        "header": _block({"text": plain(150)}, {}),
        "image": _block({"alt_text": string(2000)}, {**_PICTURE, "title": plain(2000)}, _ONE_PICTURE),
        "actions": _block({"elements": many(element(*IN_ACTIONS, where="in actions"), 1, 25)}, {}),
        "input": _block(
            {"label": plain(2000), "element": element(*IN_INPUT, where="in an input")},
            {"hint": plain(2000), "optional": flag, "dispatch_action": flag},
        ),
        "video": _block(
            {
                "title": plain(199),
                "video_url": string(3000),
                "thumbnail_url": string(3000),
                "alt_text": string(2000),
            },
            {
                "title_url": string(3000),
                "description": plain(2000),
                "author_name": string(49),
                "provider_name": string(2000),
                "provider_icon_url": string(3000),
            },
        ),
        "markdown": _block({"text": string(12_000)}, {}),
        "plan": _block(
            {"title": string(256)},
            {"tasks": many(typed(BLOCKS, ("task_card",), "in a plan"), 0, PLAN_TASKS)},
            _task_ids_are_unique,
        ),
        "task_card": _block(_TASK, _TASK_MORE),
        "context_actions": _block(
            {"elements": many(element("feedback_buttons", "icon_button", where="in context actions"), 1, 5)}, {}
        ),
        "table": _block({"rows": many(_ROW, 1, 100)}, {"column_settings": many(_COLUMN, 1, 20)}, _table_fits),
        "data_table": _block(
            {"caption": string(2000), "rows": many(_ROW, 2, 101)},
            {"page_size": whole(1, 100), "row_header_column_index": whole(0, 19)},
            _table_fits,
            _even_rows,
        ),
        "data_visualization": _block({"title": string(50), "chart": typed(_CHARTS, _CHARTS, "as a chart")}, {}),
        "card": _CARD,
        "carousel": _block({"elements": many(typed(BLOCKS, ("card",), "in a carousel"), 1, 10)}, {}),
        "container": _block(
            {"child_blocks": many(typed(BLOCKS, _IN_CONTAINER, "in a container"), 1, 10)},
            {
                "title": plain(150),
                "rich_text_title": _RICH_TEXT_BLOCK,
                "subtitle": plain(150),
                "width": one_of("narrow", "standard", "wide", "full"),
                "is_collapsible": flag,
                "default_collapsed": flag,
                "has_header_divider": flag,
            },
            exactly_one("title", "rich_text_title"),
        ),
        "alert": _block(
            {"text": text_object(3000)}, {"level": one_of("default", "info", "warning", "error", "success")}
        ),
    }
)
