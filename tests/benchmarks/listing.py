"""How soon a page of ``/crew list`` is there among ten thousand crews, with and without words to look for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.crews import ONE
from tests.benchmarks.home import CREWS, PEOPLE, fill
from tests.benchmarks.measure import in_turn, median, ms, p99, ratio, table
from tests.benchmarks.runs import run
from tests.benchmarks.workplace import CREWCALL, Place, place
from tests.local_slack.acting import Person

ROUNDS = 20
# Slack takes about one answer a second to the same person.
REST = 0.5
TYPED = {"all": "", "words in every name": "one by", "words in one name": "by 9876", "words in no name": "marketing"}


def measure(model: Mapping[str, str]) -> None:
    with ExitStack() as open_:
        few, many = (open_.enter_context(place(model)) for _ in range(2))
        fill(many)
        for here in (few, many):
            open_.enter_context(here.program(CREWCALL, "start")).reads()
            run(here, ONE)  # CrewAI has been imported when it ends
        for who, user in PEOPLE.items():
            rows = []
            for what, words in TYPED.items():
                works = [partial(listing, here, user, words) for here in (few, many)]
                in_turn(1, *works)
                usual, taken = in_turn(ROUNDS, *works)
                rows.append((what, ms(median(taken)), ms(p99(taken)), ratio(median(taken), median(usual))))
            table(f"A page of {CREWS:,} crews, {who}", ("", "median", "longest", "to three crews"), rows)


def listing(here: Place, user: str, words: str) -> float:
    """Seconds from the typed command to the page that answers it."""
    time.sleep(REST)
    person = Person(here.slack, user)
    known = len(person.reads())
    began = time.perf_counter()
    assert person.types(f"/crew list {words}".strip())["ok"]
    person.sees(lambda: len(person.reads()) > known)
    return time.perf_counter() - began
