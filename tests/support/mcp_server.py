"""A real MCP server on the loopback, with two tools."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
from mcp.server.fastmcp import FastMCP
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PATIENCE = 20.0


class _Serving(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _guarded(app: ASGIApp, token: str) -> ASGIApp:
    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and token and headers.get(b"authorization") != f"Bearer {token}".encode():
            await PlainTextResponse("who are you?", 401)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guarded


@contextmanager
def mcp_server(transport: Literal["http", "sse"] = "http", *, token: str = "") -> Iterator[str]:
    """The address of a server that adds numbers and complains; ``token`` is what it wants to see."""
    server = FastMCP("numbers", log_level="CRITICAL")

    @server.tool(description="Adds two numbers.")
    def add(a: int, b: int = 1) -> str:
        return f"The sum is {a + b}."

    @server.tool(description="Never works.")
    def complain() -> str:
        raise ValueError("out of order")

    app = server.streamable_http_app() if transport == "http" else server.sse_app()
    config = uvicorn.Config(_guarded(app, token), host="127.0.0.1", port=0, log_level="critical", ws="none")
    serving = _Serving(config)
    thread = threading.Thread(target=serving.run, name="mcp-server")
    thread.start()
    assert serving.ready.wait(PATIENCE)
    port = serving.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/{'mcp' if transport == 'http' else 'sse'}"
    finally:
        serving.should_exit = serving.force_exit = True
        thread.join(PATIENCE)
