"""CrewAI's tasks: conditions, guardrails, results as JSON, and several at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.engine import placeholders
from bot.engine.conditions import Undecided, holds
from bot.engine.memory import Output
from bot.engine.schemas import schema_problem
from bot.errors import UserError
from store.definitions import TaskPlan
from store.more_settings import TaskSettings

if TYPE_CHECKING:
    from crewai import Agent, Task
    from crewai.tasks.task_output import TaskOutput


class CannotDecide(UserError):
    """Nothing decides whether “{task}” runs: {why}. Change its “Only if” under More settings."""


class NoSchema(UserError):
    """The task “{task}” asks for a result as JSON that cannot be had. {why}"""


def _to_nobody(task: str) -> None:
    """Nobody has asked yet."""


@dataclass
class Skips:
    """Who is told the name of a task that is left out."""

    tell: Callable[[str], None] = _to_nobody


def make_task(
    plan: TaskPlan,
    inputs: Mapping[str, object],
    agent: Agent | None,
    earlier: Mapping[str, Task],
    skips: Skips,
    *,
    manager: Agent | None = None,
    kept: Output | None = None,
) -> Task:
    """One task; ``earlier`` are those before it by name. Raises ``MissingInput`` or ``NoSchema``.

    A guardrail asks the model of the agent, or of the ``manager`` where the task has none. A task that came to ``kept``
    before gives that back at once.
    """
    plain, conditional = _kinds()
    wanted = plan.settings
    facts: dict[str, Any] = {
        "name": plan.name,
        "description": placeholders.fill(plan.description, inputs),
        "expected_output": placeholders.fill(plan.expected_output, inputs),
        "agent": agent,
        **_context(plan, earlier),
        "markdown": wanted.markdown,
        "human_input": wanted.review is not None,
        # A manager gives out one task at a time.
        "async_execution": wanted.async_execution and manager is None,
        **_result(plan),
        **_guardrail(wanted, inputs, agent or manager),
    }
    if not wanted.condition:
        task = plain(**facts)
    elif kept is None:
        task = conditional(**facts, condition=_condition(plan, earlier, skips))
    else:
        decided = not kept["skipped"]
        task = conditional(**facts, condition=lambda last: decided)
    if kept is not None and not kept["skipped"]:
        task.output = _restored(task, kept)
    return task


def outcome(output: TaskOutput, agent: str, plan: TaskPlan) -> Output:
    """What a task came to, for keeps; ``agent`` is who did it, by the definition’s name."""
    kept = {"raw": output.raw, "json": output.json_dict, "agent": agent, "skipped": False}
    return {**kept, "file": plan.settings.output_file} if plan.settings.output_file else kept


def skipped() -> Output:
    """What is kept of a task that was left out."""
    return {"raw": "", "json": None, "agent": "", "skipped": True}


def _restored(task: Task, kept: Output) -> TaskOutput:
    from crewai.tasks.task_output import TaskOutput

    return TaskOutput(
        name=task.name,
        description=task.description,
        expected_output=task.expected_output,
        raw=kept["raw"],
        json_dict=kept["json"],
        agent=task.agent.role if task.agent else kept["agent"],
    )


@cache
def _kinds() -> tuple[type[Task], type[Task]]:
    """CrewAI’s tasks, less that they do again what has its output already.

    CrewAI can begin a crew in the middle, but does everything after the first unfinished task anew, also what was
    finished at the same time as others.
    """
    from crewai import Task
    from crewai.tasks.conditional_task import ConditionalTask
    from pydantic import PrivateAttr

    class Remembered(Task):
        _going: Future[TaskOutput] | None = PrivateAttr(None)

        def execute_sync(self, agent: Any = None, context: Any = None, tools: Any = None) -> TaskOutput:
            return self.output or super().execute_sync(agent, context, tools)

        def execute_async(self, agent: Any = None, context: Any = None, tools: Any = None) -> Future[TaskOutput]:
            if self.output is None:
                self._going = super().execute_async(agent, context, tools)
                return self._going
            done: Future[TaskOutput] = Future()
            done.set_result(self.output)
            return done

    class RememberedIf(Remembered, ConditionalTask):
        """The same, of one that may be left out."""

    return Remembered, RememberedIf


def _context(plan: TaskPlan, earlier: Mapping[str, Task]) -> dict[str, Any]:
    """The results that the task is given. An empty list means none; left out, CrewAI hands over every earlier one."""
    everything = plan.settings.uses_all and not plan.context
    if everything and not plan.given:
        return {}
    return {"context": [*_given(plan), *(earlier[other] for other in (earlier if everything else plan.context))]}


def _given(plan: TaskPlan) -> list[Task]:
    """What other crews' tasks came to, in the form in which CrewAI takes context: tasks that are done."""
    from crewai import Task
    from crewai.tasks.task_output import TaskOutput

    def done(name: str, text: str) -> Task:
        task = Task(name=name, description=name, expected_output="Text.")
        task.output = TaskOutput(name=name, description=name, raw=text, agent="")
        return task

    return [done(name, text) for name, text in plan.given.items()]


def _result(plan: TaskPlan) -> dict[str, Any]:
    text = plan.settings.output_schema
    if not text:
        return {}
    if problem := schema_problem(text):
        raise NoSchema(task=plan.name, why=problem)
    # The title becomes the name of CrewAI's class, by which ``failures`` knows its errors.
    return {"output_json": {**json.loads(text), "title": "TaskResult"}, "callback": _only_json}


def _only_json(output: TaskOutput) -> None:
    """Models like to say something around their JSON; what comes next, and people, are given the JSON alone."""
    if output.json_dict is not None:
        output.raw = json.dumps(output.json_dict, ensure_ascii=False, indent=2)


def _guardrail(settings: TaskSettings, inputs: Mapping[str, object], agent: Agent | None) -> dict[str, Any]:
    from crewai.tasks.llm_guardrail import LLMGuardrail

    if not settings.guardrail or agent is None:
        return {}
    text = placeholders.fill(settings.guardrail, inputs)
    rule = LLMGuardrail(description=text, llm=agent.llm)  # type: ignore[arg-type]  # an object by now
    return {"guardrail": rule, "guardrail_max_retries": settings.guardrail_max_retries}


def _condition(plan: TaskPlan, earlier: Mapping[str, Task], skips: Skips) -> Callable[[TaskOutput], bool]:
    before = dict(earlier)

    def decide(last: TaskOutput) -> bool:
        outputs = {name: task.output.raw for name, task in before.items() if task.output}
        try:
            wanted = holds(plan.settings.condition, last.raw, outputs)
        except Undecided as why:
            raise CannotDecide(task=plan.name, why=why) from None
        if not wanted:
            skips.tell(plan.name)
        return wanted

    return decide
