"""Secrets are taken out here, and nowhere else, before anything is stored, logged or shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

MARK = "…"

# An environment variable with such a name holds a secret; those for tools always do.
_SECRET_NAME = re.compile(r"CREWCALL_TOOL_|(?:^|_)(?:KEYS?|TOKENS?|PAT|JWT|SECRETS?|PASSWORD|CREDENTIALS)(?:_ID)?$")
# Shorter values stand in ordinary text too often.
_SHORTEST = 6

# Keys as providers write them, whole or half hidden with stars, and what stands in headers and addresses. Each asks for
# as much as tells a key from a word: “sk-learn” and “the bearer of news” stay.
_SHAPES = re.compile(
    r"""
    \b(?:sk|pk|rk|gsk|xai|hf)[-_](?=[\w*.…-]*(?:[\d*…]|[A-Za-z]{20}))[\w*.…-]{8,}
    | \bsk-(?:ant|proj|or|svcacct)-[\w*.…-]{6,}
    | \bAIza[\w-]{20,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \b(?:gh[pousr]_|github_pat_|glpat-)[\w-]{16,}
    | \b(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w-]{10,}
    | \b[Bb]earer\s+(?:[\w.~+/*…-]*[\d*…][\w.~+/=*…-]*(?<=[^\s]{8})|[\w.~+/-]{16,}=*)
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    | (?<=://)[^\s/:@]*:[^\s/@]+(?=@)
    | (?<=[?&])(?:api_?key|key|token|access_token)=[^&\s]{8,}
    """,
    re.VERBOSE | re.DOTALL,
)


class Redactor:
    """Knows the secrets of the environment, those it is told of, and what keys look like."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """``environ`` is read anew each time: variables may be set while the program runs."""
        self._environ = environ
        self._told: set[str] = set()

    def learn(self, secret: str) -> None:
        """Take this secret out too from now on."""
        self._told.add(secret)

    def __call__(self, text: str) -> str:
        """The text with “…” in the place of each secret."""
        for secret in sorted(self._known(), key=len, reverse=True):
            text = text.replace(secret, MARK)
        return _SHAPES.sub(MARK, text)

    def everywhere(self, value: T) -> T:
        """The same JSON with every text in it redacted."""
        match value:
            case str():
                return self(value)  # type: ignore[return-value]  # a text again
            case Mapping():
                return {key: self.everywhere(each) for key, each in value.items()}  # type: ignore[return-value]
            case list() | tuple():
                return [self.everywhere(each) for each in value]  # type: ignore[return-value]
        return value

    def _known(self) -> set[str]:
        # Several keys may stand in one variable, with commas between them.
        named = [value for name, value in self._environ.items() if _SECRET_NAME.search(name)]
        # Another run may open one more meanwhile.
        secrets = {*tuple(self._told), *named, *(part.strip() for value in named for part in value.split(","))}
        return {secret for secret in secrets if len(secret) >= _SHORTEST}
