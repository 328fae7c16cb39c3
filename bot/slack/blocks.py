"""Block Kit as small functions: each returns the plain dict Slack takes, within Slack's limits.

Words in ``section``, ``context`` and ``alert`` are mrkdwn: whoever writes a person's or a model's words
there passes them through ``escape``. Titles, labels, buttons, options and task cards are literal. Prose that is too
long is cut and says so; an id or a row of buttons that is too long is a mistake in the program: ``ValueError``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from bot.slack.text import escape_markdown, fit, fit_markup, units

Json = dict[str, Any]
Style = Literal["primary", "danger"]
TaskStatus = Literal["pending", "in_progress", "complete", "error"]

# Slack refuses a message of much more than 11,000 characters; the rest of the message needs some room too.
_PLAN_SIZE = 9_500
_PLAN_TASKS = 48
# All the texts of one context together, so that a single one never fills a message.
_ROW_SIZE = 9_500


def section(text: str, *, accessory: Json | None = None, block_id: str | None = None) -> Json:
    """A paragraph of mrkdwn, with an element (a button, a menu, an image) at its right."""
    return _with({"type": "section", "text": _mrkdwn(text, 3_000)}, accessory=accessory, block_id=block_id)


def context(*texts: str | Json, block_id: str | None = None) -> Json:
    """Small print: up to ten mrkdwn texts or images in a row."""
    each = min(3_000, _ROW_SIZE // max(1, len(texts)))
    elements = [_mrkdwn(text, each) if isinstance(text, str) else text for text in texts]
    return _with({"type": "context", "elements": _shortened(elements, 10)}, block_id=block_id)


def divider() -> Json:
    """A line across."""
    return {"type": "divider"}


def header(text: str) -> Json:
    """A large literal title."""
    return {"type": "header", "text": plain(text, 150)}


def picture(file_id: str, alt: str) -> Json:
    """A picture that Slack has as a file, with the words that stand for it."""
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": fit(alt, 2_000)}


def markdown(text: str) -> Json:
    """A model's Markdown, made harmless. Messages only; longer texts go through ``markdown_parts`` first."""
    return {"type": "markdown", "text": fit(escape_markdown(text), 12_000) or "—"}


def alert(text: str, level: Literal["default", "info", "warning", "error", "success"] = "error") -> Json:
    """A coloured note of mrkdwn; Slack allows it in modals only."""
    return {"type": "alert", "level": level, "text": _mrkdwn(text, 3_000)}


def actions(*elements: Json, block_id: str | None = None) -> Json:
    """A row of up to 25 buttons or menus."""
    return _with({"type": "actions", "elements": _at_most(25, elements, "elements in a row")}, block_id=block_id)


def button(
    text: str,
    action_id: str,
    value: str | None = None,
    *,
    style: Style | None = None,
    confirm: Json | None = None,
    accessibility_label: str | None = None,
) -> Json:
    """A button; its ``accessibility_label`` says what a screen reader reads where the text alone is not enough."""
    return _with(
        {"type": "button", "action_id": _id(action_id), "text": plain(text, 75)},
        value=_value(value, 2_000),
        style=style,
        confirm=confirm,
        accessibility_label=accessibility_label and fit(accessibility_label, 75),
    )


def overflow(action_id: str, *options: Json) -> Json:
    """The “…” menu with one to five options."""
    return {"type": "overflow", "action_id": _id(action_id), "options": _at_most(5, options, "overflow options")}


def select(action_id: str, placeholder: str, options: Sequence[tuple[str, str]], *, chosen: str | None = None) -> Json:
    """A menu of up to 100 (value, words); ``chosen`` is the value that it shows."""
    offered = [option(words, value) for value, words in options]
    shown = next((each for each, (value, _) in zip(offered, options, strict=True) if value == chosen), None)
    menu = {"type": "static_select", "action_id": _id(action_id), "placeholder": plain(placeholder, 150)}
    return _with({**menu, "options": _at_most(100, offered, "options")}, initial_option=shown)


def person(action_id: str, placeholder: str, *, chosen: str | None = None) -> Json:
    """A menu of the workspace's people; ``chosen`` is the id of the one that it shows."""
    menu = {"type": "users_select", "action_id": _id(action_id), "placeholder": plain(placeholder, 150)}
    return _with(menu, initial_user=chosen)


def option(label: str, value: str, description: str | None = None) -> Json:
    """One choice: literal words, and the value (at most 75 characters) that comes back."""
    return _with(
        {"text": plain(label, 75), "value": _value(value, 75)},
        description=plain(description, 75) if description else None,
    )


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = False) -> Json:
    """“Are you sure?” before a button does what it says."""
    return _with(
        {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)},
        style="danger" if danger else None,
    )


def rich_text(text: str, limit: int = 3_000) -> Json:
    """Text that Slack shows exactly as it is: no mrkdwn, no mentions, no links."""
    words = {"type": "text", "text": fit(text, limit) or "—"}
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [words]}]}


def task_card(id: str, title: str, status: TaskStatus, details: str | None = None, output: str | None = None) -> Json:
    """One task of a ``plan``: literal title, what is going on, and the beginning of what came out."""
    return _with(
        {"type": "task_card", "task_id": _id(id), "title": fit(title, 200) or "—", "status": status},
        details=rich_text(details, 250) if details else None,
        output=rich_text(output, 250) if output else None,
    )


def plan(title: str, cards: Sequence[Json]) -> Json:
    """The tasks of a run in order. At most one per message, messages only; too much is shortened until it fits."""
    shown = list(cards[:_PLAN_TASKS])
    if len(cards) > _PLAN_TASKS:
        more = len(cards) - _PLAN_TASKS + 1
        shown[-1] = task_card("more", f"and {more} more", "pending")
    for dropped in ((), ("output",), ("output", "details")):
        block = {"type": "plan", "title": fit(title, 200) or "—", "tasks": [_without(card, dropped) for card in shown]}
        if units(json.dumps(block, ensure_ascii=False)) <= _PLAN_SIZE:
            return block
    return block | {"tasks": [_without(card, dropped) | {"title": fit(card["title"], 80)} for card in shown]}


def modal(
    title: str,
    blocks: Sequence[Json],
    *,
    callback_id: str,
    submit: str | None = None,
    close: str = "Close",
    meta: Mapping[str, object] | None = None,
) -> Json:
    """A window over Slack; ``meta`` comes back with it and is read by ``meta_of``. Inputs need a ``submit``."""
    view: Json = {
        "type": "modal",
        "callback_id": _id(callback_id),
        "title": plain(title, 24),
        "close": plain(close, 24),
        "blocks": _all_that_fit(blocks),
        "private_metadata": _meta(meta),
    }
    return _with(view, submit=plain(submit, 24) if submit else None)


def home(blocks: Sequence[Json], *, meta: Mapping[str, object] | None = None) -> Json:
    """The App Home tab; ``meta`` as in ``modal``."""
    view = {"type": "home", "callback_id": "home", "blocks": _all_that_fit(blocks)}
    return {**view, "private_metadata": _meta(meta)}


def meta_of(view: Json) -> Json:
    """What ``modal`` or ``home`` was given as ``meta``; empty when there was nothing."""
    meta: Json = json.loads(view.get("private_metadata") or "{}")
    return meta


def plain(text: str, limit: int) -> Json:
    """A literal text object."""
    return {"type": "plain_text", "text": fit(text, limit) if text.strip() else "—", "emoji": True}


def _mrkdwn(text: str, limit: int) -> Json:
    # Slack must not turn words into links and mentions on its own: ``verbatim`` keeps what was escaped as it is.
    return {"type": "mrkdwn", "text": fit_markup(text, limit) if text.strip() else "—", "verbatim": True}


def _with(block: Json, **optional: object) -> Json:
    return block | {key: value for key, value in optional.items() if value is not None}


def _without(card: Json, dropped: Sequence[str]) -> Json:
    return {key: value for key, value in card.items() if key not in dropped}


def _meta(meta: Mapping[str, object] | None) -> str:
    text = json.dumps(meta, separators=(",", ":")) if meta else ""
    if len(text) > 3_000:
        raise ValueError("private_metadata is longer than 3,000 characters; keep ids there")
    return text


def _all_that_fit(blocks: Sequence[Json]) -> list[Json]:
    if len(blocks) <= 100:
        return list(blocks)
    return [*blocks[:99], context(f"There is more: Slack shows 100 rows at a time, this has {len(blocks)}.")]


def _shortened(texts: list[Json], limit: int) -> list[Json]:
    if len(texts) <= limit:
        return texts
    return [*texts[: limit - 1], _mrkdwn(f"and {len(texts) - limit + 1} more", 100)]


def _at_most(limit: int, elements: Sequence[Json], what: str) -> list[Json]:
    if not 1 <= len(elements) <= limit:
        raise ValueError(f"{len(elements)} {what}: Slack takes 1 to {limit}")
    return list(elements)


def _id(name: str) -> str:
    if not 1 <= units(name) <= 255:
        raise ValueError(f"an id has 1 to 255 characters: {name!r}")
    return name


def _value(value: str | None, limit: int) -> str | None:
    if value is not None and not 1 <= units(value) <= limit:
        raise ValueError(f"a value has 1 to {limit} characters: {value!r}")
    return value
