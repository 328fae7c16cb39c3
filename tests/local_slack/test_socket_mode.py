"""Socket Mode and misbehaviour: both official clients, refreshes, drops, silence, duplicates and broken methods."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.local_slack import LocalSlack
from bot.local_slack.wire import Refusal
from tests.local_slack.acting import GENERAL, Person, section

Json = dict[str, Any]


@asynccontextmanager
async def connection(slack: LocalSlack) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A bare connection that has been greeted."""
    url = WebClient(slack.app_token, base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url, autoping=False) as socket:
        assert (await socket.receive_json(timeout=5))["type"] == "hello"
        yield socket


async def in_thread(do: Any, *args: Any, **more: Any) -> Any:
    return await asyncio.to_thread(do, *args, **more)


async def acknowledge(socket: aiohttp.ClientWebSocketResponse, **payload: Any) -> Json:
    envelope: Json = await socket.receive_json(timeout=5)
    await socket.send_json({"envelope_id": envelope["envelope_id"], **({"payload": payload} if payload else {})})
    return envelope


def test_the_builtin_client_connects_and_answers(slack: LocalSlack, client: WebClient, ana: Person) -> None:
    app = App(client=client)
    app.command("/crew")(lambda ack: ack("Hello"))
    handler = SocketModeHandler(app, slack.app_token, ping_interval=1)
    handler.connect()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    slack.wait_until_connected()

    assert ana.types("/crew") == {"ok": True}
    assert ana.texts() == ["Hello"]
    handler.close()  # type: ignore[no-untyped-call]  # as above


def test_a_refreshed_connection_is_replaced(app: App, slack: LocalSlack, ana: Person) -> None:
    app.command("/crew")(lambda ack: ack("Hello"))

    slack.misbehave({"socket": "refresh"})
    slack.wait_until_connected()

    assert ana.types("/crew") == {"ok": True}
    assert len(slack.calls("apps.connections.open")) == 2


@pytest.mark.parametrize("word", ["drop", "silence"])
def test_the_app_comes_back_after_trouble_on_the_line(app: App, slack: LocalSlack, ana: Person, word: str) -> None:
    app.command("/crew")(lambda ack: ack("Hello"))

    slack.misbehave({"socket": word})
    ana.sees(lambda: len(slack.calls("apps.connections.open")) == 2)
    slack.wait_until_connected()

    ana.sees(lambda: ana.types("/crew") == {"ok": True})


def test_a_refused_app_stays_away_until_healed(app: App, slack: LocalSlack, ana: Person) -> None:
    slack.misbehave({"socket": ["refuse", "drop"]})
    ana.sees(lambda: ana.asks("state")["bot"]["connected"] is False)
    assert ana.types("/crew")["error"] == "/crew failed with the error “dispatch_failed”"

    slack.heal()
    slack.wait_until_connected()
    assert ana.asks("state")["bot"]["connected"] is True


def test_a_silent_line_answers_no_ping_and_swallows_everything(ana: Person) -> None:
    async def story(slack: LocalSlack) -> None:
        person = Person(slack, ana.id)
        async with connection(slack) as socket:
            await socket.ping(b"one")
            assert (await socket.receive(timeout=5)).data == b"one"
            await in_thread(slack.misbehave, {"socket": "silence"})
            await socket.ping(b"two")
            typed = await in_thread(person.types, "/crew")
            assert typed["error"] == "/crew failed with the error “operation_timeout”"
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.05)

    with LocalSlack(_with_command(), ack_seconds=0.2) as slack:
        asyncio.run(story(slack))


def _with_command() -> Json:
    return {"features": {"slash_commands": [{"command": "/crew"}]}}


def test_each_payload_goes_to_one_connection_in_turn(slack: LocalSlack, ana: Person) -> None:
    async def story() -> list[str]:
        async with connection(slack) as one, connection(slack) as two:
            seen: list[str] = []
            for socket in (one, two, one):
                typing = asyncio.create_task(in_thread(ana.types, f"/crew {len(seen)}"))
                seen.append((await acknowledge(socket))["payload"]["text"])
                assert await typing == {"ok": True}
            return seen

    assert asyncio.run(story()) == ["0", "1", "2"]


def test_an_ack_counts_once(slack: LocalSlack, ana: Person) -> None:
    async def story() -> None:
        async with connection(slack) as socket:
            typing = asyncio.create_task(in_thread(ana.types, "/crew"))
            envelope = await acknowledge(socket, text="First")
            again = {"envelope_id": envelope["envelope_id"], "payload": {"text": "Second"}}
            await socket.send_json(again)
            await typing
            await socket.send_json(again)
            await socket.send_json({"envelope_id": "nothing", "payload": {"text": "Third"}})
            await socket.ping(b"read so far")
            await socket.receive(timeout=5)

    asyncio.run(story())
    assert ana.texts() == ["First"]


def test_no_more_than_ten_connections(slack: LocalSlack) -> None:
    async def story() -> Json:
        async with asyncio.timeout(10), aiohttp.ClientSession() as session:
            web = WebClient(base_url=slack.api_url)
            sockets = []
            for _ in range(11):
                url = web.apps_connections_open(app_token=slack.app_token)["url"]
                sockets.append(await session.ws_connect(url))
            frames = [await socket.receive_json() for socket in sockets]
            assert [frame["type"] for frame in frames[:10]] == ["hello"] * 10
            assert [frame["num_connections"] for frame in frames[:10]] == list(range(1, 11))
            for socket in sockets:
                await socket.close()
            return dict(frames[10])

    assert asyncio.run(story())["reason"] == "too_many_websockets"


def test_a_link_is_good_once(slack: LocalSlack) -> None:
    url = WebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)["url"]

    async def connect_twice() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(url):
                pass
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(url)

    asyncio.run(connect_twice())


def test_a_duplicate_delivery_repeats_the_payload_in_a_new_envelope(slack: LocalSlack, ana: Person) -> None:
    async def story() -> None:
        async with connection(slack) as socket:
            await in_thread(slack.misbehave, {"duplicate_deliveries": True})
            typing = asyncio.create_task(in_thread(ana.types, "/crew"))
            first, second = await acknowledge(socket, text="First"), await acknowledge(socket, text="Second")
            assert await typing == {"ok": True}
            assert first["payload"] == second["payload"]
            assert first["envelope_id"] != second["envelope_id"]
            await in_thread(ana.says, "@Crew hi")
            events = [await acknowledge(socket), await acknowledge(socket)]
            assert [event["retry_attempt"] for event in events] == [0, 1]
            assert events[0]["payload"]["event_id"] == events[1]["payload"]["event_id"]

    asyncio.run(story())
    assert ana.texts() == ["First", "<@U0CREWBOT00> hi"]


def test_an_event_nobody_acknowledges_comes_again(ana: Person) -> None:
    async def story(slack: LocalSlack) -> None:
        async with connection(slack) as socket:
            await in_thread(Person(slack, ana.id).says, "@Crew hi")
            first = await socket.receive_json(timeout=5)
            again = await acknowledge(socket)
            assert (first["retry_attempt"], again["retry_attempt"], again["retry_reason"]) == (0, 1, "timeout")
            assert first["payload"] == again["payload"]

    events = {"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}}
    scopes = {"oauth_config": {"scopes": {"bot": ["app_mentions:read"]}}}
    with LocalSlack({**events, **scopes, "features": {"bot_user": {"display_name": "Crew"}}}, ack_seconds=0.1) as slack:
        asyncio.run(story(slack))


def test_a_method_can_be_rate_limited_for_a_while(slack: LocalSlack, client: WebClient) -> None:
    slack.misbehave({"methods": {"auth.test": {"status": 429, "retry_after": 7, "times": 1, "after": 1}}})

    client.auth_test()
    with pytest.raises(SlackApiError) as refused:
        client.auth_test()
    client.auth_test()

    assert (refused.value.response.status_code, refused.value.response.headers["Retry-After"]) == (429, "7")


def test_a_method_can_break_until_healed(slack: LocalSlack, client: WebClient) -> None:
    slack.misbehave({"methods": {"*": {"status": 503}}})
    for _ in range(2):
        with pytest.raises(SlackApiError) as refused:
            client.auth_test()
        assert refused.value.response.status_code == 503

    slack.heal()
    client.auth_test()


def test_a_method_can_answer_any_error(slack: LocalSlack, client: WebClient) -> None:
    slack.misbehave({"methods": {"chat.postMessage": {"error": "fatal_error", "times": 1}}})

    with pytest.raises(SlackApiError, match="fatal_error"):
        client.chat_postMessage(channel=GENERAL, text="x")


def test_a_call_can_be_carried_out_and_never_answered(slack: LocalSlack, client: WebClient, ana: Person) -> None:
    slack.misbehave({"methods": {"chat.postMessage": {"then_drop": True, "times": 1}}})

    client.retry_handlers.clear()
    with pytest.raises(OSError, match=r"closed|reset"):
        client.chat_postMessage(channel=GENERAL, text="Once")

    assert ana.texts() == ["Once"]


def test_a_block_can_be_unknown_here(slack: LocalSlack, client: WebClient) -> None:
    slack.misbehave({"refuse_blocks": ["plan"]})
    client.chat_postMessage(channel=GENERAL, text="x", blocks=[section("x")])

    with pytest.raises(SlackApiError, match="invalid_blocks"):
        client.chat_postMessage(channel=GENERAL, text="x", blocks=[{"type": "plan", "title": "x", "tasks": []}])


def test_every_answer_can_be_slow(slack: LocalSlack, client: WebClient) -> None:
    slack.misbehave({"slow_ms": 50})
    before = time.monotonic()
    client.auth_test()
    assert time.monotonic() - before >= 0.05


def test_a_response_url_can_break_too(app: App, slack: LocalSlack, ana: Person) -> None:
    urls: queue.Queue[str] = queue.Queue()

    @app.command("/crew")
    def keep(ack: Ack, command: Json) -> None:
        urls.put(command["response_url"])
        ack()

    ana.types("/crew")
    slack.misbehave({"methods": {"response_url": {"status": 429, "retry_after": 3}}})
    limited = WebhookClient(urls.get(timeout=5)).send(text="x")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize("spec", [{"typo": 1}, {"socket": "typo"}, {"methods": {"auth.test": {"typo": 1}}}])
def test_a_misspelt_fault_is_refused(slack: LocalSlack, ana: Person, spec: Json) -> None:
    with pytest.raises(Refusal, match="typo"):
        slack.misbehave(spec)

    assert "typo" in ana.does("faults", **spec)["error"]
