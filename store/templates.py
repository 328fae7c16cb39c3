"""Templates that a workspace's own people have published: crews and flows frozen whole, for everybody to copy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from sqlalchemy import UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import Gone, NameTaken
from store.database import Base, Draft, Record, translated
from store.definitions import Definition
from store.names import Name, name_key


class TemplateDraft(Draft):
    """What a person says about a template."""

    name: Name = Field(title="Title", description="What the gallery calls it, and what a copy is called at first.")
    summary: str = Field(
        "", title="What it is for", max_length=500, description="One or two sentences, for somebody who chooses."
    )


class Template(Record):
    """A template as published; ``definition`` is the whole crew, or a flow with everything that its steps run."""

    id: int
    team: str
    name: str
    summary: str
    definition: Definition
    published_by: str
    published_at: datetime


class TemplateRow(Base):
    """One row for each template. It is a copy: the crew that it was made from may change or go."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("team", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    summary: Mapped[str]
    definition: Mapped[dict[str, Any]]
    published_by: Mapped[str]
    published_at: Mapped[datetime]


def add(session: Session, draft: TemplateDraft, definition: Definition, *, team: str, by: str) -> Template:
    """Add a template; raise ``NameTaken`` if the workspace has one with this title."""
    row = TemplateRow(
        team=team,
        name=draft.name,
        name_key=name_key(draft.name),
        summary=draft.summary,
        definition=definition.model_dump(mode="json"),
        published_by=by,
        published_at=datetime.now(UTC),
    )
    session.add(row)
    with translated({"uq_templates_team_name_key": NameTaken(kind="a template", name=draft.name)}):
        session.flush()
    return Template.model_validate(row)


def get(session: Session, template_id: int, *, team: str) -> Template:
    """One template; raise ``Gone``."""
    row = session.scalar(select(TemplateRow).where(TemplateRow.id == template_id, TemplateRow.team == team))
    if row is None:
        raise Gone(kind="template")
    return Template.model_validate(row)


def list_all(session: Session, *, team: str) -> list[Template]:
    """The workspace's templates, the newest first."""
    rows = session.scalars(select(TemplateRow).where(TemplateRow.team == team).order_by(TemplateRow.id.desc()))
    return [Template.model_validate(row) for row in rows]


def remove(session: Session, template_id: int, *, team: str) -> None:
    """Remove a template; copies of it stay."""
    session.execute(delete(TemplateRow).where(TemplateRow.id == template_id, TemplateRow.team == team))
