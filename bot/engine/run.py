"""One run: a crew is built, carried out, watched, and stopped when somebody says so."""

from __future__ import annotations

import contextvars
import logging
import math
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from dataclasses import replace
from functools import partial
from typing import Any, cast

from bot.engine.around import Around
from bot.engine.build import PLAN, Built, Worker, build
from bot.engine.desk import Closed, Desk, Waiting
from bot.engine.failures import ModelRefused, chain, first_line, lasting, reason
from bot.engine.hardening import tame
from bot.engine.llms import Models
from bot.engine.local_model import stop_signal
from bot.engine.memory import TASK, Forgetful, Memory, Output, TakenOver
from bot.engine.meter import LimitReached, Meter
from bot.engine.tools.toolbox import Kit
from bot.engine.work import outcome, skipped
from bot.errors import UserError
from bot.events import (
    Fault,
    ModelAnswered,
    ModelCalled,
    RunEvent,
    RunTraced,
    TaskFailed,
    TaskFile,
    TaskFinished,
    TaskSkipped,
    TaskStarted,
    ToolFinished,
    ToolStarted,
)
from bot.redaction import Redactor
from store.definitions import Definition

log = logging.getLogger(__name__)

Emit = Callable[[RunEvent], None]

# The log keeps this many characters of one answer.
LONGEST_ANSWER = 20_000
LONGEST_TRACE = 20_000

# Why a model stopped although it had more to say, in the words of OpenAI’s relatives, Anthropic and Google.
_CUT = {"length", "max_tokens"}


class Stopped(Exception):
    """The run was stopped before it was done."""


class EngineFailure(UserError):
    """{reason}"""

    def __init__(self, *, reason: str, task: str | None = None, fault: Fault | None = None) -> None:
        super().__init__(reason=reason)
        self.reason = reason
        self.task = task
        self.fault = fault or Fault()


class TooSlow(UserError):
    """{agent} did not finish within its time limit of {seconds} seconds."""


class NotKept(UserError):
    """What was done could not be stored, so the run stopped there. Try again from there once the database answers."""


class NoAnswer(UserError):
    """{agent} came to no answer: too long a prompt, or unreadable words. Shorten the task or choose another model."""


# What CrewAI 1.15 hands over as an answer, and calls a success, when its recovery from such an error comes to nothing.
NO_ANSWER = "Agent completed execution but produced no final output."


def execute(
    definition: Definition,
    inputs: Mapping[str, object],
    *,
    run_id: int,
    models: Models,
    emit: Emit,
    stop: threading.Event,
    kit: Kit | None = None,
    meter: Meter | None = None,
    memory: Memory | None = None,
    desk: Desk | None = None,
) -> str:
    """Carry out a run on this thread, with tools from ``kit``; the whole text of its last task.

    What ``memory`` knows is not done again, and what gets done is kept there before it is told. People are asked at
    the ``desk``. ``emit`` is told of tasks, tools and model calls in order, one at a time, on whichever thread they
    happen. Raises ``Stopped`` soon after ``stop`` is set, ``Waiting`` where an answer is missing, ``TakenOver`` when
    the run is another process's, ``LimitReached`` when ``meter`` says so, and ``EngineFailure`` with a sentence and the
    task for everything else.
    """
    tame()
    memory, desk, meter = memory or Forgetful(), desk or Closed(), meter or Meter()
    if definition.is_flow:
        crew = partial(_step, run_id=run_id, models=models, stop=stop, kit=kit)
        tell, redact = _discreet(emit, models.redactor), models.redactor.everywhere
        return _flow(definition, inputs, Around(run_id, crew, tell, memory, desk, stop, redact=redact, meter=meter))
    try:
        built = build(definition, inputs, models, kit, memory.recall())
    except UserError as error:
        raise EngineFailure(reason=error.sentence) from error
    built.asking.begin(built.tasks, memory, desk, models.redactor)
    watch = _Watch(run_id, built, _discreet(emit, models.redactor), models, meter, memory)
    try:
        return models.redactor(contextvars.Context().run(_kickoff, built, run_id, watch, stop))
    except Exception as error:
        if stop.is_set():
            raise Stopped from error
        if isinstance(watch.trouble, LimitReached):
            watch.trouble.task = watch.task or ""
        if isinstance(watch.trouble, TakenOver | LimitReached):
            raise watch.trouble from None
        if ending := next((link for link in chain(error) if isinstance(link, Waiting | TakenOver)), None):
            raise ending from None
        why = reason(watch.trouble or error, model=watch.worker.model, models=models, tool=watch.last_tool)
        why = models.redactor(why)
        story = models.redactor("".join(traceback.format_exception(error)))
        log.warning("Run %s failed in task %r: %s\n%s", run_id, watch.task, why, story)
        watch.trace(story)
        # The error's own words may hold a key, so it does not travel on with the sentence.
        raise EngineFailure(reason=why, task=watch.fail(why), fault=watch.fault()) from None


def _flow(flow: Definition, inputs: Mapping[str, object], around: Around) -> str:
    from bot.engine.flow import FlowFailed, run_flow

    try:
        return run_flow(flow, inputs, around).raw
    except FlowFailed as failure:
        raise EngineFailure(reason=failure.sentence, task=failure.step or None, fault=failure.fault) from None


def _step(
    crew: Definition,
    inputs: Mapping[str, object],
    emit: Emit,
    memory: Memory,
    desk: Desk,
    meter: Meter,
    **run: Any,
) -> str:
    """Run a crew for a step of a flow."""
    return execute(crew, inputs, emit=emit, memory=memory, desk=desk, meter=meter, **run)


def _discreet(emit: Emit, redactor: Redactor) -> Emit:
    """Tell the same without secrets: what is told is stored and shown."""

    def tell(event: RunEvent) -> None:
        said: dict[str, Any] = {name: value for name, value in vars(event).items() if isinstance(value, str | dict)}
        emit(replace(event, **redactor.everywhere(said)))

    return tell


def _kickoff(built: Built, run_id: int, watch: _Watch, stop: threading.Event) -> str:
    """Run in a context of its own: everything that CrewAI keeps for a run lives in context variables."""
    from crewai.core.providers.human_input import HumanInputProvider, set_provider
    from crewai.events.listeners.tracing.utils import set_suppress_tracing_messages
    from crewai.events.stream_context import add_stream_sink
    from crewai.execution import set_execution_uuid
    from crewai.hooks.dispatch import InterceptionPoint, scoped_hooks
    from crewai_core.printer import set_suppress_console_output

    set_suppress_console_output(True)
    set_suppress_tracing_messages(True)
    set_execution_uuid(str(run_id))
    set_provider(cast(HumanInputProvider, built.asking))
    stop_signal.set(lambda: stop.is_set() or watch.ended())
    add_stream_sink(watch)
    points = (InterceptionPoint.PRE_STEP, InterceptionPoint.PRE_MODEL_CALL, InterceptionPoint.PRE_TOOL_CALL)
    hooks: dict[Any, list[Callable[[Any], None]]] = {point: [_guard(watch, stop)] for point in points}
    hooks[InterceptionPoint.PRE_MODEL_CALL].append(built.asking.before_model_call)
    with scoped_hooks(hooks):
        # Without inputs CrewAI leaves all braces alone; ours are filled in.
        try:
            output: Any = built.crew.kickoff()
        except Exception as error:
            if any(isinstance(link, Waiting) for link in chain(error)):
                _finish_the_rest(built)
            raise
        finally:
            watch.over = True
    if watch.trouble:
        raise watch.trouble
    return str(output.raw)


def _finish_the_rest(built: Built) -> None:
    """Let the tasks that go on at the same time come to their end: people take longer than they do."""
    futures.wait(_going(built))


def _going(built: Built) -> Iterator[futures.Future[Any]]:
    for task in built.crew.tasks:
        if going := getattr(task, "_going", None):
            yield going


def _guard(watch: _Watch, stop: threading.Event) -> Callable[[Any], None]:
    """CrewAI lets this one exception through at once; before a tool it only keeps the tool from being called."""
    from crewai.hooks.dispatch import HookAborted

    def guard(context: Any) -> None:
        if stop.is_set() or not watch.may_go_on():
            raise HookAborted("The run goes no further.")

    return guard


class _Watch:
    """Turns CrewAI's events into ours, whichever of the tasks in progress they belong to."""

    def __init__(self, run_id: int, built: Built, emit: Emit, models: Models, meter: Meter, memory: Memory) -> None:
        self._run_id = run_id
        self._built = built
        self._emit = emit
        self._models = models
        self._meter = meter
        self._memory = memory
        self._planning = built.planner is not None
        # Several tools may be called at once, each on a thread of its own.
        self._lock = threading.RLock()
        # Who answers for each task in progress, and until when, in the order in which they began.
        self._charged: dict[str, tuple[Worker, float]] = {}
        self._failed: str | None = None
        # Why the run must not go on although CrewAI would.
        self.trouble: Exception | None = None
        # The tool used last, in quotes, and what it said if it failed.
        self.last_tool = ""
        # The tool in use for each task, until a model is asked again.
        self._using: dict[str, str] = {}
        # The calls that were refused since a model last answered; CrewAI tells of some twice.
        self._refused: set[str] = set()
        # Nothing that happens after the crew has come back is part of the run.
        self.over = False
        # Who asked a model last.
        self.worker = built.planner or next(iter(built.workers.values()))
        built.skips.tell = self.task_skipped

    @property
    def task(self) -> str | None:
        """The task that failed, else the one that began last of those in progress."""
        return self._failed or next(reversed(self._charged), None)

    def ended(self) -> bool:
        """Whether nothing more is to be asked; notices by itself that somebody's time is up."""
        for worker, until in list(self._charged.values()):
            if time.monotonic() > until and not self.trouble:
                self.trouble = TooSlow(agent=worker.name, seconds=worker.seconds)
        self.trouble = self.trouble or self._meter.late()
        return self.over or self.trouble is not None

    def may_go_on(self) -> bool:
        """Whether another step may begin; this may take as long as a look into the store."""
        if not self.ended():
            self.trouble = self.trouble or self._meter.reached()
        return not self.ended()

    def __call__(self, source: Any, event: Any) -> None:
        """CrewAI's sink. It must not raise: the exception would become the run's."""
        tell = _TELLERS.get(event.type)
        if tell is None or self.over or self.trouble:
            return
        try:
            with self._lock:
                tell(self, event)
        except Exception:
            log.exception("Run %s: %s could not be told", self._run_id, event.type)

    def fail(self, why: str) -> str | None:
        """Say that the task in progress failed; its name, or ``None`` if there was none."""
        task = self.task
        if task is not None:
            try:
                self._tell(TaskFailed, self._answerable(task).name, task, reason=why)
            except Exception:
                log.exception("Run %s: its failure could not be told", self._run_id)
        return task

    def fault(self) -> Fault:
        """Who was at it when the run failed."""
        task = self.task
        return Fault() if task is None else Fault(agent=self._answerable(task).name, tool=self._using.get(task, ""))

    def trace(self, story: str) -> None:
        """Say where in the program it failed."""
        try:
            self._emit(RunTraced(run_id=self._run_id, task=self.task, trace=story[-LONGEST_TRACE:]))
        except Exception:
            log.exception("Run %s: where it failed could not be told", self._run_id)

    def task_started(self, event: Any) -> None:
        plan = self._built.tasks.get(str(event.task_id))
        if plan is None:
            return  # CrewAI's own, such as planning.
        if self._planning:
            self._planning = False
            self._keep(PLAN, {task.name or "": task.description for task in self._built.crew.tasks})
        agent = event.task.agent if self._built.crew.manager_agent is None else self._built.crew.manager_agent
        worker = self.worker = self._built.workers[str(agent.id)]
        self._charged[plan.name] = (worker, time.monotonic() + worker.seconds if worker.seconds else math.inf)
        self._tell(TaskStarted, worker.name, plan.name)

    def task_completed(self, event: Any) -> None:
        plan = self._built.tasks.get(str(event.task_id))
        if plan is None:
            return
        worker = self._answerable(plan.name)
        if event.output.raw == NO_ANSWER:
            self._failed, self.trouble = plan.name, NoAnswer(agent=worker.name)
            return
        del self._charged[plan.name]
        if not self._keep(TASK + plan.name, outcome(event.output, worker.name, plan)):
            return
        self._tell(TaskFinished, worker.name, plan.name, output=event.output.raw)
        if file := plan.settings.output_file:
            self._tell(TaskFile, worker.name, plan.name, name=file)

    def task_failed(self, event: Any) -> None:
        plan = self._built.tasks.get(str(event.task_id))
        if plan is not None and self._failed is None:
            self._failed, self.worker = plan.name, self._answerable(plan.name)

    def task_skipped(self, task: str) -> None:
        with self._lock:
            if self._keep(TASK + task, skipped()):
                self._emit(TaskSkipped(run_id=self._run_id, task=task))

    def tool_started(self, event: Any) -> None:
        self._using[self._task_now()] = self._tool(event)
        self._tell(ToolStarted, self._doing(event).name, self._task_now(), tool=self._tool(event))

    def tool_finished(self, event: Any) -> None:
        error = event.failure.message if event.failure else None
        self._tool_ended(event, error)

    def tool_failed(self, event: Any) -> None:
        self._tool_ended(event, str(event.error))

    def model_asked(self, event: Any) -> None:
        self.worker = self._doing(event)
        self._using.pop(self._task_now(), None)
        self._meter.asked(event.call_id)

    def model_refused(self, event: Any) -> None:
        """CrewAI would try again in many places, each of which tries again: what will not pass ends the run here."""
        self._meter.answered(event.call_id)
        refusal = ModelRefused(event.error)
        self._refused.add(event.call_id)
        if lasting(refusal, model=self._doing(event).model, models=self._models, times=len(self._refused)):
            self.worker, self._failed, self.trouble = self._doing(event), self._task_now() or None, refusal

    def model_called(self, event: Any) -> None:
        from crewai.types.usage_metrics import UsageMetrics

        self._refused.clear()
        usage = UsageMetrics.from_provider_dict(event.usage) or UsageMetrics()
        worker = self._doing(event)
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        price = self._models.price(worker.model)
        cost = price.of(**tokens) if price else None
        self._meter.answered(event.call_id)
        self._meter.used(**tokens, cost=cost)
        task = self._task_now()
        cut = str(event.finish_reason).lower() in _CUT
        self._tell(ModelCalled, worker.name, task, model=worker.model, cut=cut, cost=cost, **tokens)
        if worker.quoted:
            self._tell(ModelAnswered, worker.name, task, answer=str(event.response)[:LONGEST_ANSWER])

    def _keep(self, key: str, output: Output) -> bool:
        """Remember it before it is told; a run that cannot remember must not go on, or it would do things twice."""
        try:
            self._memory.keep(key, self._models.redactor.everywhere(output))
        except Exception as error:
            if not isinstance(error, TakenOver):
                log.exception("Run %s: %s could not be kept", self._run_id, key)
            self.trouble = error if isinstance(error, TakenOver) else NotKept()
            return False
        return True

    def _tool_ended(self, event: Any, error: str | None) -> None:
        tool, said = self._tool(event), first_line(error or "")
        self.last_tool = f"“{tool}” ({said})" if said else f"“{tool}”"
        self._tell(ToolFinished, self._doing(event).name, self._task_now(), tool=tool, error=error)

    def _tool(self, event: Any) -> str:
        return self._built.tools.get(event.tool_name, event.tool_name)

    def _doing(self, event: Any) -> Worker:
        """Who does it: work handed to a colleague is the colleague's, a guardrail's question that of the task."""
        found = self._built.workers.get(str(event.agent_id))
        return found or self._answerable(self._task_now())

    def _task_now(self) -> str:
        """The task in progress here: CrewAI keeps its id in the context; work handed on has another one."""
        from crewai.context import get_current_task_id

        plan = self._built.tasks.get(str(get_current_task_id()))
        return plan.name if plan else self.task or ""

    def _answerable(self, task: str) -> Worker:
        return self._charged[task][0] if task in self._charged else self.worker

    def _tell(self, kind: Callable[..., RunEvent], agent: str, task: str, **facts: object) -> None:
        self._emit(kind(run_id=self._run_id, task=task, agent=agent, **facts))


_TELLERS: Mapping[str, Callable[[_Watch, Any], None]] = {
    "task_started": _Watch.task_started,
    "task_completed": _Watch.task_completed,
    "task_failed": _Watch.task_failed,
    "tool_usage_started": _Watch.tool_started,
    "tool_usage_finished": _Watch.tool_finished,
    "tool_usage_error": _Watch.tool_failed,
    "llm_call_started": _Watch.model_asked,
    "llm_call_completed": _Watch.model_called,
    "llm_call_failed": _Watch.model_refused,
}
