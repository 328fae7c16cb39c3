"""Slack's rate limits: a bucket per method, and for posting one per channel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

# Calls per minute and workspace. A whole minute's calls may come at once, then they refill evenly.
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
SPECIAL = 600
POST_BURST = 10


@dataclass
class Bucket:
    """Holds up to ``size`` calls and gets ``per_second`` back."""

    size: float
    per_second: float
    filled_at: float
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.size

    def take(self, now: float) -> int:
        """Seconds until a call is allowed: 0 means now, and takes it."""
        self.left = min(self.size, self.left + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.left >= 1:
            self.left -= 1
            return 0
        return max(1, math.ceil((1 - self.left) / self.per_second))


class RateLimits:
    """Every bucket of one app in one workspace."""

    def __init__(self, clock: Callable[[], float], enabled: bool) -> None:
        self._clock = clock
        self._enabled = enabled
        self._buckets: dict[str, Bucket] = {}

    def wait_for_call(self, method: str, tier: int | None) -> int:
        """Seconds the caller of ``method`` must wait, 0 if it may go on. Tier None is Slack's "special"."""
        return self._take(method, *(2 * [TIERS[tier] if tier else SPECIAL]))

    def wait_for_post(self, channel: str) -> int:
        """Seconds to wait before one more message in ``channel``: one a second, a few more at once."""
        return self._take(f"post to {channel}", POST_BURST, 60)

    def _take(self, name: str, size: float, per_minute: float) -> int:
        if not self._enabled:
            return 0
        now = self._clock()
        return self._buckets.setdefault(name, Bucket(size, per_minute / 60, now)).take(now)
