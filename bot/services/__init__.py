"""What people can do, one transaction each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who asks: a person of one Slack workspace."""

    team: str
    user: str
