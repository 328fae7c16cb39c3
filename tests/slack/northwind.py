"""The local workspace as these tests use it: what people do there, and what they then read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from bot.local_slack.workspace import ANA, BEN

Json = dict[str, Any]

__all__ = ["ANA", "BEN", "BOARD", "RESEARCH", "Northwind", "northwind"]

RESEARCH, BOARD = "C0RESEARCH2", "C0BOARD0004"
MANIFEST: Json = {
    "features": {
        "bot_user": {"display_name": "Crew"},
        "slash_commands": [{"command": "/crew", "description": "Crews"}],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write", "files:write", "app_mentions:read", "im:history"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_mention", "message.im"]}},
}


class Northwind:
    """A running workspace."""

    def __init__(self, slack: LocalSlack) -> None:
        self.slack = slack
        self.client = WebClient(slack.bot_token, base_url=slack.api_url)

    def messages(self, channel: str = RESEARCH, *, thread_ts: str | None = None, user: str = ANA) -> list[Json]:
        """What ``user`` reads there, oldest first."""
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        found = self._ask("messages", user=user, channel=channel, **thread)["messages"]
        return [message for message in found if message["user"] != user]

    def texts(self, channel: str = RESEARCH, *, thread_ts: str | None = None, user: str = ANA) -> list[str]:
        """The texts of those messages."""
        return [message["text"] for message in self.messages(channel, thread_ts=thread_ts, user=user)]

    def file(self, message: Json) -> str:
        """The content of the file a message brought."""
        (file,) = message["files"]
        with urlopen(f"{self.slack.url}/local/files/{file['id']}", timeout=10) as answer:
            return str(answer.read().decode())

    def posted(self, text: str) -> str:
        """The ts of a message of the bot's that is there before the test begins."""
        return str(self.client.chat_postMessage(channel=RESEARCH, text=text)["ts"])

    def does(self, what: str, user: str = ANA, **facts: object) -> Json:
        """Let a person type, press or submit, and return what they are told."""
        body = json.dumps({"user": user, **facts}).encode()
        request = Request(f"{self.slack.url}/local/{what}", body, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=20) as answer:
                return dict(json.load(answer))
        except HTTPError as told:
            with told:
                return dict(json.load(told))

    def types(self, text: str, user: str = ANA) -> Json:
        """Let a person type ``/crew …`` in #research."""
        return self.does("command", user, channel=RESEARCH, command="/crew", text=text)

    def top_view(self, user: str = ANA) -> str:
        """The id of the modal ``user`` has before them."""
        return str(self._ask("views", user=user)["stack"][-1]["id"])

    def sends_again(self, kind: str, payload: Json) -> Json:
        """Have Slack deliver the very same payload once more; returns what the app's ack says."""
        return self.slack._call(self.slack._slack.sockets.deliver(kind, payload, answers=True))

    def when(self, kind: str, condition: Callable[[], bool], user: str = ANA) -> None:
        """Return once ``condition`` holds, looking again whenever something of this ``kind`` happens."""
        seq = self._ask("messages", user=user, channel=RESEARCH)["seq"]
        while not condition():
            news = self._ask("wait", user=user, since=str(seq), timeout="10")
            assert news["events"], f"nothing happened for 10 s while waiting for a {kind}"
            seq = news["seq"]

    def _ask(self, what: str, **query: str) -> Json:
        with urlopen(f"{self.slack.url}/local/{what}?{urlencode(query)}", timeout=20) as answer:
            return dict(json.load(answer))


@contextmanager
def northwind(**options: Any) -> Iterator[Northwind]:
    """A workspace for as long as the block lasts."""
    with LocalSlack(MANIFEST, **options) as slack:
        yield Northwind(slack)
