"""The numbered record of changes that the people's pages follow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from typing import Any

from bot.local_slack.wire import Json

KEPT = 5000


class Feed:
    """Changes with rising numbers, each for everybody or for some people only."""

    def __init__(self) -> None:
        self.seq = 0
        self._kept: deque[tuple[frozenset[str] | None, Json]] = deque(maxlen=KEPT)
        self._news = asyncio.Event()

    def add(self, kind: str, audience: Collection[str] | None = None, **facts: Any) -> None:
        """Record a change and wake everybody who waits; ``audience`` None means everybody."""
        self.seq += 1
        self._kept.append((None if audience is None else frozenset(audience), {"seq": self.seq, "kind": kind, **facts}))
        self._news.set()
        self._news = asyncio.Event()

    def since(self, user: str, seq: int) -> list[Json]:
        """What ``user`` may know of all that came after ``seq``.

        When the record does not reach back that far, or ``seq`` is of an earlier life of the server, the answer is
        one ``reload`` event.
        """
        oldest = self._kept[0][1]["seq"] if self._kept else self.seq + 1
        if seq > self.seq or seq < oldest - 1:
            return [{"seq": self.seq, "kind": "reload"}]
        return [event for who, event in self._kept if event["seq"] > seq and (who is None or user in who)]

    async def wait(self, user: str, seq: int, timeout: float) -> list[Json]:
        """Like ``since``, but waits up to ``timeout`` seconds for the first change."""
        try:
            async with asyncio.timeout(timeout):
                while not (events := self.since(user, seq)):
                    await self._news.wait()
                return events
        except TimeoutError:
            return []
