"""MCP servers: their tools in a run, and what keeps the bot from reaching where it must not."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.engine.llms import Models
from bot.engine.tools import mcp
from bot.engine.tools.toolbox import Kit, Toolbox, ToolUnusable
from bot.engine.tools.web import NoSuchHost
from bot.errors import Refused
from bot.events import ToolFinished
from tests.engine.test_tools import carried_out, equipped, tool
from tests.support.mcp_server import mcp_server
from tests.support.scripted_model import ScriptedModel

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.usefixtures("engine")]

PRIVATE = {"private"}


@pytest.mark.parametrize("transport", ["http", "sse"])
def test_a_server_tells_its_tools_and_answers(transport: Literal["http", "sse"]) -> None:
    with mcp_server(transport, token="let-me-in") as url:
        server = mcp.Server(url, transport, token="let-me-in", private=True)

        assert [(each.name, each.description) for each in mcp.discover(server)] == [
            ("add", "Adds two numbers."),
            ("complain", "Never works."),
        ]
        assert mcp.call(server, "add", {"a": 2, "b": 3}) == ("The sum is 5.", False)
        said, failed = mcp.call(server, "complain", {})
        assert failed
        assert "out of order" in said


def test_private_addresses_are_refused_unless_an_administrator_allowed_them() -> None:
    with mcp_server() as url:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(mcp.PrivateServer):
                mcp.discover(mcp.Server(url.replace("127.0.0.1", host)))


def test_the_address_that_was_looked_at_is_the_one_that_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    real, answers = socket.getaddrinfo, ["127.0.0.2", "127.0.0.1"]

    def rebinding(host: Any, *rest: Any, **more: Any) -> list[Any]:
        return real(answers.pop(0) if host == "rebind.example" else host, *rest, **more)

    with mcp_server() as url:
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        moved = url.replace("127.0.0.1", "rebind.example")
        # Nobody listens at the first address; a second look would find the server at the other one.
        with pytest.raises(mcp.ServerSilent):
            mcp.discover(mcp.Server(moved, private=True))
        assert answers == ["127.0.0.1"]
        with pytest.raises(mcp.PrivateServer):
            mcp.discover(mcp.Server(moved))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/", "no address", "http://"])
def test_only_http_addresses_are_asked(url: str) -> None:
    with pytest.raises((mcp.ServerSilent, mcp.PrivateServer, NoSuchHost)):
        mcp.discover(mcp.Server(url))


def test_a_wrong_token_and_a_silent_server_are_told_apart() -> None:
    with mcp_server(token="let-me-in") as url, pytest.raises(mcp.ServerSilent, match="it answered with HTTP 401"):
        mcp.discover(mcp.Server(url, token="wrong", private=True))
    with pytest.raises(mcp.ServerSilent, match="could not be used"):
        mcp.discover(mcp.Server(url, private=True))


def test_a_run_uses_the_chosen_tools_of_a_server(llm: ScriptedModel, models: Models, tmp_path: Path) -> None:
    llm.when("Find sources").calls_tool("add", {"a": 40, "b": 2}).says("It is 42.")
    kit = Kit(Toolbox(tmp_path, os.environ), tmp_path, PRIVATE)

    with mcp_server() as url:
        result, events = carried_out(equipped(tool("mcp", url=url, tools=["add"])), models, kit)

    assert result == "It is 42."
    assert llm.requests[0].tools == ["add"]
    assert "The sum is 42." in llm.requests[1].prompt
    assert [(event.tool, event.error) for event in events if isinstance(event, ToolFinished)] == [("add", None)]


def test_a_server_that_went_away_is_named_before_the_run_begins(
    llm: ScriptedModel, models: Models, tmp_path: Path
) -> None:
    toolbox = Toolbox(tmp_path, os.environ)
    with mcp_server() as url, pytest.raises(ToolUnusable, match="has nothing to offer any more"):
        toolbox.make(tool("mcp", url=url, tools=["subtract"]), tmp_path, PRIVATE)
    with pytest.raises(ToolUnusable, match=r"The tool “My tool” cannot be used\. The MCP server at"):
        toolbox.make(tool("mcp", url=url), tmp_path, PRIVATE)


def test_trying_a_server_s_tool_shows_its_words_or_why_not(tmp_path: Path) -> None:
    toolbox = Toolbox(tmp_path, os.environ)
    with mcp_server() as url:
        server = tool("mcp", url=url)
        said = toolbox.try_out(server, {"tool": "add", "arguments": {"a": 1}}, PRIVATE, seconds=20)
        assert said == "The sum is 2."
        with pytest.raises(Refused, match="out of order"):
            toolbox.try_out(server, {"tool": "complain"}, PRIVATE, seconds=20)
