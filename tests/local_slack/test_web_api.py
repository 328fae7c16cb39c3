"""The Web API through the official client: what Slack takes, and what it refuses in which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import LocalSlack
from tests.local_slack.acting import BOARD, GENERAL, RANDOM, RESEARCH, Person, buttons, fetch, section
from tests.local_slack.conftest import MANIFEST, SCOPES, Clock

Json = dict[str, Any]
Call = Callable[..., Any]


def refused(call: Call, **arguments: Any) -> Json:
    """Slack's refusal of this call."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    assert isinstance(caught.value.response.data, dict)
    return caught.value.response.data


def test_the_bot_knows_who_it_is_and_what_it_may(client: WebClient) -> None:
    answer = client.auth_test()

    assert (answer["team"], answer["user"], answer["user_id"][0], answer["bot_id"][0]) == (
        "Northwind",
        "crew",
        "U",
        "B",
    )
    assert answer.headers["x-oauth-scopes"].split(",") == SCOPES


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-stolen", "invalid_auth"), ("xapp-local", "not_allowed_token_type"), (None, "not_authed")],
)
def test_a_wrong_token_opens_nothing(slack: LocalSlack, token: str | None, error: str) -> None:
    assert refused(WebClient(token, base_url=slack.api_url).auth_test)["error"] == error


def test_a_token_may_stand_in_the_form(slack: LocalSlack) -> None:
    _, _, body = fetch(f"{slack.api_url}auth.test", urlencode({"token": slack.bot_token}).encode())

    assert json.loads(body)["ok"] is True
    assert "token" not in slack.calls("auth.test")[0]["args"]


def test_an_unknown_method_is_said_to_be_unknown(client: WebClient) -> None:
    assert refused(client.api_call, api_method="chat.postMassage")["error"] == "unknown_method"


def test_a_scope_the_manifest_does_not_ask_for_is_missing(ana: Person) -> None:
    with LocalSlack({"oauth_config": {"scopes": {"bot": ["commands"]}}}) as slack:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        answer = refused(client.chat_postMessage, channel=GENERAL, text="x")

    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "chat:write", "commands")


def test_a_message_is_posted_changed_and_deleted(client: WebClient, ana: Person) -> None:
    posted = client.chat_postMessage(channel=GENERAL, text="One", blocks=[section("*One*")])
    message = ana.reads()[0]
    assert message == posted["message"]
    assert message["blocks"][0]["block_id"]
    assert (message["user"], message["bot_id"]) == ("U0CREWBOT00", "B0CREWBOT00")

    client.chat_update(channel=GENERAL, ts=posted["ts"], text="Two")
    message = ana.reads()[0]
    assert (message["text"], message["blocks"][0]["text"]["text"]) == ("Two", "*One*"), "blocks not given stay"
    assert message["edited"]["user"] == "U0CREWBOT00"

    client.chat_update(channel=GENERAL, ts=posted["ts"], text="Two", blocks=[])
    assert ana.reads()[0]["blocks"] == []
    client.chat_delete(channel=GENERAL, ts=posted["ts"])
    assert ana.reads() == []
    assert refused(client.chat_delete, channel=GENERAL, ts=posted["ts"])["error"] == "message_not_found"


def test_a_change_of_blocks_alone_is_not_an_edit(client: WebClient, ana: Person) -> None:
    ts = client.chat_postMessage(channel=GENERAL, text="One", blocks=[section("One")])["ts"]
    client.chat_update(channel=GENERAL, ts=ts, text="One", blocks=[section("Two")])

    assert "edited" not in ana.reads()[0]


def test_only_its_own_messages_are_the_bots_to_change(client: WebClient, ana: Person) -> None:
    ts = ana.says("Mine")

    assert refused(client.chat_update, channel=GENERAL, ts=ts, text="x")["error"] == "cant_update_message"
    assert refused(client.chat_delete, channel=GENERAL, ts=ts)["error"] == "cant_delete_message"
    assert refused(client.chat_update, channel=GENERAL, ts="1.2", text="x")["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE01", "text": "x"}, "channel_not_found"),
        ({"channel": "general", "text": "x"}, "channel_not_found"),
        ({"channel": RANDOM, "text": "x"}, "not_in_channel"),
        ({"channel": BOARD, "text": "x"}, "channel_not_found"),
        ({"channel": GENERAL}, "no_text"),
        ({"channel": GENERAL, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": GENERAL, "text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"channel": GENERAL, "text": "x", "blocks": "no json"}, "invalid_blocks_format"),
        ({"channel": GENERAL, "blocks": [section("x" * 2999)] * 5}, "msg_blocks_too_long"),
        ({"channel": GENERAL, "text": "x", "thread_ts": "1.2"}, "thread_not_found"),
        ({"channel": GENERAL, "text": "x", "metadata": {"run": 7}}, "invalid_metadata_format"),
        ({"channel": GENERAL, "text": "x", "username": "Boss"}, "missing_scope"),
        ({"channel": GENERAL, "text": "x", "markdown_text": "x"}, "markdown_text_conflict"),
    ],
)
def test_what_slack_does_not_post(client: WebClient, arguments: Json, error: str) -> None:
    assert refused(client.api_call, api_method="chat.postMessage", json=arguments)["error"] == error


def test_a_refused_block_is_pointed_at(client: WebClient) -> None:
    answer = refused(client.chat_postMessage, channel=GENERAL, text="x", blocks=[section("x"), section("")])

    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/1/text/text]"
    ]


def test_an_update_takes_less_text_than_a_post(client: WebClient) -> None:
    ts = client.chat_postMessage(channel=GENERAL, text="x" * 4001)["ts"]

    assert refused(client.chat_update, channel=GENERAL, ts=ts, text="x" * 4001)["error"] == "msg_too_long"
    client.chat_update(channel=GENERAL, ts=ts, text="x" * 4000)


def test_a_thread_keeps_its_replies_together(client: WebClient, ana: Person) -> None:
    ts = ana.says("Start")
    first = client.chat_postMessage(channel=GENERAL, thread_ts=ts, text="One")["ts"]
    last = client.chat_postMessage(channel=GENERAL, thread_ts=first, text="Two")["ts"]

    assert ana.texts() == ["Start"]
    assert ana.texts(thread_ts=ts) == ["Start", "One", "Two"]
    parent = ana.reads()[0]
    assert (parent["reply_count"], parent["latest_reply"], parent["reply_users"]) == (2, last, ["U0CREWBOT00"])


def test_a_deleted_start_of_a_thread_leaves_a_tombstone(client: WebClient, ana: Person) -> None:
    ts = client.chat_postMessage(channel=GENERAL, text="Start")["ts"]
    ana.says("Reply", thread_ts=ts)
    client.chat_delete(channel=GENERAL, ts=ts)

    assert ana.texts(thread_ts=ts) == ["This message was deleted.", "Reply"]


def test_metadata_comes_back_when_it_is_asked_for(client: WebClient) -> None:
    metadata = {"event_type": "crew_run", "event_payload": {"run": 7}}
    ts = client.chat_postMessage(channel=GENERAL, text="x", metadata=metadata)["ts"]
    client.chat_update(channel=GENERAL, ts=ts, text="y")

    with_it = client.conversations_replies(channel=GENERAL, ts=ts, include_all_metadata=True)["messages"][0]
    without = client.conversations_replies(channel=GENERAL, ts=ts)["messages"][0]
    assert with_it["metadata"] == metadata
    assert "metadata" not in without


def test_a_message_to_a_person_lands_in_their_direct_messages(client: WebClient, ana: Person, ben: Person) -> None:
    channel = client.chat_postMessage(channel=ana.id, text="Psst")["channel"]

    assert client.conversations_open(users=ana.id)["channel"]["id"] == channel
    assert ana.texts(channel) == ["Psst"]
    assert ben.asks("messages", channel=channel)["error"] == "There is no such channel."


def test_an_ephemeral_message_needs_its_reader_in_the_channel(client: WebClient, ana: Person, ben: Person) -> None:
    client.chat_postEphemeral(channel=GENERAL, user=ana.id, text="Only you")

    assert (ana.texts(), ben.texts()) == (["Only you"], [])
    answer = refused(client.chat_postEphemeral, channel=GENERAL, user="U0NOBODY001", text="x")
    assert answer["error"] == "user_not_in_channel"
    ts = ana.reads()[0]["ts"]
    assert refused(client.chat_update, channel=GENERAL, ts=ts, text="x")["error"] == "message_not_found"


def test_history_is_paged_newest_first(client: WebClient, ana: Person) -> None:
    stamps = [ana.says(str(number)) for number in range(5)]

    pages = [
        [one["text"] for one in page["messages"]] for page in client.conversations_history(channel=GENERAL, limit=2)
    ]
    assert pages == [["4", "3"], ["2", "1"], ["0"]]
    between = client.conversations_history(channel=GENERAL, oldest=stamps[1], latest=stamps[3])["messages"]
    assert [one["text"] for one in between] == ["2"]
    edges = client.conversations_history(channel=GENERAL, oldest=stamps[1], latest=stamps[3], inclusive=True)
    assert [one["text"] for one in edges["messages"]] == ["3", "2", "1"]


def test_history_needs_the_scope_of_its_kind_of_channel(client: WebClient, ana: Person) -> None:
    ana.does("invite", channel=BOARD)

    assert refused(client.conversations_history, channel=BOARD)["needed"] == "groups:history"
    assert refused(client.conversations_history, channel=RANDOM)["error"] == "not_in_channel"


def test_channels_and_people_are_listed(client: WebClient, ana: Person) -> None:
    channels = client.conversations_list(types="public_channel,private_channel")["channels"]
    assert {one["name"]: one["is_member"] for one in channels} == {"general": True, "research": True, "random": False}
    assert refused(client.conversations_list, types="im")["needed"] == "im:read"
    assert client.conversations_info(channel=RESEARCH)["channel"]["name"] == "research"
    assert refused(client.conversations_info, channel=BOARD)["error"] == "channel_not_found"
    assert ana.id in client.conversations_members(channel=GENERAL)["members"]
    assert refused(client.conversations_join, channel=RANDOM)["needed"] == "channels:join"
    names = {one["real_name"]: one["is_bot"] for one in client.users_list()["members"]}
    assert names == {"Ana Ferreira": False, "Ben Okafor": False, "Chloé Tan": False, "Crew": True}
    assert client.users_info(user=ana.id)["user"]["is_admin"] is True
    assert refused(client.users_info, user="U0NOBODY001")["error"] == "user_not_found"


def test_a_user_group_and_who_is_in_it(client: WebClient) -> None:
    [editors] = client.usergroups_list()["usergroups"]

    assert (editors["handle"], editors["user_count"], "users" in editors) == ("editors", 2, False)
    assert client.usergroups_list(include_users=True)["usergroups"][0]["users"] == ["U0BEN000002", "U0CHLOE0003"]
    assert client.usergroups_users_list(usergroup=editors["id"])["users"] == ["U0BEN000002", "U0CHLOE0003"]
    assert refused(client.usergroups_users_list, usergroup="S0NOBODY")["error"] == "no_such_subteam"
    assert refused(client.usergroups_list, team_id="T0CONTOSO")["error"] == "team_not_found"


def test_a_persons_channels_are_those_that_the_bot_may_know_of(client: WebClient, ana: Person) -> None:
    both = "public_channel,private_channel"

    def channels(**asked: Any) -> list[str]:
        return [one["name"] for one in client.users_conversations(user=ana.id, **asked)["channels"]]

    assert channels() == ["general", "research", "random"]
    assert channels(types=both) == ["general", "research", "random"]
    ana.does("invite", channel=BOARD)
    assert channels(types=both) == ["general", "research", "random", "board"]
    assert channels(types="private_channel") == ["board"]
    first = client.users_conversations(user=ana.id, types=both, limit=3)
    rest = client.users_conversations(user=ana.id, types=both, cursor=first["response_metadata"]["next_cursor"])
    assert [one["name"] for one in rest["channels"]] == ["board"]
    assert [one["name"] for one in client.users_conversations()["channels"]] == ["general", "research"]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"user": "U0NOBODY001"}, "user_not_found"),
        ({"types": "public_channel,room"}, "invalid_types"),
        ({"types": "im"}, "missing_scope"),
        ({"limit": 1001}, "invalid_limit"),
        ({"cursor": "?"}, "invalid_cursor"),
    ],
)
def test_what_slack_does_not_say_about_channels(client: WebClient, asked: dict[str, Any], error: str) -> None:
    assert refused(client.users_conversations, **asked)["error"] == error


def test_a_file_goes_up_in_three_steps_and_comes_down_with_the_token(
    slack: LocalSlack, client: WebClient, ana: Person
) -> None:
    ts = ana.says("Start")
    shared = client.files_upload_v2(
        channel=GENERAL, thread_ts=ts, filename="résumé.md", content="# Bees", title="Bees", initial_comment="Here"
    )

    message = ana.reads(thread_ts=ts)[1]
    assert (message["text"], message["files"][0]["title"], message["files"][0]["size"]) == ("Here", "Bees", 6)
    types = [client.files_info(file=shared["file"]["id"])["file"]["mimetype"] for _ in range(2)]
    assert types == ["", "text/markdown"], "Slack looks at a file first"
    url = shared["file"]["url_private_download"]
    assert fetch(url, headers={"Authorization": f"Bearer {slack.bot_token}"})[2] == b"# Bees"
    assert fetch(url)[2] != b"# Bees", "without the token one lands on a page"


def test_an_upload_must_be_what_was_announced(client: WebClient) -> None:
    upload = client.files_getUploadURLExternal(filename="a.txt", length=3)

    assert fetch(upload["upload_url"], b"four")[0] == 400
    files = [{"id": upload["file_id"]}]
    answer = refused(client.files_completeUploadExternal, files=files, channel_id=GENERAL)
    assert answer["error"] == "file_not_found"
    assert fetch(upload["upload_url"], b"two")[:1] == (200,)
    client.files_completeUploadExternal(files=files)
    assert fetch(upload["upload_url"], b"two")[0] == 404


def test_a_file_is_not_shared_where_the_bot_is_not(client: WebClient) -> None:
    answer = refused(client.files_upload_v2, channel=RANDOM, filename="a.txt", content="x", request_file_info=False)
    assert answer["error"] == "not_in_channel"


def test_reactions_come_and_go(client: WebClient, ana: Person) -> None:
    ts = ana.says("Nice")
    client.reactions_add(channel=GENERAL, timestamp=ts, name="tada")
    assert ana.reads()[0]["reactions"] == [{"name": "tada", "users": ["U0CREWBOT00"], "count": 1}]
    assert refused(client.reactions_add, channel=GENERAL, timestamp=ts, name="tada")["error"] == "already_reacted"
    client.reactions_remove(channel=GENERAL, timestamp=ts, name="tada")
    assert ana.reads()[0]["reactions"] == []
    assert refused(client.reactions_remove, channel=GENERAL, timestamp=ts, name="tada")["error"] == "no_reaction"


def test_a_status_stands_in_a_thread_until_the_bot_speaks(client: WebClient, ana: Person) -> None:
    ts = ana.says("Start")
    since = ana.asks("state")["seq"]
    client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=ts, status="is thinking…")
    client.chat_postMessage(channel=GENERAL, thread_ts=ts, text="Done")

    events = ana.asks("wait", since=since)["events"]
    assert [event["status"] for event in events if event["kind"] == "status"] == ["is thinking…", ""]


def test_a_permalink_leads_to_the_message(slack: LocalSlack, client: WebClient, ana: Person) -> None:
    ts = ana.says("Start")
    reply = client.chat_postMessage(channel=GENERAL, thread_ts=ts, text="One")["ts"]

    link = client.chat_getPermalink(channel=GENERAL, message_ts=reply)["permalink"]

    assert link.startswith(f"{slack.url}/archives/{GENERAL}/p{reply.replace('.', '')}?thread_ts={ts}")
    assert fetch(link)[0] == 200


def test_blocks_can_be_checked_without_a_token(slack: LocalSlack) -> None:
    client = WebClient(base_url=slack.api_url)

    assert client.api_call("blocks.validate", params={"blocks": json.dumps([section("x")])})["ok"] is True
    errors = refused(client.api_call, api_method="blocks.validate", params={"blocks": json.dumps([section("")])})
    assert errors["errors"][0]["pointer"] == "/blocks/0/text/text"


def test_posting_is_limited_to_about_one_a_second_and_channel(clock: Clock, client: WebClient) -> None:
    for _ in range(10):
        client.chat_postMessage(channel=GENERAL, text="x")
    with pytest.raises(SlackApiError) as limited:
        client.chat_postMessage(channel=GENERAL, text="x")
    assert (limited.value.response.status_code, limited.value.response["error"]) == (429, "ratelimited")
    assert limited.value.response.headers["Retry-After"] == "1"

    client.chat_postMessage(channel=RESEARCH, text="x")
    clock.moves_on(1)
    client.chat_postMessage(channel=GENERAL, text="x")


def test_updates_are_limited_to_fifty_a_minute_for_the_whole_workspace(clock: Clock, client: WebClient) -> None:
    stamps = {name: client.chat_postMessage(channel=name, text="x")["ts"] for name in (GENERAL, RESEARCH)}
    for _ in range(25):
        for name, ts in stamps.items():
            client.chat_update(channel=name, ts=ts, text="x")
    with pytest.raises(SlackApiError) as limited:
        client.chat_update(channel=GENERAL, ts=stamps[GENERAL], text="x")
    assert limited.value.response.headers["Retry-After"] == "2"
    clock.moves_on(1.3)
    client.chat_update(channel=GENERAL, ts=stamps[GENERAL], text="x")


def test_limits_can_be_switched_off() -> None:
    with LocalSlack(MANIFEST, rate_limits=False) as slack:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        for _ in range(15):
            client.chat_postMessage(channel=GENERAL, text="x")
        assert [call["status"] for call in slack.calls("chat.postMessage")] == [200] * 15


def test_every_call_is_kept_with_its_answer(slack: LocalSlack, client: WebClient, ana: Person) -> None:
    client.chat_postMessage(channel=GENERAL, text="x", blocks=[buttons("stop")])
    refused(client.chat_postMessage, channel=RANDOM, text="x")

    calls = ana.asks("calls", method="chat.postMessage")["calls"]

    assert [call["response"]["ok"] for call in calls] == [True, False]
    assert calls == slack.calls("chat.postMessage")
    assert calls[0]["args"]["blocks"] == [buttons("stop")]


def test_modals_must_be_modals_and_homes_homes(client: WebClient, ana: Person) -> None:
    home: Json = {"type": "home", "blocks": []}
    assert refused(client.views_open, trigger_id="1.2.x", view=home)["error"] == "invalid_arguments"
    modal = {"type": "modal", "title": {"type": "plain_text", "text": "x"}, "blocks": [section("x")]}
    assert refused(client.views_publish, user_id=ana.id, view=modal)["error"] == "invalid_arguments"
    assert refused(client.views_publish, user_id="U0NOBODY001", view=home)["error"] == "user_not_found"


def test_a_home_is_published_over_the_one_that_was_read(client: WebClient, ana: Person) -> None:
    home: Json = {"type": "home", "blocks": [section("One")]}
    first = client.views_publish(user_id=ana.id, view=home)["view"]
    second = client.views_publish(user_id=ana.id, view=home, hash=first["hash"])["view"]

    assert first["id"] == second["id"]
    assert refused(client.views_publish, user_id=ana.id, view=home, hash=first["hash"])["error"] == "hash_conflict"


@pytest.mark.parametrize("named", ["id", "url"])
def test_a_block_shows_a_file_that_slack_has_looked_at(client: WebClient, named: str) -> None:
    file = client.files_upload_v2(filename="a.png", content=b"png", request_file_info=False)["file"]
    blocks = [
        {"type": "image", "alt_text": "Bees", "slack_file": {named: file["id" if named == "id" else "url_private"]}}
    ]

    answer = refused(client.chat_postMessage, channel=GENERAL, text="Bees", blocks=blocks)
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"]
    assert client.files_info(file=file["id"])["file"]["mimetype"] == ""
    assert client.files_info(file=file["id"])["file"]["mimetype"] == "image/png"
    assert client.chat_postMessage(channel=GENERAL, text="Bees", blocks=blocks)["ok"]


def test_a_block_shows_no_file_that_slack_does_not_have(client: WebClient) -> None:
    upload = client.files_getUploadURLExternal(filename="a.png", length=3)
    fetch(upload["upload_url"], b"png")
    image = {"type": "image", "alt_text": "Bees"}
    for file in ({"id": upload["file_id"]}, {"id": "F0NOSUCH001"}, {"url": "https://example.com/a.png"}):
        section = {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "x"},
            "accessory": {**image, "slack_file": file},
        }
        answer = refused(client.chat_postMessage, channel=GENERAL, text="x", blocks=[section])
        assert answer["response_metadata"]["messages"] == [
            "[ERROR] invalid slack file [json-pointer:/blocks/0/accessory/slack_file]"
        ]
        home = {"type": "home", "blocks": [{**image, "slack_file": file}]}
        assert refused(client.views_publish, user_id="U0ANA000001", view=home)["error"] == "invalid_arguments"
    assert refused(client.files_info, file=upload["file_id"])["error"] == "file_not_found"
