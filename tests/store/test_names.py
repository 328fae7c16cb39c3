"""Which names are the same name, and where one may be used only once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.errors import NameTaken
from store import agents, crews, tasks, tools
from store.crews import CrewDraft
from store.names import name_key
from store.tools import ToolDraft
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf, agent_draft, task_draft

SAME = [
    ("Market research", "MARKET RESEARCH"),
    ("Straße", "STRASSE"),
    ("Straße", "strasse"),
    ("Office", "O\N{LATIN SMALL LIGATURE FFI}ce"),
    ("Caf\N{LATIN SMALL LETTER E WITH ACUTE}", "Cafe\N{COMBINING ACUTE ACCENT}"),
    ("Crew 1", "\N{FULLWIDTH LATIN CAPITAL LETTER C}rew \N{FULLWIDTH DIGIT ONE}"),
    ("ΟΔΟΣ", "οδος"),
    (
        "Προ\N{GREEK SMALL LETTER IOTA WITH DIALYTIKA AND TONOS}όν",
        "Προ\N{GREEK SMALL LETTER IOTA WITH DIALYTIKA AND TONOS}όν".upper(),
    ),
    ("  Night \n shift ", "night shift"),
    ("市场\N{IDEOGRAPHIC SPACE}研究", "市场 研究"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_these_are_the_same_name(first: str, second: str) -> None:
    assert name_key(first) == name_key(second)


@pytest.mark.parametrize(
    ("first", "second"), [("Resume", "Résumé"), ("Crew 1", "Crew 2"), ("ana", "anna"), ("市", "巿")]
)
def test_these_are_different_names(first: str, second: str) -> None:
    assert name_key(first) != name_key(second)


@given(st.text())
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(("first", "second"), SAME)
def test_a_workspace_uses_a_name_once_however_it_is_spelled(shelf: Shelf, first: str, second: str) -> None:
    shelf.crew(first)

    with pytest.raises(NameTaken) as refused:
        shelf.crew(second, by=BEN)

    shown = CrewDraft(name=second).name
    assert refused.value.fields == {"name": f"There is already a crew called “{shown}”. Choose another name."}


def test_two_workspaces_may_use_the_same_name(shelf: Shelf) -> None:
    shelf.crew("Support", team=NORTHWIND)
    shelf.crew("Support", team=CONTOSO)

    assert shelf.count("crew_instances") == 2


def test_an_agents_name_is_used_once_in_its_crew_and_freely_in_others(shelf: Shelf) -> None:
    one, other = shelf.crew("One"), shelf.crew("Other")
    shelf.agent(one, "Straße")
    shelf.agent(other, "Straße")

    with pytest.raises(NameTaken, match="already an agent called “STRASSE”"):
        shelf.agent(one, "STRASSE")


def test_a_tasks_name_is_used_once_in_its_crew_and_freely_in_others(shelf: Shelf) -> None:
    one, other = shelf.crew("One"), shelf.crew("Other")
    shelf.task(one, "Find sources")
    shelf.task(other, "Find sources")

    with pytest.raises(NameTaken, match="already a task called “FIND sources”"):
        shelf.task(one, "FIND sources")


def test_a_tools_name_is_used_once_in_its_workspace(shelf: Shelf) -> None:
    search = ToolDraft(name="Search", tool_type="serper")
    shelf.write(tools.add, search, team=NORTHWIND, by=ANA)
    shelf.write(tools.add, search, team=CONTOSO, by=ANA)

    with pytest.raises(NameTaken, match="already a tool called “SEARCH”"):
        shelf.write(tools.add, search.model_copy(update={"name": "SEARCH"}), team=NORTHWIND, by=ANA)


def test_an_edit_cannot_take_anothers_name_but_may_respell_its_own(shelf: Shelf) -> None:
    crew = shelf.crew("Mine")
    shelf.crew("Taken")
    agent, task = shelf.agent(crew, "Ada"), shelf.task(crew, "Read")
    shelf.agent(crew, "Grace")
    shelf.task(crew, "Write")

    with pytest.raises(NameTaken):
        shelf.write(crews.change, crew.id, CrewDraft(name="taken"), team=NORTHWIND, version=1, by=ANA)
    with pytest.raises(NameTaken):
        shelf.write(agents.change, agent.id, agent_draft("GRACE"), team=NORTHWIND, version=1, by=ANA)
    with pytest.raises(NameTaken):
        shelf.write(tasks.change, task.id, task_draft("WRITE"), team=NORTHWIND, version=1, by=ANA)
    renamed = shelf.write(crews.change, crew.id, CrewDraft(name="MINE"), team=NORTHWIND, version=1, by=ANA)

    assert renamed.name == "MINE"


def test_a_name_is_one_line_with_single_spaces() -> None:
    assert CrewDraft(name="  Night \n\t shift\N{NO-BREAK SPACE}").name == "Night shift"


@pytest.mark.parametrize("name", ["", " \n ", "x" * 81])
def test_a_name_is_neither_empty_nor_too_long(name: str) -> None:
    with pytest.raises(ValidationError):
        CrewDraft(name=name)


def test_the_longest_name_is_kept_whole(shelf: Shelf) -> None:
    assert shelf.crew("🦜" * 80).name == "🦜" * 80
