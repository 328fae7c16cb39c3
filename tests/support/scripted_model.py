"""A language model that says what a test wrote for it, behind OpenAI's own HTTP interface on the loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "sk-scripted"
PATIENCE = 20.0


@dataclass(frozen=True)
class Request:
    """One question as it came in; ``prompt_tokens`` is what the answer will say it cost."""

    body: Mapping[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far, in OpenAI's shape."""
        return list(self.body["messages"])

    @property
    def prompt(self) -> str:
        """All words of the conversation, the system's too."""
        return "\n".join(_text(message.get("content")) for message in self.messages)

    @property
    def tools(self) -> list[str]:
        """The names of the tools the model may call."""
        return [tool["function"]["name"] for tool in self.body.get("tools") or []]

    @property
    def prompt_tokens(self) -> int:
        """The number of words asked."""
        return len(self.prompt.split())


@dataclass(frozen=True)
class Answer:
    """What to do with one question; ``after`` holds it back until the test sets that event."""

    text: str = ""
    tool: tuple[str, Mapping[str, Any]] | None = None
    status: int = 200
    retry_after: float | None = None
    error: str = ""
    hang_up: bool = False
    after: threading.Event | None = None
    finish_reason: str = "stop"

    @property
    def completion_tokens(self) -> int:
        """The number of words answered; a tool call counts as one."""
        return 1 if self.tool else len(self.text.split())


@dataclass
class Line:
    """A line of the script: who asks for all of ``words`` gets these answers in turn, the last of them for ever."""

    words: tuple[str, ...]
    _answers: list[tuple[Answer, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def says(
        self, text: str, *, after: threading.Event | None = None, times: int = 1, finish_reason: str = "stop"
    ) -> Self:
        """Answer with this text; ``finish_reason`` “length” means that there was more to say."""
        return self._then(Answer(text=text, after=after, finish_reason=finish_reason), times)

    def says_nothing(self, *, times: int = 1) -> Self:
        """Answer properly, with an empty text."""
        return self._then(Answer(), times)

    def calls_tool(self, name: str, args: Mapping[str, Any], *, after: threading.Event | None = None) -> Self:
        """Ask for a tool instead of answering."""
        return self._then(Answer(tool=(name, args), after=after), 1)

    def fails(
        self,
        status: int,
        *,
        error: str = "scripted failure",
        retry_after: float | None = None,
        times: int = 1,
        after: threading.Event | None = None,
    ) -> Self:
        """Refuse with this HTTP status; ``retry_after`` is in seconds."""
        return self._then(Answer(status=status, error=error, retry_after=retry_after, after=after), times)

    def hangs_up(self, *, times: int = 1) -> Self:
        """Close the connection without a word."""
        return self._then(Answer(hang_up=True), times)

    def fits(self, request: Request) -> bool:
        """Whether all the words are in the conversation."""
        return bool(self._answers) and all(words in request.prompt for words in self.words)

    def next(self) -> Answer:
        """The answer whose turn it is."""
        with self._lock:
            answer, times = self._answers[0]
            if times > 1:
                self._answers[0] = (answer, times - 1)
            elif len(self._answers) > 1:
                del self._answers[0]
            return answer

    def _then(self, answer: Answer, times: int) -> Self:
        with self._lock:
            self._answers.append((answer, times))
        return self


class ScriptedModel:
    """A server for the length of a ``with`` block; ask it through the real client.

    Lines are found by words of the prompt, so that runs at the same time do not mix; of several that fit, the one
    written last answers. Without a line the answer is ``otherwise``. Tokens are counted in words.
    """

    def __init__(self, *, otherwise: str = "This is the scripted answer.", latency: float = 0.0) -> None:
        """``latency`` is how many seconds every answer takes, for benchmarks."""
        self.otherwise = otherwise
        # What it says about a key that is not its own.
        self.rejects = "Incorrect API key provided."
        self.latency = latency
        self.closing = threading.Event()
        self._lines: list[Line] = []
        self._journal: list[Request] = []
        self._asked = threading.Condition()
        self._gates: list[threading.Event] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.model = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="scripted-model")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.closing.set()
        for gate in self._gates:
            gate.set()
        self._server.shutdown()
        self._server.hang_up_on_everyone()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        """The address to give OpenAI's client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def env(self) -> dict[str, str]:
        """The environment that makes a program use this model."""
        return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": self.base_url, "CREWCALL_DEFAULT_MODEL": "openai/scripted"}

    @property
    def requests(self) -> list[Request]:
        """Everything asked so far, in order."""
        with self._asked:
            return list(self._journal)

    def when(self, *words: str) -> Line:
        """Begin a line of the script, for prompts in which all of ``words`` stand."""
        line = Line(words)
        self._lines.append(line)
        return line

    def heard(self, *words: str, times: int = 1, timeout: float = PATIENCE) -> Request:
        """Wait until somebody has asked with these words so many times; the question. Fails after ``timeout`` s."""
        with self._asked:
            if not self._asked.wait_for(lambda: len(self._asked_with(words)) >= times, timeout):
                raise AssertionError(f"Nobody asked the model about {words} within {timeout} s.")
            return self._asked_with(words)[times - 1]

    def answer(self, request: Request) -> Answer:
        """Note the question, wait as the script says, and choose the answer."""
        fitting = [line for line in self._lines if line.fits(request)]
        answer = fitting[-1].next() if fitting else Answer(text=self.otherwise)
        if answer.after:
            self._gates.append(answer.after)
        with self._asked:
            self._journal.append(request)
            self._asked.notify_all()
        if answer.after and not self.closing.is_set():
            answer.after.wait()
        if self.latency:
            self.closing.wait(self.latency)
        return answer

    def _asked_with(self, words: Sequence[str]) -> list[Request]:
        return [request for request in self._journal if all(word in request.prompt for word in words)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: ScriptedModel

    def __init__(self, *args: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up_on_everyone(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is part of the test, not an error to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *args: object) -> None:
        """Say nothing on the console."""

    def do_GET(self) -> None:
        self._json(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._json(401, _error(self.server.model.rejects, "invalid_api_key"))
        elif self.path != "/v1/chat/completions":
            self._json(404, _error(f"There is no {self.path} here.", "not_found"))
        else:
            self._answer(Request(body))

    def _answer(self, request: Request) -> None:
        answer = self.server.model.answer(request)
        if answer.hang_up:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif answer.status != 200:
            self._json(answer.status, _error(answer.error, "scripted"), retry_after=answer.retry_after)
        elif request.body.get("stream"):
            self._stream(_chunks(request, answer))
        else:
            self._json(200, _completion(request, answer))

    def _json(self, status: int, payload: Mapping[str, Any], *, retry_after: float | None = None) -> None:
        data = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, chunks: Iterator[Mapping[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


def _text(content: Any) -> str:
    """A message's words; OpenAI allows a list of parts in place of a text."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content)
    return content or ""


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}


def _message(answer: Answer) -> dict[str, Any]:
    if answer.tool is None:
        return {"role": "assistant", "content": answer.text}
    name, args = answer.tool
    call = {"index": 0, "id": f"call_{name}", "type": "function"}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{**call, "function": {"name": name, "arguments": json.dumps(args)}}],
    }


def _frame(request: Request, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 0, "model": request.body.get("model", "scripted")}


def _usage(request: Request, answer: Answer) -> dict[str, int]:
    asked, answered = request.prompt_tokens, answer.completion_tokens
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _why(answer: Answer) -> str:
    return "tool_calls" if answer.tool else answer.finish_reason


def _completion(request: Request, answer: Answer) -> dict[str, Any]:
    choice = {"index": 0, "message": _message(answer), "finish_reason": _why(answer)}
    return {**_frame(request, "chat.completion"), "choices": [choice], "usage": _usage(request, answer)}


def _chunks(request: Request, answer: Answer) -> Iterator[dict[str, Any]]:
    frame = _frame(request, "chat.completion.chunk")
    for delta in _deltas(answer):
        yield {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": _why(answer)}]}
    yield {**frame, "choices": [], "usage": _usage(request, answer)}


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.tool is not None:
        yield _message(answer)
        return
    yield {"role": "assistant", "content": ""}
    for word in answer.text.splitlines(keepends=True):
        yield {"content": word}
