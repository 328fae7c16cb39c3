"""Addresses of messages, for links from elsewhere."""

from __future__ import annotations

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

_MOST_REMEMBERED = 5_000


def permalink(client: WebClient, channel: str, ts: str) -> str | None:
    """The address of a message; ``None`` where it is gone or Slack has no answer now."""
    try:
        return str(client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
    except (SlackApiError, OSError):
        return None


class Permalinks:
    """The same for what is drawn again and again: an address never changes, so each is asked for once."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, channel: str, ts: str) -> str | None:
        """The address of a message; ``None`` where it is gone or Slack has no answer now."""
        known = self._known.get((channel, ts)) or permalink(self._client, channel, ts)
        if known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[channel, ts] = known
        return known
