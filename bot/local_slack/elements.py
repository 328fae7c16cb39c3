"""Block Kit's interactive elements: which keys each has, and how long they may be.

The numbers are those of Slack's Block Kit reference.
"""

from __future__ import annotations

from bot.local_slack.rules import (
    Check,
    Json,
    Report,
    Rule,
    anything,
    exactly_one,
    flag,
    focus,
    in_order,
    many,
    one_of,
    plain,
    shape,
    string,
    text_object,
    typed,
    whole,
)

ID = string(255)
STYLE = one_of("primary", "danger")
NUMBER = string(50, pattern=r"-?\d+(\.\d+)?")
DATE = string(10, pattern=r"\d{4}-\d{2}-\d{2}")
TIME = string(5, pattern=r"([01]\d|2[0-3]):[0-5]\d")

CONFIRM = shape(
    {"title": plain(100), "text": text_object(300), "confirm": plain(30), "deny": plain(30)}, {"style": STYLE}
)


def _option(*text_kinds: str, url: bool = False) -> Check:
    links = {"url": string(3000)} if url else {}
    return shape(
        {"text": text_object(75, *text_kinds), "value": string(75)},
        {"description": text_object(75, *text_kinds), **links},
    )


OPTION = _option("plain_text")
MARKED_OPTION = _option("plain_text", "mrkdwn")
LINKED_OPTION = _option("plain_text", url=True)
OPTIONS = many(OPTION, 1, 100)
OPTION_GROUPS = many(shape({"label": plain(75), "options": OPTIONS}, {}), 1, 100)
# An answer to block_suggestion may well be empty: nothing matches.
SUGGESTIONS = shape(
    {},
    {
        "options": many(OPTION, 0, 100),
        "option_groups": many(shape({"label": plain(75), "options": many(OPTION, 0, 100)}, {}), 0, 100),
    },
    exactly_one("options", "option_groups"),
)


def options_of(element: Json) -> list[Json]:
    """Every option an element offers, its groups opened up."""
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def _options_make_sense(element: Json, at: str, report: Report) -> None:
    offered = options_of(element)
    values = [option["value"] for option in offered]
    if len(set(values)) < len(values):
        report.say(at, "option values must be unique")
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    if any(option not in offered for option in initial):
        report.say(at, "initial options must be among the options")


def _element(required: dict[str, Check], optional: dict[str, Check], *rules: Rule) -> Check:
    return shape(required, {"action_id": ID, **optional}, *rules)


def _input(required: dict[str, Check], optional: dict[str, Check], *rules: Rule) -> Check:
    return _element(required, {"placeholder": plain(150), "focus_on_load": focus, **optional}, *rules)


_DISPATCH = {
    "dispatch_action_config": shape(
        {"trigger_actions_on": many(one_of("on_enter_pressed", "on_character_entered"), 1, 2)}, {}
    )
}
_LENGTHS: dict[str, Check] = {"min_length": whole(0, 3000), "max_length": whole(1, 3000)}
_CONVERSATIONS = shape(
    {},
    {
        "include": many(one_of("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)


def _select(optional: dict[str, Check], *rules: Rule) -> Check:
    return _input({}, {"confirm": CONFIRM, **optional}, *rules)


def _multi_select(optional: dict[str, Check], *rules: Rule) -> Check:
    return _select({"max_selected_items": whole(1), **optional}, *rules)


_STATIC = (exactly_one("options", "option_groups"), _options_make_sense)
_GIVEN = {"options": OPTIONS, "option_groups": OPTION_GROUPS}
_QUERY: dict[str, Check] = {"min_query_length": whole(0)}
_CURRENT: dict[str, Check] = {"default_to_current_conversation": flag, "filter": _CONVERSATIONS}
_IDS = many(string(255), 1, 100)


def _choice(optional: dict[str, Check]) -> Check:
    options = many(MARKED_OPTION, 1, 10)
    return _element({"options": options}, {"confirm": CONFIRM, "focus_on_load": focus, **optional}, _options_make_sense)


_FEEDBACK = shape({"text": plain(75), "value": string(2000)}, {"accessibility_label": string(75)})
_BUTTON: dict[str, Check] = {
    "value": string(2000),
    "confirm": CONFIRM,
    "accessibility_label": string(75),
    "visible_to_user_ids": _IDS,
}

ELEMENTS: dict[str, Check] = {
    "button": _element(
        {"text": plain(75)},
        {
            **_BUTTON,
            "url": string(3000),
            "style": STYLE,
            "agent_prompt": string(4000),
            "agent_prompt_display": string(4000),
        },
    ),
    "workflow_button": _element(
        {"text": plain(75), "workflow": anything}, {"style": STYLE, "accessibility_label": string(75)}
    ),
    "icon_button": _element({"icon": one_of("trash"), "text": plain(75)}, _BUTTON),
    "feedback_buttons": _element({"positive_button": _FEEDBACK, "negative_button": _FEEDBACK}, {}),
    "overflow": _element({"options": many(LINKED_OPTION, 1, 5)}, {"confirm": CONFIRM}, _options_make_sense),
    "checkboxes": _choice({"initial_options": many(MARKED_OPTION, 1, 10)}),
    "radio_buttons": _choice({"initial_option": MARKED_OPTION}),
    "datepicker": _input({}, {"initial_date": DATE, "confirm": CONFIRM}),
    "timepicker": _input({}, {"initial_time": TIME, "timezone": string(100), "confirm": CONFIRM}),
    "datetimepicker": _element(
        {}, {"initial_date_time": whole(1_000_000_000, 9_999_999_999), "confirm": CONFIRM, "focus_on_load": focus}
    ),
    "static_select": _select({**_GIVEN, "initial_option": OPTION}, *_STATIC),
    "multi_static_select": _multi_select({**_GIVEN, "initial_options": OPTIONS}, *_STATIC),
    "external_select": _select({**_QUERY, "initial_option": OPTION}),
    "multi_external_select": _multi_select({**_QUERY, "initial_options": OPTIONS}),
    "users_select": _select({"initial_user": ID}),
    "multi_users_select": _multi_select({"initial_users": _IDS}),
    "channels_select": _select({"initial_channel": ID, "response_url_enabled": flag}),
    "multi_channels_select": _multi_select({"initial_channels": _IDS}),
    "conversations_select": _select({"initial_conversation": ID, "response_url_enabled": flag, **_CURRENT}),
    "multi_conversations_select": _multi_select({"initial_conversations": _IDS, **_CURRENT}),
    "plain_text_input": _input(
        {},
        {"initial_value": string(3000, 0), "multiline": flag, **_LENGTHS, **_DISPATCH},
        in_order("min_length", "max_length"),
    ),
    "number_input": _input(
        {"is_decimal_allowed": flag},
        {"initial_value": NUMBER, "min_value": NUMBER, "max_value": NUMBER, **_DISPATCH},
        in_order("min_value", "max_value"),
        in_order("min_value", "initial_value"),
        in_order("initial_value", "max_value"),
    ),
    "email_text_input": _input({}, {"initial_value": string(3000), **_DISPATCH}),
    "url_text_input": _input({}, {"initial_value": string(3000), **_DISPATCH}),
    "file_input": _element({}, {"filetypes": many(string(255), 1, 100), "max_files": whole(1, 10)}),
}

_SELECTS = {name for name in ELEMENTS if name.endswith("_select")}
_PICKERS = {"checkboxes", "radio_buttons", "datepicker", "timepicker"}
_TYPED = {"plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input"}
_BUTTONS = {"button", "workflow_button"}

IN_ACTIONS = _BUTTONS | _SELECTS | _PICKERS | {"datetimepicker", "overflow", "rich_text_input"}
AS_ACCESSORY = _BUTTONS | _SELECTS | _PICKERS | {"overflow", "image"}
IN_INPUT = _SELECTS | _PICKERS | _TYPED | {"datetimepicker", "file_input"}


def element(*allowed: str, where: str) -> Check:
    """One element of the ``allowed`` types; file_input only ever in modals."""
    check_type = typed(ELEMENTS, allowed, where)

    def check(value: object, at: str, report: Report) -> None:
        if isinstance(value, dict) and value.get("type") == "file_input" and report.surface != "modal":
            report.say(at, "file_input is only supported in modals")
        else:
            check_type(value, at, report)

    return check
