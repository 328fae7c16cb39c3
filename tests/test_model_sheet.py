"""What a workspace is told of its models, and how long a typed key is kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.engine.llms import Models
from bot.errors import FormRefused, NameTaken
from bot.services import Actor
from bot.services.admins import AdministratorsOnly, Admins
from bot.services.models import ConnectionAnswers, Connections, Standing
from store import connections
from store.connections import ConnectionDraft
from store.database import Store
from store.secrets import Keyring

ANA = Actor("T1", "U0ANA")
BEN = Actor("T1", "U0BEN")


class Company:
    """Who administers: Ana, and whoever else is named."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def is_admin(self, team: str, user: str) -> bool:
        return (team, user) == (ANA.team, ANA.user)

    def admins(self, team: str) -> list[str]:
        return list(self.names)


class Fetched(Models):
    """The small embedded model is here, all of its 478 MB."""

    def problem(self, name: str) -> str | None:
        return None if name == "local/qwen2.5-coder-0.5b" else super().problem(name)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        yield store


def service(store: Store, tmp_path: Path, clock: Clock | None = None, **environ: str) -> Connections:
    keyring = Keyring([], tmp_path / "secret.key")
    ours = Models("", tmp_path, environ)
    return Connections(store, keyring, ours, Admins(Company("Ana Ferreira")), now=clock or Clock())


def standing(sheet: list[Standing], title: str) -> Standing:
    return next(each for each in sheet if each.title == title)


def add(found: Connections, name: str = "Research", key: str | None = None) -> int:
    draft = ConnectionDraft(name=name, provider="openai", key=SecretStr(key) if key else None, models=["a", "b"])
    with found.store.transaction() as session:
        return connections.add(session, draft, team=ANA.team, by=ANA.user, keyring=found.keyring).id


def test_a_local_server_is_ready_when_it_runs(store: Store, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        here = service(store, tmp_path, OLLAMA_HOST=place, VLLM_BASE_URL=f"http://{place}/v1")
        sheet = here.sheet(by=ANA).standings
        assert standing(sheet, "Ollama") == Standing("Ollama", True, f"at {place}")
        assert standing(sheet, "vLLM") == Standing("vLLM", True, f"at {place}")

    gone = standing(here.sheet(by=ANA).standings, "Ollama")
    assert gone == Standing("Ollama", False, f"Nothing answers at {place}. Start it there, or set OLLAMA_HOST")


def test_each_provider_is_told_with_its_mend(store: Store, tmp_path: Path) -> None:
    sheet = service(store, tmp_path, OPENAI_API_KEY="sk-x").sheet(by=ANA).standings

    assert standing(sheet, "OpenAI") == Standing("OpenAI", True, "")
    assert standing(sheet, "DeepSeek").note == "Set DEEPSEEK_API_KEY on the server, or add a connection"
    assert standing(sheet, "Groq").note == "Install on the server: pip install 'crewai[litellm]'"


def test_the_embedded_model_is_told_once_it_has_been_fetched(store: Store, tmp_path: Path) -> None:
    ours = service(store, tmp_path)
    mend = "Run crewcall fetch-model local/qwen2.5-coder-1.5b on the server"
    assert standing(ours.sheet(by=ANA).standings, "Embedded model") == Standing("Embedded model", False, mend)

    ours.models = Fetched("", tmp_path, {})
    fetched = Standing("Embedded model", True, "local/qwen2.5-coder-0.5b")
    assert standing(ours.sheet(by=ANA).standings, "Embedded model") == fetched


def test_only_models_that_can_be_used_are_offered(store: Store, tmp_path: Path) -> None:
    ours = service(store, tmp_path, OPENAI_API_KEY="sk-x")
    add(ours, "Keyed", "sk-of-this-test")
    add(ours, "Keyless")

    assert [name for name, _ in ours.offered(by=ANA)] == ["Keyed/a", "Keyed/b", "openai/gpt-4.1-mini"]
    assert ours.offered(by=Actor("T2", "U0EVE")) == [("openai/gpt-4.1-mini", "openai/gpt-4.1-mini")]


def test_a_typed_key_is_kept_for_ten_minutes_and_for_who_has_the_word(store: Store, tmp_path: Path) -> None:
    clock = Clock()
    ours = service(store, tmp_path, clock)
    typed = ConnectionAnswers(name="Research", provider="openai", key=SecretStr("sk-typed"), models=["a"])
    word = ours._keep(typed.key)
    empty = typed.model_copy(update={"key": None})

    clock.seconds = 599.0
    assert ours.prepared(empty, kept=word, by=ANA).key == SecretStr("sk-typed")
    for seconds, told in ((599.0, "another word"), (601.0, word)):
        clock.seconds = seconds
        with pytest.raises(FormRefused) as refused:
            ours.prepared(empty, kept=told, by=ANA)
        assert list(refused.value.fields) == ["key"]


def test_a_name_in_use_is_refused_before_anybody_is_asked(store: Store, tmp_path: Path) -> None:
    ours = service(store, tmp_path)
    mine = add(ours, key="sk-of-this-test")
    draft = ConnectionAnswers(name="RESEARCH", provider="openai", models=["a"])

    with pytest.raises(NameTaken):
        ours.prepared(draft.model_copy(update={"key": SecretStr("sk-x")}), by=ANA)
    assert ours.prepared(draft, connection_id=mine, version=2, by=ANA).name == "RESEARCH"


@pytest.mark.parametrize("provider", ["groq", "bedrock", "nobody"])
def test_a_provider_that_cannot_be_connected_is_refused_at_its_field(
    provider: str, store: Store, tmp_path: Path
) -> None:
    draft = ConnectionAnswers(name="Research", provider=provider, key=SecretStr("sk-x"), models=["a"])

    with pytest.raises(FormRefused) as refused:
        service(store, tmp_path).prepared(draft, by=ANA)

    assert list(refused.value.fields) == ["provider"]


@pytest.mark.parametrize(
    ("names", "whom"),
    [
        (["Ana"], "Ana"),
        (["Ana", "Chloé"], "Ana or Chloé"),
        (["Ana", "Chloé", "Dina", "Eve"], "Ana, Chloé or Dina"),
        ([], "one of them"),
    ],
)
def test_a_refusal_says_whom_to_ask(names: list[str], whom: str) -> None:
    with pytest.raises(AdministratorsOnly) as refused:
        Admins(Company(*names)).require(BEN, "change the models")

    assert refused.value.sentence == f"Only administrators of this workspace may change the models. Ask {whom}."
    Admins(Company(*names)).require(ANA, "change the models")
