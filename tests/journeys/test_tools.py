"""Tools, from the catalogue to a run: what people see, choose, try, and are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.agents import Agents, EquippedDraft
from bot.services.audit import AuditLog
from bot.services.crews import Crews
from bot.services.history import History
from store import shares
from store.crews import CrewInstance
from store.tools import Tool, ToolDraft
from tests.support.mcp_server import mcp_server
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

ANA = Actor("T0NORTHWIND", "U0ANA000001")


@pytest.fixture
def allowed_errors() -> set[str]:
    """An answer may be there before the window that it belongs in; then it is put there a moment later."""
    return {"not_found"}


@pytest.fixture
def a_tool(crewcall: Crewcall) -> Callable[..., Tool]:
    """Adds a tool without a window."""

    def add(name: str = "Pause", kind: str = "WaitTool", **config: object) -> Tool:
        return crewcall.tools.add(ToolDraft(name=name, tool_type=kind, config=config), by=ANA)

    return add


def test_ana_adds_a_tool_gives_it_to_an_agent_and_a_run_uses_it(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    llm.when("Research tea.").calls_tool("short_pause", {"seconds": 0.01}).says("Tea is old.")

    ana.types("/crew tools")
    ana.sees("No tools yet")
    ana.presses("Add tool")
    ana.picks_found("Which kind of tool?", "wait", "Wait")
    ana.sees("Wait:")
    assert ana.field("Name") == "Wait"
    ana.fills("Name", "Short pause")
    ana.fills("Max seconds", "2")
    ana.submits()
    ana.sees("Short pause is added.", "no agent yet")
    ana.closes()

    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.chooses("Tools", "Short pause")
    ana.submits()
    ana.sees("Researcher is saved.", "Short pause")
    ana.closes()

    ana.types("/crew run market topic=tea")
    ana.reads_thread(of="Market research", until="Tea is old.")
    ana.opens_thread(of="Market research")
    ana.presses("Show log")
    ana.sees("Short pause")


def test_the_search_finds_by_what_a_tool_does(ana: Person) -> None:
    ana.types("/crew tools")
    ana.presses("Add tool")

    assert ana.searches("Which kind of tool?", "web search serper")[0] == "Web search (Serper)"
    assert "Ask a database with SQL" in ana.searches("Which kind of tool?", "sql")
    assert len(ana.searches("Which kind of tool?", "")) > 70
    assert ana.searches("Which kind of tool?", "zzzz") == []


def test_what_a_tool_lacks_is_said_before_it_is_saved_and_before_a_run(
    ana: Person, a_crew: CrewInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SERPER_API_KEY", raising=False)
    mend = "needs SERPER_API_KEY. Set it on the server and start the bot again."

    ana.types("/crew tools")
    ana.presses("Add tool")
    ana.picks_found("Which kind of tool?", "serper", "Web search (Serper)")
    ana.sees(f"It {mend}")
    ana.submits()
    ana.sees(f"The tool “Web search (Serper)” {mend}")
    ana.closes()
    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.chooses("Tools", "Web search (Serper)")
    ana.submits()
    ana.sees("Before this crew can run", mend)
    ana.closes()

    ana.types("/crew run market topic=tea")
    ana.sees(mend)


def test_a_tool_is_tried_and_its_answer_shown(ana: Person, a_tool: Callable[..., Tool]) -> None:
    a_tool("Pause", max_seconds=2.0)

    ana.types("/crew tools")
    ana.picks("Pause", "Try it")
    ana.fills("Seconds", "0.01")
    ana.submits()
    ana.sees("Pause answered.", "0.01")


def test_a_tool_that_fails_when_it_is_tried_says_so(ana: Person, a_tool: Callable[..., Tool]) -> None:
    a_tool("Page", "ScrapeWebsiteTool")

    ana.types("/crew tools")
    ana.picks("Page", "Try it")
    ana.fills("Website URL", "http://127.0.0.1:9/secret")
    ana.submits()

    ana.sees("That didn’t work", "“http://127.0.0.1:9/secret” is not a public web address.")


def test_dangerous_tools_are_off_until_an_administrator_allows_them(
    ana: Person, ben: Person, a_tool: Callable[..., Tool]
) -> None:
    a_tool("Notes", "FileReadTool")

    ben.types("/crew tools")
    ben.sees("Notes", "reads and writes files, which is off here.")
    assert "Settings" not in ben.seen.splitlines()
    ben.picks("Notes", "Try it")
    ben.sees("reads and writes files, which is off here.")
    ben.closes()

    ana.types("/crew tools")
    ana.presses("Settings")
    ana.chooses("Files", "Allow")
    ana.submits()
    ana.sees("The settings are saved.")
    assert "off here" not in ana.seen


def test_only_administrators_set_up_tools_with_secrets(ana: Person, ben: Person) -> None:
    for person in (ben, ana):
        person.types("/crew tools")
        person.presses("Add tool")
        person.picks_found("Which kind of tool?", "github", "Questions about a GitHub repository")
        person.fills("Gh token", "CREWCALL_TOOL_GITHUB")
        person.submits()

    ben.sees("Only administrators of this workspace may set up a tool that holds a secret. Ask Ana Ferreira.")
    ana.sees("Questions about a GitHub repository is added.", "needs CREWCALL_TOOL_GITHUB")


def test_a_secret_is_never_typed_and_other_variables_are_out_of_reach(ana: Person) -> None:
    ana.types("/crew tools")
    ana.presses("Add tool")
    ana.picks_found("Which kind of tool?", "github", "Questions about a GitHub repository")
    for typed in ("ghp_0123456789", "SLACK_BOT_TOKEN", "OPENAI_API_KEY"):
        ana.fills("Gh token", typed)
        ana.submits()
        assert ana.sees_error("Gh token").endswith("begins with CREWCALL_TOOL_.")


def test_an_edit_shows_and_keeps_what_was_set(ana: Person, a_tool: Callable[..., Tool], crewcall: Crewcall) -> None:
    tool = a_tool("Search", "SerperDevTool", n_results=3, country="fr")

    ana.types("/crew tools")
    ana.picks("Search", "Edit")
    assert (ana.field("N results"), ana.field("Country"), ana.field("Search type")) == ("3", "fr", "search")
    ana.fills("N results", "5")
    ana.submits()

    ana.sees("Search is saved.")
    assert crewcall.tools.get(tool.id, by=ANA).config == {"n_results": 5, "country": "fr"}


def test_removing_a_tool_says_who_loses_it(
    ana: Person, ben: Person, a_tool: Callable[..., Tool], a_crew: CrewInstance, crewcall: Crewcall
) -> None:
    a_tool("Pause")
    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.chooses("Tools", "Pause")
    ana.submits()
    ana.sees("Researcher is saved.")
    ana.closes()

    with crewcall.store.transaction() as session:
        shares.put(session, a_crew.id, {}, team=ANA.team)
    ben.types("/crew tools")
    assert "Market research" not in ben.sees("1 agent in other crews")
    ben.picks("Pause", "Remove")
    ben.sees("1 agent in crews that are not shared with you")

    ana.types("/crew tools")
    ana.sees("Researcher (Market research)")
    ana.picks("Pause", "Remove")
    ana.sees("These agents lose it:", "Researcher (Market research)")
    ana.submits()
    ana.sees("Pause is removed.", "No tools yet")


def test_a_taken_name_is_refused_under_the_name(ana: Person, a_tool: Callable[..., Tool]) -> None:
    a_tool("Wait")

    ana.types("/crew tools")
    ana.presses("Add tool")
    ana.picks_found("Which kind of tool?", "wait", "Wait")
    ana.submits()

    assert ana.sees_error("Name") == "There is already a tool called “Wait”. Choose another name."


def test_nothing_of_a_run_s_directory_stays_behind(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, a_tool: Callable[..., Tool], crewcall: Crewcall
) -> None:
    crewcall.tools.allow(["files"], by=ANA)
    a_tool("Write it down", "FileWriterTool")
    llm.when("Research tea.").calls_tool("write_it_down", {"filename": "../../x.txt", "content": "no"}).says("Done.")
    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.chooses("Tools", "Write it down")
    ana.submits()
    ana.sees("Researcher is saved.")
    ana.closes()

    ana.types("/crew run market topic=tea")
    ana.reads_thread(of="Market research", until="Done.")

    data: Path = crewcall.settings.data_dir
    assert "must not escape" in llm.requests[-1].prompt
    assert not list(data.rglob("x.txt"))
    assert list((data / "runs").iterdir()) == []


def test_the_tools_of_an_mcp_server_are_found_chosen_and_tried(ana: Person, crewcall: Crewcall) -> None:
    with mcp_server() as url:
        ana.types("/crew tools")
        ana.presses("Add tool")
        ana.picks_found("Which kind of tool?", "mcp", "MCP server")
        ana.fills("Name", "Numbers")
        ana.fills("Address", url)
        ana.submits()
        ana.sees("That didn’t work: “127.0.0.1” is on a private network. An administrator can allow MCP servers there")

        crewcall.tools.allow(["private"], by=ANA)
        assert ana.field("Name") == "Numbers"
        ana.submits()
        ana.sees("Choose the tools that agents may use.")
        assert ana.options("Tools") == ["add: Adds two numbers.", "complain: Never works."]
        ana.chooses("Tools", "add: Adds two numbers.")
        ana.submits()
        ana.sees("Numbers is added.")

        ana.picks("Numbers", "Try it")
        ana.fills("Arguments", '{"a": 2, "b": 2}')
        ana.chooses("Tool", "add")
        ana.submits()
        ana.sees("Numbers answered.", "The sum is 4.")


def test_what_is_no_json_is_refused_under_the_arguments(ana: Person, a_tool: Callable[..., Tool]) -> None:
    a_tool("Numbers", "mcp", url="https://mcp.example.com/mcp", tools=["add"])

    ana.types("/crew tools")
    ana.picks("Numbers", "Try it")
    ana.chooses("Tool", "add")
    ana.fills("Arguments", "two and two")
    ana.submits()

    assert ana.sees_error("Arguments").startswith("This is no JSON.")


def test_the_second_of_two_editors_is_told_and_may_take_over(
    ana: Person, ben: Person, a_tool: Callable[..., Tool], crewcall: Crewcall
) -> None:
    tool = a_tool("Search", "SerperDevTool", n_results=3)
    for person, results in ((ana, "5"), (ben, "8")):
        person.types("/crew tools")
        person.picks("Search", "Edit")
        person.fills("N results", results)

    ana.submits()
    ana.sees("Search is saved.")
    ben.submits()
    ben.sees("@Ana Ferreira changed this tool while you were editing it.", "Save mine")
    assert ben.field("N results") == "8"
    ben.submits()
    ben.sees("Search is saved.")

    assert crewcall.tools.get(tool.id, by=ANA).config == {"n_results": 8}


def test_versions_copies_and_roll_back_keep_an_agent_s_tools(
    crewcall: Crewcall, a_crew: CrewInstance, a_tool: Callable[..., Tool]
) -> None:
    tool = a_tool("Pause")
    crews, history = Crews(crewcall.store, crewcall.rights), History(crewcall.store, crewcall.rights)
    agents = Agents(crewcall.store, crewcall.rights, crewcall.connections.problem)
    [agent] = crews.sheet(a_crew.id, by=ANA).agents
    draft = EquippedDraft(**agent.draft().model_dump(), tools=[tool.id])
    agent = agents.change(agent.id, draft, version=agent.version, by=ANA)
    agents.change(agent.id, draft.model_copy(update={"tools": []}), version=agent.version, by=ANA)

    newest, before, *_ = history.versions(a_crew.id, by=ANA)
    assert before.summary == "Agent “Researcher”: tools changed from “nothing” to “Pause”."
    assert newest.summary == "Agent “Researcher”: tools changed from “Pause” to “nothing”."
    history.roll_back(a_crew.id, before.number, by=ANA)
    copy = crews.copy(a_crew.id, "Copy", by=ANA)
    for crew_id in (a_crew.id, copy.id):
        assert [held for [held] in crews.sheet(crew_id, by=ANA).tools.values()] == [tool]


def test_many_tools_are_found_by_a_word_of_their_names(ana: Person, a_tool: Callable[..., Tool]) -> None:
    for number in range(50):
        a_tool(f"Tool {number}")

    ana.types("/crew tools")
    ana.sees("and 5 tools more. Find one by a word of its name")
    ana.closes()
    ana.types("/crew tools tool 49")
    ana.sees("Tool 49", without="Tool 48")
    ana.closes()
    ana.types("/crew tools hammer")
    ana.sees("No tool has “hammer” in its name.")


def test_every_change_of_tools_is_in_the_audit_log(crewcall: Crewcall, a_tool: Callable[..., Tool]) -> None:
    tool = a_tool("Pause")
    changed = tool.draft().model_copy(update={"name": "Break"})
    crewcall.tools.change(tool.id, changed, version=tool.version, by=ANA)
    crewcall.tools.remove(tool.id, by=ANA)
    crewcall.tools.allow(["files"], by=ANA)

    entries = AuditLog(crewcall.store, crewcall.admins).page(by=ANA)
    assert [(entry.verb, entry.kind, entry.name) for entry in reversed(entries)] == [
        ("created", "tool", "Pause"),
        ("changed", "tool", "Break"),
        ("deleted", "tool", "Break"),
        ("allowed", "tools", "files"),
    ]
