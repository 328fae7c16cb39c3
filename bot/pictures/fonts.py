"""How wide words are in Roboto, and words cut or wrapped to a width."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

import font_roboto
from PIL import ImageFont

_FOLDER = Path(font_roboto.font_directory)
REGULAR = _FOLDER / "Roboto-Regular.ttf"
BOLD = _FOLDER / "Roboto-Medium.ttf"
# The size at which characters are measured; widths grow in proportion.
_MEASURED_AT = 100
# Joiners belong to emoji and to Persian; other invisible characters only disguise what a name says.
JOINERS = "\u200c\u200d"


def clean(text: str) -> str:
    """``text`` in one line without characters that an SVG cannot hold or that cannot be seen."""
    seen = "".join(" " if char.isspace() else char for char in text if char.isspace() or _visible(char))
    return " ".join(seen.split())


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line is in pixels; characters that Roboto lacks are reckoned generously."""
    return sum(_advance(char, bold) for char in text) * size / _MEASURED_AT


def fit(text: str, most: float, size: float, *, bold: bool = False) -> str:
    """``text``, cut at its end with “…” if it is wider than ``most`` pixels."""
    if width(text, size, bold=bold) <= most:
        return text
    room = most - width("…", size, bold=bold)
    return text[: _fitting(text, room, size, bold)].rstrip() + "…"


def wrap(text: str, most: float, size: float, *, lines: int, bold: bool = False) -> list[str]:
    """``text`` in at most ``lines`` lines, broken between words where that is possible; the last may be cut."""
    wrapped: list[str] = []
    rest = text
    while len(wrapped) < lines - 1 and width(rest, size, bold=bold) > most:
        at = max(1, _fitting(rest, most, size, bold))
        space = rest.rfind(" ", 0, at + 1)
        # A word that is longer than a line is broken rather than leaving a line nearly empty.
        word = rest[space + 1 :].split(" ", 1)[0]
        at = space if space > at / 2 or (space > 0 and width(word, size, bold=bold) <= most) else at
        wrapped.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*wrapped, fit(rest, most, size, bold=bold)]


def _fitting(text: str, room: float, size: float, bold: bool) -> int:
    """How many characters of ``text`` are at most ``room`` pixels wide."""
    used = 0.0
    for at, char in enumerate(text):
        used += _advance(char, bold) * size / _MEASURED_AT
        if used > room:
            return at
    return len(text)


@cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BOLD if bold else REGULAR, _MEASURED_AT)


@cache
def _advance(char: str, bold: bool) -> float:
    if unicodedata.combining(char) or char in JOINERS:
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return float(_MEASURED_AT) * 1.05
    # Roboto has Latin, Greek, Cyrillic and the usual signs.
    if ord(char) < 0x0530 or 0x1E00 <= ord(char) < 0x2100:
        return _font(bold).getlength(char)
    return _MEASURED_AT * 0.8


def _visible(char: str) -> bool:
    return char in JOINERS or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
