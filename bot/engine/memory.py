"""Finished work: what a run has done already is remembered, and never done again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from bot.engine.meter import Meter
from store import finished, outbox, usage
from store.database import Store
from store.runs import Execution

TASK, STEP = finished.TASK, finished.STEP

# What something came to, as JSON.
Output = dict[str, Any]


class TakenOver(Exception):
    """Another process works on the run now: this one must do, say and write nothing more."""


class Memory(Protocol):
    """What a run has finished; see ``store.finished`` for the keys."""

    def recall(self) -> Mapping[str, Output]: ...

    def keep(self, key: str, output: Output) -> None:
        """Remember what something came to; raise ``TakenOver``."""
        ...


class Forgetful:
    """Remembers for as long as it lives itself: for runs that are on their own, and for tests."""

    def __init__(self, finished: Mapping[str, Output] | None = None) -> None:
        self._kept = dict(finished or {})
        self._lock = threading.Lock()

    def recall(self) -> Mapping[str, Output]:
        with self._lock:
            return dict(self._kept)

    def keep(self, key: str, output: Output) -> None:
        with self._lock:
            self._kept[key] = output


class Within:
    """The part of a memory whose keys begin with ``prefix``: that of a crew which runs as a step of a flow."""

    def __init__(self, memory: Memory, prefix: str) -> None:
        """``prefix`` as in ``step:draft/``."""
        self._memory, self._prefix = memory, prefix

    def recall(self) -> Mapping[str, Output]:
        whole = self._memory.recall().items()
        return {key.removeprefix(self._prefix): output for key, output in whole if key.startswith(self._prefix)}

    def keep(self, key: str, output: Output) -> None:
        self._memory.keep(self._prefix + key, output)


class Stored:
    """The memory of a run in the store, for the process that has claimed it."""

    def __init__(self, store: Store, run: Execution, meter: Meter | None = None) -> None:
        """What the ``meter`` has seen is counted along with what it was used for: no death makes that free."""
        self._store, self._run, self._meter = store, run, meter or Meter()

    def recall(self) -> Mapping[str, Output]:
        with self._store.reading() as session:
            return finished.all_of(session, self._run.id)

    def keep(self, key: str, output: Output) -> None:
        with self._meter.keeping() as used, self._store.transaction() as session:
            usage.add(session, {self._run.id: used})
            kept = finished.keep(session, self._run, key, output)
            if kept and (name := output.get("file")):
                outbox.want(session, self._run.id, [outbox.FILE + key], {"work": _in_words(key), "name": name})
        if not kept:
            raise TakenOver


def _in_words(key: str) -> str:
    """What finished work is called: ``Write``, or in a flow ``Write (draft)``, ``Write (each[2])``."""
    steps, _, task = f"/{key}".partition(f"/{TASK}")
    return f"{task} ({steps[1:].replace(STEP, '')})" if steps else task
