"""Knowledge and memory: what agents look up, and what crews remember, with no model for embeddings."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from bot.engine.likeness import likest, passages
from bot.engine.llms import Models
from bot.engine.tools.toolbox import Kit, Toolbox
from store.definitions import Definition
from store.memories import Fact
from store.more_settings import AgentSettings, CrewSettings
from tests.engine.crews import Run, agent, crew, task
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

HANDBOOK = """Refunds are paid within 14 days of the return.

Our office in Lisbon is open from 9 to 18.

退款将在十四天内支付。"""


class Notebook:
    """Facts in a dictionary."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}

    def all(self) -> list[Fact]:
        return sorted(self.facts.values(), key=lambda fact: fact.created_at, reverse=True)

    def keep(self, facts: Sequence[Fact]) -> None:
        self.facts |= {fact.id: fact for fact in facts}

    def forget(self, ids: Collection[str]) -> None:
        for each in ids:
            self.facts.pop(each, None)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("When are refunds paid?", 0), ("Opening hours of the Lisbon office", 1), ("退款什么时候支付", 2)],
)
def test_the_passage_that_shares_most_words_is_found_in_any_language(question: str, answer: int) -> None:
    found = passages(HANDBOOK, size=50)

    assert likest(question, found, 1)[0][0] == answer


def test_nothing_is_like_nothing() -> None:
    assert likest("", ["Anything"], 3) == []
    assert likest("Anything", ["", "   "], 3) == []
    assert passages(" \n\n ") == []


def test_long_texts_are_cut_without_loss() -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 300 for number in range(20)) + "x" * 5_000

    found = passages(text)

    assert "".join("".join(found).split()) == "".join(text.split())
    assert max(map(len, found)) <= 1_000


@pytest.mark.parametrize("whose", ["agent", "crew"])
def test_fitting_knowledge_is_told_with_the_task(llm: ScriptedModel, models: Models, whose: str) -> None:
    filler = "\n\n".join(f"Chapter {number} is about gardening and weather. " * 12 for number in range(12))
    text = f"{filler}\n\nRefunds are paid within 14 days."
    mine = AgentSettings(knowledge=text) if whose == "agent" else AgentSettings()
    definition = crew([agent("Ann", settings=mine)], [task("Reply", "Say when refunds are paid.", "Ann")])
    if whose == "crew":
        definition = definition.model_copy(update={"settings": CrewSettings(knowledge=text)})
    llm.when("Say when refunds are paid.").says("When are refunds paid?")
    llm.when("Say when refunds are paid.", "Refunds are paid within 14 days.").says("Within 14 days.")

    assert Run(definition, models).result() == "Within 14 days."
    assert llm.requests[-1].prompt.count("gardening") < text.count("gardening")


def test_a_crew_remembers_in_its_next_run(llm: ScriptedModel, models: Models, tmp_path: Path) -> None:
    notebook = Notebook()
    definition = remembering()
    llm.when("Ask Ana what she prefers.").says("Ana prefers short answers in Portuguese.")
    llm.when("Content to store").says(json.dumps({"suggested_scope": "/", "categories": [], "importance": 0.5}))
    llm.when("Extract memory statements").says(json.dumps({"memories": ["Ana prefers Portuguese."]}))
    assert Run(definition, models, kit=kit(tmp_path, notebook)).result() == "Ana prefers short answers in Portuguese."
    assert [fact.content for fact in notebook.all()] == ["Ana prefers Portuguese."]

    asked = len(llm.requests)
    Run(definition, models, kit=kit(tmp_path, notebook)).result()

    assert any("Ana prefers Portuguese." in request.prompt for request in llm.requests[asked : asked + 1])


def test_a_crew_without_memory_keeps_nothing(llm: ScriptedModel, models: Models, tmp_path: Path) -> None:
    notebook = Notebook()
    definition = remembering().model_copy(update={"settings": CrewSettings()})

    Run(definition, models, kit=kit(tmp_path, notebook)).result()

    assert (len(llm.requests), notebook.all()) == (1, [])


def remembering() -> Definition:
    definition = crew([agent("Ann")], [task("Ask", "Ask Ana what she prefers.", "Ann")])
    return definition.model_copy(update={"settings": CrewSettings(memory=True)})


def kit(path: Path, notebook: Notebook) -> Kit:
    return Kit(Toolbox(path, {}), path, (), lambda _crew: notebook)
