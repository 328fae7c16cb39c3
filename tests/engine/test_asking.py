"""Reviews and questions in the engine: a task waits, goes on where it stood, and pays for nothing twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.engine.desk import Answer, Question, Waiting
from bot.engine.llms import Models
from bot.engine.memory import Forgetful
from bot.engine.run import EngineFailure
from bot.events import TaskFailed, TaskFinished
from store.crews import Process
from store.more_settings import AgentSettings, ReviewSettings, TaskSettings
from tests.engine.crews import Run, agent, crew, task
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

REVIEWED = TaskSettings(review=ReviewSettings())
ASKING = AgentSettings(ask_people=True)


class Desk:
    """People who answer when the test says so."""

    def __init__(self) -> None:
        self.asked: dict[str, Question] = {}
        self.answers: dict[str, Answer] = {}

    def answer(self, key: str) -> Answer | None:
        return self.answers.get(key)

    def ask(self, question: Question) -> None:
        self.asked.setdefault(question.key, question)

    def open(self) -> list[Question]:
        """What nobody has answered yet."""
        return [question for key, question in self.asked.items() if key not in self.answers]

    def says(self, verdict: Any, text: str = "") -> None:
        """Answer the oldest open question."""
        self.answers[self.open()[0].key] = Answer(verdict=verdict, text=text, by="U0BEN")


class Life:
    """One run over several lives of its process: what it remembers stays."""

    def __init__(self, definition: Any, models: Models) -> None:
        self.definition, self.models = definition, models
        self.memory, self.desk = Forgetful(), Desk()

    def goes_on(self) -> Run:
        return Run(self.definition, self.models, memory=self.memory, desk=self.desk)

    def waits(self) -> Question:
        """What it asks and then waits for."""
        error = self.goes_on().error()
        assert isinstance(error, Waiting), error
        return next(question for question in self.desk.open() if question.key == error.key)


def two_tasks(**settings: Any) -> Any:
    write = task("Write", "Write it.", "Ann", settings=TaskSettings(review=ReviewSettings(), **settings))
    return crew([agent("Ann")], [write, task("Print", "Print it.", "Ann", uses=["Write"])])


def test_an_approved_answer_is_not_paid_for_again(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("A poem.")
    llm.when("Print it.").says("Printed.")
    life = Life(two_tasks(), models)

    asked = life.waits()
    assert (asked.kind, asked.task, asked.agent, asked.produced, asked.round) == (
        "review",
        "Write",
        "Ann",
        "A poem.",
        0,
    )
    assert life.waits() == asked
    life.desk.says("approved")
    run = life.goes_on()

    assert run.result() == "Printed."
    assert [event.task for event in run.events if isinstance(event, TaskFinished)] == ["Write", "Print"]
    assert not any(isinstance(event, TaskFailed) for event in run.events)
    assert len(llm.requests) == 2
    assert "A poem." in llm.requests[1].prompt


def test_an_edited_text_is_the_result(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("A poem.")
    life = Life(two_tasks(), models)
    life.waits()
    life.desk.says("edited", "A better poem.")

    life.goes_on().result()

    assert "A better poem." in llm.requests[-1].prompt
    assert life.memory.recall()["task:Write"]["raw"] == "A better poem."


def test_changes_are_asked_for_again_and_again_in_one_conversation(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("First.").says("Second.").says("Third.")
    llm.when("Print it.").says("Printed.")
    life = Life(two_tasks(), models)
    life.waits()
    life.desk.says("changes", "Shorter, please.")
    second = life.waits()
    assert (second.produced, second.round) == ("Second.", 1)
    life.desk.says("changes", "With a rhyme.")
    assert life.waits().produced == "Third."
    life.desk.says("approved")

    assert life.goes_on().result() == "Printed."
    third = llm.requests[2]
    said = [(message["role"], message["content"]) for message in third.messages[-4:]]
    assert [role for role, _ in said] == ["assistant", "user", "assistant", "user"]
    assert (said[0][1], said[2][1]) == ("First.", "Second.")
    assert "Shorter, please." in said[1][1]
    assert "With a rhyme." in said[3][1]
    assert len(llm.requests) == 4


def test_a_rejected_result_ends_the_run_with_the_sentence(llm: ScriptedModel, models: Models) -> None:
    life = Life(two_tasks(), models)
    life.waits()
    life.desk.says("rejected", "Nobody decided about “Write” before the deadline.")

    error = life.goes_on().error()

    assert isinstance(error, EngineFailure)
    assert (error.sentence, error.task) == ("Nobody decided about “Write” before the deadline.", "Write")


def test_a_result_as_json_may_be_edited(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says('{"score": 1}')
    schema = '{"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}'
    life = Life(two_tasks(output_schema=schema), models)
    assert json.loads(life.waits().produced) == {"score": 1}
    life.desk.says("edited", '{"score": 7}')

    life.goes_on().result()

    assert life.memory.recall()["task:Write"]["json"] == {"score": 7}


def test_what_a_guardrail_sends_back_is_reviewed_again(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("A short one.").says("A much longer one.")
    judge = llm.when("complies with the given guardrail")
    judge.says(json.dumps({"valid": False, "feedback": "It is too short."}))
    judge.says(json.dumps({"valid": True, "feedback": None}))
    life = Life(two_tasks(guardrail="Long."), models)
    assert life.waits().produced == "A short one."
    life.desk.says("approved")
    second = life.waits()
    assert (second.produced, second.round) == ("A much longer one.", 1)
    assert "It is too short." in "".join(request.prompt for request in llm.requests)
    life.desk.says("approved")

    assert life.goes_on().result() == "This is the scripted answer."
    assert life.memory.recall()["task:Write"]["raw"] == "A much longer one."


def test_tasks_in_parallel_are_reviewed_each_on_its_own(llm: ScriptedModel, models: Models) -> None:
    llm.when("Do one now.").says("One.")
    llm.when("Do two now.").says("Two.")
    llm.when("Join them.").says("Joined.")
    settings = TaskSettings(async_execution=True, review=ReviewSettings())
    both = [task(name, f"Do {name} now.", "Ann", settings=settings) for name in ("one", "two")]
    life = Life(crew([agent("Ann")], [*both, task("Join", "Join them.", "Ann", uses=["one", "two"])]), models)

    life.waits()
    assert {question.produced for question in life.desk.open()} == {"One.", "Two."}
    life.desk.says("approved")
    life.waits()
    life.desk.says("approved")

    assert life.goes_on().result() == "Joined."
    assert len(llm.requests) == 3


def test_what_a_manager_gives_back_is_reviewed(llm: ScriptedModel, models: Models) -> None:
    llm.when("Write it.").says("Managed.").says("Managed better.")
    plan = task("Write", "Write it.", None, settings=REVIEWED)
    life = Life(crew([agent("Ann")], [plan], process=Process.HIERARCHICAL), models)

    assert life.waits().produced == "Managed."
    life.desk.says("changes", "Better.")
    assert life.waits().produced == "Managed better."
    life.desk.says("approved")

    assert life.goes_on().result() == "Managed better."
    assert len(llm.requests) == 2


def test_an_agent_asks_a_person_and_works_with_the_reply(llm: ScriptedModel, models: Models) -> None:
    llm.when("Book it.").calls_tool("ask_a_person", {"question": "Which day?"}).says("Booked for Friday.")
    life = Life(crew([agent("Ann", settings=ASKING)], [task("Book", "Book it.", "Ann")]), models)

    asked = life.waits()
    assert (asked.kind, asked.task, asked.agent, asked.prompt) == ("question", "Book", "Ann", "Which day?")
    assert len(llm.requests) == 1
    life.desk.says("answered", "On Friday.")

    assert life.goes_on().result() == "Booked for Friday."
    assert len(llm.requests) == 2
    assert llm.requests[1].messages[-1]["content"] == "On Friday."
    assert "(reply" not in llm.requests[1].prompt


def test_a_question_and_then_a_review(llm: ScriptedModel, models: Models) -> None:
    llm.when("Book it.").calls_tool("ask_a_person", {"question": "Which day?"}).says("Booked.").says("Booked again.")
    plan = task("Book", "Book it.", "Ann", settings=REVIEWED)
    life = Life(crew([agent("Ann", settings=ASKING)], [plan]), models)
    life.waits()
    life.desk.says("answered", "On Friday.")
    assert life.waits().kind == "review"
    life.desk.says("changes", "Once more.")
    assert life.waits().produced == "Booked again."
    life.desk.says("approved")

    assert life.goes_on().result() == "Booked again."
    assert len(llm.requests) == 3
    assert "On Friday." in llm.requests[2].prompt


def test_a_colleague_asks_nobody(llm: ScriptedModel, models: Models) -> None:
    handed = {"task": "Dig deep.", "context": "None.", "coworker": "Bob"}
    llm.when("Write it.").calls_tool("delegate_work_to_coworker", handed).says("Written.")
    llm.when("Dig deep.", "You are Bob").calls_tool("ask_a_person", {"question": "How deep?"}).says("Dug.")
    ann, bob = agent("Ann", allow_delegation=True), agent("Bob", settings=ASKING)
    life = Life(crew([ann, bob], [task("Write", "Write it.", "Ann")]), models)

    assert life.goes_on().result() == "Written."
    assert life.desk.asked == {}
    assert any("You can ask nobody while you work for a colleague." in request.prompt for request in llm.requests)


def test_no_more_than_ten_questions_are_asked_in_a_task(llm: ScriptedModel, models: Models) -> None:
    line = llm.when("Book it.")
    for number in range(12):
        line.calls_tool("ask_a_person", {"question": f"Question {number}?"})
    line.says("Booked.")
    life = Life(crew([agent("Ann", settings=ASKING)], [task("Book", "Book it.", "Ann")]), models)
    for _ in range(10):
        life.waits()
        life.desk.says("answered", "Yes.")

    assert life.goes_on().result() == "Booked."
    assert len(life.desk.asked) == 10
