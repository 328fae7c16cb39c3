"""Slack over HTTP: what gets in, what does not, and what happens only once."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.web.server import CannotListen, Server, serve

SECRET = "a-signing-secret"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def workspace() -> Iterator[LocalSlack]:
    with LocalSlack(manifest()) as local:
        yield local


@dataclass
class Heard:
    """What the listeners of the bot under test were called with, and a gate that holds some of them back."""

    commands: Queue[str] = field(default_factory=Queue)
    mentions: Queue[str] = field(default_factory=Queue)
    fail_once: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def full_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log of a bot that was started with level INFO; Bolt's own loggers take theirs when the app is made."""
    caplog.set_level("INFO")
    return caplog


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def listeners() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(10)


@pytest.fixture
def bolt(workspace: LocalSlack, heard: Heard, listeners: ThreadPoolExecutor) -> App:
    client = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
    app = App(client=client, signing_secret=SECRET, listener_executor=listeners)

    @app.command("/crew")
    def crew(ack: Ack, command: dict[str, Any]) -> None:
        if command["text"] == "wait":
            heard.commands.put("waiting")
            heard.gate.wait(10)
        ack(f"You said {command['text']}.")
        heard.commands.put(command["text"])

    @app.event("app_mention")
    def mentioned(event: dict[str, Any]) -> None:
        heard.mentions.put(event["text"])

    return app


@pytest.fixture
def server(bolt: App, heard: Heard, listeners: ThreadPoolExecutor) -> Iterator[Server]:
    running = serve(bolt, "127.0.0.1", 0, ready={})
    yield running
    heard.gate.set()
    running.stop()
    listeners.shutdown()


@dataclass
class Reply:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def sent(request: Request) -> Reply:
    try:
        with urlopen(request, timeout=10) as answer:
            return Reply(answer.status, answer.read().decode())
    except HTTPError as refusal:
        with refusal:
            return Reply(refusal.code, refusal.read().decode())


def get(server: Server, path: str) -> Reply:
    return sent(Request(server.url + path))


def slack_sends(
    server: Server, body: bytes, kind: str, *, secret: str = SECRET, at: float | None = None, retry: int = 0
) -> Reply:
    stamp = str(int(at or time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature or ""}
    if retry:
        headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_timeout"}
    return sent(Request(f"{server.url}/slack/events", data=body, headers=headers, method="POST"))


def command(text: str) -> bytes:
    return urlencode({"command": "/crew", "text": text, "user_id": "U1", "team_id": "T1", "channel_id": "C1"}).encode()


def mention(text: str, event_id: str) -> bytes:
    event = {"type": "app_mention", "user": "U1", "text": text, "ts": "1.0", "channel": "C1"}
    return json.dumps({"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}).encode()


def everything(queue: Queue[str]) -> list[str]:
    found = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            return found


def test_a_command_that_slack_signed_is_answered(server: Server) -> None:
    reply = slack_sends(server, command("help"), FORM)

    assert (reply.status, reply.text) == (200, "You said help.")


def test_chinese_and_emoji_arrive_as_they_were_typed(server: Server) -> None:
    assert slack_sends(server, command("run 市场调研 🚀"), FORM).text == "You said run 市场调研 🚀."


def test_slack_finds_the_address_when_the_app_is_set_up(server: Server) -> None:
    reply = slack_sends(server, json.dumps({"type": "url_verification", "challenge": "3eZbrw"}).encode(), JSON)

    assert (reply.status, reply.json) == (200, {"challenge": "3eZbrw"})


def test_a_stranger_who_cannot_sign_is_refused(
    full_log: pytest.LogCaptureFixture, server: Server, heard: Heard
) -> None:
    assert slack_sends(server, command("sesame"), FORM, secret="guessed").status == 401
    assert everything(heard.commands) == []
    assert "sesame" not in full_log.text


def test_an_old_request_played_again_is_refused(server: Server, heard: Heard) -> None:
    assert slack_sends(server, command("run again"), FORM, at=time.time() - 600).status == 401
    assert everything(heard.commands) == []


def test_a_stranger_cannot_make_an_event_look_handled(server: Server, heard: Heard) -> None:
    assert slack_sends(server, mention("hello", "Ev1"), JSON, secret="guessed").status == 401

    assert slack_sends(server, mention("hello", "Ev1"), JSON).status == 200
    assert heard.mentions.get(timeout=10) == "hello"


def test_an_event_that_slack_repeats_happens_once(server: Server, heard: Heard, listeners: ThreadPoolExecutor) -> None:
    assert slack_sends(server, mention("hello", "Ev1"), JSON).status == 200
    repeats = [slack_sends(server, mention("hello", "Ev1"), JSON, at=time.time() + n, retry=n) for n in (1, 2)]
    assert slack_sends(server, mention("bye", "Ev2"), JSON).status == 200
    listeners.shutdown(wait=True)

    assert [repeat.status for repeat in repeats] == [200, 200]
    assert sorted(everything(heard.mentions)) == ["bye", "hello"]


def test_an_event_that_failed_gets_another_try(bolt: App, server: Server, heard: Heard) -> None:
    @bolt.middleware
    def fails_once(next: Any) -> None:
        if not heard.fail_once.is_set():
            heard.fail_once.set()
            raise RuntimeError("the database went away")
        next()

    assert slack_sends(server, mention("hello", "Ev1"), JSON).status == 500
    assert slack_sends(server, mention("hello", "Ev1"), JSON, retry=1).status == 200
    assert heard.mentions.get(timeout=10) == "hello"


def test_a_body_far_larger_than_slack_sends_is_refused(server: Server, heard: Heard) -> None:
    assert slack_sends(server, command("x" * 2_000_001), FORM).status == 413
    assert everything(heard.commands) == []


@pytest.mark.parametrize(
    ("body", "kind"), [(b"\xff\xfe", FORM), (b"payload=%7Bnot+json", FORM), (b"{not json", JSON)], ids=str
)
def test_garbage_is_refused(server: Server, body: bytes, kind: str) -> None:
    request = Request(f"{server.url}/slack/events", data=body, headers={"Content-Type": kind}, method="POST")

    assert sent(request).status == 400


def test_only_slacks_address_answers_and_only_to_posts(server: Server) -> None:
    assert get(server, "/slack/events").status == 405
    assert get(server, "/").status == 404


@pytest.mark.parametrize("path", ["/crews/1", "/runs/7"])
def test_whoever_follows_a_link_is_led_to_slack_and_learns_nothing(server: Server, path: str) -> None:
    reply = get(server, path)

    assert reply.status == 200
    assert "Paste the link into your direct messages with the bot." in reply.text
    assert get(server, f"{path}x").status == get(server, f"{path}/more").status == 404


def test_somebody_slow_does_not_hold_up_the_others(server: Server, heard: Heard) -> None:
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(slack_sends, server, command("wait"), FORM)
        assert heard.commands.get(timeout=10) == "waiting"

        assert get(server, "/healthz").json == {"alive": True}
        assert slack_sends(server, command("help"), FORM).text == "You said help."
        heard.gate.set()
        assert slow.result(10).text == "You said wait."


def test_ready_when_every_check_is_well(bolt: App) -> None:
    server = serve(bolt, "127.0.0.1", 0, ready={"database": lambda: None})
    try:
        assert get(server, "/readyz") == Reply(200, '{"ready": true, "database": "ok"}')
    finally:
        server.stop()


def test_not_ready_says_why(bolt: App) -> None:
    never = threading.Event()

    def breaks() -> str | None:
        raise RuntimeError("with a password in it")

    def hangs() -> str | None:
        never.wait(10)
        return None

    checks = {"database": lambda: "The tables are of an older version.", "socket": breaks, "broker": hangs}
    server = serve(bolt, "127.0.0.1", 0, ready=checks, patience=0.05)
    try:
        reply = get(server, "/readyz")
    finally:
        never.set()
        server.stop()

    assert reply.status == 503
    assert reply.json == {
        "ready": False,
        "database": "The tables are of an older version.",
        "socket": "the check itself failed; see the log",
        "broker": "no answer within 0.05 s",
    }


def test_a_taken_port_is_told_with_its_mend(bolt: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"127.0.0.1:{port} .*Set CREWCALL_HTTP_HOST and CREWCALL_HTTP_PORT"):
            serve(bolt, "127.0.0.1", port, ready={})


def test_an_address_that_can_be_none_is_told_too(bolt: App) -> None:
    with pytest.raises(CannotListen, match="Set CREWCALL_HTTP_HOST"):
        serve(bolt, "a" * 70, 0, ready={})


def test_a_stopped_server_leaves_its_port(bolt: App) -> None:
    server = serve(bolt, "127.0.0.1", 0, ready={})
    port = int(server.url.rpartition(":")[2])
    server.stop()
    server.stop()

    socket.create_server(("127.0.0.1", port)).close()
