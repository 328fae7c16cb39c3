"""Connections: model providers that administrators add for their workspace, with the key encrypted."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr
from sqlalchemy import UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store import secrets, workspace_settings
from store.agents import AgentRow
from store.database import Base, Draft, Record, translated
from store.names import Name, OneLine, name_key
from store.secrets import Keyring, Sealed


def _without_slash(name: str) -> str:
    if "/" in name:
        raise ValueError("Leave out the “/”: agents name a model as CONNECTION/model.")
    return name


def _web_address(url: str) -> str:
    """Only http and https; a key in the address would be shown with it."""
    url = url.strip().rstrip("/")
    if not url:
        return url
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(char.isspace() for char in url):
        raise ValueError("Write an address that starts with http:// or https://, for example http://localhost:8000/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("Write the address alone, without a name, a password or anything after “?” or “#”.")
    return url


ConnectionName = Annotated[Name, AfterValidator(_without_slash)]
ModelName = Annotated[OneLine, Field(min_length=1, max_length=150)]
Price = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]


class ConnectionDraft(Draft):
    """What an administrator decides about a connection. An empty ``key`` in an edit keeps the stored one."""

    # A wrong answer must not take the key along into an error's text.
    model_config = ConfigDict(hide_input_in_errors=True)

    name: ConnectionName = Field(
        title="Name", description="What agents call it, for example Research: they name a model as Research/gpt-4.1."
    )
    provider: str = Field(title="Provider", min_length=1, max_length=50)
    base_url: Annotated[str, AfterValidator(_web_address)] = Field(
        "",
        title="Address",
        max_length=500,
        description="Empty: the provider’s own. A server of yours may be on this machine or in your private network.",
    )
    key: SecretStr | None = Field(
        None,
        title="Key",
        max_length=2_000,
        description="Stored encrypted and never shown again. Local servers often need none.",
    )
    models: list[ModelName] = Field(
        title="Models",
        min_length=1,
        max_length=50,
        description="The models to offer, one a line, as the provider names them. The first one is used for the test.",
    )
    context_window: int | None = Field(
        None,
        title="Context window",
        ge=1_000,
        le=100_000_000,
        description="How many tokens its models read at once. Empty: what is known of the model.",
    )
    prompt_price: Price | None = Field(
        None, title="Price of a million prompt tokens", description="In US dollars. Empty: runs show no cost."
    )
    completion_price: Price | None = Field(
        None, title="Price of a million completion tokens", description="In US dollars."
    )


class Connection(Record):
    """A connection as stored; its key stays in the store until ``key`` opens it. Prices are dollars per million."""

    id: int
    team: str
    name: str
    provider: str
    base_url: str
    has_key: bool
    models: list[str]
    context_window: int | None
    prompt_price: float | None
    completion_price: float | None
    changed_by: str
    version: int

    def draft(self) -> ConnectionDraft:
        """What an edit starts from; the key is not part of it."""
        return ConnectionDraft.model_validate(self.model_dump(include=set(ConnectionDraft.model_fields)))


class ConnectionRow(Base):
    """One row for each connection of a workspace."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("team", "name_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    provider: Mapped[str]
    base_url: Mapped[str]
    key: Mapped[str | None] = mapped_column(Sealed)
    models: Mapped[list[str]]
    context_window: Mapped[int | None]
    prompt_price: Mapped[float | None]
    completion_price: Mapped[float | None]
    changed_by: Mapped[str]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}

    @property
    def has_key(self) -> bool:
        """Whether a key is stored."""
        return self.key is not None


def add(session: Session, draft: ConnectionDraft, *, team: str, by: str, keyring: Keyring) -> Connection:
    """Add a connection, its key encrypted; raise ``NameTaken`` if the workspace already uses the name."""
    now = datetime.now(UTC)
    row = ConnectionRow(**_columns(draft), team=team, changed_by=by, created_at=now, updated_at=now)
    session.add(row)
    with _refusals(draft):
        session.flush()
    _seal(session, row, draft.key, keyring)
    return Connection.model_validate(row)


def get(session: Session, connection_id: int, *, team: str) -> Connection:
    """The connection; raise ``Gone`` if the workspace has none with this id (any more)."""
    return Connection.model_validate(_row(session, connection_id, team))


def list_all(session: Session, *, team: str) -> list[Connection]:
    """The workspace's connections by name."""
    wanted = select(ConnectionRow).where(ConnectionRow.team == team).order_by(ConnectionRow.name_key)
    return [Connection.model_validate(row) for row in session.scalars(wanted)]


def key(session: Session, connection_id: int, *, team: str, keyring: Keyring) -> SecretStr | None:
    """The connection's key, if it has one; raise ``Gone`` or ``SecretKeysLost``."""
    row = _row(session, connection_id, team)
    return keyring.open(row.key, _place(row)) if row.key else None


def change(
    session: Session,
    connection_id: int,
    draft: ConnectionDraft,
    *,
    team: str,
    version: int,
    by: str,
    keyring: Keyring,
) -> Connection:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``.

    Agents and the workspace's default model that name it go on under its new name.
    """
    row = _row(session, connection_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="connection", who=row.changed_by, version=row.version)
    before = row.name_key
    for field, value in _columns(draft).items():
        setattr(row, field, value)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with _refusals(draft):
        session.flush()
    _seal(session, row, draft.key, keyring)
    _rename(session, before, draft.name, team)
    return Connection.model_validate(row)


def remove(session: Session, connection_id: int, *, team: str) -> Connection:
    """Delete a connection with its key and return what it was.

    Agents that name it have no model until they change; where the workspace's default names it, there is none.
    """
    row = _row(session, connection_id, team, lock=True)
    was = Connection.model_validate(row)
    session.delete(row)
    session.flush()
    if _is_of(workspace_settings.get(session, team).default_model, row.name_key):
        workspace_settings.change(session, team, default_model="")
    return was


def users(session: Session, name: str, *, team: str) -> list[str]:
    """The names of the agents whose model is one of this connection's."""
    wanted = select(AgentRow.name, AgentRow.llm_provider).where(
        AgentRow.team == team, AgentRow.llm_provider.is_not(None)
    )
    rows = session.execute(wanted.order_by(AgentRow.name_key))
    return [agent for agent, provider in rows if name_key(provider or "") == name_key(name)]


def _rename(session: Session, before: str, name: str, team: str) -> None:
    named = select(AgentRow.llm_provider).where(AgentRow.team == team, AgentRow.llm_provider.is_not(None)).distinct()
    spelled = [said for said in session.scalars(named) if said != name and name_key(said or "") == before]
    renamed = update(AgentRow).where(AgentRow.team == team, AgentRow.llm_provider.in_(spelled))
    session.execute(renamed.values(llm_provider=name))
    default = workspace_settings.get(session, team).default_model
    if _is_of(default, before):
        workspace_settings.change(session, team, default_model=f"{name}/{default.partition('/')[2]}")


def _is_of(model: str, key_of_name: str) -> bool:
    return name_key(model.partition("/")[0]) == key_of_name


def _seal(session: Session, row: ConnectionRow, key: SecretStr | None, keyring: Keyring) -> None:
    # The place names the row's id, which a new row has only now.
    if key:
        row.key = secrets.seal(session, keyring, key.get_secret_value(), _place(row))
        session.flush()


def _place(row: ConnectionRow) -> str:
    return f"connections.key|{row.id}"


def _columns(draft: ConnectionDraft) -> dict[str, Any]:
    asked = draft.model_dump(include=ConnectionDraft.model_fields.keys() - {"key"})
    return {**asked, "name_key": name_key(draft.name)}


def _refusals(draft: ConnectionDraft) -> AbstractContextManager[None]:
    return translated({"uq_connections_team_name_key": NameTaken(kind="a connection", name=draft.name)})


def _row(session: Session, connection_id: int, team: str, *, lock: bool = False) -> ConnectionRow:
    wanted = select(ConnectionRow).where(ConnectionRow.id == connection_id, ConnectionRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="connection")
    return row
