"""The person's side over HTTP: what one sees, what changes live, files, safety, and what a restart keeps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from tests.local_slack.acting import BOARD, GENERAL, Person, fetch, section
from tests.local_slack.conftest import MANIFEST

Json = dict[str, Any]
JSON = {"Content-Type": "application/json"}


def test_a_person_sees_their_workspace(ana: Person) -> None:
    state = ana.asks("state")

    assert state["team"]["name"] == "Northwind"
    assert state["me"]["real_name"] == "Ana Ferreira"
    assert state["bot"] == {"id": "U0CREWBOT00", "name": "Crew", "app_id": "A0CREWBOT00", "connected": False}
    assert state["commands"] == [{"command": "/crew", "description": "Crews", "usage_hint": "help"}]
    assert [one["type"] for one in state["shortcuts"]] == ["global", "message"]
    channels = {one["name"]: one for one in state["channels"]}
    assert list(channels) == ["general", "research", "random", "board", "Crew"]
    assert [channels[name]["bot_is_member"] for name in channels] == [True, True, False, False, True]
    assert (channels["board"]["kind"], channels["Crew"]["kind"]) == ("private", "im")
    assert channels["Crew"]["user"] == "U0CREWBOT00"


def test_nobody_can_act_as_the_bot_or_a_stranger(slack: LocalSlack) -> None:
    for user in ("U0CREWBOT00", "U0NOBODY001"):
        assert Person(slack, user).asks("state")["error"] == "There is no such person here."


def test_a_waiting_person_is_woken_by_what_concerns_them(client: WebClient, ana: Person, ben: Person) -> None:
    since = ana.asks("state")["seq"]
    news: list[Json] = []
    waiting = Thread(target=lambda: news.extend(ana.asks("wait", since=since, timeout=10)["events"]))
    waiting.start()
    client.chat_postEphemeral(channel=GENERAL, user=ben.id, text="For Ben")
    client.chat_postMessage(channel=GENERAL, text="For all")
    waiting.join(10)

    assert [(one["kind"], one["message"]["text"]) for one in news] == [("message", "For all")]
    assert [one["message"]["text"] for one in ben.asks("wait", since=since)["events"]] == ["For Ben", "For all"]


def test_changes_and_deletions_are_told(client: WebClient, ana: Person) -> None:
    ts = client.chat_postMessage(channel=GENERAL, text="One")["ts"]
    since = ana.asks("state")["seq"]
    reply = client.chat_postMessage(channel=GENERAL, thread_ts=ts, text="Reply")["ts"]
    client.chat_update(channel=GENERAL, ts=ts, text="Two")
    client.chat_delete(channel=GENERAL, ts=reply)

    events = ana.asks("wait", since=since)["events"]

    assert [(one["kind"], one["ts"], one["thread_ts"]) for one in events] == [
        ("message", reply, ts),
        ("message_changed", ts, None),
        ("message_changed", ts, None),
        ("message_deleted", reply, ts),
        ("message_changed", ts, None),
    ]
    assert [one["message"].get("reply_count", 0) for one in events if one["ts"] == ts] == [1, 1, 0]


def test_a_number_from_another_life_means_reload(ana: Person) -> None:
    assert [one["kind"] for one in ana.asks("wait", since=10**9)["events"]] == ["reload"]


def test_the_page_hears_events_live(slack: LocalSlack, client: WebClient, ana: Person) -> None:
    since = ana.asks("state")["seq"]
    with urllib.request.urlopen(f"{slack.url}/local/events?user={ana.id}&since={since}", timeout=10) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        client.chat_postMessage(channel=GENERAL, text="Live")
        lines = (line.decode() for line in stream)
        event = json.loads(next(line for line in lines if line.startswith("data:"))[5:])

    assert (event["kind"], event["message"]["text"], event["seq"]) == ("message", "Live", since + 1)


def test_a_file_goes_up_and_is_shown_harmlessly(slack: LocalSlack, ana: Person) -> None:
    url = f"{slack.url}/local/files"
    _, _, body = fetch(f"{url}?user={ana.id}&name=page.html", b"<script>1</script>", {"Content-Type": "text/html"})
    file_id = json.loads(body)["id"]

    _, preview, content = fetch(f"{url}/{file_id}?preview=1")
    _, download, _ = fetch(f"{url}/{file_id}")

    assert content == b"<script>1</script>"
    assert preview["Content-Type"] == "text/plain; charset=utf-8"
    assert (preview["X-Content-Type-Options"], preview["Content-Security-Policy"]) == (
        "nosniff",
        "sandbox; default-src 'none'",
    )
    assert download["Content-Disposition"] == "attachment; filename*=UTF-8''page.html"
    assert fetch(f"{url}/F0NOWHERE01")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (JSON, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({**JSON, "Host": "evil.example"}, 403),
        ({**JSON, "Origin": "http://evil.example"}, 403),
        ({**JSON, "Origin": "null"}, 403),
    ],
)
def test_other_pages_cannot_act_here(slack: LocalSlack, ana: Person, headers: dict[str, str], status: int) -> None:
    body = json.dumps({"user": ana.id, "channel": GENERAL, "text": "x"}).encode()

    assert fetch(f"{slack.url}/local/message", body, headers)[0] == status
    assert len(ana.reads()) == (status == 200)


def test_another_page_cannot_upload_either(slack: LocalSlack, ana: Person) -> None:
    headers = {"Content-Type": "text/plain", "Origin": "http://evil.example"}

    assert fetch(f"{slack.url}/local/files?user={ana.id}&name=a", b"x", headers)[0] == 403


def test_the_page_is_served_with_a_strict_policy(slack: LocalSlack) -> None:
    status, headers, body = fetch(slack.url)

    assert status == 200
    assert b"<title>" in body
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert fetch(f"{slack.url}/static/../server.py")[0] == 404


@pytest.mark.parametrize(
    ("deed", "facts", "error"),
    [
        ("message", {"channel": "C0NOWHERE01", "text": "x"}, "There is no such channel."),
        ("message", {"channel": GENERAL, "text": " "}, "There is nothing to send."),
        ("message", {"channel": GENERAL, "text": "x", "thread_ts": "1.2"}, "There is no such thread."),
        ("message", {"channel": GENERAL, "text": "x", "file_ids": ["F1"]}, "There is no such file."),
        ("action", {"channel": GENERAL, "message_ts": "1.2"}, "That message is not there any more."),
        ("submit", {"view_id": "V1"}, "That window is no longer open."),
        ("invite", {"channel": GENERAL}, "Crew is already in #general."),
        ("open_home", {"tab": "about"}, "The app has a home tab and a messages tab."),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(ana: Person, deed: str, facts: Json, error: str) -> None:
    assert ana.does(deed, **facts) == {"ok": False, "error": error}


def test_a_home_is_no_window(client: WebClient, ana: Person) -> None:
    view_id = client.views_publish(user_id=ana.id, view={"type": "home", "blocks": [section("x")]})["view"]["id"]

    assert ana.does("close", view_id=view_id)["error"] == "That is not a window one can close."
    assert ana.does("submit", view_id=view_id)["error"] == "That window is no longer on top."


def test_what_was_said_outlives_a_restart(tmp_path: Path, ana: Person) -> None:
    with LocalSlack(MANIFEST, data_dir=tmp_path) as slack:
        client = WebClient(slack.bot_token, base_url=slack.api_url)
        Person(slack, ana.id).does("invite", channel=BOARD)
        shared = client.files_upload_v2(channel=BOARD, filename="a.md", content="# Bees", initial_comment="Here")
        client.chat_postEphemeral(channel=BOARD, user=ana.id, text="Only now")

    with LocalSlack(MANIFEST, data_dir=tmp_path) as slack:
        again = Person(slack, ana.id)
        assert again.texts(BOARD) == ["Crew has joined the channel", "Here"]
        assert fetch(f"{slack.url}/local/files/{shared['file']['id']}")[2] == b"# Bees"
        later = again.says("Later", BOARD)
        assert float(later) > float(again.reads(BOARD)[0]["ts"])


def test_a_taken_port_is_an_error_at_once(slack: LocalSlack) -> None:
    port = int(slack.url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        LocalSlack(MANIFEST, port=port).start()


def test_it_runs_on_its_own_and_ends_when_asked(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(yaml.safe_dump(MANIFEST), "utf-8")
    command = [sys.executable, "-m", "bot.local_slack", "--port", "0", "--manifest", manifest, "--data-dir", tmp_path]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(5)]
        facts = dict(line.split("=", 1) for line in lines if "=" in line)
        client = WebClient(facts["SLACK_BOT_TOKEN"], base_url=facts["SLACK_API_URL"])
        client.chat_postMessage(channel=GENERAL, text="Hello")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    saved = json.loads((tmp_path / "workspace.json").read_text("utf-8"))
    assert [one["text"] for one in saved["messages"][GENERAL].values()] == ["Hello"]
