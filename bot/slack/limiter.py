"""How fast Slack may be called: one token bucket per workspace, method and channel, and Slack's own Retry-After."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

# A bucket refilled in floating point may miss a whole token by a hair; without this a wait could repeat for ever.
_HAIR = 1e-6


@dataclass(frozen=True)
class Rate:
    """``per_minute`` calls in the long run, ``burst`` at once after a rest; ``kept`` of those only for urgent ones."""

    per_minute: float
    burst: int
    kept: int = 0


class Key(NamedTuple):
    """What is paced together: a method within a workspace, and within one channel where Slack counts by channel."""

    team: str
    method: str
    channel: str = ""


@dataclass
class _Bucket:
    tokens: float
    at: float
    paused_until: float = float("-inf")


class Limiter:
    """Token buckets. Not locked: whoever owns it calls from under one lock, with one clock (seconds, never back)."""

    def __init__(self, rates: Mapping[str, Rate], *, per_channel: Mapping[str, Rate]) -> None:
        """``rates`` by method within a workspace, ``per_channel`` by method within a channel."""
        self._rates = rates
        self._per_channel = per_channel
        self._buckets: dict[Key, _Bucket] = {}

    def delay(self, key: Key, now: float, *, urgent: bool = True) -> float:
        """Seconds until ``key`` may be called, 0 when it may be called now."""
        rate, bucket = self._rate(key), self._refilled(key, now)
        missing = max(0.0, 1.0 - _HAIR - bucket.tokens + (0 if urgent else rate.kept))
        return max(0.0, bucket.paused_until - now, missing * 60.0 / rate.per_minute)

    def take(self, key: Key, now: float) -> None:
        """Count one call. A call that could not wait leaves a debt, which later calls wait for."""
        self._refilled(key, now).tokens -= 1.0

    def pause(self, key: Key, now: float, seconds: float) -> None:
        """Let nothing through for ``seconds``: Slack answered 429. What was saved up for a burst is forfeit."""
        bucket = self._refilled(key, now)
        bucket.paused_until = max(bucket.paused_until, now + seconds)
        bucket.tokens = min(bucket.tokens, 0.0)

    def _refilled(self, key: Key, now: float) -> _Bucket:
        rate = self._rate(key)
        bucket = self._buckets.setdefault(key, _Bucket(rate.burst, now))
        if now > bucket.at:
            bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.at) * rate.per_minute / 60.0)
            bucket.at = now
        return bucket

    def _rate(self, key: Key) -> Rate:
        return (self._per_channel if key.channel else self._rates)[key.method]
