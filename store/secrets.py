"""Secrets at rest: encrypted with the server's keys, bound to their row, and moved to a newer key on demand."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr
from sqlalchemy import Column, Dialect, Table, Text, TypeDecorator, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import UserError
from store.database import Base, Store

# How many values one transaction moves to the newest key.
_BATCH = 100
_KNOWN_WORDS = "crewcall"


class SecretKeyWrong(UserError):
    """{where} holds something that is no secret key. `crewcall secrets new-key` makes one."""


class SecretKeysLost(UserError):
    """{reason}"""

    def __init__(self, file: Path) -> None:
        """``file`` is where the server keeps the key that it made itself."""
        super().__init__(
            reason="The database holds keys that another secret key encrypted. Put that one back into "
            f"CREWCALL_SECRET_KEYS or {file}. If it is lost, `crewcall secrets forget` deletes what nobody can read."
        )


class SecretFileOpen(UserError):
    """Others can read the secret key in {file}. Run `chmod 600 {file}` and start again."""


class SecretFileUnusable(UserError):
    """The secret key in {file} cannot be read or made ({reason}). Mend that, or set CREWCALL_SECRET_KEYS."""


class Sealed(TypeDecorator[str]):
    """What ``Keyring.seal`` returned. Anything else is refused, so that no secret is stored in clear by mistake."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and not value.startswith("gAAAA"):
            raise ValueError("a secret has to be sealed before it is stored")
        return value


class SecretCanaryRow(Base):
    """Known words under the keys in use: whoever cannot read them has the wrong keys."""

    __tablename__ = "secret_canary"

    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(Sealed)


class Keyring:
    """The server's secret keys, the newest first: ``CREWCALL_SECRET_KEYS``, then the file, made when first needed."""

    def __init__(self, keys: Sequence[SecretStr], file: Path) -> None:
        """``keys`` are Fernet keys; ``file`` holds one more, which the server makes itself if it has no other."""
        self._given = keys
        self.file = file

    def seal(self, text: str, place: str) -> str:
        """Encrypt a text for one place, ``table.column|id``; nobody can use it in another."""
        return self._fernet.encrypt(f"{place}|{text}".encode()).decode()

    def open(self, sealed: str, place: str) -> SecretStr:
        """The text again; raise ``SecretKeysLost`` when it is another key's or another place's."""
        try:
            text = self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SecretKeysLost(self.file) from None
        if not text.startswith(f"{place}|"):
            raise SecretKeysLost(self.file)
        return SecretStr(text.removeprefix(f"{place}|"))

    def renewed(self, sealed: str) -> str | None:
        """The same under the newest key; ``None`` if it is already. Raise ``SecretKeysLost``."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            pass
        else:
            return None
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SecretKeysLost(self.file) from None

    @property
    def empty(self) -> bool:
        """Whether there is no key yet."""
        return not self._given and not self.file.exists()

    def check(self) -> None:
        """Raise what is wrong with the keys themselves, if there are any; makes none."""
        if not self.empty:
            assert self._keys

    @cached_property
    def _keys(self) -> list[Fernet]:
        keys = [_fernet(key.get_secret_value(), "CREWCALL_SECRET_KEYS") for key in self._given]
        if not keys and not self.file.exists():
            _make(self.file)
        if self.file.exists():
            keys.append(_fernet(_read(self.file), str(self.file)))
        return keys

    @property
    def _newest(self) -> Fernet:
        return self._keys[0]

    @property
    def _fernet(self) -> MultiFernet:
        return MultiFernet(self._keys)


def new_key() -> str:
    """A fresh key for ``CREWCALL_SECRET_KEYS``."""
    return Fernet.generate_key().decode()


def check(session: Session, keyring: Keyring) -> None:
    """Raise ``SecretKeysLost`` if the database holds secrets that these keys do not open."""
    canary = session.get(SecretCanaryRow, 1)
    if canary is None:
        return
    if keyring.empty:
        raise SecretKeysLost(keyring.file)
    keyring.open(canary.words, "secret_canary")


def seal(session: Session, keyring: Keyring, text: str, place: str) -> str:
    """``Keyring.seal`` for this database: raise ``SecretKeysLost`` if it holds secrets of other keys."""
    if session.get(SecretCanaryRow, 1) is None:
        # Whoever came first in the meantime keeps theirs.
        with suppress(IntegrityError), session.begin_nested():
            session.add(SecretCanaryRow(id=1, words=keyring.seal(_KNOWN_WORDS, "secret_canary")))
            session.flush()
    check(session, keyring)
    return keyring.seal(text, place)


def rotate(store: Store, keyring: Keyring) -> int:
    """Move every secret to the newest key, a hundred at a time; how many were not there yet."""
    with store.reading() as session:
        check(session, keyring)
    return sum(_rotate(store, keyring, table, column) for table, column in _sealed())


def forget(session: Session) -> int:
    """Delete every secret, for when their key is lost; how many there were."""
    count = 0
    for table, column in _sealed():
        if table is SecretCanaryRow.__table__:
            session.execute(delete(SecretCanaryRow))
        else:
            held = session.scalars(select(table.c.id).where(column.is_not(None))).all()
            session.execute(update(table).where(column.is_not(None)).values({column: None}))
            count += len(held)
    return count


def _sealed() -> Iterator[tuple[Table, Column[Any]]]:
    for table in Base.metadata.sorted_tables:
        yield from ((table, column) for column in table.columns if isinstance(column.type, Sealed))


def _rotate(store: Store, keyring: Keyring, table: Table, column: Column[Any]) -> int:
    done, last = 0, 0
    while True:
        wanted = select(table.c.id, column).where(table.c.id > last, column.is_not(None))
        with store.transaction() as session:
            batch = session.execute(wanted.order_by(table.c.id).limit(_BATCH).with_for_update()).all()
            for row_id, sealed in batch:
                if renewed := keyring.renewed(sealed):
                    session.execute(update(table).where(table.c.id == row_id).values({column: renewed}))
                    done += 1
        if len(batch) < _BATCH:
            return done
        last = batch[-1][0]


def _fernet(key: str, where: str) -> Fernet:
    try:
        return Fernet(key.strip())
    except ValueError:
        raise SecretKeyWrong(where=where) from None


def _make(file: Path) -> None:
    """Write a new key; when two processes do so at once, the first one's stays."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w") as written:
                written.write(new_key() + "\n")
                written.flush()
                os.fsync(written.fileno())
            with suppress(FileExistsError):
                file.hardlink_to(draft)
        finally:
            draft.unlink()
    except OSError as error:
        raise SecretFileUnusable(file=file, reason=error.strerror) from None


def _read(file: Path) -> str:
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise SecretFileOpen(file=file)
        return file.read_text().strip()
    except OSError as error:
        raise SecretFileUnusable(file=file, reason=error.strerror) from None
