"""Names people give to things: compared without regard to case or Unicode spelling."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field


def name_key(name: str) -> str:
    """The form in which two names are the same name: ``"Ａna's  Crew"`` and ``"ana's crew"`` are."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _one_line(text: str) -> str:
    return " ".join(text.split())


# A text on one line; runs of white space become one space.
OneLine = Annotated[str, AfterValidator(_one_line)]
Name = Annotated[OneLine, Field(min_length=1, max_length=80)]
