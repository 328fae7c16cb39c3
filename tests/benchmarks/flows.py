"""How much longer ten trivial steps take as a stored flow than as a flow written in plain CrewAI."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import in_turn, median, ms, ratio, table

ROUNDS = 30
STEPS = 10


def measure(_model: Mapping[str, str]) -> None:
    """Measure in a process of its own, in which nothing else goes on."""
    subprocess.run([sys.executable, "-m", "tests.benchmarks.flows"], check=True)


def main() -> None:
    from bot.engine.hardening import harden, tame

    with tempfile.TemporaryDirectory() as folder:
        harden(Path(folder))
        tame()
        plain, memory, stored = _plain(), _stored(folder, kept=False), _stored(folder, kept=True)
        for work in (plain, memory, stored):
            work()
        times = in_turn(ROUNDS, *(_timed(work) for work in (plain, memory, stored)))
    base = median(times[0])
    ways = ("plain CrewAI", "stored steps, memory of the process", "stored steps, memory in SQLite")
    rows = [
        (way, ms(median(taken)), ms(max(taken)), ratio(median(taken), base))
        for way, taken in zip(ways, times, strict=True)
    ]
    table(f"A flow of {STEPS} steps that each add one", ("way", "median", "longest", "to plain"), rows)


def _timed(work: Callable[[], Any]) -> Callable[[], float]:
    def timed() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return timed


def _plain() -> Callable[[], Any]:
    """The flow as CrewAI's pages write one: a class with a start and listeners."""
    from crewai.flow.flow import Flow, listen, start

    def adds(self: Any) -> int:
        self.state["n"] += 1
        return int(self.state["n"])

    def named(number: int) -> Any:
        def step(self: Any) -> int:
            return adds(self)

        step.__name__ = f"step_{number}"
        return step

    steps: dict[str, Any] = {"step_0": start()(named(0))}
    steps |= {f"step_{number}": listen(f"step_{number - 1}")(named(number)) for number in range(1, STEPS)}
    # Without it CrewAI would build a memory of its own for every flow, which is slower than all steps together.
    kind = type("Plain", (Flow,), {**steps, "_skip_auto_memory": True, "__annotations__": {"_skip_auto_memory": bool}})

    def run() -> None:
        flow = kind(suppress_flow_events=True)
        assert flow.kickoff(inputs={"n": 0}) == STEPS

    return run


def _stored(folder: str, *, kept: bool) -> Callable[[], Any]:
    """The same as rows, with what is finished kept in the process or in a database."""
    from bot.engine.llms import Models
    from bot.engine.memory import Forgetful, Stored
    from bot.engine.run import execute
    from store import crews, runs
    from store.crews import CrewDraft
    from store.database import Store
    from tests.support.flows import flow, state, step

    definition = flow(
        *(
            step(f"s{number}", "set", *([f"s{number - 1}"] if number else []), value="state.n + 1", result="n")
            for number in range(STEPS)
        ),
        state=state(n={"type": "integer", "default": 0}),
    )
    models = Models("openai/none", Path(folder))
    store = Store(f"sqlite:///{folder}/crewcall.db")
    store.upgrade()
    with store.transaction() as session:
        crew = crews.add(session, CrewDraft(name=f"Ten {kept}", is_flow=True), team="T", by="U")

    def memory() -> Any:
        if not kept:
            return Forgetful()
        with store.transaction() as session:
            run = runs.add(session, crew, definition, {}, version=1, by="U", channel="C")
            claimed = runs.claim(session, run.id, owner="bench")
        assert claimed
        return Stored(store, claimed)

    def run() -> None:
        stop = threading.Event()
        done = execute(definition, {}, run_id=1, models=models, emit=[].append, stop=stop, memory=memory())
        assert done == str(STEPS)

    return run


if __name__ == "__main__":
    main()
