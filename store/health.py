"""Whether the database can be used, in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import UserError
from store.database import Store, alembic_config


class DatabaseOutOfReach(UserError):
    """The database {url} cannot be used: {reason}. Check CREWCALL_DATABASE_URL and that its server runs."""


class DatabaseReadOnly(UserError):
    """The database {url} cannot be written: {reason}. Give Crewcall's account the right to make and change tables."""


class DatabaseTooNew(UserError):
    """The database {url} was made by a newer Crewcall. Install that one, or set CREWCALL_DATABASE_URL to another."""


class Tables(StrEnum):
    """How the tables compare with what this program knows."""

    MISSING = "none yet; they are made at the first start"
    OLD = "of an older version; they are brought up to date at the next start"
    CURRENT = "up to date"
    NEWER = "of a newer version"


def open_store(url: str) -> Store:
    """A store for ``url`` that answers; the caller closes it. Raises ``DatabaseOutOfReach``."""
    with _explained(url):
        store = Store(url)
        try:
            if store.engine.dialect.name == "sqlite" and (file := store.engine.url.database):
                Path(file).parent.mkdir(parents=True, exist_ok=True)
            with store.reading() as session:
                session.execute(text("SELECT 1"))
        except BaseException:
            store.close()
            raise
    return store


def tables(store: Store) -> Tables:
    """Compare the tables with the migrations of this program. Raises ``DatabaseOutOfReach``."""
    from alembic.script import ScriptDirectory

    with _explained(_spoken(store)):
        current, head = store.version()
    if current is None:
        return Tables.MISSING
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config(store.engine)).walk_revisions()}
    return Tables.CURRENT if current == head else Tables.OLD if current in known else Tables.NEWER


def upgrade(store: Store) -> None:
    """Bring the tables to the newest version; raises ``DatabaseTooNew`` or ``DatabaseOutOfReach``."""
    if tables(store) is Tables.NEWER:
        raise DatabaseTooNew(url=_spoken(store))
    with _explained(_spoken(store)):
        store.upgrade()


def check_writable(store: Store) -> None:
    """Make a table and take it back; raises ``DatabaseReadOnly``."""
    try:
        with store.engine.connect() as connection:
            connection.execute(text("CREATE TABLE crewcall_doctor (probe INTEGER)"))
            connection.rollback()
    except SQLAlchemyError as error:
        raise DatabaseReadOnly(url=_spoken(store), reason=_reason(error)) from error


def fault(store: Store) -> str | None:
    """Why the database is not ready to serve, in a sentence, or ``None``: it must answer, and its tables be current."""
    try:
        state = tables(store)
    except DatabaseOutOfReach as error:
        return error.sentence
    return None if state is Tables.CURRENT else f"The tables are {state}."


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        # The password stands between the colon and the last at sign.
        hidden = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
        raise DatabaseOutOfReach(url=hidden, reason=_reason(error)) from error


def _spoken(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=True)


def _reason(error: BaseException) -> str:
    """The driver's own first line, without its class and its link to the manual."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}"
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return said.splitlines()[0].rstrip(".")
