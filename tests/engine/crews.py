"""Crews and runs for the engine's tests, in few words."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bot.engine.desk import Desk
from bot.engine.llms import Models
from bot.engine.memory import Memory
from bot.engine.run import execute
from bot.engine.tools.toolbox import Kit
from bot.events import RunEvent
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan

PATIENCE = 20.0
# What is in every event alike: of no interest to a test of one crew.
_UNSAID = ("run_id", "at", "fence", "step")


def agent(name: str, **facts: Any) -> AgentPlan:
    """Someone whose role is the name, unless told otherwise."""
    return AgentPlan(**{"name": name, "role": name, "goals": ["Do it well"], "backstory": "Long in the job.", **facts})


def task(name: str, description: str, by: str | None, *, uses: list[str] | None = None, **facts: Any) -> TaskPlan:
    """A task for the agent ``by`` that is given the results of ``uses``."""
    facts = {"expected_output": "Some text.", **facts}
    return TaskPlan(name=name, description=description, agent=by, context=uses or [], **facts)


def crew(agents: list[AgentPlan], tasks: list[TaskPlan], *, process: Process = Process.SEQUENTIAL) -> Definition:
    """A crew called Market research."""
    return Definition(name="Market research", process=process, agents=agents, tasks=tasks)


def one_task(description: str = "Find sources.", **facts: Any) -> Definition:
    """A crew of one: Ann finds sources."""
    return crew([agent("Ann")], [task("Find", description, "Ann", **facts)])


class Run:
    """A run on a thread of its own."""

    def __init__(
        self,
        definition: Definition,
        models: Models,
        inputs: Mapping[str, object] | None = None,
        *,
        run_id: int = 1,
        stopped: bool = False,
        kit: Kit | None = None,
        memory: Memory | None = None,
        desk: Desk | None = None,
    ) -> None:
        self.events: list[RunEvent] = []
        self.stop = threading.Event()
        if stopped:
            self.stop.set()
        self._thread = ThreadPoolExecutor(1)
        self._outcome = self._thread.submit(
            execute,
            definition,
            inputs or {},
            run_id=run_id,
            models=models,
            emit=self.events.append,
            stop=self.stop,
            kit=kit,
            memory=memory,
            desk=desk,
        )

    def result(self) -> str:
        """The run's text, or its exception."""
        try:
            return self._outcome.result(PATIENCE)
        finally:
            self._thread.shutdown()

    def error(self) -> BaseException:
        """What it ended with; a run that succeeded fails the test."""
        error = self._outcome.exception(PATIENCE)
        self._thread.shutdown()
        assert error is not None, "The run succeeded."
        return error

    def told(self) -> list[tuple[object, ...]]:
        """The events as tuples of their kind and what they say, without the time."""
        return [
            (type(event).__name__, *(value for key, value in vars(event).items() if key not in _UNSAID))
            for event in self.events
        ]
