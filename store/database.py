"""The connection to the database: transactions, dialect settings, migrations at start."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Text,
    TypeDecorator,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

__all__ = [
    "Base",
    "Draft",
    "Record",
    "Session",
    "Store",
    "UtcDateTime",
    "alembic_config",
    "translated",
]

MIGRATIONS = Path(__file__).parent / "migrations"


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always aware and in UTC; SQLite alone would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC))


class StorableText(TypeDecorator[str]):
    """Text as people and models write it, less what no database takes: see ``storable``."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return value if value is None else storable(value)


class Base(DeclarativeBase):
    """All tables; every constraint has a name, so that errors can be told apart and migrations can drop it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        str: StorableText,
        dict[str, Any]: JSON().with_variant(JSONB(), "postgresql"),
        list[str]: JSON().with_variant(JSONB(), "postgresql"),
        list[int]: JSON().with_variant(JSONB(), "postgresql"),
        list[dict[str, Any]]: JSON().with_variant(JSONB(), "postgresql"),
    }


class Draft(BaseModel):
    """What a person decides about a thing."""

    model_config = ConfigDict(extra="forbid")


class Record(BaseModel):
    """A thing as stored; it never changes under its reader."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


def storable(text: str) -> str:
    """The text without NUL, which PostgreSQL refuses, and with a mark for half a character (a lone surrogate)."""
    return text.replace("\x00", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Store:
    """One database. ``transaction()`` to write, ``reading()`` to read; nothing else opens a connection."""

    def __init__(self, url: str) -> None:
        """Open ``url``: ``sqlite:///path`` or ``postgresql://…``; nothing is created yet."""
        self.engine = _engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(self.engine.execution_options(readonly=True), expire_on_commit=False)
        # SQLite has one writer at a time, and who waits for it sleeps and looks again, some of them for long. Those of
        # this process take turns instead.
        self._turn: AbstractContextManager[object] = (
            threading.RLock() if self.engine.dialect.name == "sqlite" else nullcontext()
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short write transaction: committed at the end, rolled back when anything is raised."""
        with self._turn, self._sessions.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read-only view; on SQLite it never blocks a writer."""
        with self._readers() as session:
            yield session

    def upgrade(self) -> None:
        """Bring the tables to the newest version; safe when several processes start at once."""
        from alembic import command

        if self.engine.dialect.name == "sqlite" and (database := self.engine.url.database):
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
            locks = guard.dialect.name == "postgresql"
            if locks:
                guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": 0x63726577})
            try:
                command.upgrade(alembic_config(self.engine), "head")
            finally:
                if locks:
                    guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": 0x63726577})

    def version(self) -> tuple[str | None, str | None]:
        """The tables' version and the newest one that this program knows."""
        from alembic.runtime.migration import MigrationContext
        from alembic.script import ScriptDirectory

        with self.engine.connect().execution_options(readonly=True) as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        return current, ScriptDirectory.from_config(alembic_config(self.engine)).get_current_head()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def alembic_config(engine: Engine) -> Any:
    """Alembic's settings for this database; the migrations reuse ``engine``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


@contextmanager
def translated(errors: Mapping[str, Exception]) -> Iterator[None]:
    """Turn the violation of a named constraint into the error given for it.

    PostgreSQL names the constraint; SQLite names the columns of a plain unique constraint
    (``UNIQUE constraint failed: tasks.crew_id, tasks.name``) or the unique index, so both spellings are tried.
    """
    try:
        yield
    except IntegrityError as error:
        said = str(error.orig)
        for constraint, translation in errors.items():
            if constraint in said or _columns_of(constraint) in _columns_said(said):
                raise translation from error
        raise


def _columns_of(constraint: str) -> str:
    return constraint.removeprefix("uq_")


def _columns_said(said: str) -> set[str]:
    found = re.search(r"UNIQUE constraint failed: (.+)", said)
    if not found:
        return set()
    columns = [part.strip().split(".") for part in found[1].split(",")]
    return {"_".join([columns[0][0], *(column[-1] for column in columns)])}


def _json(value: object) -> str:
    return json.dumps(_storable(value), ensure_ascii=False)


def _storable(value: object) -> object:
    """The same JSON with every text in it made storable."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {_storable(key): _storable(each) for key, each in value.items()}
        case list() | tuple():
            return [_storable(each) for each in value]
    return value


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn a new file to WAL. SQLite fails at once, whatever its timeout, when another process does so just now."""
    until = time.monotonic() + 30
    while True:
        try:
            connection.execute("PRAGMA journal_mode=wal")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    options: dict[str, Any] = {
        "pool_size": 20,
        "max_overflow": 20,
        "hide_parameters": True,
        "json_serializer": _json,
    }
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, **options)
    engine = create_engine(parsed, connect_args={"timeout": 30, "check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        # SQLAlchemy begins transactions itself (below); the driver must not.
        connection.isolation_level = None
        for pragma in ("busy_timeout=30000", "synchronous=normal", "foreign_keys=on"):
            connection.execute(f"PRAGMA {pragma}")
        _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads before it writes fails at once under deferred locking when another one wrote.
        readonly = connection.get_execution_options().get("readonly")
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine
