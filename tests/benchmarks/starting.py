"""How long after the start of its process the bot answers."""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.benchmarks.measure import in_turn, median, ms, ratio, table
from tests.benchmarks.workplace import CREWCALL, place

ROUNDS = 7


def measure(model: Mapping[str, str]) -> None:
    first(model, CREWCALL, "start")  # the disk is warm from here on
    ours, theirs = in_turn(
        ROUNDS,
        lambda: first(model, CREWCALL, "start"),
        lambda: first(model, "tests.benchmarks.bare_bolt", "bolt"),
    )
    rows = [
        (name, ms(median(times)), ms(max(times)), ratio(median(times), median(theirs)))
        for name, times in (("crewcall start", ours), ("bare Bolt", theirs))
    ]
    table("From process start to the first answered command", ("", "median", "longest", "to bare Bolt"), rows)


def first(model: Mapping[str, str], module: str, *words: str) -> float:
    """Seconds until the answer to ``/crew help`` can be read, asked for anew until somebody takes the question."""
    with place(model) as here:
        began = time.perf_counter()
        with here.program(module, *words):
            while not here.ana.types("/crew help")["ok"]:
                time.sleep(0.01)
            here.ana.sees(here.ana.texts)
            return time.perf_counter() - began
