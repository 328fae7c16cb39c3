"""Every table, so that migrations and checks see them all."""

from __future__ import annotations

from store.agents import AgentRow
from store.audit import AuditEntryRow
from store.connections import ConnectionRow
from store.crews import CrewInstanceRow
from store.finished import FinishedWorkRow
from store.limits import AllowanceRow, CrewLimitsRow, LimitPauseRow
from store.line import TurnRow
from store.logs import ExecutionLogRow
from store.memories import MemoryRow
from store.outbox import OutboxRow
from store.reviews import ReviewRow
from store.run_files import RunFileRow
from store.runs import ExecutionRow
from store.schedules import ScheduleRow
from store.secrets import SecretCanaryRow
from store.shares import ShareRow
from store.steps import FlowStepRow
from store.tasks import TaskDependencyRow, TaskRow
from store.templates import TemplateRow
from store.tools import AgentToolRow, ToolRow
from store.usage import UsageRow
from store.versions import CrewVersionRow
from store.workflow_steps import WorkflowStepRow
from store.workspace_settings import WorkspaceSettingsRow

ALL = (
    CrewInstanceRow,
    AgentRow,
    TaskRow,
    TaskDependencyRow,
    FlowStepRow,
    ToolRow,
    AgentToolRow,
    ExecutionRow,
    ExecutionLogRow,
    FinishedWorkRow,
    ReviewRow,
    OutboxRow,
    CrewVersionRow,
    ShareRow,
    MemoryRow,
    AuditEntryRow,
    WorkspaceSettingsRow,
    ConnectionRow,
    SecretCanaryRow,
    ScheduleRow,
    RunFileRow,
    WorkflowStepRow,
    UsageRow,
    CrewLimitsRow,
    AllowanceRow,
    LimitPauseRow,
    TurnRow,
    TemplateRow,
)
