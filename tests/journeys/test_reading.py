"""Results: whatever a model answers can be read in the thread, and nothing is cut without saying so."""

from __future__ import annotations

import pytest

from bot.local_slack import LocalSlack
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

TABLE = "| Cell | Wh/kg |\n|---|---|\n| LFP | 160 |\n| NMC | 250 |"
FENCES = 'Run this:\n\n```python\nprint("<b>" & 1)\n```\n\nand `this` too.'
UNCLOSED = "Here it begins:\n\n```\nwhile True:\n    pass"
HEADINGS = "# One\n\n## Two\n\n- a\n  - b\n\n1. *c*\n2. **d**\n\n> quoted\n\n[a link](https://example.com/?a=1&b=2)"
SCRIPTS = "电池的能量密度翻了一番。\n\nكثافة الطاقة تضاعفت.\n\n🔋🔋 👩🏽\u200d🔬 e\u0301"  # noqa: RUF001 - Arabic, meant so


@pytest.fixture
def news(ana: Person, crew_of: CrewMaker) -> Person:
    """Ana, with a crew “News” that asks for nothing."""
    crew_of("News", "Find the news.")
    return ana


@pytest.mark.parametrize("answer", [TABLE, FENCES, UNCLOSED, HEADINGS, SCRIPTS])
def test_formatted_answers_arrive_as_they_were_written(news: Person, llm: ScriptedModel, answer: str) -> None:
    llm.otherwise = answer
    news.types("/crew run news")

    result = news.reads_thread(of="News", until="Run again")[-1]
    assert result.startswith(answer)


def test_a_model_that_answers_with_nothing_is_said_to_have_done_so(news: Person, llm: ScriptedModel) -> None:
    llm.when("Find the news.").says_nothing()
    news.types("/crew run news")

    thread = news.reads_thread(of="News", until="Show log")
    assert "answered with nothing. Run it again, or choose another model for the agent." in thread[-1]
    news.sees("News · ❌ Failed at “Research”")


def test_an_answer_of_50_kilobytes_begins_in_the_thread_and_is_whole_in_a_file(
    news: Person, llm: ScriptedModel
) -> None:
    answer = "\n\n".join(f"## Point {n}\n\nThe answer to question {n} is 🙂 {n * 7}." for n in range(1_100))
    assert len(answer.encode()) > 50_000
    llm.otherwise = answer
    news.types("/crew run news")

    thread = news.reads_thread(of="News", until=".md")
    result = next(said for said in thread if "Run again" in said)
    assert result.startswith("## Point 0\n\nThe answer to question 0")
    assert f"This is the beginning. The whole result ({len(answer):,} characters) is in the file" in result
    assert news.downloads("News 1.md") == answer


def test_an_answer_of_two_messages_is_shown_whole(news: Person, llm: ScriptedModel) -> None:
    answer = "\n\n".join(f"Paragraph {n}: {'word ' * 20}" for n in range(130)).strip()
    llm.otherwise = answer
    news.types("/crew run news")

    thread = news.reads_thread(of="News", until="Run again")
    shown = "\n\n".join(said.split("\nRun again")[0] for said in thread[1:])
    assert shown.split() == answer.split()


def test_an_answer_without_a_single_space_is_shown_too(news: Person, llm: ScriptedModel) -> None:
    llm.otherwise = "长" * 20_000
    news.types("/crew run news")

    thread = news.reads_thread(of="News", until="Run again")
    assert "".join(thread).count("长") >= 20_000


@pytest.mark.usefixtures("without_markdown")
class TestAWorkspaceThatKnowsNoPlans:
    """Slack rolls new blocks out one workspace at a time."""

    @pytest.fixture
    def allowed_errors(self) -> set[str]:
        return {"invalid_blocks"}

    @pytest.fixture
    def without_markdown(self, workspace: LocalSlack) -> None:
        workspace.misbehave({"refuse_blocks": ["plan", "markdown"]})

    def test_the_run_is_still_told_in_simpler_words(self, news: Person, llm: ScriptedModel) -> None:
        llm.otherwise = "They **come** and go."
        news.types("/crew run news")

        thread = news.reads_thread(of="News", until="Run again")
        assert "come" in thread[-1]
        news.reads_thread(of="News", until="Research")
        news.sees("News · ✅ Done")


def test_an_answer_that_was_cut_off_is_said_to_be_so(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides").says("The moon pulls and", finish_reason="length")
    ana.types("/crew run market topic=tides")

    said = "\n".join(ana.reads_thread(of="Market research", until="Run again"))
    assert "cut off at the model’s limit" in said
    assert "“Research” ended at the model’s limit of tokens." in said


def test_a_whole_answer_is_not_said_to_be_cut(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides").says("The moon pulls.")
    ana.types("/crew run market topic=tides")

    assert "limit" not in "\n".join(ana.reads_thread(of="Market research", until="Run again"))
