"""What to send instead of blocks that Slack refuses: simpler blocks, then words and buttons, then words alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.slack.text import cut_point, escape, fit_escaped, fit_markup, units

Json = dict[str, Any]

# chat.update refuses text over 4,000, a section over 3,000; both counted after escaping.
_TEXT_LIMIT = 3_900
_SECTION_LIMIT = 2_900
# Blocks that every workspace has; what is newer reaches workspaces one by one.
_EVERYWHERE = frozenset({"section", "context", "divider", "header", "image", "actions", "input", "rich_text"})
_MASS_MENTION = re.compile(r"<(?=\s*!\s*(channel|here|everyone|subteam))", re.IGNORECASE)
_STATUS = {"pending": "Waiting", "in_progress": "Working", "complete": "Done", "error": "Failed"}


@dataclass(frozen=True)
class Content:
    """One way to say a message: escaped ``text``, harmless ``blocks``, and all its words when they had to be cut."""

    text: str
    blocks: list[Json]
    whole: str | None = None


def versions(text: str, blocks: list[Json], *, file_follows: bool) -> Iterator[Content]:
    """Every way to say the message, the best first, each one simpler than the one before.

    ``text`` is plain text. ``file_follows`` says that whoever sends a cut version also sends its ``whole``.
    """
    blocks = harmless(blocks)
    words = "\n\n".join(filter(None, map(_words, blocks))) or escape(text)
    mark = "…\n(Cut to fit; the whole text follows as a file.)" if file_follows else "…\n(Cut to fit.)"
    if blocks:
        summary = fit_escaped(text, _TEXT_LIMIT) if text.strip() else fit_markup(words, _TEXT_LIMIT)
        yield Content(summary, blocks)
        if (plainer := _simpler(blocks)) != blocks:
            yield Content(summary, plainer)
        if buttons := [block for block in blocks if block["type"] == "actions"]:
            yield Content(summary, [*_sections(fit_markup(words, _SECTION_LIMIT, mark=mark)), *buttons], _whole(words))
    yield Content(fit_markup(words, _TEXT_LIMIT, mark=mark), [], _whole(words, _TEXT_LIMIT))


def new_types(blocks: list[Json]) -> frozenset[str]:
    """The types of blocks among these that a workspace may not have yet."""
    return frozenset(block["type"] for block in blocks) - _EVERYWHERE


def harmless(node: Any) -> Any:
    """The same blocks without a mention of everybody: the last line of defence, should a builder forget to escape."""
    if isinstance(node, list):
        return [harmless(child) for child in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "broadcast":
        return {"type": "text", "text": f"@{node.get('range')}"}
    if node.get("type") == "usergroup":
        return {"type": "text", "text": f"@{node.get('usergroup_id')}"}
    safe = {key: harmless(child) for key, child in node.items()}
    if node.get("type") in ("mrkdwn", "markdown") and isinstance(node.get("text"), str):
        safe["text"] = _MASS_MENTION.sub("&lt;", node["text"])
    return safe


def _whole(words: str, limit: int = _SECTION_LIMIT) -> str | None:
    return _unescaped(words) if units(words) > limit else None


def _simpler(blocks: list[Json]) -> list[Json]:
    simpler: list[Json] = []
    for block in blocks:
        simpler += [block] if block["type"] in _EVERYWHERE else _sections(_words(block))
    return simpler


def _sections(words: str) -> list[Json]:
    pieces = []
    while units(words) > _SECTION_LIMIT:
        at = cut_point(words, _SECTION_LIMIT)
        pieces.append(words[:at])
        words = words[at:].lstrip()
    pieces += [words] if words else []
    return [{"type": "section", "text": {"type": "mrkdwn", "text": piece, "verbatim": True}} for piece in pieces]


def _words(node: Any) -> str:
    """All that can be read in a block, as escaped mrkdwn; buttons and dividers have no words."""
    if isinstance(node, list):
        return "\n".join(filter(None, map(_words, node)))
    if not isinstance(node, dict):
        return "" if node is None else escape(str(node))
    if words := _WORDS.get(node.get("type", "")):
        return words(node)
    parts = ("title", "subtitle", "text", "body", "fields", "caption", "elements", "tasks", "child_blocks")
    return "\n".join(filter(None, (_words(node.get(part)) for part in parts)))


def _markdown(block: Json) -> str:
    # Builders escape markdown differently from mrkdwn: back to the plain words, then as mrkdwn wants it.
    return escape(_unescaped(block["text"]))


def _table(block: Json) -> str:
    return "\n".join(" | ".join(map(_words, row)) for row in block["rows"])


def _task_card(card: Json) -> str:
    first = f"• {escape(card['title'])}: {_STATUS.get(card.get('status', ''), 'Waiting')}"
    rest = filter(None, [_words(card.get("details")), _words(card.get("output"))])
    return "\n".join([first, *rest])


def _line(node: Json) -> str:
    return "".join(map(_words, node["elements"]))


def _list(node: Json) -> str:
    return "\n".join(f"• {_words(item)}" for item in node["elements"])


def _link(node: Json) -> str:
    return escape(f"{node['text']} ({node['url']})" if node.get("text") else node["url"])


_WORDS: dict[str, Callable[[Json], str]] = {
    "actions": lambda _: "",
    "context_actions": lambda _: "",
    "divider": lambda _: "",
    "mrkdwn": lambda node: str(node["text"]),
    "markdown": _markdown,
    "task_card": _task_card,
    "table": _table,
    "data_table": _table,
    "raw_number": lambda node: escape(str(node.get("text", node.get("value")))),
    "image": lambda node: _words(node.get("title") or node.get("alt_text")),
    "rich_text_section": _line,
    "rich_text_quote": _line,
    "rich_text_preformatted": _line,
    "rich_text_list": _list,
    "link": _link,
    "user": lambda node: f"<@{node['user_id']}>",
    "emoji": lambda node: f":{node['name']}:",
}


def _unescaped(words: str) -> str:
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
