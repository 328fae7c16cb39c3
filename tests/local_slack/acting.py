"""Somebody sitting at the local workspace, over the same HTTP that the page uses."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from bot.local_slack import LocalSlack

Json = dict[str, Any]

GENERAL, RESEARCH, RANDOM, BOARD = "C0GENERAL01", "C0RESEARCH2", "C0RANDOM003", "C0BOARD0004"
PATIENCE_SECONDS = 10


def fetch(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any, bytes]:
    """Status, headers and body of one HTTP exchange; errors are answers too."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


class Person:
    """One person of the workspace."""

    def __init__(self, slack: LocalSlack, user: str) -> None:
        self._url = slack.url
        self.id = user

    def asks(self, what: str, **query: Any) -> Json:
        _, _, body = fetch(f"{self._url}/local/{what}?{urlencode({'user': self.id, **query})}")
        return dict(json.loads(body))

    def does(self, what: str, **facts: Any) -> Json:
        body = json.dumps({"user": self.id, **facts}).encode()
        return dict(json.loads(fetch(f"{self._url}/local/{what}", body, {"Content-Type": "application/json"})[2]))

    def types(self, line: str, channel: str = GENERAL, **more: Any) -> Json:
        """Type a slash command."""
        command, _, text = line.partition(" ")
        return self.does("command", channel=channel, command=command, text=text, **more)

    def says(self, text: str, channel: str = GENERAL, **more: Any) -> str:
        """Post a message; its ts."""
        return str(self.does("message", channel=channel, text=text, **more)["ts"])

    def uploads(self, name: str, content: bytes) -> str:
        """Put a file into the workspace; its id."""
        url = f"{self._url}/local/files?{urlencode({'user': self.id, 'name': name})}"
        return str(json.loads(fetch(url, content, {"Content-Type": "text/plain"})[2])["id"])

    def reads(self, channel: str = GENERAL, **more: Any) -> list[Json]:
        return list(self.asks("messages", channel=channel, **more)["messages"])

    def texts(self, channel: str = GENERAL, **more: Any) -> list[str]:
        return [message["text"] for message in self.reads(channel, **more)]

    @property
    def modals(self) -> list[Json]:
        """The open modals, the top one last."""
        return list(self.asks("views")["stack"])

    @property
    def titles(self) -> list[str]:
        return [view["title"]["text"] for view in self.modals]

    def submits(self, **values: Any) -> Json:
        """Submit the top modal; ``name="x"`` fills the text input with block_id and action_id ``name``."""
        filled = {
            name: {name: value if isinstance(value, dict) else {"value": value}} for name, value in values.items()
        }
        return self.does("submit", view_id=self.modals[-1]["id"], values=filled)

    def closes(self, **more: Any) -> Json:
        return self.does("close", view_id=self.modals[-1]["id"], **more)

    def presses(self, button: str, message: Json | None = None, channel: str = GENERAL, **action: Any) -> Json:
        """Press the button with this action_id in a message, or in the top modal."""
        blocks = (message or self.modals[-1])["blocks"]
        block = next(block for block in blocks if button in _action_ids(block))
        where = {"channel": channel, "message_ts": message["ts"]} if message else {"view_id": self.modals[-1]["id"]}
        return self.does("action", **where, block_id=block["block_id"], action_id=button, action=action)

    def sees(self, condition: Callable[[], Any]) -> Any:
        """What ``condition`` returns once it is true, looked at again whenever anything changes."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            since = self.asks("state")["seq"]
            if found := condition():
                return found
            assert time.monotonic() < end, "it never happened"
            self.asks("wait", since=since, timeout=2)


def _action_ids(block: Json) -> list[str]:
    parts = [*block.get("elements", []), block.get("accessory"), block.get("element")]
    return [part["action_id"] for part in parts if part and "action_id" in part]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def text_input(name: str, **element: Any) -> Json:
    """An input block whose block_id and action_id are both ``name``."""
    optional: Json = {key: element.pop(key) for key in ("optional", "dispatch_action") if key in element}
    part = {"type": "plain_text_input", "action_id": name, **element}
    return {"type": "input", "block_id": name, "label": plain(name), "element": part, **optional}


def modal(title: str, *blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "title": plain(title),
        "submit": plain("Save"),
        "blocks": list(blocks) or [text_input("name")],
        "callback_id": "modal",
        **more,
    }


def button(action_id: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(action_id), **more}


def buttons(*names: str) -> Json:
    return {"type": "actions", "block_id": "buttons", "elements": [button(name) for name in names]}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}
