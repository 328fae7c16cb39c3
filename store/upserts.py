"""Writing a row whether it is there or not, in the one statement that both databases have for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database import Base


def upsert(session: Session, row: type[Base], values: Mapping[str, Any], *, update: Mapping[str, Any]) -> None:
    """Add a row with these values; where its primary key is taken, set ``update`` on what is there."""
    kind: Any = {"sqlite": sqlite, "postgresql": postgresql}[session.get_bind().dialect.name]
    keys = list(row.__table__.primary_key)
    session.execute(kind.insert(row).values(**values).on_conflict_do_update(index_elements=keys, set_=dict(update)))


def insert_once(session: Session, row: type[Base], values: Mapping[str, Any]) -> None:
    """Add a row with these values; where its primary key is taken, leave what is there."""
    kind: Any = {"sqlite": sqlite, "postgresql": postgresql}[session.get_bind().dialect.name]
    keys = list(row.__table__.primary_key)
    session.execute(kind.insert(row).values(**values).on_conflict_do_nothing(index_elements=keys))
