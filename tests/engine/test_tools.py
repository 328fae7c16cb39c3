"""Tools: confined, guarded, never asking a question, and at work in a run."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from bot.engine.llms import Models
from bot.engine.run import EngineFailure, execute
from bot.engine.tools import curated, hints, own
from bot.engine.tools.catalogue import DANGERS, FILE, grouped, packaged, search
from bot.engine.tools.toolbox import Kit, TookTooLong, Toolbox, ToolUnusable
from bot.errors import Refused
from bot.events import RunEvent, ToolFinished, ToolStarted
from bot.redaction import Redactor
from store.definitions import Definition, ToolPlan
from tests.engine.crews import agent, crew, task
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

ALL = set(DANGERS) - {"private"}


def tool(kind: str, name: str = "My tool", **config: Any) -> ToolPlan:
    return ToolPlan(id=7, name=name, tool_type=kind, config=config)


@pytest.fixture
def toolbox(engine: Path, tmp_path: Path) -> Toolbox:
    return Toolbox(tmp_path, os.environ)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "1"


# --- The catalogue ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("engine")
def test_the_catalogue_is_what_crewai_tools_says_now() -> None:
    from bot.engine.tools.introspect import as_json, catalogue

    assert FILE.read_text("utf-8") == as_json(catalogue()), "run make catalogue, and look at what is new"


@pytest.mark.usefixtures("engine")
def test_every_tool_class_is_offered_or_left_out_with_a_reason() -> None:
    from bot.engine.tools.introspect import tool_classes

    assert packaged().keys() | curated.LEFT_OUT.keys() == tool_classes().keys()
    assert not packaged().keys() & curated.LEFT_OUT.keys()


def test_every_setting_has_a_hint() -> None:
    settings = [(entry.name, each) for entry in packaged().values() for each in entry.settings]

    assert not [f"{tool}.{each.name}" for tool, each in settings if not each.description]
    known = {f"{tool}.{each.name}" for tool, each in settings} | {each.name for _, each in settings}
    assert not hints.HINTS.keys() - known, "hints for what is no setting any more"
    assert not hints.CALLED.keys() - packaged().keys()


def test_no_setting_names_a_file_an_address_or_a_secret_in_clear() -> None:
    settings = [setting for entry in packaged().values() for setting in entry.settings]

    assert not {each.name for each in settings} & {"base_url", "file_path", "base_dir", "save_file", "headers"}
    assert {each.name for each in settings if each.secret} >= {"db_uri", "gh_token", "connection_string"}


def test_kinds_are_found_by_the_words_of_their_titles_first() -> None:
    assert search(packaged().values(), "part page")[0].title == "Read a part of a web page"
    assert search(packaged().values(), "postgres")[0].title == "Ask a database with SQL"
    assert search(packaged().values(), "telepathy") == []
    assert sum(map(len, grouped(packaged().values()).values())) == len(packaged())


# --- Nobody is asked at a terminal -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(packaged()))
def test_making_a_tool_never_asks_at_a_terminal(
    toolbox: Toolbox, run_dir: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(click, "confirm", lambda *words, **_: asked.append(str(words)))
    monkeypatch.setattr("builtins.input", lambda *words: asked.append(str(words)))
    monkeypatch.setattr(socket, "getaddrinfo", _no_network)
    for name in (*packaged()[kind].env, "CREWCALL_TOOL_X"):
        monkeypatch.setenv(name, "a-key-for-this-test")
    kinds: dict[str, Any] = {"text": "x", "lines": ["x"], "integer": 1, "number": 1.0}
    config = {
        each.name: "CREWCALL_TOOL_X" if each.secret else kinds[each.type]
        for each in packaged()[kind].settings
        if each.required
    }
    made = refused = None
    try:
        made = toolbox.make(tool(kind, **config), run_dir, ALL)
    except ToolUnusable as refusal:
        refused = refusal.sentence

    assert asked == []
    assert made or (refused and refused.startswith("The tool “My tool” "))
    assert "a-key-for-this-test" not in (refused or "")


def _no_network(*_: object, **__: object) -> list[Any]:
    raise socket.gaierror("no network in this test")


# --- What is missing -------------------------------------------------------------------------------------------------


def test_what_a_tool_lacks_is_said_with_the_mend(tmp_path: Path) -> None:
    bare = Toolbox(tmp_path, {})

    assert bare.problem(tool("SerperDevTool"), ()) == (
        "The tool “My tool” needs SERPER_API_KEY. Set it on the server and start the bot again."
    )
    assert "pip install 'firecrawl-py'" in str(
        Toolbox(tmp_path, {"FIRECRAWL_API_KEY": "x"}).problem(tool("FirecrawlSearchTool"), ())
    )
    assert "is off here" in str(bare.problem(tool("FileReadTool"), ()))
    assert "is off here" in str(bare.problem(tool("FileReadTool"), ("code", "database")))
    assert bare.problem(tool("FileReadTool"), ("files",)) is None
    assert "needs its setting DB URI" in str(bare.problem(tool("NL2SQLTool"), ("database",)))
    assert "needs CREWCALL_TOOL_DB" in str(bare.problem(tool("NL2SQLTool", db_uri="CREWCALL_TOOL_DB"), ("database",)))
    assert "not here any more" in str(bare.problem(tool("GoneTool"), ()))


def test_a_secret_is_only_ever_a_variable_meant_for_tools(engine: Path, tmp_path: Path, run_dir: Path) -> None:
    environ = {"CREWCALL_TOOL_X": "for-tools-only", "SLACK_BOT_TOKEN": "xoxb-secret"}
    box = Toolbox(tmp_path, environ, Redactor(environ))

    [jina] = box.make(tool("JinaScrapeWebsiteTool", api_key="CREWCALL_TOOL_X"), run_dir, ())
    [other] = box.make(tool("JinaScrapeWebsiteTool", api_key="SLACK_BOT_TOKEN"), run_dir, ())

    assert "for-tools-only" in str(jina.inner)  # type: ignore[attr-defined]  # what the guard holds
    assert "xoxb-secret" not in str(other.inner)  # type: ignore[attr-defined]
    assert box.redactor("the key for-tools-only is wrong") == "the key … is wrong"


# --- Files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    return secret


@pytest.mark.parametrize("path", ["../../secret.txt", "{absolute}", "link.txt", "dir/../../../secret.txt"])
def test_files_outside_the_run_are_out_of_reach(toolbox: Toolbox, run_dir: Path, outside: Path, path: str) -> None:
    path = path.format(absolute=outside)
    [read] = toolbox.make(tool("FileReadTool"), run_dir, ALL)
    [write] = toolbox.make(tool("FileWriterTool"), run_dir, ALL)
    (run_dir / "link.txt").symlink_to(outside)

    assert "the secret" not in read.run(file_path=path)
    write.run(filename=path, content="changed", overwrite=True)
    write.run(filename="secret.txt", directory=str(outside.parent), content="changed", overwrite=True)

    assert outside.read_text() == "the secret"


@pytest.mark.parametrize("place", ["..", "/", "link"])
def test_directories_outside_the_run_are_not_listed(toolbox: Toolbox, run_dir: Path, outside: Path, place: str) -> None:
    [files] = toolbox.make(tool("DirectoryReadTool"), run_dir, ALL)
    (run_dir / "link").symlink_to(outside.parent, target_is_directory=True)

    assert files.run(directory=place) == "Error: there is no such directory here."


def test_a_path_in_the_settings_is_not_trusted(toolbox: Toolbox, run_dir: Path, outside: Path) -> None:
    [read] = toolbox.make(tool("FileReadTool", file_path=str(outside), base_dir="/"), run_dir, ALL)

    assert "the secret" not in read.run()
    assert "the secret" not in read.run(file_path=str(outside))


def test_a_file_written_in_a_run_is_listed_and_read_again(toolbox: Toolbox, run_dir: Path) -> None:
    write, read, files = (
        toolbox.make(tool(kind), run_dir, ALL)[0] for kind in ("FileWriterTool", "FileReadTool", "DirectoryReadTool")
    )
    assert files.run(directory=".") == "There are no files yet."

    write.run(filename="notes/tea.txt", content="Tea is old.")

    assert files.run(directory=".") == "notes/tea.txt"
    assert read.run(file_path="notes/tea.txt") == "Tea is old."


# --- The web ---------------------------------------------------------------------------------------------------------


class Inside(BaseHTTPRequestHandler):
    hits: list[str]

    def do_GET(self) -> None:
        self.hits.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"inside")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def inside() -> Iterator[tuple[int, list[str]]]:
    """A server on this computer, which no tool may reach: its port and what was asked."""
    hits: list[str] = []
    handler = type("Handler", (Inside,), {"hits": hits})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1], hits
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0", "169.254.169.254"])
@pytest.mark.parametrize("kind", ["ScrapeWebsiteTool", "URLReadTool"])
def test_private_addresses_are_out_of_reach(
    toolbox: Toolbox, run_dir: Path, inside: tuple[int, list[str]], kind: str, host: str
) -> None:
    port, hits = inside
    [page] = toolbox.make(tool(kind), run_dir, ALL)
    field = "url" if kind == "URLReadTool" else "website_url"

    with pytest.raises(Exception, match=r"not a public web address|no server called"):
        page.run(**{field: f"http://{host}:{port}/"})

    assert hits == []


def test_a_private_address_in_the_settings_is_refused(toolbox: Toolbox, run_dir: Path) -> None:
    with pytest.raises(ToolUnusable, match="not a public web address"):
        toolbox.make(tool("ScrapeWebsiteTool", website_url="http://10.0.0.1/"), run_dir, ALL)


def test_a_file_is_no_web_address(toolbox: Toolbox, run_dir: Path, outside: Path) -> None:
    [page] = toolbox.make(tool("ScrapeWebsiteTool"), run_dir, ALL)

    with pytest.raises(Exception, match="not a public web address"):
        page.run(website_url=f"file://{outside}")


def test_a_name_that_changes_its_address_reaches_nothing(
    toolbox: Toolbox, run_dir: Path, inside: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, hits = inside
    answers = iter(["93.184.215.14"])
    real = socket.getaddrinfo

    def rebinding(host: Any, *rest: Any, **more: Any) -> list[Any]:
        return real(next(answers, "127.0.0.1") if host == "rebind.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    [page] = toolbox.make(tool("ScrapeWebsiteTool"), run_dir, ALL)

    with pytest.raises(Exception, match=r"private/reserved IP 127\.0\.0\.1"):
        page.run(website_url=f"http://rebind.example:{port}/")

    assert hits == []


# --- One's own -------------------------------------------------------------------------------------------------------


@pytest.fixture
def a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with one good tool, one that is no tool and one that is not there."""
    place = tmp_path / "site"
    info = place / "northwind_tools-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: northwind-tools\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{own.GROUP}]\nstock = northwind_tools:Stock\nno_tool = northwind_tools:LIMIT\nlost = northwind_tools:Lost\n"
    )
    (place / "northwind_tools.py").write_text(
        "from crewai.tools import BaseTool\n\n"
        "LIMIT = 3\n\n"
        "class Stock(BaseTool):\n"
        "    name: str = 'Stock'\n"
        "    description: str = 'How many are in stock.'\n"
        "    warehouse: str = 'Lyon'\n\n"
        "    def _run(self, item: str) -> str:\n"
        "        return f'{item} in {self.warehouse}: 12'\n"
    )
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.delitem(sys.modules, "northwind_tools", raising=False)


@pytest.mark.usefixtures("a_package")
def test_a_tool_of_ones_own_is_in_the_catalogue_and_works(toolbox: Toolbox, run_dir: Path) -> None:
    toolbox.learn()
    entry = toolbox.entries()[0]

    assert [each.name for each in toolbox.entries() if each.name.startswith("own.")] == ["own.stock"]
    assert (entry.title, [each.name for each in entry.settings]) == ("Stock", ["warehouse"])
    assert [(each.name, each.required) for each in entry.arguments] == [("item", True)]
    assert toolbox.try_out(tool("own.stock", warehouse="Brest"), {"item": "Tea"}, (), seconds=20) == "Tea in Brest: 12"


# --- Trying ----------------------------------------------------------------------------------------------------------


def test_trying_ends_in_time_and_tells_what_went_wrong(toolbox: Toolbox) -> None:
    with pytest.raises(TookTooLong, match="no answer after 0 seconds"):
        toolbox.try_out(tool("WaitTool"), {"seconds": 3}, (), seconds=0.05)
    with pytest.raises(Refused, match="It failed: "):
        toolbox.try_out(tool("WaitTool"), {"seconds": "long"}, (), seconds=20)


# --- In a run --------------------------------------------------------------------------------------------------------


def equipped(*tools: ToolPlan) -> Definition:
    ann = agent("Ann", tools=[each.name for each in tools])
    return crew([ann], [task("Find", "Find sources.", "Ann")]).model_copy(update={"tools": list(tools)})


def carried_out(definition: Definition, models: Models, kit: Kit) -> tuple[str, list[RunEvent]]:
    events: list[RunEvent] = []
    stop = threading.Event()
    result = execute(definition, {}, run_id=1, models=models, emit=events.append, stop=stop, kit=kit)
    return result, events


def test_a_tool_that_is_asked_the_same_again_and_again_is_named(
    llm: ScriptedModel, models: Models, toolbox: Toolbox, run_dir: Path
) -> None:
    ann = agent("Ann", tools=["Reports"], settings={"tool_failure_policy": "raise"})
    definition = crew([ann], [task("Find", "Find sources.", "Ann")])
    definition = definition.model_copy(update={"tools": [tool("FileReadTool", "Reports")]})
    llm.when("Find sources.").calls_tool("reports", {"file_path": "nothing.txt"})

    with pytest.raises(EngineFailure) as failure:
        carried_out(definition, models, Kit(toolbox, run_dir, ("files",)))

    assert failure.value.reason.startswith("The agent asked “Reports” the same thing again and again")
    assert failure.value.task == "Find"


def test_a_run_uses_tools_under_the_names_that_the_team_gave_them(
    llm: ScriptedModel, models: Models, toolbox: Toolbox, run_dir: Path
) -> None:
    llm.when("Find sources").calls_tool("our_notes_2", {"filename": "a.txt", "content": "tea"}).says("Written.")
    notes = tool("FileReadTool", "Our notes"), tool("FileWriterTool", "our-notes").model_copy(update={"id": 8})

    result, events = carried_out(equipped(*notes), models, Kit(toolbox, run_dir, ALL))

    assert result == "Written."
    assert llm.requests[0].tools == ["our_notes", "our_notes_2"]
    assert [event.tool for event in events if isinstance(event, ToolStarted | ToolFinished)] == ["our-notes"] * 2
    assert (run_dir / "a.txt").read_text() == "tea"


def test_a_run_with_a_tool_that_lacks_something_ends_before_it_begins(
    llm: ScriptedModel, models: Models, run_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineFailure, match="The tool “My tool” needs SERPER_API_KEY"):
        carried_out(equipped(tool("SerperDevTool")), models, Kit(Toolbox(tmp_path, {}), run_dir))

    assert llm.requests == []


def test_the_directory_of_a_run_goes_with_it(toolbox: Toolbox) -> None:
    with toolbox.run_dir(5) as path:
        path.mkdir(parents=True)
        (path / "x").write_text("x")

    assert not path.exists()
