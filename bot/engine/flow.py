"""One run of a flow: its steps become a definition for CrewAI's own runtime, whose methods call nothing but ours."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from bot.engine import cel, state
from bot.engine.around import Around, Emit
from bot.engine.cel import Undecided
from bot.engine.desk import Desk, Question, Waiting
from bot.engine.memory import STEP, TASK, Forgetful, Memory, Output, Within
from bot.engine.meter import LimitReached
from bot.engine.run import EngineFailure, Stopped
from bot.engine.state import Misfit
from bot.engine.steps import kind_of
from bot.engine.steps.kind import Done, Ran, Reviewed, StepFailure, StepKind, text_of
from bot.engine.steps.review import APPROVED, CHANGES, REJECTED
from bot.engine.ways import Past, Ways, round_key
from bot.errors import UserError
from bot.events import (
    CrewEvent,
    Fault,
    RunEvent,
    StateChanged,
    StepEvent,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
)
from store.definitions import Definition, StepPlan
from store.more_settings import ReviewSettings
from store.steps import START, AfterPlan

log = logging.getLogger(__name__)

# Steps that are done at the same time in one flow; CrewAI's runtime alone would do six on two processors.
_AT_ONCE = 32
# What is done over and over is bounded by each step's own limit; this is for a mistake of ours.
# A step hears of each end of up to a hundred others, each of which is done up to a hundred times.
_MOST_CALLS = 10_100
_DONE = "The flow is done."
_OUTCOMES = {"approved": APPROVED, "edited": APPROVED, "answered": APPROVED, "changes": CHANGES, "rejected": REJECTED}

_course: contextvars.ContextVar[Course] = contextvars.ContextVar("_course")


class FlowFailed(UserError):
    """{reason}"""

    def __init__(self, *, reason: str, step: str, fault: Fault | None = None) -> None:
        """``step`` is the name of the first step that failed, ``fault`` says more about it."""
        super().__init__(reason=reason)
        self.step = step
        self.fault = fault or Fault()


def run_flow(flow: Definition, inputs: Mapping[str, object], around: Around) -> Ran:
    """Carry out a flow on this thread and threads of its own; its result, and its state at the end.

    Steps that the memory has finished are not done again. A step that fails or waits for a person does not keep other
    branches from going on. After that raises ``FlowFailed`` or ``Waiting``; ``Stopped`` and what else ends a whole run
    comes as it is, ``LimitReached`` among it.
    """
    course = Course(flow, inputs, replace(around, emit=_one_at_a_time(around.emit)))
    contextvars.Context().run(_kickoff, flow, course)
    return course.end()


def _kickoff(flow: Definition, course: Course) -> None:
    from crewai.events.listeners.tracing.utils import set_suppress_tracing_messages
    from crewai_core.printer import set_suppress_console_output

    set_suppress_console_output(True)
    set_suppress_tracing_messages(True)
    _course.set(course)
    stored = _stored_flow().from_declaration(contents=declaration(flow), suppress_flow_events=True)

    async def kickoff() -> None:
        threads = ThreadPoolExecutor(min(_AT_ONCE, len(flow.steps) + 2), thread_name_prefix="step")
        asyncio.get_running_loop().set_default_executor(threads)
        await stored.kickoff_async()

    asyncio.run(kickoff())


@cache
def _stored_flow() -> Any:
    from crewai.flow.flow import Flow

    class StoredFlow(Flow[dict[str, Any]]):
        # Without it CrewAI would make every flow a memory of its own, which loads a model.
        _skip_auto_memory: bool = True

    return StoredFlow


def declaration(flow: Definition) -> dict[str, Any]:
    """The flow as ``crewai.flow/v1``: for each step a method that does it and a router that says where it led.

    No name or text of anybody's is in it: methods and labels are numbered, since they share one namespace. Parallel
    branches listen to one label, because CrewAI follows several labels one after the other; a step that failed or
    waits has no label at all, so that nothing follows it and nothing else is disturbed.
    """
    methods: dict[str, Any] = {"begin": {"start": True, "do": _call("begin")}}
    for number, step in enumerate(flow.steps):
        labels = [label for labels in _labels(flow, number).values() for label in labels]
        methods[f"step_{number}"] = {"listen": _listens(flow, step), "do": _call("do_step", step=number)}
        methods[f"after_{number}"] = {
            "listen": f"step_{number}",
            "router": True,
            "emit": labels,
            "do": _call("leads_to", step=number),
        }
    return {
        "schema": "crewai.flow/v1",
        "name": "flow",
        "state": {"type": "dict"},
        "config": {"max_method_calls": _MOST_CALLS, "suppress_flow_events": True},
        "methods": methods,
    }


def _call(function: str, **given: int) -> dict[str, Any]:
    return {"call": "code", "ref": f"{__name__}:{function}", **({"with": given} if given else {})}


def _listens(flow: Definition, step: StepPlan) -> Any:
    """Everything that can make the step begin, in CrewAI's form.

    Whether it does begin then is for ``Ways`` to say: where CrewAI waits for several, it takes a branch of one round of
    a loop together with a branch of the next.
    """
    numbers = {each.key: number for number, each in enumerate(flow.steps)}
    every = []
    for each in step.after or [AfterPlan(step=START)]:
        if each.step == START:
            every.append("begin")
        elif each.step in numbers:
            every += _labels(flow, numbers[each.step])[each.outcome]
    # A label that nobody gives: the step is never reached.
    return every[0] if len(every) == 1 else {"or": every} if every else "never"


def _labels(flow: Definition, number: int) -> defaultdict[str, list[str]]:
    """The labels that stand for each outcome of a step; without a name, for any of them."""
    step = flow.steps[number]
    kind = kind_of(step.kind)
    names = kind.outcomes(kind.read(step.settings)) if kind else []
    labels = {name: f"led_{number}_{at}" for at, name in enumerate(names)}
    every = list(labels.values()) or [f"led_{number}"]
    return defaultdict(lambda: ["never"], {"": every, **{name: [label] for name, label in labels.items()}})


def begin(_flow: Any) -> None:
    """What comes before the first steps."""


def do_step(_flow: Any, step: int) -> None:
    """A method of the generated definition: does the step with this number."""
    _course.get().do(step)


def leads_to(_flow: Any, step: int) -> str | None:
    """A router of the generated definition: the label of what the step came to, or nothing if it did not finish."""
    return _course.get().label(step)


class Course:
    """How one run of a flow goes: what is finished, what came out, and what keeps it from going on."""

    def __init__(self, flow: Definition, inputs: Mapping[str, object], around: Around) -> None:
        self.flow, self.around = flow, around
        self.lock = threading.RLock()
        self.memory = _Remembered(around.memory)
        self.state = _begun(flow, inputs)
        self.inputs = dict(self.state)
        self.outputs: dict[str, dict[str, Any]] = {}
        self._numbers = {step.key: number for number, step in enumerate(flow.steps)}
        self._kinds = [_known(step) for step in flow.steps]
        self._settings = [kind.read(step.settings) for kind, step in zip(self._kinds, flow.steps, strict=True)]
        self._labels = [_labels(flow, number) for number in range(len(flow.steps))]
        self._ways = Ways(flow.steps)
        self._came_to: defaultdict[int, deque[str]] = defaultdict(deque)
        self._raws: dict[str, str] = {}
        self._followed: set[str] = set()
        self._failures: list[tuple[StepPlan, str, Fault]] = []
        self._waits: list[Waiting] = []
        self._fatal: BaseException | None = None
        self._finished = 0
        self._recall()

    def _recall(self) -> None:
        """Bring state and outputs to where the finished steps left them, in the order in which they finished."""
        kept = [(key, output) for key, output in self.memory.recall().items() if "number" in output]
        for _, output in sorted(kept, key=lambda each: each[1]["number"]):
            self._finished = max(self._finished, output["number"])
            self.state |= output["changes"]
            self.outputs[output["step"]] = output["seen"]

    def over(self) -> bool:
        """Whether nothing more may be begun."""
        return self._fatal is not None or self.around.stop.is_set()

    def do(self, number: int) -> None:
        """One round of a step; what goes wrong is noted, so that other branches go on."""
        if self.over():
            return
        step = self.flow.steps[number]
        with self.lock:
            if (past := self._ways.begin(step.key)) is None:
                return
            self._followed |= {each.step for each in step.after}
        place = _At(self, number, step, past)
        try:
            if (kept := self.memory.recall().get(place.key())) is not None:
                self._over_with(place, kept)
            else:
                self._work(place)
        except Waiting as waiting:
            self._waits.append(waiting)
        except LimitReached as reached:
            # The run waits as a whole, so no branch goes on.
            reached.task = step.name
            self._fatal = self._fatal or reached
        except UserError as failure:
            self._fail(number, failure)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the run, on the run's own thread
            self._fatal = self._fatal or error

    def _work(self, place: _At) -> None:
        step, settings = place.plan, self._settings[place.number]
        if place.round > settings.most:
            raise StepFailure(
                reason=f"It has been done {settings.most} times, as often as it may. "
                "Allow more rounds in its settings, or change what leads back to it."
            )
        self.tell(StepStarted, step, round=place.round)
        done = self._kinds[place.number].do(place, settings)
        changes = self._changes(step, done)
        with self.lock:
            self._finished += 1
            kept = self.around.redact(
                {
                    "step": step.key,
                    "number": self._finished,
                    "raw": done.raw,
                    "outcome": done.outcome,
                    "seen": {**done.facts, "raw": done.raw, "outcome": done.outcome},
                    "changes": changes,
                }
            )
            self.memory.keep(place.key(), kept)
            self.state |= kept["changes"]
            self.outputs[step.key] = kept["seen"]
            self._over_with(place, kept)
            self.tell(StepFinished, step, output=kept["raw"], outcome=kept["outcome"])
            if changes:
                self.around.emit(StateChanged(run_id=self.around.run_id, state=dict(self.state)))

    def _over_with(self, place: _At, kept: Output) -> None:
        key = place.plan.key
        with self.lock:
            self._ways.end(key, kept["outcome"], place.past)
            self._came_to[place.number].append(kept["outcome"])
            self._raws[key] = kept["raw"]
            self._followed.discard(key)

    def _changes(self, step: StepPlan, done: Done) -> dict[str, Any]:
        """What the step's result makes of the state; raises ``StepFailure`` where it does not fit."""
        if not step.result:
            return {}
        schema = next((each.schema for each in state.fields(self.flow.state) if each.name == step.result), None)
        if schema is None:
            raise StepFailure(reason=f"The state has no “{step.result}” for its result. Choose another field.")
        try:
            return {step.result: state.fitting(done.value, schema)}
        except Misfit as why:
            raise StepFailure(reason=f"Its result does not fit “{step.result}” of the state. {why}") from None

    def label(self, number: int) -> str | None:
        """The label of what the step came to, said once; nothing where it did not finish."""
        with self.lock:
            came_to = self._came_to[number]
            return self._labels[number][came_to.popleft()][0] if came_to else None

    def _fail(self, number: int, failure: UserError) -> None:
        step = self.flow.steps[number]
        # What a step does itself is named by the step already.
        fault = _fault(failure) if self._kinds[number].runs else Fault()
        with self.lock:
            self._failures.append((step, failure.sentence, fault))
        self.tell(StepFailed, step, reason=failure.sentence)

    def end(self) -> Ran:
        """What the flow came to, when nothing goes on any more; see ``run_flow`` for what it raises."""
        if self._fatal is not None:
            raise self._fatal
        if self.around.stop.is_set():
            raise Stopped
        if self._failures:
            raise _failure(self._failures)
        if self._waits:
            raise _first(self._waits)
        for step in self.flow.steps:
            if not self._ways.rounds[step.key]:
                self.tell(StepSkipped, step)
        return Ran(self._result(), state=self.state)

    def tell(self, event: Callable[..., StepEvent], step: StepPlan, **facts: Any) -> None:
        """Tell of one of the flow's own steps."""
        self.around.emit(event(run_id=self.around.run_id, step=step.key, name=step.name, kind=step.kind, **facts))

    def _result(self) -> str:
        """The text of the last steps; of those before them where they have none, such as decisions."""
        last = [step.key for step in self.flow.steps if step.key in self._raws and step.key not in self._followed]
        keys = list(dict.fromkeys(key for each in last for key in self._with_text(each, set())))
        if len(keys) < 2:
            return "".join(self._raws[key] for key in keys) or _DONE
        return "\n\n".join(f"## {self.flow.steps[self._numbers[key]].name}\n\n{self._raws[key]}" for key in keys)

    def _with_text(self, key: str, seen: set[str]) -> Iterator[str]:
        step = self.flow.steps[self._numbers[key]]
        seen.add(key)
        if step.kind != "decide" and self._raws[key]:
            yield key
            return
        for each in step.after:
            if each.step in self._raws and each.step not in seen:
                yield from self._with_text(each.step, seen)


class _At:
    """Where one round of a step is done; see ``Place``."""

    def __init__(self, course: Course, number: int, plan: StepPlan, past: Past) -> None:
        self._course, self.number, self.plan, self.past = course, number, plan, past
        self.round = past[plan.key]
        self.stop = course.around.stop

    def key(self, item: int | None = None) -> str:
        """Under which the memory keeps it."""
        of_item = "" if item is None else f"[{item}]"
        return round_key(f"{self.plan.key}{of_item}", self.round)

    def part(self) -> Definition:
        parts = self._course.flow.parts
        if (part := parts.get(self.plan.target or "")) is None:
            raise StepFailure(reason="What it runs has been deleted. Choose a crew or flow for it.")
        return part.model_copy(update={"parts": parts}) if part.is_flow else self._linked(part)

    def value(self, expression: str, what: str, **more: Any) -> Any:
        course = self._course
        with course.lock:
            facts = {"state": dict(course.state), "inputs": course.inputs, "outputs": dict(course.outputs), **more}
        try:
            return cel.evaluate(expression, facts)
        except Undecided as why:
            raise StepFailure(reason=f"{what[:1].upper()}{what[1:]} cannot be had: {why}. Change it.") from None

    def inputs(self, **more: Any) -> dict[str, Any]:
        given = {name: text for name, text in self.plan.inputs.items() if text.strip()}
        return {name: self.value(text, f"the input “{name}”", **more) for name, text in given.items()}

    def run(self, part: Definition, inputs: Mapping[str, Any], *, item: int | None = None, kept: bool = True) -> Ran:
        around, key = self._course.around, self.key(item)
        memory: Memory = Within(self._course.memory, f"{key}/") if kept else Forgetful()
        desk, emit = _Behind(around.desk, f"{key}/"), _telling_step(around.emit, key.removeprefix(STEP))
        with _as_a_step(key), around.meter.inside(part.name) as meter:
            if part.is_flow:
                return run_flow(part, inputs, replace(around, emit=emit, memory=memory, desk=desk, meter=meter))
            texts = {name: text_of(value) for name, value in inputs.items()}
            raw = around.run_crew(part, texts, emit, memory, desk, meter)
        done = {key.removeprefix(TASK): output for key, output in memory.recall().items() if key.startswith(TASK)}
        return Ran(raw, {name: str(output["raw"]) for name, output in done.items() if "raw" in output})

    def review(self, produced: str, prompt: str, settings: ReviewSettings) -> Reviewed:
        desk, key = self._course.around.desk, self.key()
        answer = desk.answer(key)
        if answer is None:
            desk.ask(
                Question(
                    key=key,
                    kind="review",
                    task=self.plan.name,
                    agent="",
                    produced=produced,
                    prompt=prompt,
                    settings=settings,
                    round=self.round - 1,
                )
            )
            raise Waiting(key, self.plan.name)
        text = answer.text if answer.verdict == "edited" else produced
        comment = "" if answer.verdict == "edited" else answer.text
        return Reviewed(_OUTCOMES[answer.verdict], text, comment, answer.by)

    def due(self, seconds: float | None, until: datetime | None) -> None:
        course, key = self._course, f"{self.key()}/due"
        now = course.around.now()
        kept = course.memory.recall().get(key)
        time = datetime.fromisoformat(kept["due"]) if kept else until or now + timedelta(seconds=seconds or 0)
        if time <= now:
            return
        if kept is None:
            course.memory.keep(key, {"due": time.isoformat()})
        raise Waiting(self.key(), self.plan.name, until=time)

    def _linked(self, part: Definition) -> Definition:
        """The crew, its tasks given what tasks of earlier steps came to, as far as those were done."""
        given: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for link in self.plan.links:
            texts = self._course.outputs.get(link.step, {}).get("tasks", {})
            if link.depends_on in texts:
                given[link.task][link.depends_on] = texts[link.depends_on]
        tasks = [task.model_copy(update={"given": given[task.name]}) for task in part.tasks]
        return part.model_copy(update={"tasks": tasks}) if given else part


class _Remembered:
    """A memory that is read once; what is finished meanwhile is known from then on."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known = dict(memory.recall())
        self._lock = threading.Lock()

    def recall(self) -> Mapping[str, Output]:
        with self._lock:
            return dict(self._known)

    def keep(self, key: str, output: Output) -> None:
        self._memory.keep(key, output)
        with self._lock:
            self._known[key] = output


@dataclass(frozen=True)
class _Behind:
    """A desk for what runs as a step: its questions have the step's name before theirs."""

    desk: Desk
    prefix: str

    def answer(self, key: str) -> Any:
        return self.desk.answer(self.prefix + key)

    def ask(self, question: Question) -> None:
        self.desk.ask(replace(question, key=self.prefix + question.key))


def _one_at_a_time(emit: Emit) -> Emit:
    """The same, told by one thread after the other: branches of a flow happen on threads of their own."""
    lock = threading.Lock()

    def tell(event: RunEvent) -> None:
        with lock:
            emit(event)

    return tell


def _telling_step(emit: Emit, step: str) -> Emit:
    """Say with each event of what runs as a step which step that is."""
    bare = step.partition("#")[0]

    def tell(event: RunEvent) -> None:
        if isinstance(event, CrewEvent | StepEvent | StateChanged):
            event = replace(event, step=f"{bare}/{event.step}" if event.step else bare)
        emit(event)

    return tell


@contextmanager
def _as_a_step(key: str) -> Iterator[None]:
    """What fails or waits below is a failure of the step, in the same words, or waits as a part of it."""
    try:
        yield
    except FlowFailed as failure:
        inner = replace(failure.fault, within=(failure.step, *failure.fault.within))
        raise StepFailure(reason=failure.sentence, fault=inner) from None
    except Waiting as waiting:
        raise Waiting(f"{key}/{waiting.key}", waiting.task, until=waiting.until) from None


def _begun(flow: Definition, inputs: Mapping[str, object]) -> dict[str, Any]:
    known = {each.name for each in state.fields(flow.state)}
    begun, wrong = state.begin(flow.state, {name: value for name, value in inputs.items() if name in known})
    if wrong:
        raise FlowFailed(reason=" ".join(wrong.values()), step="")
    return begun


def _known(step: StepPlan) -> StepKind:
    if (kind := kind_of(step.kind)) is None:
        raise FlowFailed(reason=f"Nobody knows how to do the step “{step.name}” ({step.kind}) here.", step=step.name)
    return kind


def _failure(failures: list[tuple[StepPlan, str, Fault]]) -> FlowFailed:
    first, reason, fault = failures[0]
    if len(failures) > 1:
        reason = " ".join(f"“{step.name}”: {why}" for step, why, _ in failures)
    return FlowFailed(reason=reason, step=first.name, fault=fault)


def _fault(failure: UserError) -> Fault:
    if isinstance(failure, EngineFailure) and failure.task:
        return replace(failure.fault, within=(failure.task,))
    return failure.fault if isinstance(failure, StepFailure) else Fault()


def _first(waits: list[Waiting]) -> Waiting:
    """What the run waits for: a person before a time, and of times the first; it goes on at that time in any case."""
    times = [each.until for each in waits if each.until is not None]
    waiting = next((each for each in waits if each.until is None), waits[0])
    return Waiting(waiting.key, waiting.task, until=min(times, default=None))
