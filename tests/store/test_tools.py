"""Tools on their shelf, and which agent has which."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store import agents, crews, tools
from store.tools import Tool, ToolDraft
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf


def a_tool(shelf: Shelf, name: str, *, team: str = NORTHWIND) -> Tool:
    draft = ToolDraft(name=name, description="Looks things up", tool_type="serper", config={"hits": 5, "safe": True})
    return shelf.write(tools.add, draft, team=team, by=ANA)


def names_of(shelf: Shelf, agent_id: int, *, team: str = NORTHWIND) -> list[str]:
    return [tool.name for tool in shelf.read(tools.of_agents, [agent_id], team=team)[agent_id]]


def test_tools_are_listed_by_name_ignoring_case(shelf: Shelf) -> None:
    for name in ("web", "Archive", "Mail"):
        a_tool(shelf, name)
    a_tool(shelf, "Theirs", team=CONTOSO)

    found = shelf.read(tools.list_all, team=NORTHWIND)

    assert [tool.name for tool in found] == ["Archive", "Mail", "web"]
    assert found[0].config == {"hits": 5, "safe": True}


def test_an_agent_has_exactly_the_tools_it_was_given_each_once(shelf: Shelf) -> None:
    web, mail, old = (a_tool(shelf, name) for name in ("Web", "Mail", "Old"))
    crew = shelf.crew()
    ada, zoe = shelf.agent(crew, "Ada"), shelf.agent(crew, "Zoe")
    shelf.write(tools.give, ada.id, [old.id], team=NORTHWIND)
    shelf.write(tools.give, ada.id, [web.id, mail.id, web.id], team=NORTHWIND)

    assert shelf.read(tools.of_agents, [ada.id, zoe.id], team=NORTHWIND) == {ada.id: [mail, web], zoe.id: []}
    assert shelf.count("agent_tools") == 2


def test_the_database_itself_refuses_a_tool_given_twice(shelf: Shelf) -> None:
    agent, tool = shelf.agent(shelf.crew()), a_tool(shelf, "Web")
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)

    with pytest.raises(IntegrityError):
        shelf.sql("INSERT INTO agent_tools (agent_id, tool_id) VALUES (:a, :t)", a=agent.id, t=tool.id)


def test_a_tool_that_is_gone_cannot_be_given_and_nothing_changes(shelf: Shelf) -> None:
    agent, tool = shelf.agent(shelf.crew()), a_tool(shelf, "Web")
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)

    with pytest.raises(Gone, match="That tool"):
        shelf.write(tools.give, agent.id, [tool.id + 1], team=NORTHWIND)

    assert names_of(shelf, agent.id) == ["Web"]


def test_removing_a_tool_takes_it_from_its_agents(shelf: Shelf) -> None:
    agent, tool = shelf.agent(shelf.crew()), a_tool(shelf, "Web")
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)

    assert shelf.write(tools.remove, tool.id, team=NORTHWIND) == tool
    assert names_of(shelf, agent.id) == []
    with pytest.raises(Gone):
        shelf.write(tools.remove, tool.id, team=NORTHWIND)


@pytest.mark.parametrize("removed", ["agent", "crew"])
def test_a_tool_outlives_the_agents_that_had_it(shelf: Shelf, removed: str) -> None:
    crew = shelf.crew()
    agent, tool = shelf.agent(crew), a_tool(shelf, "Web")
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)

    if removed == "agent":
        shelf.write(agents.remove, agent.id, team=NORTHWIND)
    else:
        shelf.write(crews.remove, crew.id, team=NORTHWIND)

    assert shelf.count("agent_tools") == 0
    assert shelf.read(tools.list_all, team=NORTHWIND) == [tool]


def test_another_workspace_sees_gives_and_removes_nothing(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent, tool = shelf.agent(crew), a_tool(shelf, "Web")
    shelf.write(tools.give, agent.id, [tool.id], team=NORTHWIND)
    theirs = shelf.agent(shelf.crew(team=CONTOSO))

    with pytest.raises(Gone, match="That agent"):
        shelf.write(tools.give, agent.id, [], team=CONTOSO)
    with pytest.raises(Gone, match="That tool"):
        shelf.write(tools.give, theirs.id, [tool.id], team=CONTOSO)
    with pytest.raises(Gone, match="That tool"):
        shelf.write(tools.remove, tool.id, team=CONTOSO)

    assert shelf.read(tools.list_all, team=CONTOSO) == []
    assert names_of(shelf, agent.id, team=CONTOSO) == []
    assert names_of(shelf, agent.id) == ["Web"]


def test_an_edit_is_saved_unless_somebody_else_saved_first(shelf: Shelf) -> None:
    tool = a_tool(shelf, "Web")
    draft = tool.draft().model_copy(update={"name": "Web search", "config": {"hits": 9}})

    saved = shelf.write(tools.change, tool.id, draft, team=NORTHWIND, version=tool.version, by=BEN)

    assert (saved.name, saved.config, saved.changed_by, saved.version) == ("Web search", {"hits": 9}, BEN, 2)
    assert shelf.read(tools.get, tool.id, team=NORTHWIND) == saved
    with pytest.raises(EditedMeanwhile, match=f"<@{BEN}> changed this tool"):
        shelf.write(tools.change, tool.id, tool.draft(), team=NORTHWIND, version=tool.version, by=ANA)


def test_a_tool_cannot_take_another_tool_s_name(shelf: Shelf) -> None:
    a_tool(shelf, "Mail")
    tool = a_tool(shelf, "Web")

    draft = tool.draft().model_copy(update={"name": "MAIL"})

    with pytest.raises(NameTaken, match="a tool called “MAIL”"):
        shelf.write(tools.change, tool.id, draft, team=NORTHWIND, version=tool.version, by=ANA)


def test_other_teams_can_neither_read_nor_change_a_tool(shelf: Shelf) -> None:
    tool = a_tool(shelf, "Web")

    with pytest.raises(Gone):
        shelf.read(tools.get, tool.id, team=CONTOSO)
    with pytest.raises(Gone):
        shelf.write(tools.change, tool.id, tool.draft(), team=CONTOSO, version=tool.version, by=ANA)
    with pytest.raises(Gone):
        shelf.write(tools.remove, tool.id, team=CONTOSO)
    assert shelf.read(tools.holders, team=CONTOSO) == {}


def test_who_has_a_tool_is_known_with_the_crew(shelf: Shelf) -> None:
    web, unused = a_tool(shelf, "Web"), a_tool(shelf, "Unused")
    crew = shelf.crew()
    ada, zoe = shelf.agent(crew, "Ada"), shelf.agent(crew, "Zoe")
    for agent in (zoe, ada):
        shelf.write(tools.give, agent.id, [web.id], team=NORTHWIND)

    held = shelf.read(tools.holders, team=NORTHWIND)

    assert held == {web.id: [(ada, crew.name), (zoe, crew.name)]}
    assert unused.id not in held
