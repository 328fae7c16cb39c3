"""How much longer a run takes through the bot than a bare ``kickoff()``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from bot.local_slack import LocalSlack
from store import run_lists
from store.database import Store
from tests.benchmarks.crews import ONE, THREE, Size
from tests.benchmarks.measure import in_turn, median, ms, ratio, table
from tests.benchmarks.workplace import CREWCALL, TEAM, Place, Program, place
from tests.local_slack.acting import Json

ROUNDS = 5
# People do not start runs every second; Slack allows 50 edits a minute, and what one run used must come back.
REST = 6.0


def measure(model: Mapping[str, str]) -> None:
    with (
        place(model, rate_limits=True) as here,
        here.program(CREWCALL, "start") as bot,
        here.program("tests.benchmarks.bare_crew") as bare,
    ):
        bot.reads()
        bare.reads()
        run(here, ONE)
        rows = [row for size in (ONE, THREE) for row in _rows(here, bare, size)]
    head = ("crew", "way", "median", "longest", "to bare", "above bare", "aim")
    table("Wall time of a run, model of 200 ms", head, rows)


def _rows(here: Place, bare: Program, size: Size) -> list[tuple[str, ...]]:
    inside: list[float] = []

    def ours() -> float:
        time.sleep(REST)
        taken, stored = run(here, size)
        inside.append(stored)
        return taken

    def kickoff() -> float:
        bare.says(json.dumps(size))
        return float(bare.reads())

    theirs, whole = in_turn(ROUNDS, kickoff, ours)
    base = median(theirs)
    aim = f"< {ms(base * 0.1 + 0.15)}"
    return [
        (size.name, "bare kickoff()", ms(base), ms(max(theirs)), "", "", ""),
        *(
            (size.name, way, ms(median(t)), ms(max(t)), ratio(median(t), base), ms(median(t) - base), aim)
            for way, t in (("queued to completed, in the store", inside), ("command to the last edit, in Slack", whole))
        ),
    ]


def run(here: Place, size: Size) -> tuple[float, float]:
    """Seconds from typing the command to the parent's last edit, and from queued to completed in the store."""
    began = time.monotonic()
    here.ana.types(f"/crew run {size.name}")
    done = here.ana.sees(lambda: _done(here.slack, began))
    store = Store(f"sqlite:///{here.data_dir / 'crewcall.db'}")
    with store.reading() as session:
        [last] = run_lists.latest(session, team=TEAM, limit=1)
    store.close()
    assert last.ended_at
    return done["at"] - began, (last.ended_at - last.created_at).total_seconds()


def _done(slack: LocalSlack, began: float) -> Json | None:
    """The edit that says in the channel that the run is done."""
    edits = (call for call in slack.calls("chat.update") if call["at"] > began)
    return next((edit for edit in edits if _is_parent(slack, edit) and ": Done" in edit["args"]["text"]), None)


def _is_parent(slack: LocalSlack, edit: Json) -> bool:
    posts = slack.calls("chat.postMessage")
    return any(post["response"]["ts"] == edit["args"]["ts"] and not post["args"].get("thread_ts") for post in posts)
