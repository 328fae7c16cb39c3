"""Reviews and questions of a run: what CrewAI would ask on a terminal goes to the desk, and the run may wait."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from bot.engine.desk import Answer, Desk, Question, Waiting
from bot.engine.memory import TASK, Memory, Output
from bot.errors import UserError
from bot.redaction import Redactor
from store.definitions import TaskPlan
from store.more_settings import ReviewSettings

if TYPE_CHECKING:
    from crewai import Agent
    from crewai.tools import BaseTool

ASK = "Ask a person"
# More questions than this in one task are an agent that cannot make up its mind.
MOST_QUESTIONS = 10

_WHEN_TO_ASK = (
    "Asks the people you work for, and returns what they reply. Use it only for what you cannot find out yourself and "
    "cannot do without. A reply may take hours: ask once, for everything you need."
)
_ENOUGH = "Nobody can be asked any more in this task. Go on with what you know."
_NOT_HERE = "You can ask nobody while you work for a colleague. Go on with what you know, and say what is missing."


class Rejected(UserError):
    """{reason}"""


class Asking:
    """What a run asks people at its tasks, and what it does with their answers.

    A task that must wait is left with CrewAI's ``HookAborted``, caused by ``Waiting``. What it had come to is in the
    run's memory: when the task begins again, it goes on from there and pays for nothing twice.
    """

    def __init__(self) -> None:
        self._talks: dict[str, _Talk] = {}

    def begin(self, tasks: Mapping[str, TaskPlan], memory: Memory, desk: Desk, redactor: Redactor) -> None:
        """Take up what was asked before; ``tasks`` go by the ids that CrewAI has given them."""
        kept = memory.recall()
        self._talks = {task_id: _Talk(plan, memory, desk, redactor, kept) for task_id, plan in tasks.items()}

    def settled(self, task: Any, agent: str) -> str | None:
        """The text for which people have decided already, or ``None`` where the agent ``agent`` has to work."""
        talk = self._talks.get(str(task.id))
        return talk.settled(agent) if talk else None

    def question(self, prompt: str, task_id: str) -> str:
        """Ask for a task in progress; what stands for the reply until there is one."""
        talk = self._talks.get(task_id)
        return talk.question(prompt) if talk else _NOT_HERE

    def before_model_call(self, context: Any) -> None:
        """A hook of CrewAI's: an agent that has asked somebody goes no further."""
        talk = self._talks.get(str(getattr(context.task, "id", None)))
        if talk is None or not talk.asked:
            return
        try:
            talk.wait_for_replies(context.messages)
        except Exception as error:  # noqa: BLE001 - it goes on as the cause of what CrewAI heeds
            # CrewAI goes on after whatever else a hook raises.
            _abort(error)

    # CrewAI’s HumanInputProvider

    def setup_messages(self, context: Any) -> bool:
        """Take up a conversation where it stood; ``False`` where there is none."""
        talk = self._talks.get(str(getattr(context.task, "id", None)))
        return talk.take_up(context) if talk else False

    def post_setup_messages(self, context: Any) -> None:
        """Nothing more is added."""

    def handle_feedback(self, answer: Any, context: Any) -> Any:
        """The answer that people approve, after as many rounds as they want."""
        talk = self._talks.get(str(context.task.id))
        return talk.reviewed(answer, context) if talk else answer

    async def handle_feedback_async(self, answer: Any, context: Any) -> Any:
        """CrewAI asks so only where a crew is started in an event loop, which none is here."""
        return self.handle_feedback(answer, context)


class _Talk:
    """The conversation of one task with people."""

    def __init__(
        self, plan: TaskPlan, memory: Memory, desk: Desk, redactor: Redactor, kept: Mapping[str, Output]
    ) -> None:
        self._plan, self._memory, self._desk, self._redactor = plan, memory, desk, redactor
        self._pauses: list[Output] = []
        while (pause := kept.get(self._key("pause", len(self._pauses)))) is not None:
            self._pauses.append(pause)
        # The last pause of an earlier process is taken up once; whoever does the task again begins anew.
        self._left: Output | None = self._pauses[-1] if self._pauses else None
        self._messages: list[Any] | None = None
        self._comment: str | None = None
        self._agent = plan.agent or ""
        # The questions since the last pause: what stands for each reply, and what was asked.
        self.asked: dict[str, str] = {}

    def settled(self, agent: str) -> str | None:
        self._agent = agent
        left, self._left = self._left, None
        if left is None:
            return None
        if left["output"] is None:
            self._messages = self._with_replies(left)
            return None
        answer = self._answer(self._review(len(self._pauses) - 1, left))
        if answer.verdict == "changes":
            self._messages, self._comment = left["messages"], answer.text
            return None
        return answer.text if answer.verdict == "edited" else str(left["output"])

    def take_up(self, context: Any) -> bool:
        if self._messages is None:
            return False
        context.messages.extend(self._messages)
        if self._comment is not None:
            context.messages.append(context._format_feedback_message(self._comment))
        self._messages = self._comment = None
        # It has planned its work before.
        context._is_feedback_iteration = True
        return True

    def reviewed(self, answer: Any, context: Any) -> Any:
        context._is_feedback_iteration = False
        while True:
            said = answer.output if isinstance(answer.output, str) else answer.output.model_dump_json(indent=2)
            decided = self._answer(self._review(*self._pause(context.messages, said)))
            if decided.verdict == "edited":
                return type(answer)(thought=answer.thought, output=decided.text, text=decided.text)
            if decided.verdict != "changes":
                return answer
            context.messages.append(context._format_feedback_message(decided.text))
            answer = context._invoke_loop()

    def question(self, prompt: str) -> str:
        if sum(len(pause["questions"]) for pause in self._pauses) + len(self.asked) >= MOST_QUESTIONS:
            return _ENOUGH
        mark = f"(reply {secrets.token_hex(8)})"
        self.asked[mark] = prompt
        return mark

    def wait_for_replies(self, messages: list[Any]) -> None:
        asked, self.asked = self.asked, {}
        number, pause = self._pause(messages, None, asked)
        questions = list(self._questions(number, pause).values())
        for question in questions:
            self._desk.ask(question)
        _abort(Waiting(questions[0].key, self._plan.name))

    def _with_replies(self, pause: Output) -> list[Any]:
        questions = self._questions(len(self._pauses) - 1, pause)
        replies = {mark: self._answer(question).text for mark, question in questions.items()}
        return [_replaced(message, replies) for message in pause["messages"]]

    def _questions(self, number: int, pause: Output) -> dict[str, Question]:
        return {
            mark: self._asks("question", f"{self._key('question', number)}.{place}", prompt=prompt)
            for place, (mark, prompt) in enumerate(pause["questions"].items())
        }

    def _review(self, number: int, pause: Output) -> Question:
        return self._asks("review", self._key("review", number), produced=pause["output"], round=pause["round"])

    def _asks(self, kind: Any, key: str, **facts: Any) -> Question:
        told = {"produced": "", "prompt": "", "settings": self._plan.settings.review or ReviewSettings(), **facts}
        return Question(key=key, kind=kind, task=self._plan.name, agent=self._agent, **told)

    def _pause(self, messages: list[Any], output: str | None, asked: Mapping[str, str] | None = None) -> Any:
        """Keep where the task stands; its number and what was kept."""
        said = [*messages, {"role": "assistant", "content": output}] if _unsaid(messages, output) else messages
        pause: Output = {
            # Only what is JSON comes back; the rest of a message is for CrewAI alone.
            "messages": json.loads(json.dumps(said, default=str)),
            "output": output,
            "questions": dict(asked or {}),
            "round": sum(earlier["output"] is not None for earlier in self._pauses),
        }
        pause = self._redactor.everywhere(pause)
        number = len(self._pauses)
        self._memory.keep(self._key("pause", number), pause)
        self._pauses.append(pause)
        return number, pause

    def _answer(self, question: Question) -> Answer:
        answer = self._desk.answer(question.key)
        if answer is None:
            self._desk.ask(question)
            _abort(Waiting(question.key, self._plan.name))
        if answer.verdict == "rejected":
            _abort(Rejected(reason=answer.text))
        return answer

    def _key(self, what: str, number: int) -> str:
        return f"{what}#{number}:{TASK}{self._plan.name}"


@cache
def agent_class() -> type[Agent]:
    """CrewAI's agent, which does nothing again that people have decided about: see ``ask_through``."""
    from crewai import Agent
    from pydantic import PrivateAttr

    class AskingAgent(Agent):
        _asking: Asking | None = PrivateAttr(default=None)
        _known_as: str = PrivateAttr(default="")
        # What it works at, whoever has handed it that.
        _task_id: str = PrivateAttr(default="")

        def execute_task(self, task: Any, context: str | None = None, tools: list[BaseTool] | None = None) -> Any:
            self._task_id = str(task.id)
            settled = self._asking.settled(task, self._known_as) if self._asking else None
            return super().execute_task(task, context, tools) if settled is None else settled

    return AskingAgent


def ask_through(asking: Asking, agent: Any, name: str) -> None:
    """Let an agent of ``agent_class`` look for people's decisions there; people know it by this name."""
    agent._asking, agent._known_as = asking, name


def ask_tool(asking: Asking, agent: Any) -> BaseTool:
    """The tool with which an agent of ``agent_class`` asks the people it works for."""
    from crewai.tools import BaseTool
    from pydantic import BaseModel, Field

    class Asked(BaseModel):
        question: str = Field(description="The whole question, which somebody understands who sees nothing else.")

    class AskPerson(BaseTool):
        name: str = ASK
        description: str = _WHEN_TO_ASK
        args_schema: type[BaseModel] = Asked

        def _run(self, question: str) -> str:
            return asking.question(question, agent._task_id)

    tool = AskPerson()
    tool.cache_function = lambda _arguments, _result: False
    return tool


def _abort(why: Exception) -> NoReturn:
    """Leave the task in the one way in which CrewAI tries nothing again."""
    from crewai.hooks.dispatch import HookAborted

    raise HookAborted("The task goes no further.") from why


def _unsaid(messages: list[Any], output: str | None) -> bool:
    """Whether the conversation lacks the answer itself, as it does where no tool was used."""
    if output is None:
        return False
    last: Mapping[str, Any] = messages[-1] if messages else {}
    return last.get("role") != "assistant" or last.get("content") != output


def _replaced(message: Any, replies: Mapping[str, str]) -> Any:
    said = message.get("content")
    if not isinstance(said, str):
        return message
    for mark, reply in replies.items():
        said = said.replace(mark, reply)
    return {**message, "content": said}
