"""What people put into the inputs of a view or message: Slack's ``state.values``, and what is wrong with it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from bot.local_slack.elements import options_of
from bot.local_slack.wire import Json, Trouble

# Where each type of element keeps its value in ``state.values``, and under which key a block sets it at first.
VALUE_KEYS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("plain_text_input", "number_input", "email_text_input", "url_text_input"), ("value", "initial_value")
    ),
    **dict.fromkeys(("static_select", "external_select", "radio_buttons"), ("selected_option", "initial_option")),
    **dict.fromkeys(
        ("multi_static_select", "multi_external_select", "checkboxes"), ("selected_options", "initial_options")
    ),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", "initial_files"),
}
LISTS = {"selected_options", "selected_users", "selected_channels", "selected_conversations", "files"}
MOST_TYPED = 3000
MOST_FILES, MOST_BYTES = 10, 10_000_000

Values = dict[str, dict[str, Json]]


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every element with its block, in reading order, also inside cards and containers."""
    for block in blocks:
        for part in (block.get("accessory"), block.get("element"), *_list(block, "elements"), *_list(block, "actions")):
            if isinstance(part, dict) and "action_id" in part:
                yield block, part
        yield from elements(_list(block, "child_blocks"))
        if block.get("type") == "carousel":
            yield from elements(block["elements"])


def _list(block: Json, key: str) -> list[Json]:
    found = block.get(key)
    return found if isinstance(found, list) else []


def find(blocks: list[Json], block_id: str, action_id: str) -> tuple[Json, Json] | None:
    """The element with these ids, after its block."""
    return next(
        (
            (block, part)
            for block, part in elements(blocks)
            if (block["block_id"], part["action_id"]) == (block_id, action_id)
        ),
        None,
    )


def values_of(blocks: list[Json], before: Values | None = None) -> Values:
    """``state.values`` of freshly shown blocks: what they set at first, or what was there ``before``.

    A value stays when block_id, action_id and type stay the same; the block's initial value is then not looked at,
    which is what Slack does.
    """
    values: Values = {}
    for block, part in elements(blocks):
        if part["type"] not in VALUE_KEYS:
            continue
        kept = (before or {}).get(block["block_id"], {}).get(part["action_id"])
        if kept is None or kept["type"] != part["type"]:
            key, initial = VALUE_KEYS[part["type"]]
            kept = {"type": part["type"], key: copy.deepcopy(part.get(initial, [] if key in LISTS else None))}
            # An initial text of no characters is no value at all.
            kept[key] = None if kept[key] == "" else kept[key]
        values.setdefault(block["block_id"], {})[part["action_id"]] = kept
    return values


def filled_in(blocks: list[Json], values: Values, sent: Any) -> Values:
    """``values`` with what a person filled in; raise ``Trouble`` for what no input of these blocks can hold."""
    values = copy.deepcopy(values)
    for block_id, actions in (sent or {}).items():
        for action_id, value in actions.items():
            found = find(blocks, block_id, action_id)
            if found is None or (part := found[1])["type"] not in VALUE_KEYS:
                raise Trouble(f"There is no input “{block_id}” / “{action_id}” in what is shown.")
            values[block_id][action_id] = {"type": part["type"], **value_from(part, value)}
    return values


def value_from(part: Json, sent: Json) -> Json:
    """The value a person gave to one element, in the element's own words; raise ``Trouble`` if it cannot be given."""
    key, _ = VALUE_KEYS[part["type"]]
    value: Any = sent.get(key, [] if key in LISTS else None)
    value = None if value == "" else value
    if key == "value" and value is not None:
        value = str(value)
    if part["type"] in ("static_select", "radio_buttons") and value is not None:
        value = _offered(part, value)
    if part["type"] in ("multi_static_select", "checkboxes"):
        value = [_offered(part, one) for one in value or []]
    zone = {"timezone": part["timezone"]} if part["type"] == "timepicker" and "timezone" in part else {}
    return {key: value, **zone}


def _offered(part: Json, option: Json) -> Json:
    for offered in options_of(part):
        if offered["value"] == option.get("value"):
            return offered
    raise Trouble(f"“{option.get('value')}” is not among the options.")


def mistakes(blocks: list[Json], values: Values) -> dict[str, str]:
    """Block id → the sentence Slack shows under an input before it even asks the app."""
    found: dict[str, str] = {}
    for block, part in elements(blocks):
        if block["type"] != "input":
            continue
        value = values[block["block_id"]][part["action_id"]].get(VALUE_KEYS[part["type"]][0])
        if _is_empty(value):
            if not block.get("optional"):
                found[block["block_id"]] = "Please complete this required field."
        elif sentence := _mistake(part, value):
            found[block["block_id"]] = sentence
    return found


def _is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def _mistake(part: Json, value: Any) -> str | None:
    """What is wrong with a value that is there."""
    kind = part["type"]
    if kind == "number_input":
        return _number_mistake(part, str(value))
    if kind == "plain_text_input":
        return _length_mistake(part, str(value))
    if kind == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not re.fullmatch(r"https?://\S+", value):
        return "Please enter a valid URL."
    if kind == "file_input":
        return _file_mistake(part, value)
    most = part.get("max_selected_items")
    if most is not None and isinstance(value, list) and len(value) > most:
        return f"Please choose no more than {most}."
    return None


def _file_mistake(part: Json, files: list[Json]) -> str | None:
    most, kinds = part.get("max_files", MOST_FILES), part.get("filetypes")
    if len(files) > most:
        return f"Please choose no more than {most}."
    if kinds and any(file["filetype"] not in kinds for file in files):
        return f"Please choose files of these types: {', '.join(kinds)}."
    if any(file["size"] > MOST_BYTES for file in files):
        return "Please choose files of at most 10 MB."
    return None


def _length_mistake(part: Json, value: str) -> str | None:
    least, most = part.get("min_length", 0), part.get("max_length", MOST_TYPED)
    if len(value) < least:
        return f"Please enter at least {least} characters."
    if len(value) > most:
        return f"Please enter no more than {most} characters."
    return None


def _number_mistake(part: Json, value: str) -> str | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", value.strip()):
        return "Please enter a valid number."
    if "." in value and not part["is_decimal_allowed"]:
        return "Please enter a whole number."
    if "min_value" in part and float(value) < float(part["min_value"]):
        return f"Please enter a number of at least {part['min_value']}."
    if "max_value" in part and float(value) > float(part["max_value"]):
        return f"Please enter a number of at most {part['max_value']}."
    return None
