"""Tools, and which agent has which."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store import agents
from store.agents import Agent, AgentRow
from store.crews import CrewInstanceRow
from store.database import Base, Draft, Record, translated
from store.names import Name, name_key


class ToolDraft(Draft):
    """What a person decides about a tool."""

    name: Name = Field(title="Name")
    description: str = Field("", title="Description", max_length=3000)
    tool_type: str = Field(title="Kind", min_length=1, max_length=200)
    config: dict[str, Any] = Field(default={}, title="Settings")


class Tool(Record):
    """A tool as stored; ``tool_type`` is the class's name in the catalogue."""

    id: int
    name: str
    description: str
    tool_type: str
    config: dict[str, Any]
    changed_by: str
    version: int

    def draft(self) -> ToolDraft:
        """What an edit starts from."""
        return ToolDraft(name=self.name, description=self.description, tool_type=self.tool_type, config=self.config)


class ToolRow(Base):
    """One row for each configured tool of a workspace."""

    __tablename__ = "tools"
    __table_args__ = (UniqueConstraint("team", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    description: Mapped[str]
    tool_type: Mapped[str]
    config: Mapped[dict[str, Any]]
    changed_by: Mapped[str]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}


class AgentToolRow(Base):
    """An agent has a tool, at most once."""

    __tablename__ = "agent_tools"
    __table_args__ = (Index(None, "tool_id"),)

    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    tool_id: Mapped[int] = mapped_column(ForeignKey("tools.id", ondelete="CASCADE"), primary_key=True)


def add(session: Session, draft: ToolDraft, *, team: str, by: str) -> Tool:
    """Add a tool; raise ``NameTaken`` if the workspace already uses the name."""
    now = datetime.now(UTC)
    row = ToolRow(
        **draft.model_dump(),
        name_key=name_key(draft.name),
        team=team,
        changed_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    with translated({"uq_tools_team_name_key": NameTaken(kind="a tool", name=draft.name)}):
        session.flush()
    return Tool.model_validate(row)


def get(session: Session, tool_id: int, *, team: str) -> Tool:
    """The tool; raise ``Gone`` if the workspace has none with this id (any more)."""
    return Tool.model_validate(_row(session, tool_id, team))


def change(session: Session, tool_id: int, draft: ToolDraft, *, team: str, version: int, by: str) -> Tool:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``."""
    row = _row(session, tool_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="tool", who=row.changed_by, version=row.version)
    for field, value in draft.model_dump().items():
        setattr(row, field, value)
    row.name_key, row.changed_by, row.updated_at = name_key(draft.name), by, datetime.now(UTC)
    with translated({"uq_tools_team_name_key": NameTaken(kind="a tool", name=draft.name)}):
        session.flush()
    return Tool.model_validate(row)


def list_all(session: Session, *, team: str) -> list[Tool]:
    """The workspace's tools by name."""
    rows = session.scalars(select(ToolRow).where(ToolRow.team == team).order_by(ToolRow.name_key))
    return [Tool.model_validate(row) for row in rows]


def of_agents(session: Session, agent_ids: list[int], *, team: str) -> dict[int, list[Tool]]:
    """The tools of each of these agents, by agent id."""
    found: dict[int, list[Tool]] = {agent_id: [] for agent_id in agent_ids}
    wanted = select(AgentToolRow.agent_id, ToolRow).join(ToolRow, ToolRow.id == AgentToolRow.tool_id)
    wanted = wanted.where(AgentToolRow.agent_id.in_(agent_ids), ToolRow.team == team)
    for agent_id, row in session.execute(wanted.order_by(ToolRow.name_key)):
        found[agent_id].append(Tool.model_validate(row))
    return found


def holders(session: Session, *, team: str) -> dict[int, list[tuple[Agent, str]]]:
    """Who has each tool, by its id: the agents, each with its crew's name, in order of the crews."""
    found: dict[int, list[tuple[Agent, str]]] = {}
    wanted = select(ToolRow.id, AgentRow, CrewInstanceRow.name).join(AgentToolRow, AgentToolRow.tool_id == ToolRow.id)
    wanted = wanted.join(AgentRow, AgentRow.id == AgentToolRow.agent_id)
    wanted = wanted.join(CrewInstanceRow, CrewInstanceRow.id == AgentRow.crew_id).where(ToolRow.team == team)
    for tool_id, row, crew in session.execute(wanted.order_by(CrewInstanceRow.name_key, AgentRow.position)):
        found.setdefault(tool_id, []).append((Agent.model_validate(row), crew))
    return found


def give(session: Session, agent_id: int, tool_ids: list[int], *, team: str) -> None:
    """Let the agent have exactly these tools; raise ``Gone`` for an agent or tool that the workspace does not have."""
    agents.get(session, agent_id, team=team)
    wanted = set(tool_ids)
    known = set(session.scalars(select(ToolRow.id).where(ToolRow.team == team, ToolRow.id.in_(wanted))))
    if wanted - known:
        raise Gone(kind="tool")
    session.execute(delete(AgentToolRow).where(AgentToolRow.agent_id == agent_id))
    session.add_all(AgentToolRow(agent_id=agent_id, tool_id=tool_id) for tool_id in sorted(wanted))
    session.flush()


def remove(session: Session, tool_id: int, *, team: str) -> Tool:
    """Delete a tool and return what it was; agents that had it no longer do."""
    row = _row(session, tool_id, team, lock=True)
    was = Tool.model_validate(row)
    session.delete(row)
    session.flush()
    return was


def _row(session: Session, tool_id: int, team: str, *, lock: bool = False) -> ToolRow:
    wanted = select(ToolRow).where(ToolRow.id == tool_id, ToolRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="tool")
    return row
