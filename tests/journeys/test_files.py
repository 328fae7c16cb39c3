"""Files given to runs: what agents read of them, what is refused, and that they go again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import Crewcall
from bot.services.files import KEPT
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel
from tests.test_documents import letter, pdf, picture, workbook

pytestmark = pytest.mark.usefixtures("crewcall")

READ, LOOK = "read_the_runs_files", "look_at_a_picture"


def asks_for_a_run(person: Person) -> None:
    person.types("/crew run Market research")


def test_files_in_the_form_can_be_read_by_agents(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").calls_tool(READ, {"file": "tides.xlsx", "from_character": 0})
    llm.when("Granville | 13").calls_tool(READ, {"file": "2", "from_character": 0})
    llm.when("High tide at noon").says("13 metres at noon.")

    asks_for_a_run(ana)
    ana.sees("At most 5 files of up to 10 MB each")
    ana.fills("topic", "tides")
    ana.gives("Files", ("tides.xlsx", workbook(["Granville", 13])), ("notes.pdf", pdf("High tide at noon")))
    ana.submits()

    ana.reads_thread(of="Started by", until="13 metres at noon.")
    told = llm.requests[0].body["tools"][0]["function"]["description"]
    assert ("1. tides.xlsx: table" in told, "2. notes.pdf: document" in told) == (True, True)


def test_the_text_of_files_can_be_an_input(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research Ebb and flow").says("They rise.")

    asks_for_a_run(ana)
    ana.gives("Files", ("tides.docx", letter("Ebb and flow")))
    ana.chooses("The files’ text goes into", "topic")
    ana.submits()

    ana.sees("topic: Ebb and flow")
    ana.reads_thread(of="Started by", until="They rise.")


def test_files_come_with_a_mention(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Brest | 7").says("Seven metres.")

    ana.attaches("tides.csv", "place;height\nBrest;7\n")
    ana.types("@Crew run market research")

    ana.reads_thread(of="Started by", until="Seven metres.")


def test_files_of_a_message_come_with_a_shortcut(ana: Person, ben: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research Ebb and flow").says("They rise.")
    ben.attaches("notes.txt", "Ebb and flow")
    ben.types("")

    ana.uses_on("notes.txt", "Run a crew on this message")
    ana.sees("It runs on this message’s files (1)")
    ana.picks_found("Which crew is to run?", "", "Market research")
    assert ana.field("The files’ text goes into") == "topic"
    ana.submits()

    ana.reads_thread(of="notes.txt", until="They rise.")


def test_a_model_that_cannot_see_says_so(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").calls_tool(LOOK, {"file": "coast.png", "question": "What is there?"})
    llm.when("The model of this agent cannot see pictures").says("I could not look at it.")

    asks_for_a_run(ana)
    ana.fills("topic", "tides")
    ana.gives("Files", ("coast.png", picture()))
    ana.submits()

    ana.reads_thread(of="Started by", until="I could not look at it.")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("program.txt", b"MZ\x00\x01", "“program.txt” is of a kind that I can’t read."),
        ("broken.pdf", b"%PDF-1.4", "“broken.pdf” can’t be read: it is damaged."),
        ("empty.txt", b" ", "“empty.txt” has no text in it."),
    ],
)
def test_a_file_that_cannot_be_read_starts_nothing(
    ana: Person, a_crew: object, name: str, content: bytes, sentence: str
) -> None:
    ana.attaches(name, content)
    ana.types("@Crew run market research")

    ana.sees(sentence)
    assert not any("Started by" in said for said in ana.reads())


def test_too_big_a_file_is_refused_before_it_is_fetched(ana: Person, a_crew: object) -> None:
    ana.attaches("big.txt", b"x" * 10_000_001)
    ana.types("@Crew run market research about tides")

    ana.sees("“big.txt” is too big: it has 11 MB, and I take files of up to 10 MB.")


def test_a_run_again_has_its_files_again(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of()
    llm.when("Research tides.").calls_tool(READ, {"file": "1", "from_character": 0})
    llm.when("Ebb and flow").says("They rise.")
    asks_for_a_run(ana)
    ana.fills("topic", "tides")
    ana.gives("Files", ("notes.txt", "Ebb and flow"))
    ana.submits()
    ana.reads_thread(of="Started by", until="They rise.")

    ana.opens_thread(of="Started by")
    ana.presses("Run again")
    ana.closes_thread()

    llm.heard("Ebb and flow", times=2)
    ana.reads_thread(of="Started by", until="They rise.")
    first, second = [one for one in ana.messages() if "Market research" in one["text"]]
    assert first["ts"] != second["ts"]


def test_files_go_when_nobody_needs_them_any_more(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_crew: object, tmp_path: Path
) -> None:
    llm.when("Research Ebb and flow").says("They rise.")
    ana.attaches("../../notes.txt", "Ebb and flow")
    ana.types("@Crew run market research")
    ana.reads_thread(of="Started by", until="They rise.")
    kept = tmp_path / "run-files" / "1"
    assert [path.name for path in kept.iterdir()] == ["1"]

    assert crewcall.shelf.sweep(crewcall.store) == 0
    assert crewcall.shelf.sweep(crewcall.store, now=datetime.now(UTC) + KEPT + timedelta(days=1)) == 1
    assert not kept.exists()
