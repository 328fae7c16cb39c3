"""The Socket Mode door: WebSockets to Slack that come back by themselves, and what they bring, given to Bolt."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException
from threading import Thread
from typing import Any

import aiohttp
from slack_bolt import App, BoltResponse
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import run_bolt_app
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.errors import UserError

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0
# A connection that lasted this long was a good one; after a shorter one the next is opened with growing pauses.
_GOOD_LIFE = 10.0
_HELLO_WITHIN = 10.0
# Slack closes a connection about 10 s after it asked for a new one.
_OLD_ONE_STAYS = 10.0
_ACK_WITHIN = 3.0
_CLOSING = aiohttp.ClientWSTimeout(ws_close=1.0)
_REMEMBERED = 1_000
# A handler acks within 3 s, so this many people may press buttons at the same moment.
_ENVELOPES_AT_ONCE = 20
_PASSING = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}


class AppTokenRefused(UserError):
    """Slack refuses the app token ({error}). Set SLACK_APP_TOKEN to one with the scope connections:write (xapp-…)."""


class SlackUnreachable(UserError):
    """No connection to Slack at {url} ({error}). Check the network and SLACK_API_URL, then start again."""


class SocketMode:
    """Keeps ``connections`` WebSockets open and gives every envelope once to the Bolt app, on a pool of threads.

    slack_sdk's own aiohttp client leaves a gap at each refresh and tries a used URL for ever when Slack restarts; here
    a refresh opens the new connection before the old one goes, and every attempt asks for a fresh URL. An envelope
    that Slack delivers again is acked with the first answer and not executed again.
    """

    def __init__(self, app: App, app_token: str, *, connections: int = 2, ping_interval: float = 3) -> None:
        """``ping_interval`` is in seconds; a dead connection is noticed after one and a half of them."""
        self._app = app
        self._client = copy.copy(app.client)
        self._client.retry_handlers, self._client.timeout = [], 10
        self._app_token = app_token
        self._connections = connections
        self._ping_interval = ping_interval
        self._pool = ThreadPoolExecutor(_ENVELOPES_AT_ONCE, thread_name_prefix="slack-envelope")
        self._up: list[_Connection] = []
        self._seen: OrderedDict[str, asyncio.Future[BoltResponse]] = OrderedDict()
        self._answers: set[asyncio.Task[None]] = set()
        self._readers: set[asyncio.Task[None]] = set()
        self._ready: Future[None] = Future()
        self._trouble: Exception | None = None
        self._stopping = asyncio.Event()
        self._thread = Thread(target=lambda: asyncio.run(self._main()), name="slack-socket-mode", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether Slack can reach the bot at this moment."""
        return bool(self._up)

    def start(self, timeout: float = 60.0) -> None:
        """Return when the first connection is up.

        Raises:
            AppTokenRefused: Slack does not accept the token.
            SlackUnreachable: there was no connection for ``timeout`` seconds.
        """
        self._thread.start()
        try:
            self._ready.result(timeout)
        except TimeoutError:
            self.stop()
            raise SlackUnreachable(url=self._client.base_url, error=self._trouble or "no answer") from None
        except AppTokenRefused:
            self.stop()
            raise

    def stop(self) -> None:
        """Answer what has been received, then leave. Does nothing when it has stopped already."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_ACK_WITHIN + 2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession() as http:
            keepers = [asyncio.create_task(self._keep(http, n)) for n in range(self._connections)]
            await self._stopping.wait()
            await _cancelled(keepers)
            if self._answers:
                await asyncio.wait(self._answers, timeout=_ACK_WITHIN)
            await _cancelled([*self._readers, *self._answers])

    async def _keep(self, http: aiohttp.ClientSession, n: int) -> None:
        """Hold one connection open for ever, the first one first."""
        if n:
            await asyncio.wrap_future(self._ready)
        short_lives = 0
        while True:
            pause = min(_LONGEST_PAUSE, 0.5 * 2 ** (short_lives - 1)) if short_lives else 0.0
            await asyncio.sleep(pause)
            short_lives += 1
            try:
                connection = await self._connect(http)
            except _TryLater as later:
                await asyncio.sleep(later.seconds)
                continue
            began = time.monotonic()
            task = asyncio.create_task(self._read(connection))
            self._readers.add(task)
            task.add_done_callback(self._readers.discard)
            await connection.replace.wait()
            short_lives = 0 if time.monotonic() - began > _GOOD_LIFE else short_lives

    async def _connect(self, http: aiohttp.ClientSession) -> _Connection:
        """Open one connection, up to its hello; raise ``_TryLater`` when that does not work."""
        try:
            url = await self._loop.run_in_executor(self._pool, _fresh_url, self._client, self._app_token)
            socket = await http.ws_connect(
                url,
                heartbeat=self._ping_interval,
                timeout=_CLOSING,
                max_msg_size=0,
                proxy=self._client.proxy,
                ssl=self._client.ssl or True,
            )
            await _greeted(socket)
        except (_TryLater, OSError, ValueError, HTTPException, aiohttp.ClientError, SlackApiError) as trouble:
            raise self._hindered(trouble) from None
        connection = _Connection(socket)
        self._up.append(connection)
        log.info("Connected to Slack (%d of %d)", len(self._up), self._connections)
        if not self._ready.done():
            self._ready.set_result(None)
        return connection

    def _hindered(self, trouble: Exception) -> _TryLater:
        """Log why there is no connection; a refused token ends the start, but not a bot that has been connected."""
        self._trouble = trouble
        if isinstance(trouble, SlackApiError):
            answer: Any = trouble.response
            error = str(answer.get("error"))
            # A proxy's page instead of JSON comes with a sentence for an error, Slack's own errors are single words.
            if answer.status_code == 200 and error not in _PASSING and " " not in error:
                log.error("Slack refuses the app token: %s", error)
                if not self._ready.done():
                    self._ready.set_exception(AppTokenRefused(error=error))
                return _TryLater(_LONGEST_PAUSE, error)
            self._trouble = _TryLater(float(answer.headers.get("Retry-After", 0)), f"{answer.status_code} {error}")
        log.warning("Could not connect to Slack, trying again: %r", self._trouble)
        return self._trouble if isinstance(self._trouble, _TryLater) else _TryLater(0, str(trouble))

    async def _read(self, connection: _Connection) -> None:
        """Take what a connection brings until it closes."""
        try:
            async for message in connection.socket:
                if message.type is aiohttp.WSMsgType.TEXT and message.data.startswith("{"):
                    self._received(connection, json.loads(message.data))
        finally:
            self._leave(connection)
            await connection.socket.close()

    def _received(self, connection: _Connection, frame: dict[str, Any]) -> None:
        if frame.get("type") == "disconnect":
            log.info("Slack asks for a new connection (%s)", frame.get("reason"))
            self._leave(connection)
            self._loop.call_later(_OLD_ONE_STAYS, connection.shut)
        elif request := SocketModeRequest.from_dict(frame):
            # The loop holds tasks only weakly; one that is not kept here may vanish before it has acked.
            task = asyncio.create_task(self._answer(connection, request))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    def _leave(self, connection: _Connection) -> None:
        if connection in self._up:
            self._up.remove(connection)
        connection.replace.set()

    async def _answer(self, connection: _Connection, request: SocketModeRequest) -> None:
        """Have an envelope executed, or find that it was, and ack it."""
        began = time.time()
        identity = _identity(request)
        answer = self._seen.get(identity)
        if answer is None:
            answer = self._loop.run_in_executor(self._pool, run_bolt_app, self._app, request)
            self._seen[identity] = answer
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        try:
            response = await asyncio.shield(answer)
        except Exception:
            log.exception("An envelope of type %s could not be handled", request.type)
            self._seen.pop(identity, None)
            return
        if response.status >= 500:
            # Nothing was acked, so Slack may deliver it again, and then it deserves another try.
            self._seen.pop(identity, None)
        await self._ack(connection, request, response, began)

    async def _ack(
        self, connection: _Connection, request: SocketModeRequest, response: BoltResponse, began: float
    ) -> None:
        """Ack on the connection that brought the envelope, or on another when that one is gone."""
        for way in [connection, *(other for other in self._up if other is not connection)]:
            try:
                await send_async_response(way, request, response, began)
            except (ConnectionError, aiohttp.ClientError):
                continue
            return
        log.warning("No connection left to ack an envelope of type %s", request.type)


class _Connection(AsyncBaseSocketModeClient):
    """One WebSocket, as Bolt's adapter wants it; ``replace`` is set when another one should take its place."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self.socket = socket
        self.replace = asyncio.Event()
        self.logger = log
        self._closing: asyncio.Task[bool] | None = None

    async def send_message(self, message: str) -> None:
        await self.socket.send_str(message)

    def shut(self) -> None:
        """Close the WebSocket soon; its reader then ends."""
        self._closing = asyncio.ensure_future(self.socket.close())


class _TryLater(Exception):
    """There is no connection now; wait at least ``seconds``."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


async def _greeted(socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
    """Wait for Slack's hello; without one the connection is of no use and closed."""
    welcome = False
    try:
        first = await socket.receive(_HELLO_WITHIN)
        welcome = first.type is aiohttp.WSMsgType.TEXT and json.loads(first.data).get("type") == "hello"
        if not welcome:
            raise _TryLater(0, f"no hello but {first.data}")
    finally:
        if not welcome:
            await socket.close()


def _fresh_url(client: WebClient, app_token: str) -> str:
    return str(client.apps_connections_open(app_token=app_token)["url"])


def _identity(request: SocketModeRequest) -> str:
    """What stays the same when Slack delivers again: an event's id, or the trigger each interaction gets anew.

    Not a view's id and hash: they are the same when a person corrects a refused form and submits it again.
    """
    payload = request.payload
    own = payload.get("event_id") or payload.get("trigger_id") or request.envelope_id
    return f"{request.type} {payload.get('type')} {own}"


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
