"""The short-lived things an interaction hands to the app: trigger ids and response URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.local_slack.wire import Refusal
from bot.local_slack.workspace import TEAM, Channel

TRIGGER_SECONDS = 3
RESPONSE_SECONDS = 30 * 60
RESPONSE_USES = 5

Clock = Callable[[], float]


@dataclass
class Trigger:
    """The right to open one modal for ``user``."""

    user: str
    issued: float
    used: bool = False


class Triggers:
    """Trigger ids: good once and for 3 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[str, Trigger] = {}

    def issue(self, user: str) -> str:
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = Trigger(user, self._clock())
        return trigger_id

    def look(self, trigger_id: str) -> str:
        """Whose trigger this is; raise ``Refusal`` when it opens nothing (any more)."""
        trigger = self._issued.get(trigger_id)
        if trigger is None:
            raise Refusal("invalid_trigger_id")
        if trigger.used:
            raise Refusal("exchanged_trigger_id")
        if self._clock() - trigger.issued > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        return trigger.user

    def spend(self, trigger_id: str) -> None:
        """The view it was for is open: it is good for nothing more."""
        self._issued[trigger_id].used = True


@dataclass
class Response:
    """The right to answer an interaction in ``channel``, which came from the message ``ts`` if there is one."""

    channel: Channel
    user: str
    issued: float
    ts: str | None = None
    uses: int = 0


class ResponseUrls:
    """Response URLs: five uses within 30 minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[str, Response] = {}

    def issue(self, kind: str, channel: Channel, user: str, ts: str | None = None) -> str:
        """The path of a new response URL; ``kind`` is Slack's word for it: commands, actions or app."""
        path = f"/{kind}/{TEAM['id']}/{secrets.randbelow(10**13)}/{secrets.token_urlsafe(18)}"
        self._issued[path] = Response(channel, user, self._clock(), ts)
        return path

    def use(self, path: str) -> Response:
        """Count a use; raise ``Refusal`` when there was none left."""
        response = self._issued.get(path)
        if response is None:
            raise Refusal("invalid_response_url")
        if self._clock() - response.issued > RESPONSE_SECONDS:
            raise Refusal("expired_url")
        if response.uses >= RESPONSE_USES:
            raise Refusal("used_url")
        response.uses += 1
        return response
