"""What a person reads in Slack's blocks: the words as they appear on the screen."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

# The words for a task's status, as the screen shows them.
STATUS = {"pending": "Pending", "in_progress": "In progress", "complete": "Complete", "error": "Error"}
_MENTION = re.compile(r"<([@#])(\w+)>")
_NAMED = re.compile(r"<[^<>|]*\|([^<>]*)>")
_EMPHASIS = re.compile(r"(?<![\w`])([*_~`])(?=\S)(.+?)(?<=\S)\1(?![\w`])")


def mrkdwn(text: str, names: Mapping[str, str]) -> str:
    """Slack's markup as it is shown; ``names`` are the names of people and channels by their ids."""
    text = _MENTION.sub(lambda found: found[1] + names.get(found[2], found[2]), text)
    text = _EMPHASIS.sub(r"\2", _NAMED.sub(r"\1", text))
    return html.unescape(text)


def words(shown: Iterable[Json], names: Mapping[str, str]) -> str:
    """All that blocks say, a line for each piece."""
    return "\n".join(piece for block in shown for piece in _pieces(block, names) if piece)


def message_words(message: Json, names: Mapping[str, str]) -> str:
    """A message: its blocks, or its text where it has none, previews and the names of its files."""
    said = words(message["blocks"], names) if message.get("blocks") else mrkdwn(message.get("text", ""), names)
    previews = [words(one.get("blocks", []), names) for one in message.get("attachments", [])]
    return "\n".join([said, *previews, *(file["name"] for file in message.get("files", []))])


def view_words(view: Json, names: Mapping[str, str]) -> str:
    """A window: its title, its blocks and its buttons below."""
    ends = [view[end]["text"] for end in ("submit", "close") if view.get(end)]
    title = [view["title"]["text"]] if view.get("title") else []
    return "\n".join([*title, words(view["blocks"], names), *ends])


def elements(block: Json) -> Iterator[Json]:
    """The buttons, menus and inputs of a block."""
    for part in (block.get("accessory"), block.get("element"), *block.get("elements", [])):
        if isinstance(part, dict) and "action_id" in part:
            yield part


def _pieces(block: Json, names: Mapping[str, str]) -> Iterator[str]:
    match block["type"]:
        case "markdown":
            yield html.unescape(block["text"])
        case "plan":
            yield block["title"]
            yield from (_card(task) for task in block["tasks"])
        case "input":
            yield from (block[part]["text"] for part in ("label", "hint") if part in block)
        case "rich_text":
            yield _literal(block)
        case "image":
            yield block["alt_text"]
        case _:
            texts = [block.get("text"), *block.get("fields", []), *block.get("elements", [])]
            yield from (_text(text, names) for text in texts if text)
            yield from (element["text"]["text"] for element in elements(block) if element["type"] == "button")


def _text(text: Json, names: Mapping[str, str]) -> str:
    if text["type"] == "mrkdwn":
        return mrkdwn(text["text"], names)
    return str(text["text"]) if text["type"] == "plain_text" else ""


def _card(task: Json) -> str:
    details = [_literal(task[part]) for part in ("details", "output") if part in task]
    return " · ".join([task["title"], STATUS[task["status"]], *details])


def _literal(part: Any) -> str:
    """The words of rich text, without its structure."""
    if isinstance(part, list):
        return "".join(_literal(each) for each in part)
    if isinstance(part, dict):
        return str(part.get("text", "")) + _literal(part.get("elements", []))
    return ""
