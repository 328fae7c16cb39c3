"""The nouns that tests share: a workspace, its people, a scripted model and the bot, all of them real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.engine.hardening import harden
from bot.engine.warmup import Warmup
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.settings import Settings
from store.database import Store
from tests.support.office import Office
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

if TYPE_CHECKING:
    from bot.app import Crewcall


@pytest.fixture(scope="session", autouse=True)
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory; whichever test comes first in a process may import CrewAI, so it is tamed before."""
    data_dir = tmp_path_factory.mktemp("data")
    harden(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def engine(hardened: Path) -> Path:
    """The data directory, CrewAI imported."""
    warmup = Warmup()
    warmup.start()
    warmup.wait()
    return hardened


@pytest.fixture
def workspace() -> Iterator[LocalSlack]:
    """Northwind's workspace, as strict as Slack, with the app that manifest.yml describes."""
    with LocalSlack(manifest()) as workspace:
        yield workspace


@pytest.fixture
def llm() -> Iterator[ScriptedModel]:
    """The model that says what a test wrote for it."""
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def settings(workspace: LocalSlack, tmp_path: Path) -> Settings:
    """What the environment would say; a file of a database of its own."""
    return Settings.model_validate(
        {
            "bot_token": workspace.bot_token,
            "app_token": workspace.app_token,
            "slack_api_url": workspace.api_url,
            "data_dir": tmp_path,
        }
    )


@pytest.fixture
def crewcall(
    engine: Path, settings: Settings, llm: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Crewcall]:
    """The whole bot in this process, connected to the workspace and to the scripted model."""
    from bot.app import Crewcall

    for name, value in llm.env().items():
        monkeypatch.setenv(name, value)
    with closing(Crewcall(settings, default_model="openai/scripted")) as crewcall:
        crewcall.start()
        yield crewcall


@pytest.fixture
def ana(workspace: LocalSlack) -> Person:
    """Ana Ferreira."""
    return Person(workspace.url, "U0ANA000001")


@pytest.fixture
def ben(workspace: LocalSlack) -> Person:
    """Ben Okafor."""
    return Person(workspace.url, "U0BEN000002")


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database file with all tables and nothing in them."""
    file = tmp_path_factory.mktemp("tables") / "empty.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.upgrade()
    return file.read_bytes()


@pytest.fixture(scope="session")
def furnished(tables: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, Path, bytes]]:
    """An office, its database file, and what is in that at first."""
    file = tmp_path_factory.mktemp("office") / "crewcall.db"
    file.write_bytes(tables)
    with closing(Store(f"sqlite:///{file}")) as store:
        office = Office(store)
        # The last connection that is closed brings everything into the file.
        store.close()
        yield office, file, file.read_bytes()


@pytest.fixture
def office(furnished: tuple[Office, Path, bytes]) -> Office:
    """All services, and a crew to try them on. The store knows its queries from the tests before, but no rows."""
    first, file, content = furnished
    first.store.close()
    for rest in file.parent.glob("crewcall.db-*"):
        rest.unlink()
    file.write_bytes(content)
    return Office(first.store, like=first)
