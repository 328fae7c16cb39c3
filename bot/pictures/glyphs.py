"""Which characters the fonts at hand have, and names without those that would be drawn as empty boxes."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

from bot.pictures.fonts import JOINERS, REGULAR

# Where resvg looks for fonts of the computer.
_FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts"),
    *("/Library/Fonts", "/System/Library/Fonts", "~/Library/Fonts"),
)
_ENDINGS = {".ttf", ".otf", ".ttc", ".otc"}
# Stands for a name of nothing but letters that no font has; the words below the picture spell it.
_OTHER_LETTERS = "(other letters)"
_MOST_NAMED = 3
# They choose between the looks of the character before them.
_SELECTORS = {chr(number) for number in range(0xFE00, 0xFE10)}


def drawable(text: str, lenders: tuple[Path, ...] | None = None) -> str:
    """``text`` without what neither Roboto nor the fonts ``lenders`` have, by default those of the computer.

    Where no letter and no digit is left, the symbols are named instead: “Octopus”.
    """
    lent = system_fonts() if lenders is None else lenders
    kept = "".join(_kept(text, lent))
    if kept == text:
        return text
    shown = " ".join(kept.split())
    return shown if any(char.isalnum() for char in shown) else _named(text)


@cache
def system_fonts() -> tuple[Path, ...]:
    """The files of the computer's fonts, as they were when first asked for."""
    files = (file for folder in _FOLDERS for file in Path(folder).expanduser().rglob("*"))
    return tuple(sorted(file for file in files if file.suffix.lower() in _ENDINGS))


@cache
def covered(font: Path) -> Collection[int]:
    """The numbers of the characters that a font has, or the first of a collection; none where it cannot be read."""
    try:
        with TTFont(font, fontNumber=0, lazy=True) as read:
            return frozenset(read.getBestCmap() or ())
    except (OSError, TTLibError, struct.error):
        return frozenset()


def _kept(text: str, lenders: tuple[Path, ...]) -> Iterator[str]:
    keeping = True
    for char in text:
        unseen = char in JOINERS or char in _SELECTORS
        known = unseen or char.isspace() or _has(REGULAR, char) or _lent(char, lenders)
        # Joiners, accents and the like go with the character before them.
        alone = not unseen and unicodedata.category(char) not in ("Mn", "Me")
        keeping = known if alone else keeping
        if keeping and known:
            yield char


@cache
def _lent(char: str, lenders: tuple[Path, ...]) -> bool:
    return any(_has(font, char) for font in lenders)


def _has(font: Path, char: str) -> bool:
    return ord(char) in covered(font)


def _named(text: str) -> str:
    symbols = dict.fromkeys(char for char in text if unicodedata.category(char) == "So")
    names = [unicodedata.name(char, "").lower() for char in symbols]
    said = ", ".join(list(filter(None, names))[:_MOST_NAMED])
    return said[:1].upper() + said[1:] or _OTHER_LETTERS
