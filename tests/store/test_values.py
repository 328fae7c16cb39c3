"""What goes in comes out: times, texts in every script, and JSON; and what no database takes is made storable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from store import agents, crews, logs, runs, tasks, tools
from store.database import storable
from store.logs import LogEntry
from store.runs import RunState
from store.tools import ToolDraft
from tests.store.examples import ANA, NORTHWIND, Shelf

TEXTS = [
    "",
    "Line one\n\n\tLine two\r\n",
    "🦜👩‍🔬 naïve café",
    "مرحبا بالعالم",
    "固态电池的市场",
    "{topic} {{braces}} ${money} %s :name 'quoted' \"double\" \\ back",
    "<!channel> & <b>",
]


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=-5)), ZoneInfo("Asia/Kathmandu")], ids=["UTC", "-5", "Kathmandu"]
)
def test_a_moment_comes_back_in_utc_to_the_microsecond(shelf: Shelf, zone: timezone | ZoneInfo) -> None:
    crew = shelf.crew()
    at = datetime(2026, 3, 1, 0, 30, 15, 123456, tzinfo=zone)

    shelf.write(crews.note_run, crew.id, team=NORTHWIND, status="completed", at=at)

    read = shelf.read(crews.get, crew.id, team=NORTHWIND).last_executed
    assert read == at
    assert read is not None
    assert read.tzinfo is UTC or read.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(shelf: Shelf) -> None:
    crew = shelf.crew()

    with pytest.raises(StatementError, match="a time without a zone cannot be stored"):
        shelf.write(crews.note_run, crew.id, team=NORTHWIND, status="completed", at=datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize("text", TEXTS)
def test_texts_come_back_as_they_were(shelf: Shelf, text: str) -> None:
    crew = shelf.crew(description=text)
    agent = shelf.agent(crew, backstory=f".{text}")
    run = shelf.run(crew, {"topic": text, text or "empty": "x"})

    assert shelf.read(crews.get, crew.id, team=NORTHWIND).description == text
    assert shelf.read(agents.get, agent.id, team=NORTHWIND).backstory == f".{text}"
    assert shelf.read(runs.get, run.id, team=NORTHWIND).inputs == {"topic": text, text or "empty": "x"}


def test_a_long_text_comes_back_whole(shelf: Shelf) -> None:
    run = shelf.claimed(shelf.crew())
    whole = "固🦜" * 100_000

    ended = shelf.write(runs.finish, run, RunState.COMPLETED, results=whole)

    assert ended is not None
    assert ended.results == whole


def test_json_comes_back_as_it_was(shelf: Shelf) -> None:
    config = {"whole": 2**53, "part": 0.1, "none": None, "yes": True, "deep": [{"é": [[], {}]}, "🦜"], "": ""}
    tool = shelf.write(tools.add, ToolDraft(name="T", tool_type="x", config=config), team=NORTHWIND, by=ANA)

    assert shelf.read(tools.list_all, team=NORTHWIND) == [tool]
    assert tool.config == config


def test_what_a_model_wrote_is_stored_without_nul_and_half_characters(shelf: Shelf) -> None:
    crew = shelf.crew()
    task = shelf.task(crew)
    run = shelf.write(runs.claim, shelf.run(crew, {"topic": "so\x00lid\ud83d"}).id, owner="here")
    assert run is not None
    said = LogEntry(execution_id=run.id, timestamp=datetime.now(UTC), log_type="TaskFinished", message="a\x00b\udc00")

    ended = shelf.write(runs.finish, run, RunState.COMPLETED, results="Five\x00 links\ud83d\ude00 \udfff.")
    shelf.write(logs.add, [said])
    shelf.write(tasks.note_run, crew.id, {task.name: ("completed", "\x00done")})

    assert ended is not None
    assert ended.results == "Five links😀 \N{REPLACEMENT CHARACTER}."
    assert ended.inputs == {"topic": "solid\N{REPLACEMENT CHARACTER}"}
    assert shelf.read(logs.of_run, run.id)[0].message == "ab\N{REPLACEMENT CHARACTER}"
    assert shelf.read(tasks.get, task.id, team=NORTHWIND).result == "done"


def test_what_a_person_typed_is_stored_without_nul(shelf: Shelf) -> None:
    crew = shelf.crew("Mar\x00ket", description="What\x00 is new")
    agent = shelf.agent(crew, goals=["Fi\x00nd"], role="Re\x00searcher")

    assert shelf.read(crews.get, crew.id, team=NORTHWIND).description == "What is new"
    read = shelf.read(agents.get, agent.id, team=NORTHWIND)
    assert (read.goals, read.role) == (["Find"], "Researcher")
    assert shelf.read(crews.names, team=NORTHWIND) == [(crew.id, "Market")]


@given(st.text(st.characters()))
def test_a_text_that_can_be_stored_is_left_alone(text: str) -> None:
    whole = text.replace("\x00", "").encode("utf-8", "ignore").decode()

    assert storable(whole) == whole
    assert storable(storable(text)) == storable(text)
    storable(text).encode("utf-8")
