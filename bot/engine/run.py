"""One run: a crew is built, carried out, watched, and stopped when somebody says so."""

from __future__ import annotations

import contextvars
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, cast

from bot.engine.build import Built, Worker, build
from bot.engine.failures import reason, without_secrets
from bot.engine.hardening import tame
from bot.engine.llms import Models
from bot.engine.local_model import stop_signal
from bot.engine.tools.toolbox import Kit
from bot.errors import UserError
from bot.events import ModelCalled, RunEvent, TaskFailed, TaskFinished, TaskStarted, ToolFinished, ToolStarted
from store.definitions import Definition

log = logging.getLogger(__name__)

Emit = Callable[[RunEvent], None]


class Stopped(Exception):
    """The run was stopped before it was done."""


class EngineFailure(UserError):
    """{reason}"""

    def __init__(self, *, reason: str, task: str | None = None) -> None:
        super().__init__(reason=reason)
        self.reason = reason
        self.task = task


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
) -> str:
    """Carry out a run on this thread; the whole text of its last task.

    ``emit`` is told of tasks, tools and model calls in order, one at a time, on whichever thread they happen. Raises
    ``Stopped`` soon after ``stop`` is set, and ``EngineFailure`` with a sentence and the task for everything else.
    """
    tame()
    try:
        built = build(definition, inputs, models, kit)
    except UserError as error:
        raise EngineFailure(reason=error.sentence) from error
    watch = _Watch(run_id, built, emit, kit)
    try:
        return contextvars.Context().run(_kickoff, built, run_id, watch, stop)
    except Exception as error:
        if stop.is_set():
            raise Stopped from error
        why = reason(watch.trouble or error, model=watch.worker.model, models=models)
        story = without_secrets("".join(traceback.format_exception(error)), models)
        log.warning("Run %s failed in task %r: %s\n%s", run_id, watch.task, why, story)
        # The error's own words may hold a key, so it does not travel on with the sentence.
        raise EngineFailure(reason=why, task=watch.fail(why)) from None


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
    set_provider(cast(HumanInputProvider, _NobodyAsks()))
    stop_signal.set(stop.is_set)
    add_stream_sink(watch)
    points = (InterceptionPoint.PRE_STEP, InterceptionPoint.PRE_MODEL_CALL, InterceptionPoint.PRE_TOOL_CALL)
    with scoped_hooks({point: [_guard(watch, stop)] for point in points}):
        # Without inputs CrewAI leaves all braces alone; ours are filled in.
        output: Any = built.crew.kickoff()
    if watch.trouble:
        raise watch.trouble
    return str(output.raw)


def _guard(watch: _Watch, stop: threading.Event) -> Callable[[Any], None]:
    """CrewAI lets this one exception through at once; before a tool it only keeps the tool from being called."""
    from crewai.hooks.dispatch import HookAborted

    def guard(context: Any) -> None:
        if stop.is_set() or watch.trouble:
            raise HookAborted("The run goes no further.")

    return guard


class _NobodyAsks:
    """In place of CrewAI's questions on the terminal: every answer is accepted as it is."""

    def setup_messages(self, context: Any) -> bool:
        return False

    def post_setup_messages(self, context: Any) -> None: ...

    def handle_feedback(self, formatted_answer: Any, context: Any) -> Any:
        return formatted_answer

    async def handle_feedback_async(self, formatted_answer: Any, context: Any) -> Any:
        return formatted_answer


class _Watch:
    """Turns CrewAI's events into ours. Tasks follow one another, so what happens belongs to the one in progress."""

    def __init__(self, run_id: int, built: Built, emit: Emit, kit: Kit | None = None) -> None:
        self._run_id = run_id
        self._built = built
        self._emit = emit
        self._kit = kit
        # Several tools may be called at once, each on a thread of its own.
        self._lock = threading.RLock()
        self.task: str | None = None
        # Why the run must not go on although CrewAI would.
        self.trouble: UserError | None = None
        # Who asks the model at the moment, and who answers for the task; they differ when work is handed on.
        self.worker = self._charged = next(iter(built.workers.values()))

    def __call__(self, source: Any, event: Any) -> None:
        """CrewAI's sink. It must not raise: the exception would become the run's."""
        tell = _TELLERS.get(event.type)
        if tell is None or self.trouble:
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
                self._tell(TaskFailed, self._charged, reason=why)
            except Exception:
                log.exception("Run %s: its failure could not be told", self._run_id)
            self.task = None
        return task

    def task_started(self, event: Any) -> None:
        self.task = self._built.tasks[str(event.task_id)].name
        agent = event.task.agent if self._built.crew.manager_agent is None else self._built.crew.manager_agent
        self._charged = self.worker = self._built.workers[str(agent.id)]
        self._tell(TaskStarted, self._charged)

    def task_completed(self, event: Any) -> None:
        if event.output.raw == NO_ANSWER:
            self.trouble = NoAnswer(agent=self._charged.name)
            return
        self._tell(TaskFinished, self._charged, output=event.output.raw)
        self.task = None

    def tool_started(self, event: Any) -> None:
        self._tell(ToolStarted, self._doing(event), tool=self._tool(event))

    def tool_finished(self, event: Any) -> None:
        error = event.failure.message if event.failure else None
        self._tell(ToolFinished, self._doing(event), tool=self._tool(event), error=error and self._redacted(error))

    def tool_failed(self, event: Any) -> None:
        self._tell(ToolFinished, self._doing(event), tool=self._tool(event), error=self._redacted(str(event.error)))

    def model_asked(self, event: Any) -> None:
        self.worker = self._doing(event)

    def model_called(self, event: Any) -> None:
        from crewai.types.usage_metrics import UsageMetrics

        usage = UsageMetrics.from_provider_dict(event.usage) or UsageMetrics()
        worker = self._doing(event)
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        self._tell(ModelCalled, worker, model=worker.model, **tokens)

    def _tool(self, event: Any) -> str:
        return self._built.tools.get(event.tool_name, event.tool_name)

    def _redacted(self, text: str) -> str:
        return self._kit.toolbox.redacted(text) if self._kit else text

    def _doing(self, event: Any) -> Worker:
        """Who does it: work handed to a colleague is the colleague's."""
        return self._built.workers.get(str(event.agent_id), self.worker)

    def _tell(self, kind: Callable[..., RunEvent], worker: Worker, **facts: object) -> None:
        self._emit(kind(run_id=self._run_id, task=self.task or "", agent=worker.name, **facts))


_TELLERS: Mapping[str, Callable[[_Watch, Any], None]] = {
    "task_started": _Watch.task_started,
    "task_completed": _Watch.task_completed,
    "tool_usage_started": _Watch.tool_started,
    "tool_usage_finished": _Watch.tool_finished,
    "tool_usage_error": _Watch.tool_failed,
    "llm_call_started": _Watch.model_asked,
    "llm_call_completed": _Watch.model_called,
}
