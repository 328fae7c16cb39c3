"""How much memory the bot holds before CrewAI is imported, and after its first run."""

from __future__ import annotations

from collections.abc import Mapping

from tests.benchmarks.acks import form_ack, help_ack
from tests.benchmarks.crews import ONE, THREE
from tests.benchmarks.measure import table
from tests.benchmarks.runs import run
from tests.benchmarks.workplace import place


def measure(model: Mapping[str, str]) -> None:
    rows = []
    with place(model) as here, here.program("tests.benchmarks.held_bot") as bot:
        bot.reads()
        rows.append(("connected", bot.megabytes))
        for ack in (help_ack, form_ack):
            ack(here)
        rows.append(("answered a command and a form; CrewAI not imported", bot.megabytes))
        bot.says("go on")
        run(here, ONE)
        rows.append(("after the first run", bot.megabytes))
        for _ in range(3):
            run(here, THREE)
        rows.append(("after three more", bot.megabytes))
        with place(model) as there, there.program("tests.benchmarks.bare_crew") as bare:
            bare.reads()
            rows.append(("bare CrewAI after one kickoff()", bare.megabytes))
    table("Memory (RSS)", ("", "MB"), [(when, f"{megabytes:.0f}") for when, megabytes in rows])
