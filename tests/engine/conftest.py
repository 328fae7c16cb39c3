"""The engine's fixtures: CrewAI imported once, as the program does it, and a scripted model for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.engine.hardening import harden
from bot.engine.llms import Models
from bot.engine.warmup import Warmup
from tests.support.scripted_model import ScriptedModel


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory, CrewAI imported."""
    data_dir = tmp_path_factory.mktemp("data")
    harden(data_dir)
    warmup = Warmup()
    warmup.start()
    warmup.wait()
    return data_dir


@pytest.fixture
def llm() -> Iterator[ScriptedModel]:
    with ScriptedModel() as scripted:
        yield scripted


@pytest.fixture
def models(engine: Path, llm: ScriptedModel) -> Models:
    return Models("openai/scripted", engine, llm.env())
