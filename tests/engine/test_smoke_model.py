"""The embedded engine with real weights: SmolLM2, 93 MB, fetched by our own code and kept."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bot.engine.llms import Models
from bot.engine.local_model import LocalEngine, Stopped
from bot.engine.run import execute
from bot.events import ModelCalled, RunEvent
from bot.model_files import ModelOutOfReach, fetch, path_of
from store.definitions import AgentPlan, Definition, TaskPlan
from store.more_settings import AgentSettings

pytestmark = pytest.mark.model

NAME = "local/smollm2-135m"
HERE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def smoke_model() -> Path:
    """The directory that holds the weights; without a network the test cannot be run, which CI does not accept."""
    data_dir = Path(os.environ.get("CREWCALL_TEST_MODELS", HERE / ".data"))
    try:
        fetch(NAME, data_dir, progress=lambda done, whole: None)
    except ModelOutOfReach as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the smoke model is not here: {error.sentence}")
    return data_dir


def crew(words: int) -> Definition:
    writer = AgentPlan(
        name="Writer", role="Writer", goals=["Write"], backstory="You write.", settings=AgentSettings(max_tokens=words)
    )
    about = TaskPlan(name="Write", description="Write about {topic}.", expected_output="A sentence.", agent="Writer")
    return Definition(name="Writers", agents=[writer], tasks=[about])


@pytest.mark.usefixtures("engine")
def test_a_crew_gets_words_from_real_weights(smoke_model: Path) -> None:
    models = Models(NAME, smoke_model)
    seen: list[RunEvent] = []

    result = execute(
        crew(24), {"topic": "electric bikes"}, run_id=1, models=models, emit=seen.append, stop=threading.Event()
    )

    (call,) = [event for event in seen if isinstance(event, ModelCalled)]
    assert len(result.split()) > 3
    assert call.model == NAME
    assert 0 < call.completion_tokens <= 24
    assert call.prompt_tokens > 20


def test_a_generation_is_stopped_in_the_middle(smoke_model: Path) -> None:
    path = path_of(NAME, smoke_model)
    assert path
    engine, stop, heard = LocalEngine(path), threading.Event(), list[str]()

    def hear_the_first_words(text: str) -> None:
        heard.append(text)
        stop.set()

    request = {"messages": [{"role": "user", "content": "Count to a thousand."}], "max_tokens": 4_000}
    with pytest.raises(Stopped):
        engine.generate(request, on_text=hear_the_first_words, stopped=stop.is_set)

    assert len("".join(heard)) < 200
