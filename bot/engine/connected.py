"""One workspace's models: its own connections by name, and whatever else the installation can speak to."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.engine.failures import brief, refusal, status, words
from bot.engine.hardening import tame
from bot.engine.llms import BY_NAME, LOCAL, Endpoint, Models, ModelUnusable, Provider, missing_package
from bot.engine.local_model import stop_signal
from bot.engine.meter import Price
from bot.errors import FormRefused
from store.connections import Connection
from store.names import name_key

# How long a test may wait for one answer, in seconds, and what it asks.
TEST_SECONDS = 15
QUESTION = "Answer with the single word: yes"

# What a server is told that wants no key. The environment's key must never travel to an address of somebody else's.
NO_KEY = "none"

OpenKey = Callable[[Connection], SecretStr | None]


class ConnectedModels(Models):
    """The models of one workspace. A key is opened when a model is first connected, and never shown."""

    def __init__(
        self,
        ours: Models,
        connections: Iterable[Connection],
        open_key: OpenKey,
        default: str = "",
        seconds: float | None = None,
    ) -> None:
        """``ours`` are the installation's models; ``default`` goes before its default model, ``seconds`` before its."""
        super().__init__(
            default or ours.default_model, ours._data_dir, ours._environ, ours.redactor, seconds or ours.seconds
        )
        # What is connected once serves every run.
        self._bases, self._lock = ours._bases, ours._lock
        self._connections = {name_key(connection.name): connection for connection in connections}
        self._open_key = open_key

    def problem(self, name: str) -> str | None:
        """As for any model; a name may begin with a connection's."""
        found = self._connection(name)
        if found is None:
            problem = super().problem(name)
            known = ", ".join(connection.name for connection in self._connections.values())
            ours = problem is not None and problem.startswith("There is no model provider") and known
            return f"{problem} Connections of this workspace: {known}." if ours else problem
        if not self.name(name).partition("/")[2]:
            return f"“{self.name(name)}” names no model. Write for example {found.name}/{found.models[0]}."
        return connection_problem(found.provider) or _missing_key(found)

    def price(self, name: str) -> Price | None:
        """What the connection says; where it names one of the two prices only, the other is nothing."""
        found = self._connection(name)
        if found is None or (found.prompt_price is None and found.completion_price is None):
            return None
        return Price(found.prompt_price or 0.0, found.completion_price or 0.0)

    def where(self, name: str) -> str:
        """The connection's host, or its provider's name."""
        found = self._connection(name)
        return host(found.provider, found.base_url) if found else super().where(name)

    def key_mend(self, name: str) -> str:
        """A connection's key is changed in Slack."""
        found = self._connection(name)
        if found is None:
            return super().key_mend(name)
        return f"An administrator can put a valid key into the connection “{found.name}”: /crew models."

    def _provider(self, name: str) -> Provider | None:
        found = self._connection(name)
        return BY_NAME[found.provider] if found else super()._provider(name)

    def _connection(self, name: str) -> Connection | None:
        return self._connections.get(name_key(self.name(name).partition("/")[0]))

    def _endpoint(self, name: str) -> Endpoint:
        found = self._connection(name)
        if found is None:
            return super()._endpoint(name)
        connection, model = found, name.partition("/")[2]

        def access() -> dict[str, Any]:
            key = self._open_key(connection)
            if key is not None:
                self.redactor.learn(key.get_secret_value())
            return credentials(connection.provider, connection.base_url, key)

        return Endpoint(
            # Whoever saves a connection makes a new version, with which its models are connected anew.
            f"connection {connection.id}, version {connection.version}/{model}",
            BY_NAME[connection.provider],
            model,
            access,
            window=connection.context_window,
            official=connection.provider == "openai" and not connection.base_url,
        )


def connection_problem(provider_name: str) -> str | None:
    """Why no connection to this provider can be made here, with the mend; ``None`` if it can."""
    provider = BY_NAME.get(provider_name)
    if provider is None or provider.address is None:
        return f"There can be no connection to “{provider_name}”. Its models are set up on the server."
    return missing_package(provider)


def reserved(name: str) -> bool:
    """Whether the name of a connection would hide a provider's."""
    return name_key(name) in {*BY_NAME, LOCAL}


def host(provider_name: str, base_url: str) -> str:
    """Who answers for a connection, in words for people."""
    return urlsplit(base_url).netloc or BY_NAME[provider_name].title


def credentials(provider_name: str, base_url: str, key: SecretStr | None) -> dict[str, Any]:
    """What CrewAI is told to get in; nothing is left for it to look up in the environment."""
    provider = BY_NAME[provider_name]
    secret = key.get_secret_value() if key else ""
    url = base_url or provider.home
    return {"api_key": secret or NO_KEY, **({provider.address: url} if provider.address and url else {})}


def try_out(
    ours: Models,
    provider_name: str,
    base_url: str,
    key: SecretStr | None,
    model: str,
    *,
    seconds: float = TEST_SECONDS,
) -> None:
    """Ask a model for one word, within ``seconds``; raise ``FormRefused`` with a sentence at the field to mend.

    The fields are those of ``ConnectionDraft``.
    """
    tame()
    secret = key.get_secret_value() if key else ""
    if secret:
        ours.redactor.learn(secret)
    provider, where = BY_NAME[provider_name], host(provider_name, base_url)
    endpoint = Endpoint("", provider, model, lambda: credentials(provider_name, base_url, key))
    try:
        contextvars.Context().run(_ask, ours, endpoint, seconds)
    except ModelUnusable as unusable:
        raise FormRefused(reason=unusable.sentence) from None
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is told, without the error, which may hold the key
        raise _refusal(error, where=where, model=model, keyed=bool(secret), ours=ours, seconds=seconds) from None


def _ask(ours: Models, endpoint: Endpoint, seconds: float) -> None:
    """In a context of its own, so that nothing of CrewAI's stays behind on this thread."""
    from crewai.utilities.types import LLMMessage
    from crewai_core.printer import set_suppress_console_output

    set_suppress_console_output(True)
    deadline = time.monotonic() + seconds
    stop_signal.set(lambda: time.monotonic() > deadline)
    llm = ours._connected(endpoint.model, endpoint, seconds)
    question: list[LLMMessage] = [{"role": "user", "content": QUESTION}]
    try:
        llm.call(question)
    finally:
        if endpoint.provider.openai:
            llm._client.close()  # type: ignore[attr-defined]  # OpenAI's client, as in ``connect``


def _refusal(error: Exception, *, where: str, model: str, keyed: bool, ours: Models, seconds: float) -> FormRefused:
    """The first that fits; statuses and phrases as in ``failures``."""
    said, code, answer = words(error), status(error), str(refusal(error) or "").lower()
    if code in (401, 403):
        return _at("key", f"{where} refused this key." if keyed else f"{where} wants a key.")
    if code == 402 or "insufficient_quota" in said:
        return _at("key", f"The account behind this key has used up what it paid for at {where}.")
    if code == 429:
        return FormRefused(reason=f"{where} takes no more calls for now. Wait a minute and save again.")
    if code in (400, 404) and "model" in answer:
        return _at("models", f"{where} does not know the model “{model}”.")
    if code in (404, 405) or isinstance(error, AttributeError | TypeError):
        # A web page where an answer should be is what the client stumbles over.
        return _at("base_url", f"{where} does not answer as a model at this address. Many end in /v1.")
    if "timeout" in said or "timed out" in said or "run was stopped" in said:
        return _at("base_url", f"{where} did not answer within {seconds:g} seconds.")
    if any(word in said for word in ("connecterror", "connection error", "readerror", "remoteprotocolerror")):
        return _at("base_url", f"{where} cannot be reached from the server. Check the address, and that it runs.")
    if code is not None and code >= 500:
        return FormRefused(reason=f"{where} had a failure of its own ({code}). Save again in a few minutes.")
    return FormRefused(reason=f"The test failed: {brief(error, ours)}")


def _at(field: str, sentence: str) -> FormRefused:
    return FormRefused(fields={field: sentence})


def _missing_key(connection: Connection) -> str | None:
    if connection.has_key or connection.base_url or not BY_NAME[connection.provider].keys:
        return None
    return f"The connection “{connection.name}” has no key. An administrator can add it: /crew models."
