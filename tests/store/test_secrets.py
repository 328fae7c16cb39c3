"""Secrets: encrypted, of use in their own row alone, moved to newer keys, and missed when the key is lost."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.exc import StatementError

from store import connections, secrets
from store.connections import Connection, ConnectionDraft, ConnectionRow
from store.secrets import Keyring, SecretFileOpen, SecretFileUnusable, SecretKeysLost, SecretKeyWrong, new_key
from tests.store.examples import ANA, NORTHWIND, Shelf


def ring(tmp_path: Path, *keys: str) -> Keyring:
    return Keyring([SecretStr(key) for key in keys], tmp_path / "secret.key")


def connect(shelf: Shelf, keyring: Keyring, name: str = "Research", key: str = "sk-of-this-test") -> Connection:
    draft = ConnectionDraft(name=name, provider="openai", key=SecretStr(key), models=["x"])
    return shelf.write(connections.add, draft, team=NORTHWIND, by=ANA, keyring=keyring)


def read(shelf: Shelf, keyring: Keyring, connection: Connection) -> str:
    key = shelf.read(connections.key, connection.id, team=NORTHWIND, keyring=keyring)
    return key.get_secret_value() if key else ""


def test_the_first_secret_makes_a_key_file_that_only_its_owner_reads(shelf: Shelf, tmp_path: Path) -> None:
    keyring = ring(tmp_path)
    assert keyring.empty

    made = connect(shelf, keyring)

    assert stat.S_IMODE(keyring.file.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.glob("secret*")] == ["secret.key"]
    assert read(shelf, ring(tmp_path), made) == "sk-of-this-test"


def test_two_processes_that_make_the_key_file_at_once_end_with_the_same_key(tmp_path: Path) -> None:
    together = threading.Barrier(8)
    sealed: list[str] = []

    def seal() -> None:
        keyring = ring(tmp_path)
        together.wait()
        sealed.append(keyring.seal("words", "here"))

    threads = [threading.Thread(target=seal) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [ring(tmp_path).open(each, "here").get_secret_value() for each in sealed] == ["words"] * 8


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keyring = ring(tmp_path)
    keyring.file.write_text(new_key())
    keyring.file.chmod(0o640)

    with pytest.raises(SecretFileOpen, match="chmod 600"):
        keyring.check()


def test_a_place_where_no_key_can_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SecretFileUnusable, match="CREWCALL_SECRET_KEYS"):
        Keyring([], tmp_path / "file" / "secret.key").seal("words", "here")


def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(SecretKeyWrong) as refused:
        ring(tmp_path, "hunter2").check()

    assert "hunter2" not in refused.value.sentence


def test_a_secret_is_of_no_use_in_another_row(shelf: Shelf, tmp_path: Path) -> None:
    keyring = ring(tmp_path)
    mine, other = connect(shelf, keyring, "Mine", "sk-mine"), connect(shelf, keyring, "Other", "sk-other")
    copy = "UPDATE connections SET key = (SELECT key FROM connections WHERE id = :mine) WHERE id = :other"
    shelf.sql(copy, mine=mine.id, other=other.id)

    with pytest.raises(SecretKeysLost):
        read(shelf, keyring, other)
    assert read(shelf, keyring, mine) == "sk-mine"


def test_row_1_does_not_open_what_belongs_to_row_12(tmp_path: Path) -> None:
    keyring = ring(tmp_path)

    with pytest.raises(SecretKeysLost):
        keyring.open(keyring.seal("words", "connections.key|12"), "connections.key|1")


def test_a_secret_in_clear_is_never_stored(shelf: Shelf, tmp_path: Path) -> None:
    made = connect(shelf, ring(tmp_path))

    with shelf.store.reading() as session:
        session.get_one(ConnectionRow, made.id).key = "sk-in-clear"
        with pytest.raises(StatementError, match="sealed before it is stored") as refused:
            session.flush()
    assert "sk-in-clear" not in str(refused.value)


def test_a_wrong_key_is_noticed_before_anything_is_read_or_written(shelf: Shelf, tmp_path: Path) -> None:
    made = connect(shelf, ring(tmp_path, new_key()))
    wrong = ring(tmp_path / "elsewhere", new_key())

    with pytest.raises(SecretKeysLost, match="CREWCALL_SECRET_KEYS"):
        shelf.read(secrets.check, wrong)
    with pytest.raises(SecretKeysLost):
        read(shelf, wrong, made)
    with pytest.raises(SecretKeysLost):
        connect(shelf, wrong, "Another")
    assert shelf.count("connections") == 1


def test_a_lost_key_is_noticed_and_no_new_one_takes_its_place(shelf: Shelf, tmp_path: Path) -> None:
    keyring = ring(tmp_path)
    connect(shelf, keyring)
    keyring.file.unlink()

    with pytest.raises(SecretKeysLost):
        shelf.read(secrets.check, ring(tmp_path))

    assert not keyring.file.exists()


def test_nothing_stored_needs_no_key(shelf: Shelf, tmp_path: Path) -> None:
    shelf.read(secrets.check, ring(tmp_path))

    assert ring(tmp_path).empty


def test_rotation_moves_everything_to_the_newest_key_once(shelf: Shelf, tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    made = [connect(shelf, ring(tmp_path, old), f"Number {number}", f"sk-{number}") for number in range(120)]
    versions = shelf.sql("SELECT id, version FROM connections ORDER BY id")

    both = ring(tmp_path, new, old)
    assert read(shelf, both, made[7]) == "sk-7"
    assert secrets.rotate(shelf.store, both) == 121  # and the words that tell a wrong key
    assert secrets.rotate(shelf.store, both) == 0

    assert [read(shelf, ring(tmp_path, new), each) for each in made] == [f"sk-{number}" for number in range(120)]
    assert shelf.sql("SELECT id, version FROM connections ORDER BY id") == versions
    with pytest.raises(SecretKeysLost):
        shelf.read(secrets.check, ring(tmp_path, old))


def test_a_key_of_ones_own_takes_over_from_the_file(shelf: Shelf, tmp_path: Path) -> None:
    made = connect(shelf, ring(tmp_path))
    own = new_key()

    assert secrets.rotate(shelf.store, ring(tmp_path, own)) == 2
    ring(tmp_path).file.unlink()

    assert read(shelf, ring(tmp_path, own), made) == "sk-of-this-test"


def test_rotation_without_the_old_key_changes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    old = new_key()
    made = connect(shelf, ring(tmp_path, old))

    with pytest.raises(SecretKeysLost):
        secrets.rotate(shelf.store, ring(tmp_path, new_key()))

    assert read(shelf, ring(tmp_path, old), made) == "sk-of-this-test"


def test_what_nobody_can_read_any_more_can_be_forgotten(shelf: Shelf, tmp_path: Path) -> None:
    made = connect(shelf, ring(tmp_path, new_key()))
    fresh = ring(tmp_path, new_key())

    assert shelf.write(secrets.forget) == 1

    shelf.read(secrets.check, fresh)
    assert not shelf.read(connections.get, made.id, team=NORTHWIND).has_key
    again = connect(shelf, fresh, "Another")
    assert read(shelf, fresh, again) == "sk-of-this-test"
