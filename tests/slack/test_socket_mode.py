"""People type and press while the connection to Slack is renewed, breaks or falls silent."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier, Event
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.slack.gate import Gate, SlackRefused
from bot.slack.socket_mode import AppTokenRefused, SlackUnreachable, SocketMode
from tests.slack.northwind import Northwind, northwind

Json = dict[str, Any]
SOON = 10
IMPATIENT = pytest.mark.parametrize("workspace", [{"ack_seconds": 0.5}], indirect=True, ids=["impatient"])
FORM: Json = {
    "type": "modal",
    "callback_id": "crew.create",
    "title": {"type": "plain_text", "text": "New crew"},
    "submit": {"type": "plain_text", "text": "Create"},
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "name"},
        }
    ],
}


class Bot:
    """A bot that notes every command.

    “wait” is acked only when the test lets it go on, “together” when everybody has typed it.
    """

    def __init__(self, workspace: Northwind) -> None:
        self.app = App(client=workspace.client, listener_executor=ThreadPoolExecutor(20))
        self.heard: Queue[Json] = Queue()
        self.go_on = Event()
        self.everybody = Barrier(12)
        self.app.command("/crew")(self.command)

    def command(self, ack: Ack, body: Json) -> None:
        self.heard.put(body)
        if body["text"] == "wait":
            self.go_on.wait(SOON)
        if body["text"] == "together":
            self.everybody.wait(SOON)
        ack(f"You typed {body['text']}")


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> Iterator[Northwind]:
    with northwind(**getattr(request, "param", {})) as workspace:
        yield workspace


@pytest.fixture
def bot(workspace: Northwind) -> Bot:
    return Bot(workspace)


@pytest.fixture
def connect(workspace: Northwind, bot: Bot) -> Iterator[Callable[..., SocketMode]]:
    opened: list[SocketMode] = []

    def connected(**options: Any) -> SocketMode:
        opened.append(SocketMode(bot.app, options.pop("app_token", workspace.slack.app_token), **options))
        opened[-1].start()
        return opened[-1]

    yield connected
    for door in opened:
        door.stop()


@pytest.fixture
def in_background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool


# Good days


def test_a_command_reaches_the_bot_and_its_answer_comes_back(
    workspace: Northwind, connect: Callable[..., SocketMode]
) -> None:
    door = connect()

    assert workspace.types("list")["ok"]
    assert workspace.texts() == ["You typed list"]
    assert door.connected


def test_there_are_two_connections_after_a_moment(workspace: Northwind, connect: Callable[..., SocketMode]) -> None:
    connect()

    workspace.slack.wait_until_connected(2)


def test_many_people_are_served_at_the_same_moment(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode], in_background: ThreadPoolExecutor
) -> None:
    connect()

    told = in_background.map(workspace.types, ["together"] * bot.everybody.parties)

    assert all(one["ok"] for one in told)


def test_the_bot_answers_privately_as_long_as_slack_lets_it(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode]
) -> None:
    connect()
    workspace.types("list")
    response_url = bot.heard.get(timeout=SOON)["response_url"]
    gate = Gate(lambda team: workspace.client)

    for number in range(5):
        gate.respond(response_url, f"Answer <{number}>").result(SOON)
    with pytest.raises(SlackRefused) as refused:
        gate.respond(response_url, "One too many").result(SOON)
    gate.close()

    assert workspace.texts()[1:] == [f"Answer &lt;{number}&gt;" for number in range(5)]
    assert refused.value.error == "used_url"


# The same again


def test_what_slack_delivers_twice_is_done_once(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode]
) -> None:
    connect()
    workspace.slack.misbehave({"duplicate_deliveries": True})

    assert workspace.types("run Research")["ok"]
    workspace.slack.heal()
    assert workspace.types("list")["ok"]

    assert [bot.heard.get(timeout=SOON)["text"] for _ in range(2)] == ["run Research", "list"]
    assert bot.heard.empty()


def test_a_repeat_gets_the_answer_of_the_first_time(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode]
) -> None:
    connect()
    workspace.types("run Research")
    first = bot.heard.get(timeout=SOON)

    assert workspace.sends_again("slash_commands", first) == {"text": "You typed run Research"}
    assert bot.heard.empty()


@IMPATIENT
def test_a_command_that_failed_before_its_ack_may_be_delivered_again(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode]
) -> None:
    faults = [RuntimeError("The database was away for a moment.")]
    heard: Queue[Json] = Queue()

    @bot.app.middleware
    def fails_at_first(body: Json, next: Callable[[], None]) -> None:
        heard.put(body)
        if faults:
            raise faults.pop()
        next()

    connect()
    assert not workspace.types("run Research")["ok"]

    assert workspace.sends_again("slash_commands", heard.get(timeout=SOON)) == {"text": "You typed run Research"}


def test_a_form_may_be_corrected_and_submitted_again(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode]
) -> None:
    names: Queue[str] = Queue()

    @bot.app.middleware
    def shows_the_form(body: Json, client: WebClient, next: Callable[[], None]) -> None:
        if body.get("text") == "create":
            client.views_open(trigger_id=body["trigger_id"], view=FORM)
        next()

    @bot.app.view("crew.create")
    def create(ack: Ack, view: Json) -> None:
        names.put(name := view["state"]["values"]["name"]["name"]["value"])
        if name == "Taken":
            ack(response_action="errors", errors={"name": "There is already a crew called “Taken”."})
        else:
            ack()

    def submits(name: str) -> Json:
        values = {"name": {"name": {"type": "plain_text_input", "value": name}}}
        return workspace.does("submit", view_id=workspace.top_view(), values=values)

    connect()
    assert workspace.types("create")["ok"]

    assert submits("Taken")["errors"] == {"name": "There is already a crew called “Taken”."}
    assert submits("Free")["ok"]
    assert [names.get(timeout=SOON) for _ in range(2)] == ["Taken", "Free"]


# Connections come and go


@pytest.mark.parametrize("trouble", ["refresh", "drop"])
def test_a_command_under_way_is_answered_whatever_happens_to_its_connection(
    trouble: str,
    workspace: Northwind,
    bot: Bot,
    connect: Callable[..., SocketMode],
    in_background: ThreadPoolExecutor,
) -> None:
    connect()
    workspace.slack.wait_until_connected(2)

    told = in_background.submit(workspace.types, "wait")
    bot.heard.get(timeout=SOON)
    workspace.slack.misbehave({"socket": trouble})
    workspace.slack.wait_until_connected(2)
    bot.go_on.set()

    assert told.result(SOON)["ok"]
    assert workspace.types("list")["ok"]
    assert workspace.texts() == ["You typed wait", "You typed list"]


@IMPATIENT
def test_a_network_that_falls_silent_is_noticed(workspace: Northwind, connect: Callable[..., SocketMode]) -> None:
    connect(ping_interval=0.2)
    workspace.slack.wait_until_connected(2)

    workspace.slack.misbehave({"socket": "silence"})

    # Nothing tells Slack that a silent connection is dead: what it sends there is lost until the bot has come back.
    def types_and_is_heard() -> bool:
        workspace.slack.wait_until_connected(2)
        return bool(workspace.types("list")["ok"])

    assert any(types_and_is_heard() for _ in range(10))


def test_slack_may_refuse_connections_for_a_while(workspace: Northwind, connect: Callable[..., SocketMode]) -> None:
    workspace.slack.misbehave({"methods": {"apps.connections.open": {"status": 500, "times": 1}}})
    connect(connections=1)
    assert workspace.types("list")["ok"]

    workspace.slack.misbehave({"methods": {"apps.connections.open": {"status": 500, "times": 1}}, "socket": "drop"})
    workspace.slack.wait_until_connected(1)
    assert workspace.types("list")["ok"]


def test_slack_may_ask_to_wait_before_the_next_connection(
    workspace: Northwind, connect: Callable[..., SocketMode]
) -> None:
    limited = {"status": 429, "retry_after": 1, "times": 1}
    workspace.slack.misbehave({"methods": {"apps.connections.open": limited}})

    connect(connections=1)

    refused, opened = workspace.slack.calls("apps.connections.open")
    assert opened["at"] - refused["at"] >= 1


def test_slack_may_be_restarted() -> None:
    with northwind() as before:
        door = SocketMode(Bot(before).app, before.slack.app_token, connections=1)
        door.start()
        port = int(before.slack.url.rpartition(":")[2])

    with northwind(port=port) as after:
        after.slack.wait_until_connected(1)
        assert after.types("list")["ok"]
        door.stop()


# Beginning and end


def test_a_wrong_token_is_told_at_once(workspace: Northwind, bot: Bot) -> None:
    door = SocketMode(bot.app, "xapp-wrong")

    with pytest.raises(AppTokenRefused, match="SLACK_APP_TOKEN"):
        door.start()
    assert not door.connected


def test_a_slack_that_does_not_answer_is_told_in_time(workspace: Northwind) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody_there = f"http://127.0.0.1:{taken.getsockname()[1]}/api/"
    app = App(client=WebClient("xoxb-local", base_url=nobody_there), token_verification_enabled=False)

    with pytest.raises(SlackUnreachable, match=nobody_there):
        SocketMode(app, "xapp-local").start(timeout=0.2)


def test_who_is_being_served_is_answered_before_the_bot_leaves(
    workspace: Northwind, bot: Bot, connect: Callable[..., SocketMode], in_background: ThreadPoolExecutor
) -> None:
    door = connect()
    told = in_background.submit(workspace.types, "wait")
    bot.heard.get(timeout=SOON)

    leaving = in_background.submit(door.stop)
    bot.go_on.set()
    leaving.result(SOON)

    assert told.result(SOON)["ok"]
    assert not door.connected
    workspace.slack.wait_until_connected(0)
    assert "dispatch_failed" in workspace.types("list")["error"]


def test_stopping_twice_does_no_harm(connect: Callable[..., SocketMode]) -> None:
    door = connect()

    door.stop()
    door.stop()

    assert not door.connected
