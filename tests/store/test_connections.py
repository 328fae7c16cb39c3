"""Connections on their shelf: added, renamed with whoever names them, removed with their key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store import agents, connections, workspace_settings
from store.connections import Connection, ConnectionDraft
from store.secrets import Keyring
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring([], tmp_path / "secret.key")


def draft(name: str = "Research", **more: Any) -> ConnectionDraft:
    return ConnectionDraft(**{"name": name, "provider": "openai", "models": ["small", "large"], **more})


def add(shelf: Shelf, keyring: Keyring, name: str = "Research", team: str = NORTHWIND, **more: Any) -> Connection:
    return shelf.write(connections.add, draft(name, **more), team=team, by=ANA, keyring=keyring)


def change(shelf: Shelf, keyring: Keyring, was: Connection, said: ConnectionDraft, **more: Any) -> Connection:
    told: dict[str, Any] = {"team": NORTHWIND, "version": was.version, "by": BEN, "keyring": keyring, **more}
    return shelf.write(connections.change, was.id, said, **told)


def key_of(shelf: Shelf, keyring: Keyring, connection: Connection, team: str = NORTHWIND) -> SecretStr | None:
    return shelf.read(connections.key, connection.id, team=team, keyring=keyring)


def test_a_connection_is_read_back_as_it_was_made_without_its_key(shelf: Shelf, keyring: Keyring) -> None:
    told: dict[str, Any] = {"base_url": "http://gpu:8000/v1", "context_window": 32_000, "prompt_price": 0.15}
    made = add(shelf, keyring, key="sk-of-this-test", **told)

    read = shelf.read(connections.get, made.id, team=NORTHWIND)

    assert read == made
    assert read.draft() == draft(**told)
    assert (read.has_key, read.changed_by, read.completion_price) == (True, ANA, None)
    assert "sk-of-this-test" not in repr(read)
    assert key_of(shelf, keyring, made) == SecretStr("sk-of-this-test")
    assert "sk-of-this-test" not in str(shelf.sql("SELECT * FROM connections"))


def test_a_connection_may_do_without_a_key(shelf: Shelf, keyring: Keyring) -> None:
    made = add(shelf, keyring)

    assert (made.has_key, key_of(shelf, keyring, made)) == (False, None)
    assert not keyring.file.exists()


def test_an_edit_without_a_key_keeps_the_stored_one(shelf: Shelf, keyring: Keyring) -> None:
    made = add(shelf, keyring, key="sk-old")

    kept = change(shelf, keyring, made, draft(models=["other"]))
    assert (kept.models, kept.changed_by) == (["other"], BEN)
    assert key_of(shelf, keyring, kept) == SecretStr("sk-old")

    change(shelf, keyring, kept, draft(key="sk-new"))
    assert key_of(shelf, keyring, kept) == SecretStr("sk-new")


def test_who_names_a_connection_goes_on_under_its_new_name(shelf: Shelf, keyring: Keyring) -> None:
    made = add(shelf, keyring)
    crew, theirs = shelf.crew(), shelf.crew(team=CONTOSO)
    ours = [shelf.agent(crew, name, llm=llm) for name, llm in (("One", "research/a"), ("Two", "openai/a"))]
    stranger = shelf.agent(theirs, "Three", llm="Research/a")
    shelf.write(workspace_settings.change, NORTHWIND, default_model="RESEARCH/large")
    assert shelf.read(connections.users, "Research", team=NORTHWIND) == ["One"]

    change(shelf, keyring, made, draft("Desk"))

    found = [shelf.read(agents.get, agent.id, team=NORTHWIND) for agent in ours]
    assert [agent.llm for agent in found] == ["Desk/a", "openai/a"]
    assert [agent.version for agent in found] == [agent.version for agent in ours]
    assert shelf.read(agents.get, stranger.id, team=CONTOSO).llm == "Research/a"
    assert shelf.read(workspace_settings.get, NORTHWIND).default_model == "Desk/large"


def test_a_deleted_connection_is_no_default_any_more(shelf: Shelf, keyring: Keyring) -> None:
    one, other = add(shelf, keyring), add(shelf, keyring, "Other", key="sk-other")
    shelf.write(workspace_settings.change, NORTHWIND, default_model="Research/large", allowed_dangers=["files"])

    assert shelf.write(connections.remove, other.id, team=NORTHWIND) == other
    assert shelf.read(workspace_settings.get, NORTHWIND).default_model == "Research/large"
    shelf.write(connections.remove, one.id, team=NORTHWIND)

    settings = shelf.read(workspace_settings.get, NORTHWIND)
    assert (settings.default_model, settings.allowed_dangers) == ("", ["files"])
    assert shelf.read(connections.list_all, team=NORTHWIND) == []


def test_a_name_is_used_once_in_a_workspace(shelf: Shelf, keyring: Keyring) -> None:
    add(shelf, keyring)
    add(shelf, keyring, team=CONTOSO)

    with pytest.raises(NameTaken):
        add(shelf, keyring, "RESEARCH")


def test_a_connection_is_there_for_its_own_workspace_alone(shelf: Shelf, keyring: Keyring) -> None:
    made = add(shelf, keyring, key="sk-ours")

    assert shelf.read(connections.list_all, team=CONTOSO) == []
    for attempt in (
        lambda: shelf.read(connections.get, made.id, team=CONTOSO),
        lambda: key_of(shelf, keyring, made, CONTOSO),
        lambda: change(shelf, keyring, made, draft(), team=CONTOSO),
        lambda: shelf.write(connections.remove, made.id, team=CONTOSO),
    ):
        with pytest.raises(Gone):
            attempt()


def test_an_edit_of_an_older_version_is_refused(shelf: Shelf, keyring: Keyring) -> None:
    made = add(shelf, keyring)
    newer = change(shelf, keyring, made, draft(models=["newer"]))

    with pytest.raises(EditedMeanwhile) as refused:
        change(shelf, keyring, made, draft(models=["older"]))

    assert (refused.value.who, refused.value.version) == (BEN, newer.version)


@pytest.mark.parametrize(
    "url", ["models.example.com", "ftp://a", "http://", "http://a b", "http://a:99999", "file:///etc/passwd"]
)
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(ValidationError, match="starts with http:// or https://"):
        draft(base_url=url)


@pytest.mark.parametrize("url", ["https://me:pw@a.example", "https://a.example/v1?key=x", "https://a.example/#x"])
def test_an_address_carries_no_secret(url: str) -> None:
    with pytest.raises(ValidationError, match="Write the address alone"):
        draft(base_url=url)


def test_a_wrong_answer_does_not_take_the_key_along_into_the_error() -> None:
    with pytest.raises(ValidationError) as refused:
        draft(models=[], key="sk-of-this-test", base_url="sk-of-this-test")

    assert "sk-of-this-test" not in str(refused.value)


def test_settings_are_kept_for_each_workspace_and_one_at_a_time(shelf: Shelf) -> None:
    assert shelf.read(workspace_settings.get, NORTHWIND).allowed_dangers == []

    shelf.write(workspace_settings.change, NORTHWIND, allowed_dangers=["code"])
    shelf.write(workspace_settings.change, NORTHWIND, default_model="openai/x")

    settings = shelf.read(workspace_settings.get, NORTHWIND)
    assert (settings.allowed_dangers, settings.default_model) == (["code"], "openai/x")
    assert shelf.read(workspace_settings.get, CONTOSO).default_model == ""
    with pytest.raises(TypeError, match="there is no setting colour"):
        shelf.write(workspace_settings.change, NORTHWIND, colour="blue")
    with pytest.raises(ValidationError):
        shelf.write(workspace_settings.change, NORTHWIND, allowed_dangers="code")
