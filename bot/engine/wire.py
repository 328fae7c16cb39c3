"""Calls to a model over HTTP: they end when the run is stopped, and a passing failure of the server is tried again."""

from __future__ import annotations

import ssl
import time
from typing import Any

import httpcore
import httpx

from bot.engine.local_model import stop_signal

# While a call waits for its answer, it looks this often, in seconds, whether the run was stopped.
STOP_CHECK = 0.2

# What to wait before the second and the third try when the server fails or hangs up, in seconds.
PAUSES = (0.5, 1.0)

# A server that asks for a longer break than this many seconds is not waited for.
LONGEST_BREAK = 30.0


def make_stoppable(client: httpx.Client) -> None:
    """Let the calls of an SDK's HTTP client notice the stop signal of the run they belong to.

    The client's own transports stay, with their proxies and certificates; httpx and httpcore are pinned, since neither
    has a public way in.
    """
    client._transport = _Patient(client._transport)
    client._mounts = {pattern: inner and _Patient(inner) for pattern, inner in client._mounts.items()}


class _Patient(httpx.BaseTransport):
    """Asks again, up to three times in all, when the server breaks down or the connection does.

    CrewAI itself asks three times after a 429, but without regard for ``Retry-After``: the break is taken here.
    """

    def __init__(self, inner: Any) -> None:
        self._inner: httpx.BaseTransport = inner
        inner._pool._network_backend = _StoppableNetwork(inner._pool._network_backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for pause in (*PAUSES, None):
            if stop_signal.get()():
                # CrewAI asks again after a refusal, whether anybody still wants an answer or not.
                raise httpx.ReadError("The run goes no further.", request=request)
            try:
                response = self._inner.handle_request(request)
            except (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                if pause is None or stop_signal.get()():
                    raise
            else:
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    _wait(_break_asked_for(response))
                if pause is None or response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return response
                response.close()
            _wait(pause)
        raise AssertionError("The last try returns or raises.")

    def close(self) -> None:
        self._inner.close()


class _StoppableNetwork(httpcore.NetworkBackend):
    """A network whose connections look at the stop signal while they wait."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _StoppableStream(self._inner.connect_tcp(*args, **kwargs))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _StoppableStream(self._inner.connect_unix_socket(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _StoppableStream(httpcore.NetworkStream):
    """One connection; reading is done in short waits, because a blocked read cannot be ended from another thread."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        stopped = stop_signal.get()
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            if stopped():
                raise httpcore.ReadError("The run was stopped.")
            left = STOP_CHECK if until is None else min(STOP_CHECK, until - time.monotonic())
            try:
                return self._inner.read(max_bytes, max(left, 0.001))
            except httpcore.ReadTimeout:
                if until is not None and time.monotonic() >= until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _StoppableStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _break_asked_for(response: httpx.Response) -> float:
    """The seconds in ``Retry-After``; 0 where there are none, or too many to be worth the wait."""
    try:
        seconds = float(response.headers.get("Retry-After", 0))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds <= LONGEST_BREAK else 0.0


def _wait(seconds: float | None) -> None:
    stopped = stop_signal.get()
    until = time.monotonic() + (seconds or 0.0)
    while (left := until - time.monotonic()) > 0 and not stopped():
        time.sleep(min(left, STOP_CHECK))
