"""The embedded model: a llama.cpp engine inside this process, and the CrewAI language model that speaks through it."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import UserError

if TYPE_CHECKING:
    from crewai import BaseLLM
    from pydantic import BaseModel

CONTEXT_TOKENS = 8192

# The prompt is read in pieces of this many tokens, and a stop is noticed between two pieces. A 1.5B model on two
# cores reads about 60 tokens a second, so that a stop takes about a second even before the first word.
PROMPT_PIECE = 64

# A model nobody has used for this long gives its memory back; the next call loads it again in a few seconds.
IDLE_SECONDS = 300

# Someone who waits for a turn looks this often, in seconds, whether the run was stopped.
STOP_CHECK = 0.1


def _never() -> bool:
    return False


# Says whether the run of this context was stopped. Whoever carries a run out sets it, usually to an event's ``is_set``.
stop_signal: ContextVar[Callable[[], bool]] = ContextVar("stop_signal", default=_never)


class Stopped(Exception):
    """The run was stopped while the embedded model was answering or waiting for its turn."""


class PromptTooLong(UserError):
    """This is too long for the embedded model: {tokens} tokens, {limit} at most. Shorten it or choose another model."""


class ModelUnusable(UserError):
    """The embedded model’s file {path} is damaged or missing. Delete it and start again to fetch it anew."""


class ModelFailed(UserError):
    """The embedded model could not answer. Run it again or choose another model. It said: {reason}"""


@dataclass(frozen=True)
class Answer:
    """What the model said, why it ended (``stop`` or ``length``) and the tokens it took, in OpenAI's keys."""

    text: str
    finish_reason: str | None
    usage: dict[str, Any]


class LocalEngine:
    """One model file in memory: loaded at the first question, answering one at a time, first come first served."""

    def __init__(self, path: Path, *, context_tokens: int = CONTEXT_TOKENS, idle_seconds: int = IDLE_SECONDS) -> None:
        self._path = path
        self._context_tokens = context_tokens
        self._idle_seconds = idle_seconds
        self._server: Any = None
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()

    @property
    def waiting(self) -> int:
        """How many questions wait behind the one being answered."""
        return max(0, len(self._queue) - 1)

    def generate(
        self,
        request: Mapping[str, Any],
        *,
        on_text: Callable[[str], None] = lambda text: None,
        stopped: Callable[[], bool] = _never,
    ) -> Answer:
        """Answer one OpenAI chat completion request, handing each piece of text to ``on_text`` on this thread.

        Raises ``Stopped`` within about a second of ``stopped()`` turning true, also while queued; ``PromptTooLong``,
        ``ModelUnusable``, ``ModelFailed``; and whatever ``on_text`` raises.
        """
        reply = _Reply(on_text, stopped)
        asked = {**request, "stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        with self._turn(stopped):
            server = self._loaded()
            try:
                server.handle_chat_completions(asked, reply.take)
            except (RuntimeError, ValueError) as error:  # for example a JSON schema it cannot follow
                raise ModelFailed(reason=error) from error
        return reply.answer()

    @contextmanager
    def _turn(self, stopped: Callable[[], bool]) -> Iterator[None]:
        """Wait until everybody who came earlier is done. The first ticket in the queue is always set."""
        ticket = threading.Event()
        with self._lock:
            self._queue.append(ticket)
            self._queue[0].set()
        try:
            while not ticket.wait(STOP_CHECK):
                if stopped():
                    raise Stopped
            if stopped():
                raise Stopped
            yield
        finally:
            with self._lock:
                self._queue.remove(ticket)
                if self._queue:
                    self._queue[0].set()

    def _loaded(self) -> Any:
        """The llama.cpp server with the weights; only ever called by the one whose turn it is."""
        if self._server is None:
            from xllamacpp import Server

            try:
                server = Server(self._params())
            except RuntimeError as error:
                raise ModelUnusable(path=self._path) from error
            # A server that is let go before its loop runs blocks the whole process for ever, as it misses the signal
            # to end. Its loop has answered this question, so from here on that cannot happen.
            server.handle_metrics()
            self._server = server
        return self._server

    def _params(self) -> Any:
        from xllamacpp import CommonParams

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        params = CommonParams()
        params.model.path = str(self._path)
        params.n_ctx = self._context_tokens
        params.n_batch = params.n_ubatch = PROMPT_PIECE
        # llama.cpp's threads spin while they wait for each other: on a machine whose cores are all taken, one thread
        # fewer is several times faster. Reading the prompt does not suffer from that.
        params.cpuparams.n_threads = max(1, cores - 1)
        params.cpuparams_batch.n_threads = cores
        # Repacked weights answer a little faster but need half as much memory again.
        params.no_extra_bufts = True
        params.warmup = False
        params.endpoint_metrics = True
        params.sleep_idle_seconds = self._idle_seconds
        params.verbosity = -1
        # The server also opens a port on 127.0.0.1 that we have no use for; nobody else gets in without this key.
        params.api_keys = [secrets.token_urlsafe(32)]
        return params


@dataclass
class _Reply:
    """One answer as it arrives."""

    on_text: Callable[[str], None]
    stopped: Callable[[], bool]
    texts: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: BaseException | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Take one chunk; true ends the generation. No exception may pass through the engine, so it is kept."""
        try:
            self._read(chunk)
        except BaseException as error:  # noqa: BLE001 - raised again by answer()
            self.error = error
        return self.error is not None

    def _read(self, chunk: dict[str, Any]) -> None:
        if self.stopped():
            raise Stopped
        if "error" in chunk:
            raise _refusal(chunk["error"])
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk.get("choices", ()):
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            if text := choice["delta"].get("content"):
                self.texts.append(text)
                self.on_text(text)

    def answer(self) -> Answer:
        if self.error is not None:
            raise self.error
        if self.usage is None:
            raise ModelFailed(reason="nothing, the answer broke off.")
        return Answer("".join(self.texts), self.finish_reason, self.usage)


def _refusal(error: Mapping[str, Any]) -> UserError:
    if error.get("type") == "exceed_context_size_error":
        return PromptTooLong(tokens=error["n_prompt_tokens"], limit=error["n_ctx"])
    return ModelFailed(reason=error.get("message", "nothing."))


_engines: dict[Path, LocalEngine] = {}
_engines_lock = threading.Lock()


def engine_for(path: Path) -> LocalEngine:
    """The one engine of this process for the model file at ``path``; nothing is loaded yet."""
    with _engines_lock:
        return _engines.setdefault(path.resolve(), LocalEngine(path.resolve()))


def local_llm(
    model_name: str,
    path: Path,
    *,
    temperature: float = 0.2,
    max_tokens: int = 512,
    top_p: float = 0.9,
    seed: int | None = None,
    stop: Sequence[str] = (),
) -> BaseLLM:
    """A CrewAI language model, named like ``local/qwen2.5-coder-1.5b``, that answers with the GGUF file at ``path``.

    Make one for each agent, as CrewAI counts tokens per object; they share the engine. Tools are called through
    CrewAI's ReAct text, because models this small do not call functions. Imports CrewAI.
    """
    llm: BaseLLM = _llm_class()(
        model=model_name,
        path=path,
        temperature=temperature,
        max_tokens=max_tokens,
        top_p=top_p,
        seed=seed,
        stop=list(stop),
    )
    return llm


@cache
def _llm_class() -> Any:
    """Make the subclass at its first use, because importing CrewAI takes seconds."""
    from crewai import BaseLLM

    class LocalLLM(BaseLLM):
        llm_type: str = "local"
        path: Path
        stream: bool | None = True

        def call(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            return _call(self, messages, *args, **kwargs)

        async def acall(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            return await _call_on_a_thread(lambda: self.call(messages, *args, **kwargs))

        def supports_function_calling(self) -> bool:
            return False

        def get_context_window_size(self) -> int:
            """What a prompt may take: the context less the room for the answer."""
            return CONTEXT_TOKENS - int(self.max_tokens or 0)

        def get_input_tokens_count(self, messages: Any, tools: Any = None, response_model: Any = None) -> int:
            """An estimate at four characters a token; the engine itself refuses what is really too long."""
            texts = [messages] if isinstance(messages, str) else [str(message["content"]) for message in messages]
            return -(-sum(map(len, texts)) // 4)

    return LocalLLM


@cache
def _stopped_class() -> type[Stopped]:
    """``Stopped`` in the form that CrewAI lets through at once; it retries every other exception three times."""
    from crewai.hooks.dispatch import HookAborted

    class StoppedRun(HookAborted, Stopped):
        def __init__(self) -> None:
            super().__init__("The run was stopped.")

    return StoppedRun


def _call(
    llm: Any,
    messages: Any,
    tools: Any = None,
    callbacks: Any = None,
    available_functions: Any = None,
    from_task: Any = None,
    from_agent: Any = None,
    response_model: type[BaseModel] | None = None,
) -> Any:
    """One call as CrewAI's contract for language models wants it: events, hooks and token counts around the answer."""
    from crewai.events.types.llm_events import LLMCallType
    from crewai.llms.base_llm import llm_call_context

    origin = {"from_task": from_task, "from_agent": from_agent}
    with llm_call_context():
        llm._emit_call_started_event(messages, tools, callbacks, available_functions, **origin)
        try:
            prompt = llm._format_messages(messages)
            llm._invoke_before_llm_call_hooks(prompt, from_agent)
            answer = _answer(llm, prompt, response_model, origin)
            llm._track_token_usage_internal(answer.usage)
            result = llm._validate_structured_output(answer.text, response_model)
        except Exception as error:
            llm._emit_call_failed_event(str(error), **origin)
            raise
        llm._emit_call_completed_event(
            answer.text,
            LLMCallType.LLM_CALL,
            messages=prompt,
            usage=answer.usage,
            finish_reason=answer.finish_reason,
            **origin,
        )
        return llm._invoke_after_llm_call_hooks(prompt, result, from_agent)


def _answer(llm: Any, prompt: list[Any], response_model: type[BaseModel] | None, origin: Mapping[str, Any]) -> Answer:
    try:
        return engine_for(llm.path).generate(
            _request(llm, prompt, response_model),
            on_text=lambda text: llm._emit_stream_chunk_event(text, **origin),
            stopped=stop_signal.get(),
        )
    except Stopped as stopped:
        raise _stopped_class()() from stopped


def _request(llm: Any, prompt: list[Any], response_model: type[BaseModel] | None) -> dict[str, Any]:
    """The request body; a ``response_model`` becomes a grammar that the answer cannot leave."""
    request = {
        "messages": [{"role": message["role"], "content": message["content"] or ""} for message in prompt],
        "temperature": llm.temperature,
        "top_p": llm.top_p,
        "max_tokens": llm.max_tokens,
        "seed": llm.seed,
        "stop": llm.stop_sequences,
    }
    if response_model is not None:
        schema = {"name": response_model.__name__, "schema": response_model.model_json_schema()}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    return {key: value for key, value in request.items() if value is not None}


async def _call_on_a_thread(call: Callable[[], Any]) -> Any:
    """Answer off the event loop; when the awaiting task is cancelled, the generation stops too."""
    cancelled = threading.Event()
    outer = stop_signal.get()
    token = stop_signal.set(lambda: cancelled.is_set() or outer())
    try:
        return await asyncio.to_thread(call)
    finally:
        cancelled.set()
        stop_signal.reset(token)
