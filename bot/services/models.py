"""Which models a workspace can use: providers, connections with their keys, and the default model."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from bot.embedded_models import MODELS
from bot.engine.connected import ConnectedModels, connection_problem, reserved, try_out
from bot.engine.llms import BY_NAME, PROVIDERS, Models, Provider, installed
from bot.errors import EditedMeanwhile, FormRefused, NameTaken, UserError
from bot.services import Actor
from bot.services.admins import Admins
from bot.services.audit import Verb, note
from bot.settings import MODEL_BY_KEY
from store import connections, workspace_settings
from store.connections import Connection, ConnectionDraft
from store.database import Draft, Store
from store.names import name_key
from store.secrets import Keyring

# A server on this machine or nearby answers within this many seconds or is taken for not running.
_NEARBY_SECONDS = 0.5
# A key that was typed and could not be used yet is kept for the next try for so long, in seconds.
_KEPT = 600.0
_CHANGE = "change the models"


class ConnectionAnswers(ConnectionDraft):
    """What the form asks: a connection, and whether it must answer before it is saved."""

    untested: bool = Field(
        False,
        title="Save in any case",
        description="For a server that does not run yet: it is saved without an answer.",
    )


class DefaultModel(Draft):
    """The model of agents that name none."""

    llm: str = Field(
        "", title="Default model", max_length=200, description="Agents that name no model of their own use this one."
    )


@dataclass(frozen=True)
class Standing:
    """Whether a provider's models can be used with the server's own settings, and if not, the mend."""

    title: str
    ready: bool
    note: str


@dataclass(frozen=True)
class ModelSheet:
    """Everything about a workspace's models; ``default`` is ``""`` if there is none, ``own_default`` if chosen here."""

    connections: list[Connection]
    standings: list[Standing]
    default: str
    own_default: bool
    default_problem: str | None
    may_change: bool
    whom_to_ask: str


@dataclass(frozen=True)
class Saved:
    """How saving a connection ended: what is stored, if it is, and what is wrong, if anything is.

    ``kept`` stands for the key that was typed, for the next try.
    """

    connection: Connection | None
    refusal: UserError | None
    kept: str = ""


class Connections:
    """The workspace's models, and the connections that its administrators add."""

    def __init__(
        self,
        store: Store,
        keyring: Keyring,
        models: Models,
        admins: Admins,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``models`` are the installation's own; ``now`` is a clock in seconds."""
        self.store = store
        self.keyring = keyring
        self.models = models
        self.admins = admins
        self._now = now
        self._kept: dict[str, tuple[float, SecretStr]] = {}
        self._lock = threading.Lock()

    def models_of(self, team: str, *, seconds: float | None = None) -> ConnectedModels:
        """All models that the workspace's agents can name; one call may take ``seconds``, or as long as usual."""
        with self.store.reading() as session:
            found = connections.list_all(session, team=team)
            default = workspace_settings.get(session, team).default_model
        return ConnectedModels(self.models, found, self._key_of, default, seconds)

    def problem(self, name: str, team: str) -> str | None:
        """What keeps a model from being used in the workspace, with the mend; ``""`` names its default model."""
        return self.models_of(team).problem(name)

    def offered(self, *, by: Actor) -> list[tuple[str, str]]:
        """The models to choose from, each as its full name and the words for it."""
        ours = self.models_of(by.team)
        with self.store.reading() as session:
            found = connections.list_all(session, team=by.team)
        names = [f"{connection.name}/{model}" for connection in found for model in connection.models]
        names += [name for name in (*MODELS, *MODEL_BY_KEY.values(), ours.name("")) if name]
        return [(name, name) for name in dict.fromkeys(names) if ours.problem(name) is None]

    def sheet(self, *, by: Actor) -> ModelSheet:
        """The workspace's models as they are now; this asks servers nearby whether they run, for up to a second."""
        ours = self.models_of(by.team)
        with self.store.reading() as session:
            found = connections.list_all(session, team=by.team)
            own_default = bool(workspace_settings.get(session, by.team).default_model)
        may_change = self.admins.is_admin(by)
        return ModelSheet(
            connections=found,
            standings=[_embedded(self.models), *(_standing(self.models, provider) for provider in PROVIDERS)],
            default=ours.name(""),
            own_default=own_default,
            default_problem=ours.problem(""),
            may_change=may_change,
            whom_to_ask="" if may_change else self.admins.whom_to_ask(by),
        )

    def providers(self, *, by: Actor) -> list[tuple[str, str]]:
        """The providers that a connection can be made to here; raise ``AdministratorsOnly``."""
        self.admins.require(by, _CHANGE)
        usable = [each for each in PROVIDERS if connection_problem(each.names[0]) is None]
        return [(each.names[0], _TITLES.get(each.names[0], each.title)) for each in usable]

    def get(self, connection_id: int, *, by: Actor) -> Connection:
        """One connection; raise ``AdministratorsOnly`` or ``Gone``."""
        self.admins.require(by, _CHANGE)
        with self.store.reading() as session:
            return connections.get(session, connection_id, team=by.team)

    def users(self, connection: Connection) -> list[str]:
        """The names of the agents that use a connection."""
        with self.store.reading() as session:
            return connections.users(session, connection.name, team=connection.team)

    def prepared(
        self,
        draft: ConnectionAnswers,
        *,
        connection_id: int | None = None,
        version: int = 0,
        kept: str = "",
        by: Actor,
    ) -> ConnectionAnswers:
        """The answers with the key that was typed before, if it was; asks nobody.

        Raises ``AdministratorsOnly``, ``Gone``, ``EditedMeanwhile``, ``NameTaken`` or ``FormRefused``.
        """
        self.admins.require(by, _CHANGE)
        if problem := connection_problem(draft.provider):
            raise FormRefused(fields={"provider": problem})
        if reserved(draft.name):
            raise FormRefused(fields={"name": f"“{draft.name}” is a provider’s own name. Choose another name."})
        with self.store.reading() as session:
            others = [each for each in connections.list_all(session, team=by.team) if each.id != connection_id]
            if name_key(draft.name) in [name_key(other.name) for other in others]:
                raise NameTaken(kind="a connection", name=draft.name)
            before = connections.get(session, connection_id, team=by.team) if connection_id else None
        if before and before.version != version:
            raise EditedMeanwhile(kind="connection", who=before.changed_by, version=before.version)
        draft = draft.model_copy(update={"key": draft.key or self._take(kept)})
        _refuse_wandering_key(draft, before)
        if not draft.key and not (before and before.has_key) and _wants_key(draft):
            title = BY_NAME[draft.provider].title
            raise FormRefused(fields={"key": f"{title} wants a key. Paste it here; it is not shown again."})
        return draft

    def save(self, draft: ConnectionAnswers, *, connection_id: int | None = None, version: int = 0, by: Actor) -> Saved:
        """Ask the connection's first model for a word, and if it answers, store the connection; takes up to 20 s.

        ``draft`` comes from ``prepared``. Raises nothing that a person can mend: that is in what is returned.
        """
        self.admins.require(by, _CHANGE)
        trouble: UserError | None = None
        try:
            key = draft.key or (self._stored_key(connection_id, by.team) if connection_id else None)
            trouble = self._trouble(draft, key)
            if trouble is None or draft.untested:
                return Saved(self._store(draft, connection_id, version, by), trouble)
        except UserError as refusal:
            trouble = refusal
        return Saved(None, trouble, kept=self._keep(draft.key))

    def test(self, connection_id: int, *, by: Actor) -> UserError | None:
        """Ask a stored connection's first model for a word; what is wrong, if anything is. Takes up to 20 s."""
        connection = self.get(connection_id, by=by)
        try:
            return self._trouble(connection.draft(), self._stored_key(connection_id, by.team))
        except UserError as refusal:
            return refusal

    def remove(self, connection_id: int, *, by: Actor) -> Connection:
        """Delete a connection and its key, and return what it was; raise ``AdministratorsOnly`` or ``Gone``."""
        self.admins.require(by, _CHANGE)
        with self.store.transaction() as session:
            removed = connections.remove(session, connection_id, team=by.team)
            note(session, Verb.DELETED, "connection", removed.name, by=by)
            return removed

    def choose_default(self, choice: DefaultModel, *, by: Actor) -> None:
        """Let agents that name no model use this one; raise ``AdministratorsOnly`` or ``FormRefused``."""
        self.admins.require(by, _CHANGE)
        name = choice.llm.strip()
        if name and (problem := self.problem(name, by.team)):
            raise FormRefused(fields={"llm": problem})
        with self.store.transaction() as session:
            workspace_settings.change(session, by.team, default_model=name)
            note(session, Verb.CHANGED, "default model", name, by=by)

    def _trouble(self, draft: ConnectionDraft, key: SecretStr | None) -> UserError | None:
        try:
            try_out(self.models, draft.provider, draft.base_url, key, draft.models[0])
        except FormRefused as refusal:
            return refusal
        return None

    def _store(self, draft: ConnectionAnswers, connection_id: int | None, version: int, by: Actor) -> Connection:
        told = {"team": by.team, "by": by.user}
        with self.store.transaction() as session:
            if connection_id is None:
                added = connections.add(session, draft, **told, keyring=self.keyring)
                note(session, Verb.CREATED, "connection", added.name, by=by)
                return added
            known = connections.change(session, connection_id, draft, **told, version=version, keyring=self.keyring)
            note(session, Verb.CHANGED, "connection", known.name, by=by)
            return known

    def _key_of(self, connection: Connection) -> SecretStr | None:
        return self._stored_key(connection.id, connection.team)

    def _stored_key(self, connection_id: int, team: str) -> SecretStr | None:
        with self.store.reading() as session:
            return connections.key(session, connection_id, team=team, keyring=self.keyring)

    def _keep(self, key: SecretStr | None) -> str:
        """A word that stands for a typed key in a form that is shown again; ``""`` if none was typed."""
        if key is None:
            return ""
        word = secrets.token_urlsafe(12)
        with self._lock:
            now = self._now()
            self._kept = {each: kept for each, kept in self._kept.items() if now - kept[0] < _KEPT}
            self._kept[word] = now, key
        return word

    def _take(self, word: str) -> SecretStr | None:
        with self._lock:
            at, key = self._kept.get(word, (float("-inf"), None))
            return key if self._now() - at < _KEPT else None


_EMBEDDED = "Embedded model"
_TITLES = {"openai": "OpenAI, or a server that speaks like it", "azure": "Azure OpenAI"}


def _refuse_wandering_key(draft: ConnectionAnswers, before: Connection | None) -> None:
    """A stored key goes only where it was meant to: whoever changes the address has to know it."""
    if before is None or draft.key or not before.has_key:
        return
    if (draft.provider, draft.base_url) != (before.provider, before.base_url):
        raise FormRefused(fields={"key": "The provider or the address is another one now: paste the key again."})


def _wants_key(draft: ConnectionDraft) -> bool:
    """Servers of one's own often want none."""
    return bool(BY_NAME[draft.provider].keys) and not draft.base_url


def _embedded(models: Models) -> Standing:
    """The models that run inside the bot's own process: those that have been fetched, or how to fetch one."""
    fetched = [name for name in MODELS if models.problem(name) is None]
    if fetched:
        return Standing(_EMBEDDED, True, ", ".join(fetched))
    return Standing(_EMBEDDED, False, f"Run crewcall fetch-model {next(iter(MODELS))} on the server")


def _standing(models: Models, provider: Provider) -> Standing:
    if not installed(provider.package):
        return Standing(provider.title, False, f"Install on the server: pip install 'crewai[{provider.extra}]'")
    if models.provider_problem(provider):
        missing = " and ".join(group[0] for group in provider.keys)
        return Standing(
            provider.title,
            False,
            f"Set {missing} on the server" + (", or add a connection" if provider.address is not None else ""),
        )
    where = models.where(f"{provider.names[0]}/any")
    if provider.keys:
        return Standing(provider.title, True, "" if where == provider.title else f"at {where}")
    address = models.address(provider)
    place = urlsplit(address if "://" in address else f"http://{address}").netloc
    if not address:
        return Standing(provider.title, True, "")
    if _answers(address):
        return Standing(provider.title, True, f"at {place}")
    return Standing(provider.title, False, f"Nothing answers at {place}. Start it there, or set {provider.url}")


def _answers(address: str) -> bool:
    """Whether anything listens at an address; ``OLLAMA_HOST`` may be a bare host."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    port = parts.port or (443 if parts.scheme == "https" else 11434)
    try:
        with closing(socket.create_connection((parts.hostname or "localhost", port), _NEARBY_SECONDS)):
            return True
    except OSError:
        return False
