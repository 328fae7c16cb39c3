"""Which characters the fonts at hand have, and names without those that would be drawn as empty boxes."""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO

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
def covered(font: Path) -> tuple[range, ...]:
    """The numbers of the characters that a font has, by its table “cmap”; none for a file that cannot be read."""
    try:
        with font.open("rb") as file:
            return tuple(_ranges(_cmap(file)))
    except (OSError, struct.error):
        return ()


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
    return any(ord(char) in some for some in covered(font))


def _named(text: str) -> str:
    symbols = dict.fromkeys(char for char in text if unicodedata.category(char) == "So")
    names = [unicodedata.name(char, "").lower() for char in symbols]
    said = ", ".join(list(filter(None, names))[:_MOST_NAMED])
    return said[:1].upper() + said[1:] or _OTHER_LETTERS


def _cmap(file: BinaryIO) -> bytes:
    """The table of characters; of a collection, that of its first font."""
    head = file.read(16)
    file.seek(struct.unpack(">12xI", head)[0] if head[:4] == b"ttcf" else 0)
    for _ in range(struct.unpack(">4xH6x", file.read(12))[0]):
        tag, at, length = struct.unpack(">4s4xII", file.read(16))
        if tag == b"cmap":
            file.seek(at)
            return file.read(length)
    return b""


def _ranges(table: bytes) -> Iterator[range]:
    """What the parts in the two usual formats map to glyphs."""
    for number in range(struct.unpack_from(">2xH", table)[0]):
        (at,) = struct.unpack_from(">4xI", table, 4 + 8 * number)
        (kind,) = struct.unpack_from(">H", table, at)
        if kind == 4:
            size = struct.unpack_from(">6xH", table, at)[0]
            ends = struct.unpack_from(f">{size // 2}H", table, at + 14)
            starts = struct.unpack_from(f">{size // 2}H", table, at + 16 + size)
            # The last segment only marks the end.
            yield from (range(start, end + 1) for start, end in zip(starts, ends, strict=True) if start < 0xFFFF)
        elif kind == 12:
            for group in range(struct.unpack_from(">12xI", table, at)[0]):
                start, end = struct.unpack_from(">II", table, at + 16 + 12 * group)
                yield range(start, end + 1)
