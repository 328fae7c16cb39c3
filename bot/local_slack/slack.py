"""Everything the doors of the local Slack share: its state, its strictness and how the bot speaks in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.local_slack.faults import Faults, socket_words
from bot.local_slack.feed import Feed
from bot.local_slack.manifest import Manifest
from bot.local_slack.rate_limits import RateLimits
from bot.local_slack.rules import Problem
from bot.local_slack.socket_mode import Sockets
from bot.local_slack.tickets import ResponseUrls, Triggers
from bot.local_slack.validation import MESSAGE_TEXT, file_problems, problems
from bot.local_slack.views import Views, with_block_ids
from bot.local_slack.wire import Json, Refusal
from bot.local_slack.workspace import APP_ID, BOT_ID, BOT_USER, Channel, Workspace

CALLS_KEPT = 10_000


class RateLimited(Exception):
    """One call too many: try again after ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Slack:
    """One workspace with one app in it. The server's event loop owns it."""

    def __init__(
        self,
        manifest: Manifest,
        *,
        files: Path,
        url: str,
        rate_limits: bool,
        clock: Callable[[], float],
        ack_seconds: float,
    ) -> None:
        self.manifest = manifest
        self.files = files
        self.url = url
        self.clock = clock
        self.feed = Feed()
        self.workspace = Workspace(manifest.bot_name, self.feed)
        self.workspace.seed()
        self.faults = Faults()
        # Files that Slack has not looked at yet; blocks cannot show them.
        self.unready_files: set[str] = set()
        self.limits = RateLimits(clock, rate_limits)
        self.sockets = Sockets(lambda: self.faults, self.feed, ack_seconds)
        self.triggers = Triggers(clock)
        self.response_urls = ResponseUrls(clock)
        self.views = Views(self.workspace, self.check_view)
        self.calls: deque[Json] = deque(maxlen=CALLS_KEPT)

    async def misbehave(self, spec: Json) -> None:
        """Be as wrong as ``spec`` says from now on, and in no other way; ``{}`` heals."""
        self.faults = Faults.read(spec)
        for word in socket_words(spec):
            await self.sockets.misbehave(word)

    def log(self, method: str, args: Json, status: int, response: Any) -> None:
        """Keep a call for whoever wants to see what the app did."""
        self.calls.append({"method": method, "args": args, "status": status, "response": response, "at": self.clock()})

    # Strictness

    def need_scope(self, scope: str) -> None:
        """Raise ``Refusal`` unless the manifest asks for ``scope``."""
        if scope not in self.manifest.scopes:
            raise Refusal("missing_scope", needed=scope, provided=",".join(self.manifest.scopes))

    def check_view(self, view: Json) -> None:
        """Raise ``Refusal`` for a view Slack would not show."""
        if not isinstance(view, dict):
            raise Refusal("invalid_arguments", ["must be an object [json-pointer:/view]"])
        surface = "home" if view.get("type") == "home" else "modal"
        found = problems(view, surface, refuse=self.faults.refuse_blocks)  # type: ignore[arg-type]  # one of the two words
        found += file_problems(view, self._shows)
        if found:
            error = "view_too_large" if any(one.error == "view_too_large" for one in found) else "invalid_arguments"
            raise Refusal(error, _sentences(found, "/view"))

    def check_message(self, message: Json, most_text: int = MESSAGE_TEXT) -> None:
        """Raise ``Refusal`` for a message Slack would not take."""
        found = problems(message, "message", most_text=most_text, refuse=self.faults.refuse_blocks)
        found += file_problems(message.get("blocks"), self._shows, "/blocks")
        attachments = message.get("attachments") or []
        if not all(isinstance(attachment, dict) for attachment in attachments):
            raise Refusal("invalid_attachments")
        for attachment in attachments:
            found += problems({"blocks": attachment.get("blocks", [])}, "message", refuse=self.faults.refuse_blocks)
        if found:
            sentences = _sentences(found)
            raise Refusal(found[0].error, sentences, errors=sentences)

    def _shows(self, file_id: str) -> bool:
        return file_id in self.workspace.files and file_id not in self.unready_files

    def channel(self, name: str | None, scope_to_skip_joining: str | None = None) -> Channel:
        """The conversation the bot may use under this id (or a person's id, for their direct messages).

        Raises ``Refusal``: channel_not_found for what the bot cannot know of, not_in_channel for what it has to be
        invited to, unless it has ``scope_to_skip_joining``.
        """
        if name in self.workspace.users and name != BOT_USER:
            return self.workspace.im(name)
        channel = self.workspace.channels.get(name or "")
        if channel is None or not self.workspace.can_read(BOT_USER, channel):
            raise Refusal("channel_not_found")
        if BOT_USER not in channel.members and scope_to_skip_joining not in self.manifest.scopes:
            raise Refusal("not_in_channel")
        return channel

    # The bot speaking

    def composed(self, content: Json) -> Json:
        """The bot's message from ``text``, ``blocks`` and ``attachments``; raise ``Refusal`` if it is not in order."""
        parts = {key: content[key] for key in ("text", "blocks", "attachments") if content.get(key)}
        if not parts:
            raise Refusal("no_text")
        self.check_message(parts)
        if "blocks" in parts:
            parts["blocks"] = with_block_ids(parts["blocks"])
        return {
            "user": BOT_USER,
            "bot_id": BOT_ID,
            "app_id": APP_ID,
            "text": "",
            **parts,
        }

    def in_thread(self, channel: Channel, thread_ts: str | None) -> Json:
        """The part of a message that puts it into a thread; raise ``Refusal`` if there is no such thread."""
        if not thread_ts:
            return {}
        if self.workspace.message(channel, thread_ts) is None:
            raise Refusal("thread_not_found")
        return {"thread_ts": thread_ts}

    def respond(self, channel: Channel, user: str, content: Json, origin: str | None = None) -> None:
        """Show what a command's ack or a response_url says.

        ``origin`` is the ts of the message the interaction came from, for replace_original and delete_original.
        """
        if content.get("delete_original") or content.get("replace_original"):
            self._replace(channel, user, content, origin)
            return
        message = {**self.composed(content), **self.in_thread(channel, content.get("thread_ts"))}
        if content.get("response_type") == "in_channel":
            self.workspace.post(channel, message)
        else:
            self.workspace.whisper(channel, user, message)

    def _replace(self, channel: Channel, user: str, content: Json, origin: str | None) -> None:
        whispered = next((one for one in self.workspace.whispered(channel, user) if one["ts"] == origin), None)
        posted = self.workspace.message(channel, origin or "")
        old = whispered or posted
        if old is None:
            raise Refusal("message_not_found")
        if content.get("delete_original"):
            if whispered:
                self.workspace.unwhisper(channel, old["ts"])
            else:
                self.workspace.remove(channel, old)
            return
        kept: Json = {
            key: old[key] for key in ("type", "ts", "team", "thread_ts", "ephemeral", "metadata") if key in old
        }
        new = {**self.composed(content), **kept}
        if whispered:
            self.workspace.rewhisper(channel, user, new)
        else:
            self.workspace.change(channel, new)


def _sentences(found: list[Problem], prefix: str = "") -> list[str]:
    return [f"{one.message} [json-pointer:{prefix}{one.pointer}]" for one in found]
