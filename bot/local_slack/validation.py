"""Would Slack accept this? Every rule of Block Kit that a message, a modal or an App Home must keep."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal

from bot.local_slack.blocks import BLOCKS, SURFACES, visible_text
from bot.local_slack.rules import (
    Check,
    Json,
    Problem,
    Report,
    flag,
    many,
    plain,
    shape,
    string,
    typed,
)

__all__ = ["Problem", "Surface", "file_problems", "problems"]

Surface = Literal["message", "modal", "home"]

MESSAGE_TEXT = 40_000
MESSAGE_CHARACTERS = 13_000
MARKDOWN_CHARACTERS = 12_000
VIEW_BYTES = 250_000
ONE_PER_MESSAGE = {"plan": "Cannot have more than 1 plan block", "table": "only one table allowed"}
CHARTS_PER_MESSAGE = 2


def problems(
    payload: Json, surface: Surface, *, most_text: int = MESSAGE_TEXT, refuse: Collection[str] = ()
) -> list[Problem]:
    """Everything Slack would refuse in ``payload``, in the order of its blocks; an empty list means it is fine.

    A message is ``{"text", "blocks"}`` as in chat.postMessage (other arguments are not looked at), a modal or home
    is the ``view`` itself. ``most_text`` is the limit of ``text`` in characters: 4,000 for chat.update. ``refuse``
    names block types that this workspace does not know yet.
    """
    report = Report(surface)
    if surface in ("modal", "home"):
        _check_view(payload, report)
    else:
        _check_message(payload, report, most_text)
    blocks = payload.get("blocks")
    if isinstance(blocks, list):
        _check_across_blocks(blocks, report)
        for index, block in enumerate(blocks):
            if isinstance(block, dict) and block.get("type") in refuse:
                report.say(f"/blocks/{index}", f"unsupported type: {block['type']}")
    return report.problems


def file_problems(payload: Any, ready: Callable[[str], bool], at: str = "") -> list[Problem]:
    """The pictures in ``payload`` that Slack does not have, or has not looked at yet; ``ready`` knows a file's id."""
    return [
        Problem(f"{pointer}/slack_file", "invalid slack file")
        for pointer, file in _slack_files(payload, at)
        if not ready(_file_id(file))
    ]


def _slack_files(value: Any, at: str) -> Iterator[tuple[str, Json]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if key == "slack_file" and isinstance(part, dict):
            yield at, part
        else:
            yield from _slack_files(part, f"{at}/{key}")


def _file_id(file: Json) -> str:
    """The id itself, or the one within ``url_private`` or a permalink."""
    within = re.search(r"\b(F[A-Z0-9]{5,})\b", str(file.get("url")))
    return str(file.get("id") or (within[1] if within else ""))


def _blocks(surface: str, least: int, most: int) -> Check:
    return many(typed(BLOCKS, SURFACES[surface], f"in a {surface}"), least, most)


def _check_message(payload: Json, report: Report, most_text: int) -> None:
    text, blocks = payload.get("text"), payload.get("blocks")
    if text is not None and not isinstance(text, str):
        report.say("/text", "must be a string", "invalid_arguments")
    elif len(text or "") > most_text:
        report.say("/text", f"must be less than {most_text + 1} characters", "msg_too_long")
    if blocks is not None:
        _blocks(report.surface, 0, 50)(blocks, "/blocks", report)
    if isinstance(blocks, list):
        _check_size(blocks, report)


def _check_size(blocks: list[Any], report: Report) -> None:
    if visible_text(blocks) > MESSAGE_CHARACTERS:
        report.say("/blocks", f"no more than {MESSAGE_CHARACTERS} characters in all blocks", "msg_blocks_too_long")
    written = _of_type(blocks, "markdown")
    if len(written) > 1 and sum(len(str(block.get("text"))) for block in written) > MARKDOWN_CHARACTERS:
        report.say("/blocks", f"no more than {MARKDOWN_CHARACTERS} characters in all markdown blocks")
    for kind, message in ONE_PER_MESSAGE.items():
        if len(_of_type(blocks, kind)) > 1:
            report.say("/blocks", message)
    if len(_of_type(blocks, "data_visualization")) > CHARTS_PER_MESSAGE:
        report.say("/blocks", f"Cannot have more than {CHARTS_PER_MESSAGE} data_visualization blocks")


_ANY_VIEW: dict[str, Check] = {
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
_VIEWS: dict[str, Check] = {
    "modal": shape(
        {"title": plain(24), "blocks": _blocks("modal", 1, 100)},
        {
            **_ANY_VIEW,
            "submit": plain(24),
            "close": plain(24),
            "clear_on_close": flag,
            "notify_on_close": flag,
            "submit_disabled": flag,
        },
    ),
    "home": shape({"blocks": _blocks("home", 0, 100)}, _ANY_VIEW),
}


def _check_view(view: Json, report: Report) -> None:
    # Slack reads an absent close or submit and a null one alike.
    given = {key: part for key, part in view.items() if part is not None}
    typed(_VIEWS, (report.surface,), "on this surface")(given, "", report)
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        report.say("", f"must be smaller than {VIEW_BYTES} bytes", "view_too_large")
    blocks = view.get("blocks")
    if report.surface == "modal" and isinstance(blocks, list) and _of_type(blocks, "input") and not given.get("submit"):
        report.say("/submit", "`submit` is required when an `input` is within blocks")
    if report.focused > 1:
        report.say("", "only one element may have `focus_on_load`")


def _check_across_blocks(blocks: list[Any], report: Report) -> None:
    for block_id, times in report.block_ids.items():
        if times > 1:
            at = [index for index, block in enumerate(blocks) if isinstance(block, dict) and _has_id(block, block_id)]
            report.say(f"/blocks/{at[-1] if at else 0}", f"`block_id` {block_id} already exists")


def _has_id(block: Json, block_id: str) -> bool:
    return block.get("block_id") == block_id or any(
        isinstance(child, dict) and _has_id(child, block_id) for child in block.get("child_blocks", [])
    )


def _of_type(blocks: list[Any], kind: str) -> list[Json]:
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]
