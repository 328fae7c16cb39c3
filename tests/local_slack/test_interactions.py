"""Commands, buttons, shortcuts, events and response URLs, between a person and a real Bolt app."""

from __future__ import annotations

import json
import queue
from typing import Any

import pytest
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.local_slack import LocalSlack
from tests.local_slack.acting import BOARD, GENERAL, RANDOM, Person, button, buttons, plain, section
from tests.local_slack.conftest import MANIFEST, Clock, running

Json = dict[str, Any]


def heard(app: App, kind: str, name: str) -> queue.Queue[Json]:
    """What reaches the app's listener for ``name`` from now on, acknowledged at once."""
    bodies: queue.Queue[Json] = queue.Queue()

    def listen(ack: Ack, body: Json) -> None:
        ack()
        bodies.put(body)

    getattr(app, kind)(name)(listen)
    return bodies


def test_a_command_arrives_as_slack_sends_it(app: App, slack: LocalSlack, ana: Person) -> None:
    commands = heard(app, "command", "/crew")

    assert ana.types("/crew run blog") == {"ok": True}

    body = commands.get(timeout=5)
    facts = ("command", "text", "user_id", "user_name", "channel_id", "channel_name", "team_domain")
    assert [body[fact] for fact in facts] == [
        *("/crew", "run blog", ana.id, "ana", GENERAL, "general", "northwind"),
    ]
    assert body["response_url"].startswith(f"{slack.url}/commands/")
    assert "thread_ts" not in body


def test_an_acks_words_are_seen_by_the_asker_alone(app: App, ana: Person, ben: Person) -> None:
    app.command("/crew")(lambda ack: ack("Try /crew help"))

    ana.types("/crew")

    assert ana.texts() == ["Try /crew help"]
    assert ana.reads()[0]["ephemeral"] is True
    assert ben.texts() == []


def test_an_ack_may_speak_to_the_channel(app: App, ana: Person, ben: Person) -> None:
    app.command("/crew")(lambda ack: ack(text="Ana runs Blog", response_type="in_channel"))

    ana.types("/crew run blog")

    assert ben.texts() == ["Ana runs Blog"]


def test_an_ack_that_slack_would_not_show_is_said_to_be_broken(app: App, slack: LocalSlack, ana: Person) -> None:
    app.command("/crew")(lambda ack: ack(text="x", blocks=[{"type": "alert", "text": plain("x")}]))

    assert ana.types("/crew")["error"] == "/crew failed with the error “dispatch_unknown_error”"
    assert slack.calls("ack of /crew")[0]["response"]["error"] == "invalid_blocks"


def test_a_command_in_a_thread_is_refused(app: App, ana: Person) -> None:
    ts = ana.says("Hello")

    assert ana.types("/crew", thread_ts=ts) == {"ok": False, "error": "/crew is not supported in threads. Sorry!"}


def test_a_command_nobody_has_is_refused(app: App, ana: Person) -> None:
    assert ana.types("/crow")["error"] == "“/crow” is not a valid command. Type “/” to see what there is."


def test_a_command_without_an_app_says_so(slack: LocalSlack, ana: Person) -> None:
    assert ana.types("/crew")["error"] == "/crew failed with the error “dispatch_failed”"


def test_a_missing_ack_is_a_timeout_and_a_late_one_changes_nothing(ana: Person) -> None:
    with LocalSlack(MANIFEST, ack_seconds=0.2) as slack:
        ana = Person(slack, ana.id)
        app = App(client=WebClient(slack.bot_token, base_url=slack.api_url))
        may_answer: queue.Queue[None] = queue.Queue()
        answered: queue.Queue[None] = queue.Queue()

        @app.command("/crew")
        def slow(ack: Ack) -> None:
            may_answer.get(timeout=2)
            ack("Too late")
            answered.put(None)

        with running(app, slack):
            assert ana.types("/crew")["error"] == "/crew failed with the error “operation_timeout”"
            may_answer.put(None)
            answered.get(timeout=2)
            ana.says("Hm")
        assert ana.texts() == ["Hm"]


def test_a_button_tells_the_app_where_it_was_pressed(app: App, client: WebClient, ana: Person) -> None:
    pressed = heard(app, "action", "stop")
    parent = ana.says("Go")
    elements = [button("stop", value="run 1", style="danger")]
    actions = {"type": "actions", "elements": elements}
    client.chat_postMessage(channel=GENERAL, thread_ts=parent, text="Running", blocks=[actions])
    message = ana.reads(thread_ts=parent)[1]

    assert ana.presses("stop", message) == {"ok": True}

    body = pressed.get(timeout=5)
    action = {key: value for key, value in body["actions"][0].items() if key != "action_ts"}
    block_id = message["blocks"][0]["block_id"]
    assert action == {**elements[0], "block_id": block_id}
    assert body["container"] == {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": GENERAL,
        "is_ephemeral": False,
        "thread_ts": parent,
    }
    assert body["message"] == message


def test_a_select_in_a_message_sends_its_choice_and_the_state(app: App, client: WebClient, ana: Person) -> None:
    chosen = heard(app, "action", "model")
    options = [{"text": plain(word), "value": word} for word in ("small", "large")]
    select = {"type": "static_select", "action_id": "model", "options": options}
    client.chat_postMessage(channel=GENERAL, text="x", blocks=[{**section("Model"), "accessory": select}])
    message = ana.reads()[0]

    ana.presses("model", message, selected_option={"value": "large"})

    body = chosen.get(timeout=5)
    assert body["actions"][0]["selected_option"] == options[1]
    assert list(body["state"]["values"].values()) == [
        {"model": {"type": "static_select", "selected_option": options[1]}}
    ]


def test_an_overflow_and_feedback_send_what_was_chosen(app: App, client: WebClient, ana: Person) -> None:
    more, liked = heard(app, "action", "more"), heard(app, "action", "like")
    options = [{"text": plain("Log"), "value": "log"}]
    overflow = {"type": "overflow", "action_id": "more", "options": options}
    feedback = {
        "type": "feedback_buttons",
        "action_id": "like",
        "positive_button": {"text": plain("Good"), "value": "up"},
        "negative_button": {"text": plain("Bad"), "value": "down"},
    }
    blocks = [{**section("Run"), "accessory": overflow}, {"type": "context_actions", "elements": [feedback]}]
    client.chat_postMessage(channel=GENERAL, text="x", blocks=blocks)
    message = ana.reads()[0]

    ana.presses("more", message, selected_option={"value": "log"})
    ana.presses("like", message, value="down")

    assert more.get(timeout=5)["actions"][0]["selected_option"] == options[0]
    action = liked.get(timeout=5)["actions"][0]
    assert (action["value"], action["text"]) == ("down", plain("Bad"))


def test_a_button_that_is_gone_cannot_be_pressed(app: App, client: WebClient, ana: Person) -> None:
    client.chat_postMessage(channel=GENERAL, text="x", blocks=[buttons("stop")])
    message = ana.reads()[0]
    client.chat_update(channel=GENERAL, ts=message["ts"], text="Done", blocks=[])

    assert ana.presses("stop", message)["error"] == "That is not there any more."


def test_a_button_in_a_message_only_one_sees(app: App, client: WebClient, ana: Person, ben: Person) -> None:
    @app.action("ok")
    def answer(ack: Ack, body: Json, respond: Respond) -> None:
        ack()
        assert "message" not in body
        assert body["container"]["is_ephemeral"] is True
        respond(text="Done", replace_original=True)

    client.chat_postEphemeral(channel=GENERAL, user=ana.id, text="Sure?", blocks=[buttons("ok")])
    assert ben.texts() == []
    ana.presses("ok", ana.reads()[0])

    ana.sees(lambda: ana.texts() == ["Done"])
    assert ana.reads()[0]["ephemeral"] is True


def test_a_response_url_answers_replaces_and_deletes(app: App, client: WebClient, ana: Person, ben: Person) -> None:
    pressed = heard(app, "action", "ok")
    client.chat_postMessage(channel=GENERAL, text="Sure?", blocks=[buttons("ok")])
    ana.presses("ok", ana.reads()[0])
    url = WebhookClient(pressed.get(timeout=5)["response_url"])

    assert url.send(text="Only you").body == "ok"
    assert (ana.texts(), ben.texts()) == (["Sure?", "Only you"], ["Sure?"])
    url.send(text="All", response_type="in_channel")
    assert ben.texts() == ["Sure?", "All"]
    url.send(text="Sure.", replace_original=True)
    assert ben.texts() == ["Sure.", "All"]
    assert "blocks" not in ben.reads()[0]
    url.send(delete_original=True)
    assert ben.texts() == ["All"]


def test_a_response_url_answers_in_a_thread(app: App, ana: Person, ben: Person) -> None:
    commands = heard(app, "command", "/crew")
    ana.types("/crew")
    ts = ana.says("Start")
    url = WebhookClient(commands.get(timeout=5)["response_url"])

    url.send_dict({"text": "In here", "response_type": "in_channel", "thread_ts": ts})

    assert ben.texts(thread_ts=ts) == ["Start", "In here"]


def test_a_response_url_has_five_uses_in_thirty_minutes(app: App, clock: Clock, ana: Person) -> None:
    commands = heard(app, "command", "/crew")
    ana.types("/crew")
    ana.types("/crew")
    first, second = (WebhookClient(commands.get(timeout=5)["response_url"]) for _ in range(2))

    for _ in range(5):
        assert first.send(text="x").status_code == 200
    sixth = first.send(text="x")
    assert (sixth.status_code, json.loads(sixth.body)["error"]) == (404, "used_url")

    clock.moves_on(30 * 60 - 1)
    assert second.send(text="x").status_code == 200
    clock.moves_on(2)
    assert json.loads(second.send(text="x").body)["error"] == "expired_url"


def test_a_response_url_is_as_strict_as_a_message(app: App, ana: Person) -> None:
    commands = heard(app, "command", "/crew")
    ana.types("/crew")
    url = WebhookClient(commands.get(timeout=5)["response_url"])

    refused = url.send(text="x", blocks=[{"type": "header", "text": plain("x" * 151)}])

    assert json.loads(refused.body)["error"] == "invalid_blocks"
    assert json.loads(url.send().body)["error"] == "no_text"


def test_shortcuts_reach_the_app(app: App, ana: Person) -> None:
    from_menu, on_message = heard(app, "shortcut", "new_crew"), heard(app, "shortcut", "run_on")
    ts = ana.says("Write about bees")

    assert ana.does("shortcut", callback_id="new_crew", channel=GENERAL) == {"ok": True}
    assert ana.does("shortcut", callback_id="run_on", channel=GENERAL, message_ts=ts) == {"ok": True}

    assert from_menu.get(timeout=5)["type"] == "shortcut"
    body = on_message.get(timeout=5)
    assert (body["type"], body["message"]["text"]) == ("message_action", "Write about bees")
    assert ana.does("shortcut", callback_id="run_on")["error"] == "There is no such shortcut."


def test_the_app_hears_mentions_and_direct_messages_and_nothing_else(app: App, slack: LocalSlack, ana: Person) -> None:
    mentions, messages = heard(app, "event", "app_mention"), heard(app, "event", "message")
    im = next(one["id"] for one in ana.asks("state")["channels"] if one["kind"] == "im")

    ana.says("Nobody in particular")
    ana.says("@Crew", channel=RANDOM)
    ana.says("hey @crew: run <b>")
    ana.says("@Crew hello", channel=im)

    mention = mentions.get(timeout=5)["event"]
    assert (mention["type"], mention["channel"]) == ("app_mention", GENERAL)
    assert mention["text"] == "hey <@U0CREWBOT00>: run &lt;b&gt;"
    message = messages.get(timeout=5)["event"]
    assert (message["channel_type"], message["user"], message["text"]) == ("im", ana.id, "<@U0CREWBOT00> hello")
    assert (mentions.qsize(), messages.qsize()) == (0, 0)


def test_a_file_said_to_the_bot_comes_along(app: App, ana: Person) -> None:
    messages = heard(app, "event", "message")
    im = next(one["id"] for one in ana.asks("state")["channels"] if one["kind"] == "im")

    ana.says("", channel=im, file_ids=[ana.uploads("notes.txt", b"bees")])

    event = messages.get(timeout=5)["event"]
    assert (event["subtype"], event["files"][0]["name"], event["files"][0]["size"]) == ("file_share", "notes.txt", 4)


def test_an_invited_bot_may_speak_in_a_private_channel(app: App, client: WebClient, ana: Person) -> None:
    assert ana.does("invite", channel=BOARD) == {"ok": True}

    client.chat_postMessage(channel=BOARD, text="Thanks")

    assert ana.texts(BOARD) == ["Crew has joined the channel", "Thanks"]
    assert ana.does("invite", channel=BOARD)["error"] == "Crew is already in #board."


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a & b <c>", "a &amp; b &lt;c&gt;"),
        ("a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),
        ("ask @Ana Ferreira or @ben", "ask <@U0ANA000001> or <@U0BEN000002>"),
        ("<@U0ANA000001> in <#C0GENERAL01|general>", "<@U0ANA000001> in <#C0GENERAL01|general>"),
        ("see #general, @here", "see <#C0GENERAL01|general>, <!here>"),
        ("go https://a.b/c?d=e&f=g now", "go <https://a.b/c?d=e&amp;f=g> now"),
        ("me@channel.com", "me@channel.com"),
    ],
)
def test_what_is_typed_is_stored_in_slacks_form(ana: Person, typed: str, stored: str) -> None:
    ana.says(typed)

    assert ana.texts() == [stored]
