"""Words put together as people do."""

from __future__ import annotations

from collections.abc import Sequence


def listed(said: Sequence[str], joined: str = "and") -> str:
    """“a, b and c”; empty where there is nothing."""
    return f" {joined} ".join(filter(None, [", ".join(said[:-1]), *said[-1:]]))
