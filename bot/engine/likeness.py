"""How alike texts are by their words, without a model: for knowledge and memory, which work with no key at all."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

# So many places share all words; two words seldom meet in one.
DIMENSIONS = 1024

_WORD = re.compile(r"\w+")


def embed(texts: Sequence[str]) -> list[list[float]]:
    """A vector of ``DIMENSIONS`` and length 1 for each text: its words and their pieces, the frequent ones damped.

    Texts that share words, or words that begin alike, come near each other in any language. An empty text is far from
    everything.
    """
    return [_vector(text).tolist() for text in texts]


def likest(query: str, texts: Sequence[str], limit: int) -> list[tuple[int, float]]:
    """The texts that come nearest to ``query``, best first, as (place in ``texts``, likeness between 0 and 1)."""
    if not texts:
        return []
    wanted = _vector(query)
    scores = np.array([_vector(text) for text in texts]) @ wanted
    best = np.argsort(-scores, kind="stable")[:limit]
    return [(int(place), min(1.0, float(scores[place]))) for place in best if scores[place] > 0]


def passages(text: str, size: int = 1_000) -> list[str]:
    """The text in passages of about ``size`` characters, cut between paragraphs, else between sentences."""
    found: list[str] = []
    for part in _parts(text, size):
        if found and len(found[-1]) + len(part) < size:
            found[-1] += f"\n{part}"
        else:
            found.append(part)
    return found


def _parts(text: str, size: int) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text):
        whole = paragraph.strip()
        if len(whole) <= size:
            yield from [whole] if whole else []
            continue
        for sentence in re.split(r"(?<=[.!?\u3002\uff01\uff1f\n])\s*", whole):
            for start in range(0, len(sentence), size):
                yield sentence[start : start + size].strip()


def _vector(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    for feature, times in Counter(_features(text)).items():
        # The same in every process, unlike hash().
        place = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=4).digest()) % DIMENSIONS
        weight = 2.0 if feature.startswith("=") else 1.0
        vector[place] += weight * (1 + np.log(times))
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _features(text: str) -> Iterable[str]:
    for word in _WORD.findall(text.casefold()):
        yield f"={word}"
        # Without spaces a whole sentence is one match, and two signs may be a word.
        size = 3 if word.isascii() else 2
        if len(word) > size:
            yield from (word[start : start + size] for start in range(len(word) - size + 1))
