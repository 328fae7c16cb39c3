"""The ways into an app besides its command: links, steps of workflows, conversations, files, groups."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import LocalSlack
from tests.local_slack.acting import GENERAL, RANDOM, Person, section
from tests.local_slack.conftest import MANIFEST, running
from tests.local_slack.test_interactions import heard

Json = dict[str, Any]

STEP = {
    "title": "Run a crew",
    "description": "Runs it",
    "input_parameters": {
        "crew": {"type": "string", "title": "Crew", "is_required": True},
        "channel": {"type": "slack#/types/channel_id", "title": "Channel"},
    },
    "output_parameters": {"result": {"type": "string", "title": "Result", "is_required": True}},
}
EVENTS = (
    *("function_executed", "link_shared", "file_shared", "assistant_thread_started"),
    *("assistant_thread_context_changed", "message.mpim"),
)


def manifest(talks: str = "assistant_view") -> Json:
    """The app of the other tests, with every door open."""
    whole = copy.deepcopy(MANIFEST)
    whole["features"] |= {"unfurl_domains": ["crews.example.com"], talks: {}}
    whole["oauth_config"]["scopes"]["bot"] += ["links:read", "links:write", "assistant:write", "mpim:history"]
    whole["settings"]["event_subscriptions"]["bot_events"] += EVENTS
    return {**whole, "functions": {"run_crew": STEP}, "settings": {**whole["settings"], "function_runtime": "remote"}}


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(manifest()) as slack:
        yield slack


@pytest.fixture
def app(slack: LocalSlack, client: WebClient) -> Iterator[App]:
    app = App(client=client, raise_error_for_unhandled_request=False)
    with running(app, slack):
        yield app


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as refusal:
        call(**arguments)
    return str(refusal.value.response["error"])


def test_a_link_of_the_apps_own_is_told_of_and_can_be_unfurled_once(app: App, client: WebClient, ana: Person) -> None:
    links = heard(app, "event", "link_shared")
    ts = ana.says("Look: https://crews.example.com/runs/1 and https://elsewhere.example.com/x")

    event = links.get(timeout=5)["event"]
    url = "https://crews.example.com/runs/1"
    assert event["links"] == [{"url": url, "domain": "crews.example.com"}]
    assert (event["channel"], event["message_ts"], event["is_bot_user_member"]) == (GENERAL, ts, True)

    for _ in range(2):
        client.chat_unfurl(
            unfurl_id=event["unfurl_id"],
            source=event["source"],
            unfurls={url: {"blocks": [section("A run")]}},  # type: ignore[dict-item]  # the SDK wants its own classes
        )
    [preview] = ana.reads()[0]["attachments"]
    assert preview["blocks"] == [section("A run")]


def test_slack_refuses_previews_of_what_the_message_does_not_hold(client: WebClient, ana: Person) -> None:
    ts = ana.says("https://crews.example.com/runs/1")
    there: Json = {"channel": GENERAL, "ts": ts}
    shown = {"blocks": [section("A run")]}

    assert refused(client.chat_unfurl, **there, unfurls={"https://crews.example.com/2": shown}) == "cannot_unfurl_url"
    assert refused(client.chat_unfurl, **there, unfurls={}) == "missing_unfurls"
    assert refused(client.chat_unfurl, channel=GENERAL, ts="1.1", unfurls={"x": shown}) == "cannot_find_message"
    long = {"blocks": [section("x" * 3001)]}
    assert refused(client.chat_unfurl, **there, unfurls={"https://crews.example.com/runs/1": long}) == "invalid_blocks"


def test_a_step_is_told_of_with_its_inputs_and_completes_once(app: App, client: WebClient, ana: Person) -> None:
    executed = heard(app, "event", "function_executed")
    step = ana.does("step", callback_id="run_crew", inputs={"crew": "Blog", "channel": RANDOM})["id"]

    event = executed.get(timeout=5)["event"]
    assert event["function"]["callback_id"] == "run_crew"
    assert event["inputs"] == {"crew": "Blog", "channel": RANDOM}
    done = client.functions_completeSuccess
    token = event["bot_access_token"]
    one = {"function_execution_id": step}
    assert refused(done, **one, outputs={"other": 1}) == "parameter_validation_failed"
    assert refused(done, **one, outputs={"result": 1}) == "parameter_validation_failed"
    assert refused(done, function_execution_id="Fx1", outputs={"result": ""}) == "function_execution_not_found"
    assert refused(client.chat_postMessage, token=token, channel=GENERAL, text="Hm") == "invalid_auth"

    done(**one, outputs={"result": "Done."}, token=token)

    assert refused(done, **one, outputs={"result": "Done."}) == "execution_not_in_running_state"
    [shown] = ana.asks("steps")["steps"]
    assert (shown["status"], shown["outputs"]) == ("completed", {"result": "Done."})
    assert token not in str(shown)


def test_a_step_may_fail_with_a_sentence(app: App, client: WebClient, ana: Person) -> None:
    step = ana.does("step", callback_id="run_crew", inputs={"crew": "Blog"})["id"]

    client.functions_completeError(function_execution_id=step, error="There is no such crew.")

    [shown] = ana.asks("steps")["steps"]
    assert (shown["status"], shown["error"]) == ("failed", "There is no such crew.")


@pytest.mark.parametrize(
    ("callback_id", "inputs", "sentence"),
    [
        ("other", {}, "There is no such step."),
        ("run_crew", {}, "“Crew” is required."),
        ("run_crew", {"crew": 1}, "“Crew” takes string."),
        ("run_crew", {"crew": "Blog", "more": "x"}, "The step has no input more."),
    ],
)
def test_workflow_builder_keeps_to_the_steps_parameters(
    ana: Person, callback_id: str, inputs: Json, sentence: str
) -> None:
    assert ana.does("step", callback_id=callback_id, inputs=inputs)["error"] == sentence


def test_a_conversation_has_a_title_prompts_and_a_status(app: App, client: WebClient, ana: Person) -> None:
    started = heard(app, "event", "assistant_thread_started")
    moved = heard(app, "event", "assistant_thread_context_changed")
    ts = ana.does("conversation", channel=RANDOM)["ts"]

    thread = started.get(timeout=5)["event"]["assistant_thread"]
    assert (thread["user_id"], thread["thread_ts"], thread["context"]["channel_id"]) == (ana.id, ts, RANDOM)
    place: Json = {"channel_id": thread["channel_id"], "thread_ts": ts}
    client.assistant_threads_setTitle(**place, title="About tides")
    client.assistant_threads_setStatus(**place, status="is thinking…")
    client.assistant_threads_setSuggestedPrompts(**place, prompts=[{"title": "What?", "message": "What can you do?"}])
    shown = ana.asks("messages", channel=thread["channel_id"], thread_ts=ts)
    assert shown["messages"][0]["text"] == "About tides"
    assert shown["status"] == "is thinking…"
    assert [one["title"] for one in shown["prompts"]] == ["What?"]

    ana.does("conversation", channel=GENERAL, thread_ts=ts)
    assert moved.get(timeout=5)["event"]["assistant_thread"]["context"]["channel_id"] == GENERAL


def test_slack_refuses_prompts_that_are_not_in_order(client: WebClient, ana: Person) -> None:
    ts = ana.does("conversation")["ts"]
    place: Json = {"channel_id": "D0ANA000001", "thread_ts": ts}
    suggest = client.assistant_threads_setSuggestedPrompts
    prompt = {"title": "What?", "message": "What can you do?"}

    assert refused(suggest, **place, prompts=[prompt] * 5) == "invalid_arguments"
    assert refused(suggest, **place, prompts=[{"title": "What?"}]) == "invalid_arguments"
    assert refused(suggest, channel_id="D0ANA000001", thread_ts="1.1", prompts=[prompt]) == "invalid_thread_ts"
    assert refused(client.assistant_threads_setTitle, channel_id=GENERAL, thread_ts="1.1", title="x") == (
        "invalid_thread_ts"
    )


def test_an_agents_prompts_stand_in_the_direct_message_and_a_thread_is_ignored() -> None:
    with LocalSlack(manifest("agent_view")) as slack:
        ana, client = Person(slack, "U0ANA000001"), WebClient(slack.bot_token, base_url=slack.api_url)
        prompt = [{"title": "What?", "message": "What can you do?"}]
        ts = ana.says("Hello", channel="D0ANA000001")

        client.assistant_threads_setSuggestedPrompts(channel_id="D0ANA000001", thread_ts=ts, prompts=prompt)
        assert ana.asks("messages", channel="D0ANA000001", thread_ts=ts)["prompts"] == []
        client.assistant_threads_setSuggestedPrompts(channel_id="D0ANA000001", thread_ts="", prompts=prompt)
        assert ana.asks("messages", channel="D0ANA000001")["prompts"] == prompt
        assert "assistant" in ana.does("conversation")["error"]


def test_a_file_that_somebody_shares_is_told_of_and_can_be_read_with_the_token(
    app: App, slack: LocalSlack, client: WebClient, ana: Person
) -> None:
    told = heard(app, "event", "file_shared")
    file_id = ana.uploads("notes.txt", b"Tides rise.")
    ana.says("My notes", file_ids=[file_id])

    event = told.get(timeout=5)["event"]

    assert (event["file_id"], event["user_id"], event["channel_id"]) == (file_id, ana.id, GENERAL)
    assert client.files_info(file=file_id)["file"]["name"] == "notes.txt"


def test_a_group_with_the_bot_is_a_conversation_of_its_own(app: App, ana: Person, ben: Person) -> None:
    messages = heard(app, "event", "message")
    group = ana.does("group", **{"with": [ben.id]})["channel"]

    ben.says("Hello, both", channel=group)

    assert messages.get(timeout=5)["event"]["channel_type"] == "mpim"
    assert ana.does("group", **{"with": [ben.id]})["channel"] == group


def test_events_come_only_with_their_scope(ana: Person) -> None:
    without = copy.deepcopy(manifest())
    without["oauth_config"]["scopes"]["bot"].remove("links:read")
    with LocalSlack(without) as slack:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        app = App(client=client, raise_error_for_unhandled_request=False)
        links, mentions = heard(app, "event", "link_shared"), heard(app, "event", "app_mention")
        with running(app, slack):
            Person(slack, "U0ANA000001").says("@Crew https://crews.example.com/runs/1")
            mentions.get(timeout=5)
            assert links.empty()
