"""How Alembic runs our migrations: on the program's own engine, safe when several processes start at once."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from store import tables
from store.database import Base, StorableText, UtcDateTime
from store.secrets import Sealed

assert tables.ALL  # importing it fills the metadata


def _spelled(kind: str, value: Any, autogen: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(value, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, StorableText | Sealed):
        return "sa.Text()"
    return False


def run() -> None:
    """Run the migrations: on PostgreSQL one transaction each, on SQLite all in one.

    SQLite's write lock then keeps other processes out from the first look at the version to the end. Its foreign keys
    are off meanwhile: batch mode makes tables anew, and dropping the old one would delete every child row.
    """
    engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        driver = connection.connection.dbapi_connection
        if sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            if sqlite:
                connection.begin()
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=True,
                render_item=_spelled,
                transaction_per_migration=True,
                compare_server_default=True,
            )
            with context.begin_transaction():
                context.run_migrations()
            if sqlite and (broken := driver.execute("PRAGMA foreign_key_check").fetchall()):
                raise RuntimeError(f"the migration broke foreign keys: {broken[:5]}")
            connection.commit()
        finally:
            # Inside a transaction SQLite would not hear it, and the connection would go on without foreign keys.
            connection.rollback()
            if sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


run()
