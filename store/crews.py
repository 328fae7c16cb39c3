"""Crews and flows: ``CrewInstance``."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey, Index, Select, UniqueConstraint, func, select, union
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store.database import Base, Draft, Record, translated
from store.more_settings import CrewSettings
from store.names import Name, name_key
from store.shares import Level, Seer, crews_of


class Process(StrEnum):
    """How CrewAI gives out the tasks."""

    SEQUENTIAL = "sequential"
    HIERARCHICAL = "hierarchical"


class Filter(StrEnum):
    """Which crews a list shows."""

    ALL = "all"
    MINE = "mine"
    SHARED = "shared"
    CREWS = "crews"
    FLOWS = "flows"


class CrewDraft(Draft):
    """What a person decides about a crew."""

    name: Name = Field(title="Name", description="What your team calls it, for example Market research.")
    description: str = Field("", title="Description", max_length=3000, description="What it is good for.")
    process_type: Process = Field(
        Process.SEQUENTIAL,
        title="Process",
        description="Sequential: one task after the other. Hierarchical: a manager hands the tasks to the agents.",
    )
    is_flow: bool = Field(
        False,
        title="Kind",
        description="A crew is agents who do tasks. A flow connects crews in steps, decides and waits for people.",
    )
    parent_crew_id: int | None = Field(
        None,
        title="Part of",
        description="A crew or flow that it belongs to. That one’s page shows it there.",
    )


class CrewInstance(Record):
    """A crew, or a flow where ``is_flow``, as stored."""

    id: int
    team: str
    name: str
    description: str
    is_flow: bool
    process_type: Process
    config: dict[str, Any]
    state_schema: dict[str, Any] | None
    parent_crew_id: int | None
    owner: str
    changed_by: str
    status: str
    last_executed: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def kind(self) -> str:
        """The word people use for it."""
        return "flow" if self.is_flow else "crew"

    @property
    def settings(self) -> CrewSettings:
        """How it works together."""
        return CrewSettings.model_validate(self.config)

    def draft(self) -> CrewDraft:
        """What an edit starts from."""
        return CrewDraft(
            name=self.name,
            description=self.description,
            process_type=self.process_type,
            is_flow=self.is_flow,
            parent_crew_id=self.parent_crew_id,
        )


class CrewInstanceRow(Base):
    """One row for each crew or flow; ``status`` and ``last_executed`` tell about its last run."""

    __tablename__ = "crew_instances"
    __table_args__ = (
        UniqueConstraint("team", "name_key"),
        # The list: somebody's own first, newest change first.
        Index(None, "team", "owner", "updated_at"),
        Index(None, "parent_crew_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    # Name and description as ``name_key`` spells them; SQLite itself ignores case in ASCII only.
    search_key: Mapped[str]
    description: Mapped[str]
    is_flow: Mapped[bool] = mapped_column(default=False)
    process_type: Mapped[str]
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state_schema: Mapped[dict[str, Any] | None]
    parent_crew_id: Mapped[int | None] = mapped_column(ForeignKey("crew_instances.id", ondelete="SET NULL"))
    owner: Mapped[str]
    changed_by: Mapped[str]
    status: Mapped[str] = mapped_column(default="new")
    last_executed: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}


def add(session: Session, draft: CrewDraft, *, team: str, by: str) -> CrewInstance:
    """Add a crew; raise ``NameTaken`` if the workspace already uses the name."""
    now = datetime.now(UTC)
    row = CrewInstanceRow(
        **_columns(draft),
        team=team,
        owner=by,
        changed_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    with translated({"uq_crew_instances_team_name_key": NameTaken(kind="a crew", name=draft.name)}):
        session.flush()
    return CrewInstance.model_validate(row)


def get(session: Session, crew_id: int, *, team: str) -> CrewInstance:
    """The crew; raise ``Gone`` if the workspace has none with this id (any more)."""
    return CrewInstance.model_validate(_row(session, crew_id, team))


def named(session: Session, name: str, *, team: str) -> CrewInstance | None:
    """The workspace's crew or flow with exactly this name, ignoring case."""
    wanted = select(CrewInstanceRow).where(CrewInstanceRow.team == team, CrewInstanceRow.name_key == name_key(name))
    row = session.scalar(wanted)
    return CrewInstance.model_validate(row) if row else None


def teams(session: Session) -> list[str]:
    """The workspaces that have crews."""
    return list(session.scalars(select(CrewInstanceRow.team).distinct().order_by(CrewInstanceRow.team)))


def owners(session: Session, *, team: str) -> list[str]:
    """Whose crews there are, whoever has most of them first."""
    wanted = select(CrewInstanceRow.owner).where(CrewInstanceRow.team == team).group_by(CrewInstanceRow.owner)
    return list(session.scalars(wanted.order_by(func.count().desc(), CrewInstanceRow.owner)))


def owns_any(session: Session, *, team: str, user: str) -> bool:
    """Whether somebody has a crew or flow of their own."""
    own = select(CrewInstanceRow.id).where(CrewInstanceRow.team == team, CrewInstanceRow.owner == user)
    return session.scalar(own.limit(1)) is not None


def usable(seer: Seer, *, team: str, least: Level = Level.RUN) -> Select[int]:
    """The ids of the crews with which ``seer`` may do at least this, as a part of another query."""
    own = select(CrewInstanceRow.id).where(CrewInstanceRow.team == team, CrewInstanceRow.owner == seer.user)
    either = union(own, crews_of(seer.subjects, team=team, least=least)).subquery()
    return select(either.c.id)


def names(session: Session, *, team: str, seer: Seer | None = None, least: Level = Level.RUN) -> list[tuple[int, str]]:
    """Id and name of every crew and flow, of those only with which ``seer`` may do at least this, to choose from."""
    wanted = select(CrewInstanceRow.id, CrewInstanceRow.name).where(CrewInstanceRow.team == team)
    if seer is not None:
        wanted = wanted.where(CrewInstanceRow.id.in_(usable(seer, team=team, least=least)))
    return [(id_, name) for id_, name in session.execute(wanted)]


def page(
    session: Session,
    *,
    team: str,
    mine: str,
    seer: Seer | None = None,
    which: Filter = Filter.ALL,
    words: str = "",
    parent: int | None = None,
    offset: int = 0,
    limit: int = 10,
) -> tuple[list[CrewInstance], int]:
    """One page of crews and how many there are in all: those owned by ``mine`` first, then by latest change.

    ``seer`` sees only what they may use, and ``None`` sees all. Every word of ``words`` must stand in the name or
    description, ignoring case. With ``parent`` only what is a part of that crew or flow.
    """
    wanted = [CrewInstanceRow.team == team]
    if parent is not None:
        wanted.append(CrewInstanceRow.parent_crew_id == parent)
    wanted += [CrewInstanceRow.search_key.contains(word, autoescape=True) for word in name_key(words).split()]
    if which is Filter.MINE:
        wanted.append(CrewInstanceRow.owner == mine)
    elif seer is not None:
        wanted.append(CrewInstanceRow.id.in_(usable(seer, team=team)))
    if which is Filter.SHARED:
        wanted.append(CrewInstanceRow.owner != mine)
    if which in (Filter.CREWS, Filter.FLOWS):
        wanted.append(CrewInstanceRow.is_flow == (which is Filter.FLOWS))
    total = session.scalar(select(func.count()).select_from(CrewInstanceRow).where(*wanted)) or 0
    order = (CrewInstanceRow.owner != mine, CrewInstanceRow.updated_at.desc(), CrewInstanceRow.id.desc())
    rows = session.scalars(select(CrewInstanceRow).where(*wanted).order_by(*order).offset(offset).limit(limit))
    return [CrewInstance.model_validate(row) for row in rows], total


def above(session: Session, crew_id: int | None, *, team: str) -> list[CrewInstance]:
    """The crew and what it is a part of, up to the outermost; each once, even if they should go in a circle."""
    found: dict[int, CrewInstance] = {}
    while crew_id is not None and crew_id not in found:
        row = session.scalar(select(CrewInstanceRow).where(CrewInstanceRow.id == crew_id, CrewInstanceRow.team == team))
        if row is None:
            break
        found[crew_id] = CrewInstance.model_validate(row)
        crew_id = row.parent_crew_id
    return list(found.values())


def change(session: Session, crew_id: int, draft: CrewDraft, *, team: str, version: int, by: str) -> CrewInstance:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``."""
    row = _row(session, crew_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="crew", who=row.changed_by, version=row.version)
    # A crew never becomes a flow.
    for field, value in _columns(draft.model_copy(update={"is_flow": row.is_flow})).items():
        setattr(row, field, value)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with translated({"uq_crew_instances_team_name_key": NameTaken(kind="a crew", name=draft.name)}):
        session.flush()
    return CrewInstance.model_validate(row)


def configure(
    session: Session, crew_id: int, settings: CrewSettings, *, team: str, version: int, by: str
) -> CrewInstance:
    """Save an edit of ``version``'s settings; raise ``EditedMeanwhile`` or ``Gone``."""
    row = _row(session, crew_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="crew", who=row.changed_by, version=row.version)
    row.config = {**row.config, **settings.model_dump()}
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    session.flush()
    return CrewInstance.model_validate(row)


def set_state(
    session: Session, flow_id: int, schema: dict[str, Any] | None, *, team: str, version: int, by: str
) -> CrewInstance:
    """Save an edit of ``version``'s state, the JSON Schema of an object; raise ``EditedMeanwhile`` or ``Gone``."""
    row = _row(session, flow_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="flow", who=row.changed_by, version=row.version)
    row.state_schema, row.changed_by, row.updated_at = schema, by, datetime.now(UTC)
    session.flush()
    return CrewInstance.model_validate(row)


def hold(session: Session, crew_id: int, *, team: str) -> None:
    """Wait until nobody else changes the crew, its agents or its tasks, and keep it so until the transaction ends.

    It comes before any change of a part, so that no two transactions wait for each other.
    """
    wanted = select(CrewInstanceRow.id).where(CrewInstanceRow.id == crew_id, CrewInstanceRow.team == team)
    session.execute(wanted.with_for_update(key_share=True))


def note_run(session: Session, crew_id: int | None, *, team: str, status: str, at: datetime) -> None:
    """Remember how the last run went. This is no edit: the version stays, and an open form is not disturbed."""
    if crew_id is not None:
        session.execute(
            CrewInstanceRow.__table__.update()  # type: ignore[attr-defined]
            .where(CrewInstanceRow.id == crew_id, CrewInstanceRow.team == team)
            .values(status=status, last_executed=at)
        )


def remove(session: Session, crew_id: int, *, team: str) -> CrewInstance:
    """Delete a crew with its agents and tasks and return what it was; its runs stay in the history."""
    row = _row(session, crew_id, team, lock=True)
    was = CrewInstance.model_validate(row)
    session.delete(row)
    session.flush()
    return was


def _columns(draft: CrewDraft) -> dict[str, Any]:
    search_key = name_key(f"{draft.name} {draft.description}")
    return {**draft.model_dump(), "name_key": name_key(draft.name), "search_key": search_key}


def _row(session: Session, crew_id: int, team: str, *, lock: bool = False) -> CrewInstanceRow:
    wanted = select(CrewInstanceRow).where(CrewInstanceRow.id == crew_id, CrewInstanceRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="crew")
    return row
