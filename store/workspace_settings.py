"""What a workspace has decided for all its crews."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base
from store.limits import WorkspaceLimits


class WorkspaceSettings(BaseModel):
    """The settings of one workspace; those of a newer version are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # As provider/model or CONNECTION/model; empty: what the server's own settings name.
    default_model: str = ""
    # The dangers of tools that an administrator allows: “code”, “files”, “database”.
    allowed_dangers: list[str] = []
    # An administrator has stopped all schedules for now.
    schedules_paused: bool = False
    # What runs may take.
    limits: WorkspaceLimits = WorkspaceLimits()


class WorkspaceSettingsRow(Base):
    """At most one row for each workspace."""

    __tablename__ = "workspace_settings"

    team: Mapped[str] = mapped_column(primary_key=True)
    settings: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


def get(session: Session, team: str, *, lock: bool = False) -> WorkspaceSettings:
    """The workspace's settings; the defaults where nothing was decided yet.

    ``lock`` keeps what was decided as it is until the transaction ends.
    """
    row = session.get(WorkspaceSettingsRow, team, with_for_update=lock or None)
    return WorkspaceSettings.model_validate(row.settings if row else {})


def change(session: Session, team: str, **changes: object) -> WorkspaceSettings:
    """Set these settings and leave the others as they are; raise ``pydantic.ValidationError`` for a wrong value."""
    if unknown := changes.keys() - WorkspaceSettings.model_fields.keys():
        raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
    row = _row(session, team)
    settings = WorkspaceSettings.model_validate({**row.settings, **changes})
    row.settings = {**row.settings, **settings.model_dump(mode="json", include=set(changes))}
    row.updated_at = datetime.now(UTC)
    session.flush()
    return settings


def _row(session: Session, team: str) -> WorkspaceSettingsRow:
    """The row, locked until the transaction ends, so that two changes at once do not undo each other."""
    if row := session.get(WorkspaceSettingsRow, team, with_for_update=True):
        return row
    try:
        with session.begin_nested():
            row = WorkspaceSettingsRow(team=team, settings={}, updated_at=datetime.now(UTC))
            session.add(row)
            session.flush()
    except IntegrityError:
        # Somebody else made it in the meantime.
        return session.get_one(WorkspaceSettingsRow, team, with_for_update=True)
    return row
