"""What somebody wrote in Slack: to the bot, or in a channel that it is in."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.slack.wishes import Wish, understand

_LINK = re.compile(r"<((?:https?|mailto):[^<>|\s]+)(?:\|([^<>]*))?>")
_NAMED = re.compile(r"<[#@!][^<>|]*\|([^<>]+)>")
# A message with one of these is somebody's words; others are Slack's own notices, and edits.
_WORDS = frozenset({None, "file_share", "thread_broadcast"})


@dataclass(frozen=True)
class Said:
    """A message: ``text`` as it was typed, without the bot's own name.

    ``ts`` is its own timestamp, ``thread_ts`` that of its thread's first message; ``to_us`` says that it was written
    to the bot, by mentioning it or directly. ``files`` are Slack's records of the files with it.
    """

    text: str
    channel: str
    ts: str
    thread_ts: str | None
    direct: bool
    to_us: bool
    # A mention in a channel is told of twice, as a mention and as a message; the second only has this.
    mentions_us: bool = False
    files: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def wish(self) -> Wish:
        """What is asked for."""
        return understand(self.text)

    @classmethod
    def of(cls, event: Mapping[str, Any], *, bot: str) -> Said | None:
        """The words of an event; None for everything that is no message of a person."""
        kind = event.get("type")
        if kind not in ("message", "app_mention") or event.get("subtype") not in _WORDS or event.get("bot_id"):
            return None
        text, mention = event.get("text") or "", f"<@{bot}>"
        direct = event.get("channel_type") == "im" or str(event.get("channel", "")).startswith("D")
        return cls(
            text=typed(text.replace(mention, " ")),
            channel=str(event["channel"]),
            ts=str(event["ts"]),
            thread_ts=event.get("thread_ts"),
            direct=direct,
            to_us=kind == "app_mention" or direct,
            mentions_us=mention in text,
            files=list(event.get("files") or []),
        )


def typed(text: str) -> str:
    """Slack's markup as somebody typed it: links as their addresses, channels by their names, no entities."""
    text = _LINK.sub(lambda found: found[1].removeprefix("mailto:"), text)
    return html.unescape(_NAMED.sub(r"\1", text)).strip()
