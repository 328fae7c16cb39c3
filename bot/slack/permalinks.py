"""Addresses of messages, for links from elsewhere."""

from __future__ import annotations

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError


def permalink(client: WebClient, channel: str, ts: str) -> str | None:
    """The address of a message; ``None`` where it is gone or Slack has no answer now."""
    try:
        return str(client.chat_getPermalink(channel=channel, message_ts=ts)["permalink"])
    except (SlackApiError, OSError):
        return None
