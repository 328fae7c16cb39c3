"""The workspace itself: people, channels, messages, App Homes and files, and who may see what."""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from bot.local_slack.feed import Feed
from bot.local_slack.wire import Json, Timestamps

TEAM = {"id": "T0NORTHWIND", "name": "Northwind", "domain": "northwind"}
BOT_USER, BOT_ID, APP_ID = "U0CREWBOT00", "B0CREWBOT00", "A0CREWBOT00"
_SCREENS_BEHIND = 5
ANA, BEN, CHLOE = "U0ANA000001", "U0BEN000002", "U0CHLOE0003"


@dataclass(frozen=True)
class User:
    """Somebody with an account: a person or the bot."""

    id: str
    name: str
    real_name: str
    color: str
    is_bot: bool = False
    is_admin: bool = False
    tz: str = "Europe/London"
    deleted: bool = False


@dataclass
class Channel:
    """A conversation. ``user`` is the person on the other side of an im with the bot."""

    id: str
    name: str
    kind: Literal["public", "private", "im", "mpim"]
    members: list[str]
    topic: str = ""
    user: str | None = None


@dataclass(frozen=True)
class Group:
    """A user group, written @handle."""

    id: str
    name: str
    handle: str
    members: tuple[str, ...]


@dataclass
class Workspace:
    """Everything that is said and stored. Not for several threads: the server's loop owns it."""

    bot_name: str
    feed: Feed
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, dict[str, Json]] = field(default_factory=dict)
    # The blocks that a message had before its last changes: somebody's screen may be that far behind.
    earlier: dict[tuple[str, str], deque[Json]] = field(default_factory=dict)
    # Messages only one person sees: channel → ts → (that person, message). They end with the server, as in Slack.
    whispers: dict[str, dict[str, tuple[str, Json]]] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    files: dict[str, Json] = field(default_factory=dict)
    # What the bot says it is doing: (channel, first message of the thread) → status.
    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    # Steps of workflows by their ids, prompts by channel and thread, and the messages that unfurl ids stand for.
    steps: dict[str, Json] = field(default_factory=dict)
    prompts: dict[str, list[Json]] = field(default_factory=dict)
    unfurls: dict[str, tuple[str, str]] = field(default_factory=dict)
    stamps: Timestamps = field(default_factory=Timestamps)

    def seed(self) -> None:
        """Northwind as it is on its first day."""
        handle = self.bot_name.lower().replace(" ", "")
        for user in (
            User(ANA, "ana", "Ana Ferreira", "9b59b6", is_admin=True),
            User(BEN, "ben", "Ben Okafor", "2a7fb8", tz="America/New_York"),
            User(CHLOE, "chloe", "Chloé Tan", "c0622d"),
            User(BOT_USER, handle, self.bot_name, "1f7a5c", is_bot=True),
        ):
            self.users[user.id] = user
        people = [ANA, BEN, CHLOE]
        self.groups["S0EDITORS01"] = Group("S0EDITORS01", "Editors", "editors", (BEN, CHLOE))
        for channel in (
            Channel("C0GENERAL01", "general", "public", [*people, BOT_USER], "Company-wide news"),
            Channel("C0RESEARCH2", "research", "public", [*people, BOT_USER], "What we are finding out"),
            Channel("C0RANDOM003", "random", "public", [*people], "Anything else"),
            Channel("C0BOARD0004", "board", "private", [*people], "Only the board"),
            *(Channel(f"D{user[1:]}", "", "im", [user, BOT_USER], user=user) for user in people),
        ):
            self.channels[channel.id] = channel

    def deactivate(self, user: str) -> None:
        """Close somebody's account: they are in no channel any more, and what they wrote stays."""
        self.users[user] = replace(self.users[user], deleted=True)
        for channel in self.channels.values():
            if user in channel.members and channel.kind != "im":
                channel.members.remove(user)

    def im(self, user: str) -> Channel:
        """The conversation between ``user`` and the bot."""
        return next(channel for channel in self.channels.values() if channel.user == user)

    def audience(self, channel: Channel) -> list[str] | None:
        """Who can read ``channel``: everybody if it is public, else its members."""
        return None if channel.kind == "public" else channel.members

    def can_read(self, user: str, channel: Channel) -> bool:
        return channel.kind == "public" or user in channel.members

    # Messages

    def post(self, channel: Channel, message: Json) -> Json:
        """Add a message (without ``ts``) to a channel; return it with its ``ts``."""
        message = {"type": "message", **message, "ts": self.stamps.next(), "team": TEAM["id"]}
        if "thread_ts" in message:
            message["thread_ts"] = self.root(channel, message["thread_ts"])["ts"]
        self._of(channel)[message["ts"]] = message
        self._tell("message", channel, message)
        if "thread_ts" in message:
            self._tell("message_changed", channel, self._of(channel)[message["thread_ts"]])
        return message

    def change(self, channel: Channel, message: Json) -> None:
        """Put ``message`` in the place of the one with its ``ts``."""
        before = self._of(channel)[message["ts"]].get("blocks", [])
        self.earlier.setdefault((channel.id, message["ts"]), deque(maxlen=_SCREENS_BEHIND)).append(before)
        self._of(channel)[message["ts"]] = message
        self._tell("message_changed", channel, message)

    def as_seen(self, channel: Channel, message: Json, seen: object) -> Json:
        """The message with the blocks that a screen which is behind still shows, if it ever had those."""
        before = self.earlier.get((channel.id, message["ts"]), ())
        return {**message, "blocks": seen} if seen in before else message

    def remove(self, channel: Channel, message: Json) -> None:
        """Delete a message; one with replies leaves a tombstone, as in Slack."""
        if self._replies(channel, message["ts"]):
            text = "This message was deleted."
            kept = {"type": "message", "subtype": "tombstone", "text": text, "user": message.get("user")}
            self.change(channel, {**kept, "ts": message["ts"]})
            return
        del self._of(channel)[message["ts"]]
        self._tell("message_deleted", channel, message)
        if parent := self._of(channel).get(message.get("thread_ts", "")):
            self._tell("message_changed", channel, parent)

    def message(self, channel: Channel, ts: str) -> Json | None:
        return self._of(channel).get(ts)

    def root(self, channel: Channel, ts: str) -> Json:
        """The first message of the thread that ``ts`` belongs to; KeyError when there is none."""
        found = self._of(channel)[ts]
        return self._of(channel)[found.get("thread_ts", ts)]

    def top_level(self, channel: Channel) -> list[Json]:
        """The channel as one reads it: messages outside threads, oldest first, with their threads' counts."""
        messages = self._of(channel).values()
        replies: dict[str, list[Json]] = defaultdict(list)
        for message in messages:
            replies[message.get("thread_ts", "")].append(message)
        return [
            _with_thread(message, replies[message["ts"]])
            for message in messages
            if "thread_ts" not in message or message.get("subtype") == "thread_broadcast"
        ]

    def thread(self, channel: Channel, ts: str) -> list[Json]:
        """The first message and its replies, oldest first."""
        first = self._of(channel)[ts]
        return [self.shown(channel, first), *(copy.deepcopy(reply) for reply in self._replies(channel, ts))]

    def shown(self, channel: Channel, message: Json) -> Json:
        """A copy of a message with what Slack adds to the first message of a thread."""
        return _with_thread(message, self._replies(channel, message["ts"]))

    def _of(self, channel: Channel) -> dict[str, Json]:
        return self.messages.setdefault(channel.id, {})

    def _replies(self, channel: Channel, ts: str) -> list[Json]:
        return [message for message in self._of(channel).values() if message.get("thread_ts") == ts]

    def _tell(self, kind: str, channel: Channel, message: Json) -> None:
        facts = {"ts": message["ts"], "thread_ts": message.get("thread_ts")}
        self.feed.add(kind, self.audience(channel), channel=channel.id, **facts, message=self.shown(channel, message))

    # Messages only one person sees

    def whisper(self, channel: Channel, user: str, message: Json) -> Json:
        """Show ``message`` in ``channel`` to ``user`` alone; return it with its ``ts``."""
        message = {"type": "message", **message, "ts": self.stamps.next(), "ephemeral": True}
        self.rewhisper(channel, user, message, "message")
        return message

    def rewhisper(self, channel: Channel, user: str, message: Json, kind: str = "message_changed") -> None:
        """Put ``message`` in the place of the whisper with its ``ts``."""
        self.whispers.setdefault(channel.id, {})[message["ts"]] = (user, message)
        self._tell_one(kind, channel, user, message)

    def unwhisper(self, channel: Channel, ts: str) -> None:
        user, message = self.whispers[channel.id].pop(ts)
        self._tell_one("message_deleted", channel, user, message)

    def whispered(self, channel: Channel, user: str) -> list[Json]:
        """What ``user`` alone sees in ``channel``, oldest first."""
        return [message for who, message in self.whispers.get(channel.id, {}).values() if who == user]

    def _tell_one(self, kind: str, channel: Channel, user: str, message: Json) -> None:
        facts = {"ts": message["ts"], "thread_ts": message.get("thread_ts")}
        self.feed.add(kind, [user], channel=channel.id, **facts, message=copy.deepcopy(message))

    def set_status(self, channel: Channel, thread_ts: str, status: str) -> None:
        """Show what the bot is doing in a thread; an empty status takes it away."""
        before = self.statuses.get((channel.id, thread_ts), "")
        if before != status:
            self.statuses[channel.id, thread_ts] = status
            facts = {"thread_ts": thread_ts, "status": status}
            self.feed.add("status", self.audience(channel), channel=channel.id, **facts)

    # Channels, files

    def group(self, people: list[str]) -> Channel:
        """The conversation between these people and the bot, which begins when somebody first opens it."""
        members = sorted({*people, BOT_USER})
        for channel in self.channels.values():
            if channel.kind == "mpim" and channel.members == members:
                return channel
        names = "--".join(self.users[member].name for member in members)
        channel = Channel(f"G0GROUP{len(self.channels):04d}", f"mpdm-{names}-1", "mpim", members)
        self.channels[channel.id] = channel
        self.feed.add("channel", members, channel=channel.id)
        return channel

    def join(self, channel: Channel, user: str) -> None:
        """Make ``user`` a member and say so in the channel."""
        if user in channel.members:
            return
        channel.members.append(user)
        name = self.users[user].real_name
        self.post(channel, {"subtype": "channel_join", "user": user, "text": f"{name} has joined the channel"})
        self.feed.add("channel", self.audience(channel), channel=channel.id)

    def add_file(self, file: Json) -> None:
        self.files[file["id"]] = file

    # Persistence

    def saved(self) -> Json:
        """What outlives the server."""
        channels = {channel.id: asdict(channel) for channel in self.channels.values()}
        return {
            "channels": channels,
            "messages": self.messages,
            "homes": self.homes,
            "files": self.files,
            "steps": self.steps,
        }

    def restore(self, saved: Json) -> None:
        """Take over what ``saved`` returned in an earlier life."""
        self.channels = {name: Channel(**facts) for name, facts in saved["channels"].items()}
        self.messages, self.homes, self.files = saved["messages"], saved["homes"], saved["files"]
        self.steps = saved.get("steps", {})
        stamps: list[Any] = [ts for messages in self.messages.values() for ts in messages]
        self.stamps = Timestamps(max(stamps, default="0.0"))


def _with_thread(message: Json, replies: list[Json]) -> Json:
    message = copy.deepcopy(message)
    if not replies:
        return message
    users = list(dict.fromkeys(reply["user"] for reply in replies))
    return {
        **message,
        "thread_ts": message["ts"],
        "reply_count": len(replies),
        "reply_users": users,
        "reply_users_count": len(users),
        "latest_reply": replies[-1]["ts"],
    }
