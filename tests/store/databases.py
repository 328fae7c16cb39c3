"""Databases for tests: a SQLite file each, and one of their own on the PostgreSQL server that answers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

SERVER = os.environ.get("CREWCALL_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of a new, empty database, dropped afterwards; without a server the test is skipped, in CI it fails."""
    name = f"crewcall_test_{secrets.token_hex(6)}"
    try:
        server = psycopg.connect(SERVER, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = f"No PostgreSQL answers; set CREWCALL_TEST_POSTGRES to one where databases may be made ({error})."
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
