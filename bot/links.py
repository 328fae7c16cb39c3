"""Links to crews and runs: they say which one, and open nothing to anybody who may not see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["crews", "runs"]

_PATH = re.compile(r"/(crews|runs)/([1-9][0-9]{0,17})/?")


@dataclass(frozen=True)
class Links:
    """The links of a server; ``base`` is its public address without a slash at its end, empty where it has none."""

    base: str = ""

    @property
    def host(self) -> str:
        """The host that Slack is to know as the bot's own; empty where there is none."""
        return urlsplit(self.base).hostname or ""

    def to(self, kind: Kind, number: int) -> str:
        """The link to a crew or run; empty where the server has no public address."""
        return f"{self.base}/{kind}/{number}" if self.base else ""

    def read(self, url: str) -> tuple[Kind, int] | None:
        """What a link leads to; nothing for every link that is not exactly one of ours."""
        if not self.base or not url.startswith(f"{self.base}/"):
            return None
        found = _PATH.fullmatch(url.removeprefix(self.base))
        return (found[1], int(found[2])) if found else None  # type: ignore[return-value]  # one of the two words
