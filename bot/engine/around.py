"""What a flow needs from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.engine.desk import Desk
from bot.engine.memory import Memory
from bot.engine.meter import Meter
from bot.events import RunEvent
from store.definitions import Definition

Emit = Callable[[RunEvent], None]
# Runs a crew: its definition, inputs, and who is told, remembers, asks and measures; the whole text of its last task.
RunCrew = Callable[[Definition, Mapping[str, object], Emit, Memory, Desk, Meter], str]


def _now() -> datetime:
    return datetime.now(UTC)


def _as_it_is(value: dict[str, Any]) -> dict[str, Any]:
    return value


@dataclass(frozen=True)
class Around:
    """Who runs crews, is told, remembers, asks, measures, says that it must stop, and takes secrets out."""

    run_id: int
    run_crew: RunCrew
    emit: Emit
    memory: Memory
    desk: Desk
    stop: threading.Event
    redact: Callable[[dict[str, Any]], dict[str, Any]] = _as_it_is
    now: Callable[[], datetime] = _now
    meter: Meter = field(default_factory=Meter)
