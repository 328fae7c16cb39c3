"""What people see when something goes wrong."""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import BaseModel, Field
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.errors import FormRefused, NameTaken, Refused
from bot.local_slack.validation import problems
from bot.slack.blocks import home
from bot.slack.boundary import guard
from bot.slack.forms import Form, Text


class SlackStub:
    """Takes every Web API call and every response_url message, and can be told which of them to refuse."""

    def __init__(self) -> None:
        self.calls: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.refused: set[str] = set()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                method = self.path.rpartition("/")[2]
                raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
                body = json.loads(raw) if raw.startswith("{") else dict(parse_qsl(raw))
                refused = method in stub.refused
                answer = {"ok": not refused, "error": "expired_trigger_id"} if refused else {"ok": True}
                reply = json.dumps(answer).encode() if method != "respond" or refused else b"ok"
                self.send_response(404 if refused and method == "respond" else 200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)
                stub.calls.put((method, body))

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def next_call(self) -> tuple[str, dict[str, Any]]:
        return self.calls.get(timeout=5)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Clock:
    """A clock that only moves when it is told."""

    time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def slack():
    stub = SlackStub()
    yield stub
    stub.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(slack, clock):
    app = App(
        client=WebClient(token="xoxb-1", base_url=slack.url),
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1"),
        raise_error_for_unhandled_request=True,
    )
    guard(app, now=clock)
    return app


class CrewDraft(BaseModel):
    name: str = Field(title="Name", min_length=1, max_length=80)
    description: str = Field("", title="Description")


FORM = Form(CrewDraft, callback_id="crew.create", title="New crew", widgets={"description": Text(multiline=True)})


def raising(error, *, ack_first=False):
    def listener(ack):
        if ack_first:
            ack()
        raise error

    return listener


def send(app, body):
    """What Slack is answered within its three seconds: the status and the ack's payload."""
    response = app.dispatch(BoltRequest(mode="socket_mode", body=body))
    return response.status, json.loads(response.body) if response.body.startswith("{") else response.body


def person(**more):
    return {"user": {"id": "U1"}, "team": {"id": "T1"}, "api_app_id": "A1", "trigger_id": "t1"} | more


def submission(name="Blog", **changed):
    view = FORM.view(meta={"crew": 5}) | {"id": "V1", "hash": "1.a", "team_id": "T1"} | changed
    element = {"type": "plain_text_input"}
    values = {
        "name": {"crew.create.name": element | {"value": name}},
        "description": {"crew.create.description": element | {"value": "Typed with care"}},
    }
    return person(type="view_submission", view=view | {"state": {"values": values}})


def command(text="run"):
    about = {"user_id": "U1", "team_id": "T1", "channel_id": "C1", "trigger_id": "t1", "api_app_id": "A1"}
    return about | {"command": "/crew", "text": text}


def press(**more):
    actions = [{"type": "button", "action_id": "run.stop", "block_id": "b", "value": "1", "action_ts": "1.1"}]
    return person(type="block_actions", actions=actions) | more


def in_channel(slack=None, thread=None):
    container = {"type": "message", "channel_id": "C1", "message_ts": "1.1"} | ({"thread_ts": thread} if thread else {})
    url = {"response_url": slack.url + "respond"} if slack else {}
    return press(channel={"id": "C1"}, container=container, message={"ts": "1.1"}) | url


# Forms that are still open


def test_a_taken_name_is_refused_under_the_name_field(app):
    app.view("crew.create")(raising(NameTaken(kind="a crew", name="Blog")))
    assert send(app, submission()) == (
        200,
        {
            "response_action": "errors",
            "errors": {"name": "There is already a crew called “Blog”. Choose another name."},
        },
    )


def test_a_refusal_of_one_field_names_that_field(app):
    app.view("crew.create")(raising(FormRefused(fields={"description": "No {braces} here."})))
    assert send(app, submission())[1]["errors"] == {"description": "No {braces} here."}


def test_every_faulty_answer_is_told_at_once(app):
    app.view("crew.create")(lambda ack, view: ack(FORM.read(view).name))
    assert send(app, submission(name="x" * 93))[1]["errors"] == {"name": "At most 80 characters; this has 93."}


def test_a_refusal_of_no_field_keeps_what_was_typed(app):
    app.view("crew.create")(raising(Refused(reason="The team has <enough> crews.")))
    status, answer = send(app, submission())

    assert (status, answer["response_action"]) == (200, "update")
    assert problems(answer["view"], "modal") == []
    assert answer["view"]["blocks"][0]["text"]["text"] == "*That didn’t work:* The team has &lt;enough&gt; crews."
    assert answer["view"]["blocks"][2]["element"]["initial_value"] == "Typed with care"
    assert FORM.meta(answer["view"]) == {"crew": 5}


def test_a_refusal_of_a_field_that_is_not_in_the_form_is_told_on_top(app):
    app.view("crew.create")(raising(FormRefused(fields={"agent": "Choose one."})))
    assert send(app, submission())[1]["response_action"] == "update"


def test_the_unexpected_keeps_what_was_typed_and_says_only_a_reference(app, caplog):
    app.view("crew.create")(raising(RuntimeError("secret detail")))
    with caplog.at_level(logging.ERROR, "bot.slack.boundary"):
        _, answer = send(app, submission())

    said = answer["view"]["blocks"][0]["text"]["text"]
    reference = re.search(r"Reference (E-[0-9A-F]{4})\.", said)
    assert reference
    assert "secret" not in json.dumps(answer)
    (record,) = [record for record in caplog.records if record.name == "bot.slack.boundary"]
    assert record.getMessage() == f"{reference[1]}: view_submission crew.create by user U1 of team T1 failed"
    assert "secret detail" in str(record.exc_info[1])
    assert "Typed with care" not in caplog.text


def test_after_three_seconds_slack_no_longer_reads_the_ack_so_the_person_gets_a_message(app, slack, clock):
    def slow(ack):
        clock.time += 3
        raise Refused(reason="Too many crews.")

    app.view("crew.create")(slow)
    send(app, submission())
    assert slack.next_call() == ("chat.postMessage", {"channel": "U1", "text": "Too many crews.", "team_id": "T1"})


# Everywhere else


def test_a_refused_command_is_answered_for_that_person_only(app):
    app.command("/crew")(raising(Refused(reason="There is no crew called “<!channel>”.")))
    assert send(app, command()) == (
        200,
        {"response_type": "ephemeral", "text": "There is no crew called “&lt;!channel&gt;”."},
    )


def test_a_command_that_was_acked_is_answered_with_a_message(app, slack):
    app.command("/crew")(raising(Refused(reason="No such crew."), ack_first=True))
    assert send(app, command()) == (200, "")
    method, message = slack.next_call()
    assert (method, message["channel"], message["user"]) == ("chat.postEphemeral", "C1", "U1")
    assert message["text"] == "No such crew."


def test_an_ack_stays_given_when_the_listener_fails_right_after(app):
    app.command("/crew")(raising(Refused(reason="No such crew."), ack_first=True))
    nobody = {key: value for key, value in command().items() if key not in ("user_id", "channel_id")}
    # With nobody to tell, the listener is over long before Bolt's waiting thread looks for the ack.
    assert send(app, nobody) == (200, "")


def test_an_ack_on_its_way_to_slack_stays_an_ack_when_the_listener_fails(app, slack):
    dispatched = threading.Event()

    def fails_later(ack):
        ack()
        dispatched.wait(5)
        raise Refused(reason="No such run.")

    app.action("run.stop")(fails_later)
    response = app.dispatch(BoltRequest(mode="socket_mode", body=in_channel(slack)))
    dispatched.set()
    slack.next_call()

    assert response.status == 200


def test_a_refused_button_answers_where_it_was_pressed_and_leaves_the_message_alone(app, slack):
    app.action("run.stop")(raising(Refused(reason="That run is over."), ack_first=True))
    assert send(app, in_channel(slack, thread="1.0")) == (200, "")
    method, message = slack.next_call()
    assert method == "respond"
    assert message == {
        "text": "That run is over.",
        "response_type": "ephemeral",
        "replace_original": False,
        "thread_ts": "1.0",
    }


def test_a_button_that_was_not_acked_is_acked_and_answered(app, slack):
    app.action("run.stop")(raising(Refused(reason="That run is over.")))
    assert send(app, in_channel(thread="1.0")) == (200, "")
    method, message = slack.next_call()
    assert (method, message["thread_ts"]) == ("chat.postEphemeral", "1.0")


def test_when_one_way_is_closed_the_next_is_taken(app, slack):
    slack.refused = {"respond", "chat.postEphemeral"}
    app.action("run.stop")(raising(Refused(reason="That run is over."), ack_first=True))
    send(app, in_channel(slack))
    assert [slack.next_call()[0] for _ in range(3)] == ["respond", "chat.postEphemeral", "chat.postMessage"]


def test_when_every_way_is_closed_the_log_has_it(app, slack, caplog):
    slack.refused = {"chat.postEphemeral", "chat.postMessage"}
    app.action("run.stop")(raising(Refused(reason="That run is over.")))
    with caplog.at_level(logging.ERROR, "bot.slack.boundary"):
        send(app, in_channel())
    assert "could not tell user U1: That run is over." in caplog.text


def test_a_button_inside_a_form_shows_the_refusal_on_top_of_it(app, slack):
    app.action("run.stop")(raising(Refused(reason="Not now."), ack_first=True))
    send(app, press(view=submission()["view"], container={"type": "view", "view_id": "V1"}))
    method, message = slack.next_call()
    assert (method, message["view_id"], message["hash"]) == ("views.update", "V1", "1.a")
    assert message["view"]["blocks"][2]["element"]["initial_value"] == "Typed with care"


def test_a_button_on_the_home_tab_opens_a_window_that_says_it(app, slack):
    app.action("run.stop")(raising(Refused(reason="Not now."), ack_first=True))
    send(app, press(view=home([]) | {"id": "V1"}, container={"type": "view", "view_id": "V1"}))
    method, message = slack.next_call()
    assert (method, message["trigger_id"]) == ("views.open", "t1")
    assert problems(message["view"], "modal") == []


def test_a_window_that_was_closed_before_it_could_show_what_was_done_is_no_failure(app, slack, caplog):
    app.action("run.stop")(raising(SlackApiError("closed", {"ok": False, "error": "not_found"})))

    assert send(app, press(view=home([]) | {"id": "V1"}, container={"type": "view", "view_id": "V1"}))[0] == 200
    assert slack.calls.empty()
    assert "E-" not in caplog.text


def test_a_button_nobody_knows_any_more_gets_an_answer(app, slack):
    assert send(app, in_channel())[0] == 200
    assert "older version" in slack.next_call()[1]["text"]


def test_a_slack_that_wants_less_of_us_is_explained_not_reported(app, caplog):
    app.command("/crew")(raising(SlackApiError("slower", {"ok": False, "error": "ratelimited"})))

    assert send(app, command())[1]["text"] == "Slack asks this bot to slow down. Please try again in a minute."
    assert "E-" not in caplog.text


def test_a_window_that_slack_would_no_longer_open_is_explained_not_reported(app, slack, caplog):
    slack.refused = {"views.open"}

    def opens(ack, client):
        ack()
        client.views_open(trigger_id="t1", view=FORM.view())

    app.command("/crew")(opens)
    with caplog.at_level(logging.ERROR, "bot.slack.boundary"):
        assert send(app, command()) == (200, "")
        assert slack.next_call()[0] == "views.open"
        assert slack.next_call()[1]["text"] == (
            "That took too long, so Slack did not open the window. Please try again."
        )
    assert caplog.records == []


def test_a_failing_menu_offers_nothing_and_says_nothing(app, slack):
    app.options("crew.parent")(raising(RuntimeError("no database")))
    suggestion = person(type="block_suggestion", action_id="crew.parent", block_id="parent", value="bl")
    assert send(app, suggestion) == (200, {"options": []})
    assert slack.calls.empty()


# Events


def mention(channel="C1", **more):
    event = {"type": "app_mention", "user": "U1", "channel": channel, "ts": "2.0", "text": "run Blog"} | more
    return {"type": "event_callback", "team_id": "T1", "api_app_id": "A1", "event_id": "Ev1", "event": event}


def test_a_mention_that_fails_is_answered_in_its_thread(app, slack):
    app.event("app_mention")(raising(Refused(reason="No such crew.")))
    assert send(app, mention(thread_ts="1.0")) == (200, "")
    method, message = slack.next_call()
    assert (method, message["user"], message["thread_ts"]) == ("chat.postEphemeral", "U1", "1.0")


def test_a_direct_message_that_fails_is_answered_there(app, slack):
    app.event("app_mention")(raising(Refused(reason="No such crew.")))
    send(app, mention(channel="D1"))
    method, message = slack.next_call()
    assert (method, message["channel"]) == ("chat.postMessage", "D1")


def test_an_event_that_concerns_nobody_is_taken_in_silence(app, slack):
    assert send(app, mention(type="channel_created"))[0] == 200
    assert slack.calls.empty()


def test_a_workflow_step_that_fails_tells_the_workflow(app, slack):
    app.function("run_crew")(raising(Refused(reason="No such crew.")))
    event = {"type": "function_executed", "function": {"callback_id": "run_crew"}, "function_execution_id": "Fx1"}
    send(app, mention(**event, inputs={}, bot_access_token="xwfp-1"))
    method, message = slack.next_call()
    assert (method, message["function_execution_id"], message["error"]) == (
        "functions.completeError",
        "Fx1",
        "No such crew.",
    )
