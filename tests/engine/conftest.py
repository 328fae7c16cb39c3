"""The engine's fixtures: what it needs to know of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.engine.llms import Models
from tests.support.scripted_model import ScriptedModel


@pytest.fixture
def models(engine: Path, llm: ScriptedModel) -> Models:
    return Models("openai/scripted", engine, llm.env())
