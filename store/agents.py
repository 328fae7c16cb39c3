"""Agents: who works in a crew."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store.database import Base, Draft, Record, translated
from store.more_settings import AgentSettings
from store.names import Name, name_key

LONG = 100_000

# Settings that are asked of the model, besides those that have columns of their own.
_OF_THE_MODEL = {"top_p", "seed", "reasoning_effort"}
_IN_COLUMNS = {"temperature", "max_tokens", "verbose"}
# Mostly one line, but whole paragraphs where a project had them.
Goal = Annotated[str, Field(min_length=1, max_length=LONG)]


class AgentDraft(Draft):
    """What a person decides about an agent."""

    name: Name = Field(title="Name", description="What your team calls this agent, for example Researcher.")
    role: str = Field(
        title="Role", min_length=1, max_length=3_000, description="What it is, for example Senior market analyst."
    )
    goals: list[Goal] = Field(
        title="Goals",
        min_length=1,
        max_length=20,
        description="What it works towards, one goal a line, the most important first. Lines that begin with two "
        "spaces go on with the goal above.",
    )
    backstory: str = Field(
        title="Backstory", min_length=1, max_length=LONG, description="What it knows and how it works."
    )
    llm: str = Field(
        "",
        title="Model",
        max_length=200,
        description="Those that work here. Any other one goes below, as provider/model or connection/model.",
    )
    allow_delegation: bool = Field(
        False, title="Delegation", description="It may hand work to the crew's other agents."
    )


class Agent(Record):
    """An agent as stored."""

    id: int
    crew_id: int
    name: str
    role: str
    custom_role: str | None
    description: str
    goals: list[str]
    backstory: str
    allow_delegation: bool
    verbose: bool
    llm_provider: str | None
    llm_model: str | None
    llm_temperature: float | None
    llm_max_tokens: int | None
    llm_config: dict[str, Any]
    settings: AgentSettings
    position: int
    changed_by: str
    version: int

    @property
    def llm(self) -> str:
        """The model as ``provider/model``; empty where the default model is meant."""
        return f"{self.llm_provider}/{self.llm_model}" if self.llm_provider and self.llm_model else ""

    @property
    def title(self) -> str:
        """The role that CrewAI is told: the person's own words where there are some."""
        return self.custom_role or self.role

    def draft(self) -> AgentDraft:
        """What an edit starts from."""
        return AgentDraft(
            name=self.name,
            role=self.title,
            goals=self.goals,
            backstory=self.backstory,
            llm=self.llm,
            allow_delegation=self.allow_delegation,
        )


class AgentRow(Base):
    """One row for each agent of a crew."""

    __tablename__ = "agents"
    __table_args__ = (UniqueConstraint("crew_id", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    name: Mapped[str]
    name_key: Mapped[str]
    role: Mapped[str]
    custom_role: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    goals: Mapped[list[str]]
    backstory: Mapped[str]
    allow_delegation: Mapped[bool]
    verbose: Mapped[bool] = mapped_column(default=False)
    llm_provider: Mapped[str | None]
    llm_model: Mapped[str | None]
    llm_temperature: Mapped[float | None]
    llm_max_tokens: Mapped[int | None]
    # Further settings of the model, and of the agent, by their names.
    llm_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    manners: Mapped[dict[str, Any]] = mapped_column("settings", default=dict)
    position: Mapped[int]
    changed_by: Mapped[str]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}

    @property
    def settings(self) -> AgentSettings:
        """All settings, wherever they are kept."""
        kept = {"temperature": self.llm_temperature, "max_tokens": self.llm_max_tokens, "verbose": self.verbose}
        return AgentSettings.model_validate({**self.manners, **self.llm_config, **kept})


def add(session: Session, draft: AgentDraft, *, crew_id: int, team: str, by: str) -> Agent:
    """Add an agent at the end of the crew; raise ``NameTaken`` if the crew already has the name."""
    now = datetime.now(UTC)
    last = session.scalar(select(func.max(AgentRow.position)).where(AgentRow.crew_id == crew_id))
    row = AgentRow(
        **_columns(draft),
        team=team,
        crew_id=crew_id,
        position=(last or 0) + 1,
        changed_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    with _refusals(draft.name):
        session.flush()
    return Agent.model_validate(row)


def get(session: Session, agent_id: int, *, team: str) -> Agent:
    """The agent; raise ``Gone`` if the workspace has none with this id (any more)."""
    return Agent.model_validate(_row(session, agent_id, team))


def list_all(session: Session, crew_id: int, *, team: str) -> list[Agent]:
    """The crew's agents in order."""
    wanted = select(AgentRow).where(AgentRow.crew_id == crew_id, AgentRow.team == team)
    return [Agent.model_validate(row) for row in session.scalars(wanted.order_by(AgentRow.position, AgentRow.id))]


def change(session: Session, agent_id: int, draft: AgentDraft, *, team: str, version: int, by: str) -> Agent:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``."""
    row = _row(session, agent_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="agent", who=row.changed_by, version=row.version)
    for field, value in _columns(draft).items():
        setattr(row, field, value)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with _refusals(draft.name):
        session.flush()
    return Agent.model_validate(row)


def configure(session: Session, agent_id: int, settings: AgentSettings, *, team: str, version: int, by: str) -> Agent:
    """Save an edit of ``version``'s settings; raise ``EditedMeanwhile`` or ``Gone``."""
    row = _row(session, agent_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="agent", who=row.changed_by, version=row.version)
    row.llm_temperature, row.llm_max_tokens, row.verbose = settings.temperature, settings.max_tokens, settings.verbose
    row.llm_config = settings.model_dump(include=_OF_THE_MODEL)
    row.manners = settings.model_dump(exclude={*_OF_THE_MODEL, *_IN_COLUMNS})
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    session.flush()
    return Agent.model_validate(row)


def reorder(session: Session, crew_id: int, ids: list[int], *, team: str) -> None:
    """Put the crew's agents into this order. No edit: the versions stay, and an open form is not disturbed."""
    table = AgentRow.__table__
    for position, agent_id in enumerate(ids, 1):
        session.execute(
            table.update()  # type: ignore[attr-defined]
            .where(AgentRow.id == agent_id, AgentRow.crew_id == crew_id, AgentRow.team == team)
            .values(position=position)
        )


def move(session: Session, agent_id: int, crew_id: int, *, team: str, by: str) -> Agent:
    """Put the agent at the end of another crew; raise ``Gone``, or ``NameTaken`` if that crew has the name already."""
    row = _row(session, agent_id, team, lock=True)
    last = session.scalar(select(func.max(AgentRow.position)).where(AgentRow.crew_id == crew_id))
    row.crew_id, row.position = crew_id, (last or 0) + 1
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with _refusals(row.name):
        session.flush()
    return Agent.model_validate(row)


def remove(session: Session, agent_id: int, *, team: str) -> Agent:
    """Delete an agent and return what it was; its tasks stay and wait for another agent."""
    row = _row(session, agent_id, team, lock=True)
    was = Agent.model_validate(row)
    session.delete(row)
    session.flush()
    return was


def _columns(draft: AgentDraft) -> dict[str, Any]:
    provider, _, model = draft.llm.strip().partition("/")
    return {
        **draft.model_dump(exclude={"llm"}),
        "custom_role": None,
        "name_key": name_key(draft.name),
        "llm_provider": provider or None,
        "llm_model": model or None,
    }


def _refusals(name: str) -> AbstractContextManager[None]:
    return translated(
        {
            "uq_agents_crew_id_name_key": NameTaken(kind="an agent", name=name),
            # The crew that was looked up before may have been deleted since.
            "fk_agents_crew_id_crew_instances": Gone(kind="crew"),
        }
    )


def _row(session: Session, agent_id: int, team: str, *, lock: bool = False) -> AgentRow:
    wanted = select(AgentRow).where(AgentRow.id == agent_id, AgentRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="agent")
    return row
