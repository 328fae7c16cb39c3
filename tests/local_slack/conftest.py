"""The local workspace, people in it and a real Bolt app joined to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode.aiohttp import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from bot.local_slack import LocalSlack
from tests.local_slack.acting import Person

SCOPES = [
    *("commands", "chat:write", "files:write", "files:read", "im:write", "im:history"),
    *("app_mentions:read", "users:read", "channels:read", "groups:read", "channels:history", "reactions:write"),
    "usergroups:read",
]
MANIFEST: dict[str, Any] = {
    "features": {
        "bot_user": {"display_name": "Crew"},
        "slash_commands": [{"command": "/crew", "description": "Crews", "usage_hint": "help"}],
        "shortcuts": [
            {"name": "New crew", "type": "global", "callback_id": "new_crew", "description": "Make one"},
            {"name": "Run on this", "type": "message", "callback_id": "run_on", "description": "Use this message"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened", "app_mention", "message.im"]}},
}


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def moves_on(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slack(clock: Clock) -> Iterator[LocalSlack]:
    with LocalSlack(MANIFEST, clock=clock) as slack:
        yield slack


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def app(slack: LocalSlack, client: WebClient) -> Iterator[App]:
    """A Bolt app with no listeners yet, connected over Socket Mode."""
    app = App(client=client, raise_error_for_unhandled_request=False)
    with running(app, slack):
        yield app


@pytest.fixture
def ana(slack: LocalSlack) -> Person:
    return Person(slack, "U0ANA000001")


@pytest.fixture
def ben(slack: LocalSlack) -> Person:
    return Person(slack, "U0BEN000002")


class running:  # noqa: N801 - it reads as a verb: with running(app, slack)
    """A Bolt app connected to the workspace for the length of a ``with``; aiohttp's Socket Mode client."""

    def __init__(self, app: App, slack: LocalSlack) -> None:
        self._app, self._slack = app, slack
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()
        self._handler = self._wait(self._connected())
        self._slack.wait_until_connected()

    def __exit__(self, *_: object) -> None:
        self._wait(self._handler.close_async())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _connected(self) -> SocketModeHandler:
        asynchronous = AsyncWebClient(base_url=self._slack.api_url)
        handler = SocketModeHandler(self._app, self._slack.app_token, web_client=asynchronous, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        return handler

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
