"""The embedded model: the real engine and real crews, with a model file so small that the test writes it."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from bot.engine.local_model import (
    Answer,
    LocalEngine,
    ModelFailed,
    ModelUnusable,
    PromptTooLong,
    Stopped,
    engine_for,
    local_llm,
    stop_signal,
)
from tests.engine.talking_model import write_talking_model

# CrewAI's own: it warns about itself when imported and when an agent is made.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Cannot set an attribute on 'crewai.rag':ImportWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai"),
]

SAID = "The answer is forty-two."
SOON = 20


@pytest.fixture(scope="module", autouse=True)
def quiet_crewai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """CrewAI reads these when it is first imported; without them it calls home and asks questions."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "CREWAI_DISABLE_TRACKING"):
            patch.setenv(name, "true")
        patch.setenv("CREWAI_TRACING_ENABLED", "false")
        patch.setenv("CREWAI_DISABLE_VERSION_CHECK", "true")
        patch.setenv("CREWAI_STORAGE_DIR", str(tmp_path_factory.mktemp("crewai")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def talker(folder: Path) -> Path:
    return write_talking_model(folder / "talker.gguf", ["The", " answer", " is", " forty-two", "."])


@pytest.fixture(scope="module")
def chatterbox(folder: Path) -> Path:
    """A model that never ends by itself."""
    return write_talking_model(folder / "chatterbox.gguf", ["ha", " ha", ","], endless=True)


@pytest.fixture(scope="module")
def reasoner(folder: Path) -> Path:
    """A model that answers as an agent with tools does."""
    words = ["Thought:", " I know", "\nAction:", " none", "\nObservation:", " made up"]
    return write_talking_model(folder / "reasoner.gguf", words)


def question(text: str = "What is the answer?", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 100, "temperature": 0.2, **more}


class Background:
    """A thread whose result or exception is asked for later."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001 - raised again by result()
            self._error = error

    def result(self, timeout: float = SOON) -> Any:
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "it did not end"
        if self._error is not None:
            raise self._error
        return self._result


class Door:
    """Holds the first generation at its first word, so that others queue behind it."""

    def __init__(self, engine: LocalEngine) -> None:
        self.engine, self.reached, self.open = engine, threading.Event(), threading.Event()
        self.held = Background(lambda: engine.generate(question(), on_text=self._wait))
        assert self.reached.wait(SOON)

    def _wait(self, text: str) -> None:
        self.reached.set()
        assert self.open.wait(SOON)

    def queue(self, work: Callable[[], Any]) -> Background:
        """Start ``work`` and come back when it stands in the queue."""
        place = self.engine.waiting + 1
        queued = Background(work)
        deadline = threading.Event()
        for _ in range(SOON * 100):
            if self.engine.waiting == place:
                return queued
            deadline.wait(0.01)
        raise AssertionError("it never queued")


def crew_of(path: Path, tasks: int = 2, **settings: Any) -> Any:
    from crewai import Agent, Crew, Task

    jobs: list[Any] = []
    for number in range(tasks):
        llm = local_llm("local/talker", path, **settings)
        agent = Agent(role=f"Writer {number}", goal="Answer", backstory="Plain", llm=llm)
        jobs.append(Task(description="Answer {topic}", expected_output="A line", agent=agent, context=jobs[-1:]))
    return Crew(agents=[job.agent for job in jobs], tasks=jobs)


def carry_out(crew: Any, *, stopped: Callable[[], bool] = lambda: False, on_event: Callable[[Any], None]) -> Any:
    """Kick off as a run does: in a context of its own, with a sink for events and a stop signal."""

    def body() -> Any:
        from crewai.events.stream_context import add_stream_sink
        from crewai_core.printer import set_suppress_console_output

        set_suppress_console_output(True)
        add_stream_sink(lambda source, event: on_event(event))
        stop_signal.set(stopped)
        return crew.kickoff(inputs={"topic": "life"})

    return contextvars.Context().run(body)


def kinds(events: list[Any]) -> list[str]:
    return [event.type for event in events if event.type.startswith("llm_call")]


# The engine.


def test_the_engine_answers_piece_by_piece_and_counts_tokens(talker: Path) -> None:
    pieces: list[str] = []

    answer = LocalEngine(talker).generate(question(), on_text=pieces.append)

    assert answer.text == SAID
    assert pieces == ["The", " answer", " is", " forty-two", "."]
    assert answer.finish_reason == "stop"
    assert answer.usage["completion_tokens"] == 6  # five words and the end
    assert answer.usage["prompt_tokens"] > 10


def test_an_answer_is_cut_at_max_tokens_and_says_so(chatterbox: Path) -> None:
    answer = LocalEngine(chatterbox).generate(question(max_tokens=4))

    assert (answer.text, answer.finish_reason) == ("ha ha,ha", "length")


def test_there_is_one_engine_for_a_file_however_it_is_spelled(talker: Path) -> None:
    assert engine_for(talker) is engine_for(talker.parent / "." / talker.name)


def test_questions_are_answered_first_come_first_served(talker: Path) -> None:
    engine = LocalEngine(talker)
    done: list[int] = []
    door = Door(engine)

    def ask(number: int) -> Answer:
        return engine.generate(question(), on_text=lambda text: done.append(number) if text == "." else None)

    asked = [door.queue(partial(ask, number)) for number in range(6)]
    assert (engine.waiting, done) == (6, [])
    door.open.set()

    assert [each.result().text for each in asked] == [SAID] * 6
    assert done == [0, 1, 2, 3, 4, 5]
    assert engine.waiting == 0


def test_an_engine_let_go_right_after_loading_does_not_block_the_process(talker: Path) -> None:
    """In a process of its own: one that blocks could not even fail."""
    script = f"""
from pathlib import Path
from bot.engine.local_model import LocalEngine, ModelFailed
for _ in range(30):
    try:
        LocalEngine(Path({str(talker)!r})).generate({{"messages": "nonsense"}})
    except ModelFailed:
        print("refused")
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    assert run.stdout.split() == ["refused"] * 30


def test_a_stop_ends_the_generation_at_the_next_word_and_the_engine_goes_on(chatterbox: Path) -> None:
    engine, stop, heard = LocalEngine(chatterbox), threading.Event(), list[str]()

    def hear(text: str) -> None:
        heard.append(text)
        if len(heard) == 3:
            stop.set()

    with pytest.raises(Stopped):
        engine.generate(question(max_tokens=5000), on_text=hear, stopped=stop.is_set)

    assert len(heard) == 3
    assert engine.generate(question(max_tokens=1)).text == "ha"


def test_a_stop_is_noticed_while_the_prompt_is_still_being_read(chatterbox: Path) -> None:
    looks: list[bool] = []
    heard: list[str] = []

    def stopped() -> bool:
        looks.append(True)
        return len(looks) > 10

    with pytest.raises(Stopped):
        LocalEngine(chatterbox).generate(question("long " * 200), on_text=heard.append, stopped=stopped)

    assert (heard, len(looks)) == ([], 11)


def test_a_stop_while_queued_leaves_the_queue_within_a_second(talker: Path) -> None:
    engine, stop = LocalEngine(talker), threading.Event()
    door = Door(engine)
    impatient = door.queue(lambda: engine.generate(question(), stopped=stop.is_set))
    patient = door.queue(lambda: engine.generate(question()))

    stop.set()
    with pytest.raises(Stopped):
        impatient.result(timeout=1)
    assert engine.waiting == 1
    door.open.set()

    assert door.held.result().text == patient.result().text == SAID


def test_a_listener_that_fails_ends_the_generation_with_its_own_error(chatterbox: Path) -> None:
    def fail(text: str) -> None:
        raise LookupError(text)

    engine = LocalEngine(chatterbox)
    with pytest.raises(LookupError, match="ha"):
        engine.generate(question(max_tokens=5000), on_text=fail)

    assert engine.generate(question(max_tokens=1)).text == "ha"


def test_a_prompt_that_is_too_long_is_refused_in_a_sentence(talker: Path) -> None:
    with pytest.raises(PromptTooLong) as refusal:
        LocalEngine(talker, context_tokens=512).generate(question("word " * 500))

    assert refusal.value.sentence.endswith("tokens, 512 at most. Shorten it or choose another model.")


def test_a_request_the_engine_does_not_understand_is_an_error_not_an_empty_answer(talker: Path) -> None:
    nonsense = {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}
    with pytest.raises(ModelFailed, match=r"It said: .*unrecognized type nonsense"):
        LocalEngine(talker).generate(question(response_format=nonsense))


@pytest.mark.parametrize("content", [None, b"", b"GGUF and then nothing", b"<html>Sign in</html>"])
def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ModelUnusable, match="Delete it and start again to fetch it anew"):
        LocalEngine(path).generate(question())


def test_nobody_else_on_this_machine_can_use_the_port_the_engine_opens(talker: Path) -> None:
    import urllib.error
    import urllib.request

    engine = LocalEngine(talker)
    engine.generate(question())
    address = engine._loaded().listening_address
    request = urllib.request.Request(f"{address}/v1/chat/completions", b"{}", {"Content-Type": "application/json"})

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=SOON)
    refused.value.close()
    assert refused.value.code == 401


# Through CrewAI.


def test_a_crew_runs_on_the_embedded_model_with_events_and_tokens(talker: Path) -> None:
    events: list[Any] = []

    result = carry_out(crew_of(talker), on_event=events.append)

    assert [task.raw for task in result.tasks_output] == [SAID, SAID]
    assert kinds(events) == ["llm_call_started", "llm_call_completed"] * 2
    usage = [event.usage for event in events if event.type == "llm_call_completed"]
    assert result.token_usage.prompt_tokens == sum(each["prompt_tokens"] for each in usage) > 0
    assert result.token_usage.completion_tokens == sum(each["completion_tokens"] for each in usage) == 12
    assert result.token_usage.successful_requests == 2
    chunks = [event for event in events if event.type == "llm_stream_chunk"]
    assert "".join(chunk.chunk for chunk in chunks) == SAID * 2
    assert {chunk.agent_role for chunk in chunks} == {"Writer 0", "Writer 1"}


def test_six_crews_at_once_all_get_their_answers(talker: Path) -> None:
    crews = [crew_of(talker) for _ in range(6)]
    running = [Background(partial(carry_out, crew, on_event=lambda event: None)) for crew in crews]

    assert [each.result(60).raw for each in running] == [SAID] * 6


def test_a_run_stopped_in_the_middle_of_an_answer_is_not_tried_again(chatterbox: Path) -> None:
    from crewai.hooks.dispatch import HookAborted

    stop, events = threading.Event(), list[Any]()

    def watch(event: Any) -> None:
        events.append(event)
        if event.type == "llm_stream_chunk":
            stop.set()

    with pytest.raises(Stopped) as stopped:
        carry_out(crew_of(chatterbox, max_tokens=5000), stopped=stop.is_set, on_event=watch)

    assert isinstance(stopped.value, HookAborted)
    assert kinds(events) == ["llm_call_started", "llm_call_failed"]
    assert [event.error for event in events if event.type == "llm_call_failed"] == ["The run was stopped."]
    assert sum(event.type == "llm_stream_chunk" for event in events) == 1


def test_a_run_stopped_while_queued_is_not_tried_again(talker: Path) -> None:
    stop, events = threading.Event(), list[Any]()
    crew = crew_of(talker)
    door = Door(engine_for(talker))

    run = door.queue(lambda: carry_out(crew, stopped=stop.is_set, on_event=events.append))
    stop.set()
    with pytest.raises(Stopped):
        run.result(timeout=2)
    door.open.set()
    door.held.result()

    assert kinds(events) == ["llm_call_started", "llm_call_failed"]
    assert carry_out(crew_of(talker), on_event=lambda event: None).raw == SAID


def test_a_crew_whose_task_is_too_long_fails_with_the_sentence(talker: Path) -> None:
    crew = crew_of(talker, tasks=1)
    crew.tasks[0].description = "word " * 5000
    crew.agents[0].respect_context_window = False

    with pytest.raises(PromptTooLong, match="This is too long for the embedded model"):
        carry_out(crew, on_event=lambda event: None)


def test_stop_words_end_the_answer(reasoner: Path) -> None:
    llm = local_llm("local/reasoner", reasoner, stop=["\nObservation:"])

    assert llm.call("Think.") == "Thought: I know\nAction: none"


def test_a_response_model_is_a_grammar_the_answer_cannot_leave(talker: Path) -> None:
    class Fact(BaseModel):
        city: Literal["Oslo", "Bergen"]
        founded: Literal[1048]

    fact = local_llm("local/talker", talker).call("When?", response_model=Fact)

    assert isinstance(fact, Fact)
    assert fact.founded == 1048


def test_a_model_hook_may_refuse_a_call_and_change_an_answer(talker: Path) -> None:
    from crewai.hooks.dispatch import HookAborted, InterceptionPoint, scoped_hooks

    llm = local_llm("local/talker", talker)

    def refuse(context: Any) -> None:
        raise HookAborted("over budget")

    with scoped_hooks({InterceptionPoint.PRE_MODEL_CALL: [refuse]}), pytest.raises(HookAborted, match="over budget"):
        llm.call("What?")
    with scoped_hooks({InterceptionPoint.POST_MODEL_CALL: [lambda context: context.response.upper()]}):
        assert llm.call("What?") == SAID.upper()


def test_awaiting_an_answer_leaves_the_event_loop_free_and_cancelling_stops_the_generation(chatterbox: Path) -> None:
    llm = local_llm("local/chatterbox", chatterbox, max_tokens=7000)
    engine = engine_for(chatterbox)

    async def ask_and_cancel() -> None:
        from crewai.events.stream_context import add_stream_sink

        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def hear(source: Any, event: Any) -> None:
            if event.type == "llm_stream_chunk":
                loop.call_soon_threadsafe(begun.set)

        add_stream_sink(hear)
        asked = asyncio.create_task(llm.acall("Talk."))
        await asyncio.wait_for(begun.wait(), SOON)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    contextvars.Context().run(asyncio.run, ask_and_cancel())

    assert llm.get_token_usage_summary().total_tokens == 0
    assert engine.generate(question(max_tokens=1)).text == "ha"


def test_awaited_answers_arrive(talker: Path) -> None:
    assert asyncio.run(local_llm("local/talker", talker).acall("What?")) == SAID


def test_crewai_is_told_what_the_model_can_do(talker: Path) -> None:
    llm: Any = local_llm("local/talker", talker, max_tokens=512)

    assert not llm.supports_function_calling()
    assert llm.supports_stop_words()
    assert llm.get_context_window_size() == 8192 - 512
    assert llm.get_input_tokens_count([{"role": "user", "content": "12345"}]) == 2
    assert (llm.provider, llm.model, llm.temperature) == ("local", "local/talker", 0.2)


def test_the_module_itself_does_not_import_crewai() -> None:
    script = "import sys, bot.engine.local_model; print([n for n in ('crewai', 'xllamacpp') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
