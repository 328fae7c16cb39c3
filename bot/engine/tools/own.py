"""Tools of one's own: every class on an entry point of the group “crewcall.tools”."""

from __future__ import annotations

import inspect
import logging
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from bot.engine.tools.catalogue import Entry

if TYPE_CHECKING:
    from crewai.tools import BaseTool

GROUP = "crewcall.tools"

_log = logging.getLogger(__name__)


def installed() -> dict[str, tuple[Entry, type[BaseTool]]]:
    """The tools by the names of their entry points; one that cannot be loaded is left out, and the log says why."""
    loaded = ((f"own.{point.name}", _loaded(point)) for point in entry_points(group=GROUP))
    return {name: tool for name, tool in loaded if tool}


def _loaded(point: EntryPoint) -> tuple[Entry, type[BaseTool]] | None:
    from crewai.tools import BaseTool

    from bot.engine.tools.introspect import described

    try:
        kind = point.load()
        if inspect.isclass(kind) and issubclass(kind, BaseTool):
            return described(kind, name=f"own.{point.name}"), kind
    except Exception:  # noqa: BLE001 - a module of somebody else's may raise anything
        _log.exception("the tool %s (%s) cannot be loaded", point.name, point.value)
        return None
    _log.error("the tool %s (%s) is no class derived from crewai.tools.BaseTool", point.name, point.value)
    return None
