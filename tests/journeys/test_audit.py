"""The audit log: every change and run leaves a line that administrators read and export."""

from __future__ import annotations

import csv
import io

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")


def test_ana_reads_who_did_what(ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    ben.types("/crew edit market")
    ben.presses("Edit")
    ben.fills("Description", "Better")
    ben.submits()
    ben.sees("Saved.")
    ben.closes()
    ben.types("/crew run market topic=tides")
    ben.reads_thread(of="Market research", until="Run again")
    ana.types("/crew delete market")
    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("Market research is deleted.")

    ana.types("/crew audit")

    said = ana.sees("Audit log", "@Ana Ferreira deleted crew Market research")
    lines = [
        "@Ana Ferreira deleted crew Market research",
        "@Ben Okafor started run Market research",
        "@Ben Okafor changed crew Market research",
        "@Ana Ferreira shared crew Market research",
        "@Ana Ferreira created crew Market research",
    ]
    places = [said.index(line) for line in lines]
    assert places == sorted(places)
    assert "Crew: description changed from “Finds things out.” to “Better”." in said
    assert "everybody (may edit)" in said


def test_others_are_refused_and_do_not_hear_of_it_in_help(ana: Person, ben: Person) -> None:
    ben.types("/crew audit")
    ben.sees("Only administrators of this workspace may read the audit log. Ask Ana Ferreira.")
    ben.types("/crew help")
    assert "/crew audit" not in ben.sees("/crew list")
    ana.types("/crew help")
    ana.sees("/crew audit")


def test_the_log_is_turned_page_by_page(ana: Person, crew_of: CrewMaker) -> None:
    for number in range(1, 13):
        crew_of.empty(f"Crew {number:02}")

    ana.types("/crew audit")
    ana.sees("shared crew Crew 12", "created crew Crew 12", without="Crew 01")
    ana.presses("Older")
    assert "Older" not in ana.sees("created crew Crew 01").splitlines()


def test_the_whole_log_comes_as_a_file_that_no_spreadsheet_computes(ana: Person, crew_of: CrewMaker) -> None:
    for sign in "=+-@":
        crew_of.empty(f"{sign}cmd|' /C calc'!A0")
    ana.types("/crew audit")
    ana.presses("Export")
    ana.sees("The whole log is on its way to you")
    ana.closes()

    ana.goes_to("Crew")
    ana.sees("audit-log.csv")
    rows = list(csv.DictReader(io.StringIO(ana.downloads("audit-log.csv"))))
    assert len(rows) == 9
    assert (rows[0]["action"], rows[0]["kind"], rows[0]["person"]) == ("exported", "audit log", ana.id)
    assert {row["name"][:2] for row in rows[1:]} == {"'=", "'+", "'-", "'@"}
