"""How soon Slack has its ack: of ``/crew help`` and of a form, idle and with twenty runs going."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import count

from store import run_lists
from store.database import Store
from tests.benchmarks.crews import LONG, ONE
from tests.benchmarks.measure import in_turn, median, ms, p99, ratio, table
from tests.benchmarks.runs import run
from tests.benchmarks.workplace import CREWCALL, TEAM, Place, place
from tests.local_slack.acting import GENERAL, RESEARCH, Json

ROUNDS = 100
RUNS = 20
# Slack takes one message a second in a channel, so the runs are spread over those that the bot is in.
CHANNELS = (GENERAL, RESEARCH, "D0ANA000001")
HEAD = ("", "median", "p99", "to bare Bolt", "to bare, our door")

_numbers = count()


def measure(model: Mapping[str, str]) -> None:
    with ExitStack() as open_:
        ours, bolt, door = (open_.enter_context(place(model)) for _ in range(3))
        open_.enter_context(ours.program(CREWCALL, "start")).reads()
        open_.enter_context(bolt.program("tests.benchmarks.bare_bolt", "bolt")).reads()
        open_.enter_context(door.program("tests.benchmarks.bare_bolt", "ours")).reads()
        run(ours, ONE)  # CrewAI has been imported when it ends
        for what, ack in ACKS.items():
            for here in (ours, bolt, door):
                ack(here)
            times = in_turn(ROUNDS, *(partial(ack, here) for here in (ours, bolt, door)))
            table(f"Ack of {what}, idle", HEAD, _rows(*times))
        _twenty_runs(ours)
        table(
            f"Ack with {RUNS} runs going",
            ("", "median", "p99", "runs still going"),
            [_busy(ours, what) for what in ACKS],
        )


def _busy(here: Place, what: str) -> tuple[str, ...]:
    [times] = in_turn(ROUNDS, partial(ACKS[what], here))
    return what, ms(median(times)), ms(p99(times)), str(_going(here))


def help_ack(here: Place) -> float:
    """Seconds that Slack's request takes to be acked."""
    began = time.perf_counter()
    assert here.ana.types("/crew help")["ok"]
    return time.perf_counter() - began


def form_ack(here: Place) -> float:
    """Seconds from submitting the form to what it turns into."""
    assert here.ana.types("/crew create")["ok"]
    [view] = here.ana.sees(lambda: here.ana.modals)
    inputs = [block for block in view["blocks"] if block["type"] == "input"]
    values = {block["block_id"]: {block["element"]["action_id"]: _filled(block["element"])} for block in inputs}
    began = time.perf_counter()
    told = here.ana.does("submit", view_id=view["id"], values=values)
    taken = time.perf_counter() - began
    assert told["ok"], told
    here.ana.closes(all=True)
    return taken


ACKS: Mapping[str, Callable[[Place], float]] = {"/crew help": help_ack, "a form (New crew)": form_ack}


def _filled(element: Json) -> Json:
    if "initial_option" in element:
        return {"selected_option": element["initial_option"]}
    return {"value": f"Crew {next(_numbers)}"}


def _rows(ours: list[float], bolt: list[float], door: list[float]) -> list[tuple[str, ...]]:
    base, same = median(bolt), median(door)
    return [
        (name, ms(median(times)), ms(p99(times)), ratio(median(times), base), ratio(median(times), same))
        for name, times in (("Crewcall", ours), ("bare Bolt", bolt), ("bare Bolt, our door", door))
    ]


def _twenty_runs(here: Place) -> None:
    for number in range(RUNS):
        assert here.ana.types(f"/crew run {LONG.name}", channel=CHANNELS[number % len(CHANNELS)])["ok"]
    end = time.monotonic() + 60
    while _going(here) < RUNS:
        assert time.monotonic() < end, f"only {_going(here)} runs are going"
        time.sleep(0.1)


def _going(here: Place) -> int:
    store = Store(f"sqlite:///{here.data_dir / 'crewcall.db'}")
    with store.reading() as session:
        going = [one for one in run_lists.latest(session, team=TEAM, limit=RUNS) if one.status == "running"]
    store.close()
    return len(going)
