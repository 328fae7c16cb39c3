"""MCP servers by URL, over HTTP or SSE: which tools one has, and calling them. Never a command line."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from bot.engine.tools.catalogue import Entry, Setting
from bot.engine.tools.web import NoSuchHost, is_private
from bot.errors import UserError

if TYPE_CHECKING:
    import httpx
    from crewai.tools import BaseTool
    from mcp import ClientSession

T = TypeVar("T")

# In seconds: to reach the server and to wait for its answer.
CONNECT, ANSWER = 10, 60

ENTRY = Entry(
    name="mcp",
    title="MCP server",
    description="The tools of a server that speaks the Model Context Protocol. You choose which of them agents get.",
    group="Your own",
    settings=(
        Setting(
            name="url",
            title="Address",
            description="Begins with https://, for example https://mcp.example.com/mcp.",
            type="text",
            required=True,
        ),
        Setting(
            name="transport",
            title="Transport",
            description="Most servers speak HTTP; older ones SSE.",
            type="choice",
            choices=("http", "sse"),
            default="http",
        ),
        Setting(name="token", title="Token", description="Sent as a bearer token.", type="text", secret=True),
        Setting(name="tools", title="Tools", description="Which of the server’s tools agents get.", type="lines"),
    ),
    arguments=(
        Setting(name="tool", title="Tool", type="text", required=True),
        Setting(name="arguments", title="Arguments", type="json", description='As JSON, for example {"query": "tea"}.'),
    ),
)


class PrivateServer(UserError):
    """“{host}” is on a private network. An administrator can allow MCP servers there: /crew tools, Settings."""


class ServerSilent(UserError):
    """The MCP server at {host} could not be used: {why}. Check its address, transport and token."""


@dataclass(frozen=True)
class Server:
    """Where an MCP server is; ``private`` says whether it may be at a private address."""

    url: str
    transport: str = "http"
    token: str = field(default="", repr=False)
    private: bool = False


@dataclass(frozen=True)
class RemoteTool:
    """One tool of a server; ``schema`` is the JSON schema of its arguments."""

    name: str
    description: str
    schema: dict[str, Any] = field(hash=False)


def discover(server: Server) -> list[RemoteTool]:
    """The server's tools; raises ``ServerSilent``, ``PrivateServer`` or ``NoSuchHost``."""

    async def ask(session: ClientSession) -> list[RemoteTool]:
        found = (await session.list_tools()).tools
        return [RemoteTool(each.name, each.description or "", each.inputSchema) for each in found]

    return _asked(server, ask)


def call(server: Server, tool: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """What the tool says, as text, and whether that is an error; raises as ``discover`` does."""

    async def ask(session: ClientSession) -> tuple[str, bool]:
        answer = await session.call_tool(tool, arguments, read_timeout_seconds=timedelta(seconds=ANSWER))
        texts = [getattr(part, "text", f"({part.type})") for part in answer.content]
        return "\n".join(texts), answer.isError

    return _asked(server, ask)


def build(server: Server, chosen: list[str]) -> list[BaseTool]:
    """CrewAI's objects for the chosen tools, all of them if none is chosen; raises as ``discover`` does."""
    from crewai.utilities.pydantic_schema_utils import create_model_from_schema

    found = [remote for remote in discover(server) if not chosen or remote.name in chosen]
    return [
        _kind()(
            name=remote.name,
            description=remote.description or remote.name,
            args_schema=create_model_from_schema(remote.schema, model_name=f"{remote.name}Arguments"),
            server=server,
            remote=remote.name,
        )
        for remote in found
    ]


@cache
def _kind() -> Any:
    from crewai.tools import BaseTool
    from crewai.tools.tool_failure import ToolFailure

    class McpTool(BaseTool):
        server: Server
        remote: str

        def _run(self, **asked: Any) -> Any:
            # What is optional and was not said is not said to the server either.
            known = {name: value for name, value in asked.items() if value is not None}
            said, failed = call(self.server, self.remote, known)
            return ToolFailure(message=said) if failed else said

    return McpTool


def _asked(server: Server, ask: Callable[[ClientSession], Awaitable[T]]) -> T:
    """Ask on an event loop of its own: CrewAI calls tools on threads of which some have one already."""
    from mcp import ClientSession

    async def all_of_it() -> T:
        async with (
            asyncio.timeout(CONNECT + ANSWER),
            _streams(server) as (read, write),
            ClientSession(read, write, read_timeout_seconds=timedelta(seconds=ANSWER)) as session,
        ):
            await session.initialize()
            return await ask(session)

    with ThreadPoolExecutor(1, thread_name_prefix="mcp") as thread:
        try:
            return thread.submit(asyncio.run, all_of_it()).result()
        except Exception as error:  # noqa: BLE001 - a server's answer may make the client raise anything
            raise _told(error, server) from None


@asynccontextmanager
async def _streams(server: Server) -> AsyncIterator[tuple[Any, Any]]:
    from httpx import Timeout
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {server.token}"} if server.token else {}
    if server.transport == "sse":
        make = _factory(server)
        async with sse_client(server.url, headers, CONNECT, ANSWER, httpx_client_factory=make) as (read, write):
            yield read, write
    else:
        async with (
            _factory(server)(headers, Timeout(CONNECT, read=ANSWER)) as client,
            streamable_http_client(server.url, http_client=client) as (read, write, _),
        ):
            yield read, write


def _factory(server: Server) -> Callable[..., httpx.AsyncClient]:
    import httpx

    class Pinned(httpx.AsyncHTTPTransport):
        """Connects to the very address that was looked at: a name may mean another one a moment later."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            host = request.url.host
            there = await asyncio.to_thread(_address, host, request.url.port or 443, private=server.private)
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=there),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            return await super().handle_async_request(pinned)

    def make(
        headers: dict[str, str] | None = None, timeout: httpx.Timeout | None = None, auth: httpx.Auth | None = None
    ) -> httpx.AsyncClient:
        return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, transport=Pinned(), trust_env=False)

    return make


def _address(host: str, port: int, *, private: bool) -> str:
    """The IP address to connect to; raises ``PrivateServer`` if any that the host stands for is private."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except socket.gaierror:
        raise NoSuchHost(host=host) from None
    if not private and any(is_private(ip) for ip in found):
        raise PrivateServer(host=host)
    return found[0]


def _told(error: BaseException, server: Server) -> UserError:
    """The first of what went wrong, in words: the client's task groups raise groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, UserError):
        return error
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        why = f"it answered with HTTP {status}"
    elif isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        why = "it did not answer in time"
    else:
        why = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return ServerSilent(host=urlsplit(server.url).netloc or server.url, why=why)
