"""Which one do you mean? Names as people type them: exact, by unique beginning, else the nearest."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

T = TypeVar("T")

# “Did you mean” shows at most this many buttons.
_CLOSE = 5


@dataclass(frozen=True)
class Picked(Generic[T]):
    """``found`` is the id and name that was meant, or None; then ``close`` has up to five that may have been."""

    found: tuple[T, str] | None = None
    close: list[tuple[T, str]] = field(default_factory=list)


def pick(name: str, candidates: Sequence[tuple[T, str]]) -> Picked[T]:
    """Find ``name`` among (id, name) pairs, ignoring case, white space and Unicode spelling.

    Exact wins over a unique beginning; several that begin so are all ``close``; else the nearest in spelling are. An
    empty name picks nothing.
    """
    wanted = _folded(name)
    folded = [_folded(known) for _, known in candidates]
    exact = [pair for pair, known in zip(candidates, folded, strict=True) if known == wanted]
    begun = [pair for pair, known in zip(candidates, folded, strict=True) if known.startswith(wanted)]
    for matching in (exact, begun):
        if len(matching) == 1 and wanted:
            return Picked(found=matching[0])
        if matching:
            return Picked(close=matching[:_CLOSE])
    nearest = process.extract(wanted, folded, scorer=fuzz.token_sort_ratio, limit=_CLOSE, score_cutoff=55)
    return Picked(close=[candidates[index] for _, _, index in nearest])


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
