"""A store on each database, with all tables and nothing in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from store import tables
from store.database import Store
from tests.store.databases import postgres_database
from tests.store.examples import Shelf

BOTH = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.upgrade()
        with store.engine.connect() as connection:
            # What stands in the write-ahead log would not be copied.
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    return file


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A database with all tables, emptied before each test."""
    with postgres_database() as url:
        with closing(Store(url)) as store:
            store.upgrade()
        yield url


@pytest.fixture
def sqlite_store(sqlite_file: Path, tmp_path: Path) -> Iterator[Store]:
    file = tmp_path / "crewcall.db"
    shutil.copyfile(sqlite_file, file)
    with closing(Store(f"sqlite:///{file}")) as store:
        yield store


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    with closing(Store(postgres_url)) as store:
        with store.engine.begin() as connection:
            names = ", ".join(row.__tablename__ for row in tables.ALL)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        yield store


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, once on each database."""
    found: Store = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return found


@pytest.fixture
def shelf(store: Store) -> Shelf:
    return Shelf(store)


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'crewcall.db'}"
        return
    with postgres_database() as url:
        yield url
