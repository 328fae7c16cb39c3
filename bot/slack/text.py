"""Text that Slack takes: escaped, cut to fit, split into parts, and numbers said in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Characters that reverse or isolate the reading direction can disguise what a name or a link says.
_BIDI_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_HALF_AN_ENTITY = re.compile(r"&[a-z]{0,4}$")
_HALF_A_TOKEN = re.compile(r"(&[a-z]{0,4}|<[^<>]*)$")
_FENCE = re.compile(r"^\s*(?P<marker>`{3,}|~{3,})(?P<info>[^`]*)$")
_MARKS = (
    (re.compile(r"^\s*(`{3,}|~{3,})[^\n]*$\n?", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}(#{1,6}|>)\s+", re.MULTILINE), ""),
    (re.compile(r"^(\s*)[-*+]\s+", re.MULTILINE), r"\1• "),
    (re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
)
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")


def units(text: str) -> int:
    """The length as Slack counts it at its strictest: UTF-16 code units, so most emoji count two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape(text: str) -> str:
    """Make people's and models' words literal in mrkdwn and in ``text``: no mention, no hidden link can survive."""
    text = text.translate(_BIDI_CONTROLS)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_but_people(text: str, people: Iterable[str]) -> str:
    """Make words literal, but keep ``<@id>`` of these people, whom the program itself has put there."""
    text = escape(text)
    for person in (f"<@{user}>" for user in people):
        text = text.replace(escape(person), person)
    return text


def escape_markdown(text: str) -> str:
    """Make Markdown harmless in a ``markdown`` block; doing it twice changes nothing.

    Every mention and disguised link begins with ``<``; ``>`` stays because it begins a quote, ``&`` because links
    contain it.
    """
    return text.translate(_BIDI_CONTROLS).replace("<", "&lt;")


def fit(text: str, limit: int, *, mark: str = "…") -> str:
    """Cut prose at its end so that it has at most ``limit`` UTF-16 units, ``mark`` included when it was cut."""
    if units(text) <= limit:
        return text
    return _head(text, limit - units(mark)).rstrip() + mark


def fit_markup(text: str, limit: int, *, mark: str = "…") -> str:
    """Cut mrkdwn at its end like ``fit``, never inside an entity (``&amp;``) nor inside ``<…>``."""
    if units(text) <= limit:
        return text
    return _HALF_A_TOKEN.sub("", _head(text, limit - units(mark))).rstrip() + mark


def fit_escaped(text: str, limit: int, *, mark: str = "…") -> str:
    """Escape first, cut after: the result is at most ``limit`` long as Slack receives it."""
    return fit_markup(escape(text), limit, mark=mark)


def unmarked(text: str) -> str:
    """Markdown without its marks, for places that show words as they are: headings, bold, code, links, bullets."""
    for mark, words in _MARKS:
        text = mark.sub(words, text)
    return text.strip()


def is_channel(place: str) -> bool:
    """Whether a place is a channel, by its id, and not a direct message."""
    return place.startswith(("C", "G"))


def named_place(place: str, direct: str) -> str:
    """A place in mrkdwn, which shows its name; ``direct`` is what a direct message is called, which has none."""
    return f"<#{place}>" if is_channel(place) else direct


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Say how many: ``count(1, "task")`` is “1 task”, ``count(2, "entry", "entries")`` is “2 entries”."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Say how long in the two largest units: “12 s”, “1 min 12 s”, “2 h 5 min”, “3 d 4 h”."""
    left = max(0, round(seconds))
    if left < 60:
        return f"{left} s"
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        amount, left = divmod(left, size)
        parts.append(f"{amount} {unit}" if amount else "")
    first = next(index for index, part in enumerate(parts) if part)
    return " ".join(part for part in parts[first : first + 2] if part)


def markdown_parts(text: str, limit: int = 11_000) -> list[str]:
    """Split a model's Markdown into escaped parts of at most ``limit`` UTF-16 units, one per ``markdown`` block.

    Parts end between paragraphs where they can, else between lines, else between words. A code block that is cut is
    closed and opened again; a table that is cut repeats its header. Nothing is lost but the white space at a seam.
    """
    parts: list[str] = []
    current = ""
    for block in _blocks(escape_markdown(text)):
        whole = "\n".join(block.lines)
        if units(current) + units(whole) + 1 <= limit:
            current = f"{current}\n{whole}" if current else whole
            continue
        # A part that is already half full ends here; a shorter one takes the beginning of what comes next.
        if units(current) * 2 > limit:
            parts.append(current)
            current = ""
        *full, current = _packed(block, current, limit)
        parts += full
    return [part.strip("\n") for part in [*parts, current] if part.strip()]


def cut_point(text: str, limit: int) -> int:
    """Where to cut a text longer than ``limit`` UTF-16 units: the last paragraph, line or word end in its later half.

    Without one, the index of the last character that fits, at least 1.
    """
    head = _head(text, limit)
    for seam in ("\n\n", "\r\n\r\n", "\r\n", "\n", " "):
        at = head.rfind(seam, len(head) // 2)
        if at > 0:
            return at
    return max(1, len(_HALF_AN_ENTITY.sub("", head)))


def _head(text: str, limit: int) -> str:
    """The longest beginning of ``text`` with at most ``limit`` UTF-16 units."""
    head = text[: max(0, limit)]
    surplus = units(head) - limit
    while surplus > 0 and head:
        # Each character takes at most two units, so this never drops more than is needed.
        head = head[: -max(1, surplus // 2)]
        surplus = units(head) - limit
    return head


@dataclass
class _Block:
    """Lines that belong together: what to say again when they go on in the next part, and how to end one."""

    lines: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    close: list[str] = field(default_factory=list)


def _blocks(text: str) -> Iterator[_Block]:
    """Code blocks, tables and paragraphs, in order; blank lines belong to the paragraph before them."""
    lines = text.replace("\r\n", "\n").split("\n")
    block = _Block()
    for index, line in enumerate(lines):
        if block.close:
            block.lines.append(line)
            if _closes(line, block.close[0]):
                yield block
                block = _Block()
            continue
        fence = _FENCE.match(line)
        table = (
            "|" in line and index + 1 < len(lines) and "|" in lines[index + 1] and _TABLE_RULE.match(lines[index + 1])
        )
        if fence or (table and not block.again) or (block.lines and not block.lines[-1].strip() and line.strip()):
            yield block
            block = _Block()
        if fence:
            block.again, block.close = [line], [fence["marker"]]
        elif table and not block.again:
            block.again = [line, lines[index + 1]]
        block.lines.append(line)
    yield block


def _closes(line: str, marker: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(marker) and not bare.strip(marker[0])


def _packed(block: _Block, current: str, limit: int) -> list[str]:
    """``current`` and the block's lines in as many parts as they need; the last one may still grow."""
    again, close = "\n".join(block.again), "\n".join(block.close)
    lines = [again, *block.lines[len(block.again) :]] if again else block.lines
    if (units(again) + units(close)) * 2 > limit:
        # Saying so much again would leave no room: go on with a bare fence, or without the header.
        again, lines = close, block.lines
    parts = [current]
    room = limit - units(close) - 1
    begun = False
    for line in lines:
        for piece in _pieces(line, room - units(again) - 1):
            if parts[-1] and units(parts[-1]) + units(piece) + 1 > room:
                parts[-1] += f"\n{close}" if close and begun else ""
                parts.append(again if begun else "")
            parts[-1] = f"{parts[-1]}\n{piece}" if parts[-1] else piece
            begun = True
    return parts


def _pieces(line: str, limit: int) -> Iterator[str]:
    """A line in pieces of at most ``limit``, cut between words where that is possible."""
    while units(line) > limit:
        at = cut_point(line, limit)
        yield line[:at]
        line = line[at:].removeprefix(" ")
    yield line
