"""Socket Mode: the app's WebSocket connections, the envelopes sent over them and their acks."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from bot.local_slack.faults import Faults
from bot.local_slack.feed import Feed
from bot.local_slack.wire import Json, Refusal
from bot.local_slack.workspace import APP_ID

MOST_CONNECTIONS = 10
GOODBYE_SECONDS = 1.0
NORMAL_LIFETIME_SECONDS = 18_060


class NotConnected(Exception):
    """The app has no connection that a payload could be sent over."""


class NotAcknowledged(Exception):
    """The app took longer than Slack waits."""


@dataclass(eq=False)
class Connection:
    """One WebSocket of the app. A silent one is a network that swallows everything."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    silent: bool = False
    leaving: bool = False


class Sockets:
    """All connections of the app; each payload goes to one of them, in turn."""

    def __init__(self, faults: Callable[[], Faults], feed: Feed, ack_seconds: float) -> None:
        self._faults = faults
        self._feed = feed
        self._ack_seconds = ack_seconds
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._pending: dict[str, asyncio.Future[Json]] = {}
        self._changed = asyncio.Event()

    @property
    def connected(self) -> int:
        """How many connections work: those that are not being replaced and have not gone silent."""
        return sum(not connection.leaving and not connection.silent for connection in self._connections)

    def ticket(self) -> str:
        """The right to connect once; raise ``Refusal`` when none is given."""
        if self._faults().refuse_sockets:
            raise Refusal("internal_error")
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET /link/``: one connection, from its upgrade to its end."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or self._faults().refuse_sockets:
            raise web.HTTPForbidden(text="This link has been used or was never given.")
        self._tickets.discard(ticket)
        # Pings and closing are answered by hand, so that a silent connection can leave them unanswered.
        socket = web.WebSocketResponse(autoping=False, autoclose=False, timeout=GOODBYE_SECONDS)
        await socket.prepare(request)
        connection = Connection(socket, request.transport)
        if len(self._connections) >= MOST_CONNECTIONS:
            await socket.send_json(_goodbye("too_many_websockets"))
            await socket.close()
            return socket
        self._connections.append(connection)
        self._count_changed()
        try:
            await socket.send_json(self._hello())
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    async def deliver(self, kind: str, payload: Json, *, answers: bool, retry: int = 0) -> Json:
        """Send an envelope and return the payload of its ack, ``{}`` for a bare one.

        Raises ``NotConnected`` at once or ``NotAcknowledged`` after the time Slack gives.
        """
        ack: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        attempts = range(retry, retry + (2 if self._faults().duplicate_deliveries else 1))
        envelopes = [_envelope(kind, payload, answers, attempt) for attempt in attempts]
        try:
            for envelope in envelopes:
                self._pending[envelope["envelope_id"]] = ack
                await self._send(envelope)
            async with asyncio.timeout(self._ack_seconds):
                return await ack
        except TimeoutError:
            raise NotAcknowledged from None
        finally:
            for envelope in envelopes:
                self._pending.pop(envelope["envelope_id"], None)

    async def misbehave(self, word: str) -> None:
        """Do to the connections of this moment what ``word`` says: drop, refresh or silence."""
        for connection in list(self._connections):
            if word == "drop" and connection.transport:
                connection.transport.abort()
                self._forget(connection)
            elif word == "refresh":
                connection.leaving = True
                await connection.socket.send_json(_goodbye("refresh_requested"))
            elif word == "silence":
                connection.silent = True
        self._count_changed()

    async def wait_for(self, connections: int) -> None:
        """Return once exactly so many connections work."""
        while self.connected != connections:
            await self._changed.wait()

    async def close(self) -> None:
        """End every connection, as when Slack goes away."""
        for connection in list(self._connections):
            if connection.silent and connection.transport:
                connection.transport.abort()
            else:
                await connection.socket.close()

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if connection.silent:
                continue
            if message.type is WSMsgType.PING:
                await connection.socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self._acknowledged(json.loads(message.data))

    def _acknowledged(self, frame: Json) -> None:
        # An ack that comes late, twice or for nothing changes nothing.
        waiting = self._pending.get(frame.get("envelope_id", ""))
        if waiting and not waiting.done():
            waiting.set_result(frame.get("payload") or {})

    async def _send(self, envelope: Json) -> None:
        while able := [connection for connection in self._connections if not connection.leaving]:
            connection = able[0]
            # The one just used goes to the end of the row.
            self._connections.remove(connection)
            self._connections.append(connection)
            if connection.silent:
                return
            try:
                await connection.socket.send_json(envelope)
                return
            except ConnectionError:
                self._forget(connection)
        raise NotConnected

    def _forget(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._count_changed()

    def _count_changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self._feed.add("connection", connected=self.connected > 0)

    def _hello(self) -> Json:
        debug = {"host": "local", "build_number": 1, "approximate_connection_time": NORMAL_LIFETIME_SECONDS}
        return {
            "type": "hello",
            "num_connections": self.connected,
            "debug_info": debug,
            "connection_info": {"app_id": APP_ID},
        }


def _goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}}


def _envelope(kind: str, payload: Json, answers: bool, attempt: int) -> Json:
    retried = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
    return {
        "envelope_id": str(uuid.uuid4()),
        "type": kind,
        "accepts_response_payload": answers,
        **(retried if kind == "events_api" else {}),
        "payload": payload,
    }
