"""Names people give to things: compared without regard to case or Unicode spelling."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field


def name_key(name: str) -> str:
    """The form in which two names are the same name: “ANA’S  Straße” and “ana’s strasse” are."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Folding takes some letters apart, such as ΐ.
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _one_line(text: str) -> str:
    return " ".join(text.split())


# A text on one line; runs of white space become one space.
OneLine = Annotated[str, AfterValidator(_one_line)]
Name = Annotated[OneLine, Field(min_length=1, max_length=80)]
