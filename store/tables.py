"""Every table, so that migrations and checks see them all."""

from __future__ import annotations

from store.agents import AgentRow
from store.crews import CrewInstanceRow
from store.runs import ExecutionLogRow, ExecutionRow
from store.tasks import TaskDependencyRow, TaskRow
from store.tools import AgentToolRow, ToolRow

ALL = (
    CrewInstanceRow,
    AgentRow,
    TaskRow,
    TaskDependencyRow,
    ToolRow,
    AgentToolRow,
    ExecutionRow,
    ExecutionLogRow,
)
