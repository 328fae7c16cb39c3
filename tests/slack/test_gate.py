"""What people in the workspace read when the bot sends through the gate, on good days and on bad ones."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import chain, count, repeat
from threading import Event
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.slack.gate import Gate, OutcomeUnknown, SlackRefused
from tests.slack.northwind import BOARD, RESEARCH, Northwind, northwind

Json = dict[str, Any]
SOON = 10


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def plan(*tasks: str) -> Json:
    cards = [{"type": "task_card", "task_id": task, "title": task, "status": "complete"} for task in tasks]
    return {"type": "plan", "title": "Market research", "tasks": cards}


STOP: Json = {
    "type": "actions",
    "elements": [{"type": "button", "action_id": "stop", "text": {"type": "plain_text", "text": "Stop"}}],
}


@pytest.fixture
def workspace() -> Iterator[Northwind]:
    with northwind() as workspace:
        yield workspace


@pytest.fixture
def open_gate(workspace: Northwind) -> Iterator[Callable[..., Gate]]:
    gates: list[Gate] = []

    def opened(**options: Any) -> Gate:
        gates.append(Gate(options.pop("client_for", lambda team: workspace.client), **options))
        return gates[-1]

    yield opened
    for gate in gates:
        gate.close(timeout=0)


@pytest.fixture
def gate(open_gate: Callable[..., Gate]) -> Gate:
    return open_gate()


class OneAtATime:
    """A gate with one thread and a slow Slack: what is asked for while one call is under way has to queue."""

    def __init__(self, workspace: Northwind, open_gate: Callable[..., Gate]) -> None:
        self.workspace = workspace
        self.under_way = Event()
        self.gate = open_gate(threads=1, client_for=self._client)
        workspace.slack.misbehave({"slow_ms": 100})

    def _client(self, _: str) -> WebClient:
        self.under_way.set()
        return self.workspace.client

    def begins(self, ts: str, text: str) -> Future[None]:
        """Edit a message and return as soon as that edit is being sent."""
        edit = self.gate.edit(RESEARCH, ts, text, None)
        assert self.under_way.wait(SOON)
        return edit


@pytest.fixture
def one_at_a_time(workspace: Northwind, open_gate: Callable[..., Gate]) -> Callable[[], OneAtATime]:
    return lambda: OneAtATime(workspace, open_gate)


def error_of(future: Future[Any]) -> str:
    with pytest.raises(SlackRefused) as refused:
        future.result(SOON)
    return refused.value.error


# Good days


def test_posts_in_a_thread_keep_their_order_even_when_one_has_to_be_sent_again(
    workspace: Northwind, gate: Gate
) -> None:
    thread = workspace.posted("Ana started Market research")
    workspace.slack.misbehave({"methods": {"chat.postMessage": {"status": 500, "times": 1}}})

    sent = [gate.post(RESEARCH, text, thread_ts=thread) for text in ("One", "Two", "Three")]

    assert [future.result(SOON) for future in sent] == [
        message["ts"] for message in workspace.messages(thread_ts=thread)[1:]
    ]
    assert workspace.texts(thread_ts=thread)[1:] == ["One", "Two", "Three"]


def test_a_file_comes_after_the_message_it_belongs_to(workspace: Northwind, gate: Gate) -> None:
    thread = workspace.posted("Ana started Market research")

    gate.post(RESEARCH, "Here is the result", thread_ts=thread)
    gate.upload(RESEARCH, "result.md", "# Findings", "Result", thread_ts=thread).result(SOON)

    _, told, shared = workspace.messages(thread_ts=thread)
    assert told["text"] == "Here is the result"
    assert workspace.file(shared) == "# Findings"


def test_metadata_goes_along_and_links_are_not_unfurled(workspace: Northwind, gate: Gate) -> None:
    gate.post(RESEARCH, "Done", metadata={"event_type": "run", "event_payload": {"id": 7}}).result(SOON)

    (message,) = workspace.messages()
    assert message["metadata"]["event_payload"] == {"id": 7}
    (call,) = workspace.slack.calls("chat.postMessage")
    assert (call["args"]["unfurl_links"], call["args"]["unfurl_media"]) == (False, False)


def test_nobody_is_rung_whatever_a_model_wrote(workspace: Northwind, gate: Gate) -> None:
    ts = gate.post(RESEARCH, "<!channel> look", [section("<!here> look")]).result(SOON)
    gate.edit(RESEARCH, ts, "<!everyone>", [{"type": "markdown", "text": "<!subteam^S1> look"}]).result(SOON)

    asked = str([call["args"] for call in workspace.slack.calls()])
    assert "<!" not in asked
    assert "&lt;!here> look" in asked


# Many edits


def test_a_hundred_edits_make_few_calls_and_end_in_the_last_state(workspace: Northwind, gate: Gate) -> None:
    ts = workspace.posted("Queued")

    edits = [gate.edit(RESEARCH, ts, f"{number} % done", [section(f"{number} %")]) for number in range(100)]
    edits.append(gate.edit(RESEARCH, ts, "Finished", [section("Finished")], last=True))

    for edit in edits:
        edit.result(SOON)
    assert workspace.texts() == ["Finished"]
    assert len(workspace.slack.calls("chat.update")) <= 4


def test_a_busy_message_lets_the_others_have_their_turn(
    workspace: Northwind, one_at_a_time: Callable[[], OneAtATime]
) -> None:
    busy, quiet = workspace.posted("Busy"), workspace.posted("Quiet")
    line = one_at_a_time()
    steps = iter(["2", "3", "4"])
    finished = Event()

    def go_on(_: Future[None]) -> None:
        if step := next(steps, None):
            line.gate.edit(RESEARCH, busy, f"Busy {step}", None).add_done_callback(go_on)
        else:
            finished.set()

    line.begins(busy, "Busy 1").add_done_callback(go_on)
    line.gate.edit(RESEARCH, quiet, "Quiet is done", None)

    assert finished.wait(SOON)
    said = [call["args"]["text"] for call in workspace.slack.calls("chat.update")]
    assert said == ["Busy 1", "Quiet is done", "Busy 2", "Busy 3", "Busy 4"]


def test_the_last_edit_goes_first_and_nothing_older_comes_after_it(
    workspace: Northwind, one_at_a_time: Callable[[], OneAtATime]
) -> None:
    first, second, third = (workspace.posted(text) for text in ("First", "Second", "Third"))
    line = one_at_a_time()

    edits = [line.begins(first, "First goes on")]
    edits += [line.gate.edit(RESEARCH, ts, "Goes on", None) for ts in (second, third)]
    edits.append(line.gate.edit(RESEARCH, third, "Finished", None, last=True))
    edits.append(line.gate.edit(RESEARCH, third, "Said too late", None))
    for edit in edits:
        edit.result(SOON)

    said = [call["args"]["text"] for call in workspace.slack.calls("chat.update")]
    assert said == ["First goes on", "Finished", "Goes on"]
    assert workspace.texts() == ["First goes on", "Goes on", "Finished"]


def test_a_run_that_is_done_says_so_while_others_have_used_up_their_edits(
    workspace: Northwind, open_gate: Callable[..., Gate]
) -> None:
    busy = [workspace.posted("Busy") for _ in range(6)]
    done = workspace.posted("Queued")
    # While this clock stands still, no edit that was used comes back.
    gate = open_gate(now=lambda: 0.0)

    edits = [gate.edit(RESEARCH, ts, "Goes on", None) for ts in busy]
    for edit in edits[:4]:
        edit.result(SOON)
    gate.edit(RESEARCH, done, "Finished", None, last=True).result(SOON)

    assert workspace.texts()[-1] == "Finished"
    assert not any(edit.done() for edit in edits[4:])


# Slack asks to wait


def test_a_storm_of_429_ends_with_the_final_state_and_every_post_once(workspace: Northwind, gate: Gate) -> None:
    ts = workspace.posted("Queued")
    limited = {"status": 429, "retry_after": 1, "times": 2}
    workspace.slack.misbehave({"methods": {"chat.update": limited, "chat.postMessage": limited}})

    edits = [gate.edit(RESEARCH, ts, f"{number} %", None) for number in range(20)]
    posts = [gate.post(RESEARCH, text, thread_ts=ts) for text in ("One", "Two")]
    edits.append(gate.edit(RESEARCH, ts, "Finished", None, last=True))

    for edit in edits:
        edit.result(SOON)
    for post in posts:
        post.result(SOON)
    assert workspace.texts(thread_ts=ts) == ["Finished", "One", "Two"]


def test_when_edits_have_to_wait_nothing_else_does(
    workspace: Northwind, one_at_a_time: Callable[[], OneAtATime]
) -> None:
    ts = workspace.posted("Queued")
    line = one_at_a_time()
    workspace.slack.misbehave({"methods": {"chat.update": {"status": 429, "retry_after": 60, "times": 1}}})

    edit = line.begins(ts, "Working")
    line.gate.post(RESEARCH, "A question", thread_ts=ts).result(SOON)

    assert not edit.done()
    assert [call["status"] for call in workspace.slack.calls("chat.update")] == [429]


# Slack in trouble


def test_server_errors_neither_lose_nor_double_anything(workspace: Northwind, gate: Gate) -> None:
    ts = workspace.posted("Queued")
    broken = {"status": 503, "times": 2}
    workspace.slack.misbehave({"methods": {"chat.update": broken, "chat.postMessage": broken}})

    edit = gate.edit(RESEARCH, ts, "Finished", None, last=True)
    gate.post(RESEARCH, "The result", thread_ts=ts).result(SOON)
    edit.result(SOON)

    assert workspace.texts(thread_ts=ts) == ["Finished", "The result"]


def test_while_an_edit_fails_a_newer_one_takes_its_place(
    workspace: Northwind, one_at_a_time: Callable[[], OneAtATime]
) -> None:
    ts = workspace.posted("Queued")
    line = one_at_a_time()
    workspace.slack.misbehave({"methods": {"chat.update": {"status": 500, "times": 1}}, "slow_ms": 100})

    older = line.begins(ts, "Half way")
    newer = line.gate.edit(RESEARCH, ts, "Finished", None, last=True)

    older.result(SOON)
    newer.result(SOON)
    said = [(call["args"]["text"], call["status"]) for call in workspace.slack.calls("chat.update")]
    assert said == [("Half way", 500), ("Finished", 200)]


def test_a_final_state_gets_through_after_minutes_of_trouble(
    workspace: Northwind, open_gate: Callable[..., Gate]
) -> None:
    ts = workspace.posted("Queued")
    workspace.slack.misbehave({"methods": {"chat.update": {"status": 500, "times": 5}}})
    # Whoever looks at this clock finds that half a minute has passed.
    hurried = count(step=30)

    open_gate(now=lambda: float(next(hurried))).edit(RESEARCH, ts, "Finished", None, last=True).result(SOON)

    assert workspace.texts() == ["Finished"]
    assert next(hurried) > 5 * 60


def test_trouble_without_an_end_is_told_and_not_kept_silent(
    workspace: Northwind, open_gate: Callable[..., Gate]
) -> None:
    workspace.slack.misbehave({"methods": {"chat.postMessage": {"status": 500}}})
    hurried = count(step=200)
    gate = open_gate(now=lambda: float(next(hurried)))

    assert error_of(gate.post(RESEARCH, "Never seen")) == "internal_error"
    workspace.slack.heal()
    gate.post(RESEARCH, "Seen").result(SOON)
    assert workspace.texts() == ["Seen"]


def test_a_post_whose_answer_was_lost_is_not_sent_twice(workspace: Northwind, gate: Gate) -> None:
    workspace.slack.misbehave({"methods": {"chat.postMessage": {"then_drop": True, "times": 1}}})

    with pytest.raises(OutcomeUnknown):
        gate.post(RESEARCH, "Once").result(SOON)

    gate.post(RESEARCH, "Next").result(SOON)
    assert workspace.texts() == ["Once", "Next"]


def test_an_edit_whose_answer_was_lost_is_sent_again(workspace: Northwind, gate: Gate) -> None:
    ts = workspace.posted("Queued")
    workspace.slack.misbehave({"methods": {"chat.update": {"then_drop": True, "times": 1}}})

    gate.edit(RESEARCH, ts, "Finished", None, last=True).result(SOON)

    assert len(workspace.slack.calls("chat.update")) == 2


def test_a_post_is_sent_again_when_slack_could_not_be_reached(
    workspace: Northwind, open_gate: Callable[..., Gate]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody_there = f"http://127.0.0.1:{taken.getsockname()[1]}/api/"
    clients = chain([WebClient("xoxb-local", base_url=nobody_there)], repeat(workspace.client))
    gate = open_gate(client_for=lambda team: next(clients))

    gate.post(RESEARCH, "Here I am").result(SOON)

    assert workspace.texts() == ["Here I am"]


def test_a_workspace_that_left_does_not_stop_the_others(workspace: Northwind, open_gate: Callable[..., Gate]) -> None:
    gate = open_gate(client_for={"T1": workspace.client}.__getitem__)

    with pytest.raises(KeyError):
        gate.post(RESEARCH, "For nobody", team="T2").result(SOON)

    gate.post(RESEARCH, "For us", team="T1").result(SOON)
    assert workspace.texts() == ["For us"]


# Slack says no


def test_a_refusal_is_told_in_slacks_own_word(workspace: Northwind, gate: Gate) -> None:
    assert error_of(gate.post(BOARD, "Hello board")) == "channel_not_found"
    assert error_of(gate.edit(RESEARCH, "1.000001", "Too late", None)) == "message_not_found"
    assert error_of(gate.upload(BOARD, "a.md", "# A", "A")) == "channel_not_found"


def test_where_plans_are_not_known_people_read_the_same_as_text(workspace: Northwind, gate: Gate) -> None:
    workspace.slack.misbehave({"refuse_blocks": ["plan"]})

    ts = gate.post(RESEARCH, "Running", [plan("Find sources"), STOP]).result(SOON)
    gate.edit(RESEARCH, ts, "Running", [plan("Find sources", "Write"), STOP]).result(SOON)

    (message,) = workspace.messages()
    text, buttons = message["blocks"]
    assert text["text"]["text"] == "Market research\n• Find sources: Done\n• Write: Done"
    assert buttons["type"] == "actions"
    # The first refusal is remembered: the edit did not try the plan again.
    assert len(workspace.slack.calls("chat.update")) == 1


def test_a_message_that_is_too_long_is_cut_and_follows_whole_as_a_file(workspace: Northwind, gate: Gate) -> None:
    report = "\n".join(f"Finding {number} <{'x' * 80}>" for number in range(200))

    ts = gate.post(RESEARCH, "Result", [{"type": "markdown", "text": report.replace("<", "&lt;")}, STOP]).result(SOON)
    workspace.when("message", lambda: len(workspace.messages(thread_ts=ts)) == 2)

    message, file = workspace.messages(thread_ts=ts)
    assert [block["type"] for block in message["blocks"]] == ["section", "actions"]
    assert "the whole text follows as a file" in message["blocks"][0]["text"]["text"]
    assert workspace.file(file) == report


def test_only_the_last_edit_of_a_long_message_brings_a_file(workspace: Northwind, gate: Gate) -> None:
    thread = workspace.posted("Ana started Market research")
    ts = gate.post(RESEARCH, "Queued", thread_ts=thread).result(SOON)

    gate.edit(RESEARCH, ts, "so far " * 1_000, None).result(SOON)
    gate.edit(RESEARCH, ts, "finally " * 1_000, None, last=True).result(SOON)
    workspace.when("message", lambda: len(workspace.messages(thread_ts=thread)) == 3)

    assert len(workspace.slack.calls("files.completeUploadExternal")) == 1
    assert workspace.file(workspace.messages(thread_ts=thread)[-1]) == "finally " * 1_000


# The end


def test_closing_sends_posts_and_last_edits_and_drops_the_others(
    workspace: Northwind, one_at_a_time: Callable[[], OneAtATime]
) -> None:
    one, two, three = (workspace.posted(text) for text in ("One", "Two", "Three"))
    line = one_at_a_time()

    line.begins(one, "One goes on")
    dropped = line.gate.edit(RESEARCH, two, "Two goes on", None)
    line.gate.edit(RESEARCH, three, "Three is finished", None, last=True)
    line.gate.post(RESEARCH, "Four")
    line.gate.close(timeout=SOON)

    assert workspace.texts() == ["One goes on", "Two", "Three is finished", "Four"]
    assert error_of(dropped) == "gate_closed"
    assert error_of(line.gate.post(RESEARCH, "Too late")) == "gate_closed"


def test_closing_in_time_tells_what_could_not_be_sent(workspace: Northwind, gate: Gate) -> None:
    workspace.slack.misbehave({"methods": {"chat.postMessage": {"status": 429, "retry_after": 600}}})
    posted = gate.post(RESEARCH, "Never seen")

    gate.close(timeout=0.2)

    assert error_of(posted) == "gate_closed"
