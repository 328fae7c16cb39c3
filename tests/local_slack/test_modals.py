"""Modals: opened in time, stacked, updated without losing what is typed, submitted and closed."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import Ack, App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import LocalSlack
from tests.local_slack.acting import Person, button, buttons, fetch, modal, plain, section, text_input
from tests.local_slack.conftest import Clock

Json = dict[str, Any]


def opens(app: App, view: Json) -> None:
    """Let ``/crew`` open this view."""

    @app.command("/crew")
    def open_it(ack: Ack, command: Json, client: WebClient) -> None:
        client.views_open(trigger_id=command["trigger_id"], view=view)
        ack()


def answers(app: App, **response: Any) -> None:
    """Let the app answer a submission so."""

    @app.view("modal")
    def answer(ack: Ack) -> None:
        ack(**response)


def triggers_of(app: App) -> queue.Queue[str]:
    """The trigger ids of the commands typed from now on."""
    found: queue.Queue[str] = queue.Queue()

    @app.command("/crew")
    def keep(ack: Ack, command: Json) -> None:
        found.put(command["trigger_id"])
        ack()

    return found


def test_a_command_opens_a_modal(app: App, ana: Person) -> None:
    opens(app, modal("New crew"))

    assert ana.types("/crew create") == {"ok": True}

    assert ana.titles == ["New crew"]


def test_a_modal_is_its_owners_alone(app: App, ana: Person, ben: Person) -> None:
    opens(app, modal("New crew"))
    ana.types("/crew create")
    view_id = ana.modals[0]["id"]

    assert ben.modals == []
    assert ben.does("submit", view_id=view_id, values={})["error"] == "That window is no longer open."


def test_what_is_filled_in_reaches_the_app(app: App, ana: Person) -> None:
    submitted: queue.Queue[Json] = queue.Queue()
    options = [{"text": plain(word), "value": word} for word in ("a", "b")]
    choice = {"type": "static_select", "action_id": "kind", "options": options, "initial_option": options[0]}
    chosen = {"type": "input", "block_id": "kind", "label": plain("Kind"), "element": choice}
    opens(app, modal("New crew", text_input("name"), chosen, private_metadata="draft 7"))

    @app.view("modal")
    def take(ack: Ack, body: Json) -> None:
        submitted.put(body)
        ack()

    ana.types("/crew create")

    assert ana.submits(name="Blog") == {"ok": True}

    body = submitted.get(timeout=5)
    assert body["view"]["private_metadata"] == "draft 7"
    assert body["view"]["state"]["values"] == {
        "name": {"name": {"type": "plain_text_input", "value": "Blog"}},
        "kind": {"kind": {"type": "static_select", "selected_option": options[0]}},
    }
    assert ana.modals == []


def test_a_required_field_left_empty_never_reaches_the_app(app: App, ana: Person) -> None:
    opens(app, modal("New crew", text_input("name"), text_input("why", optional=True)))
    ana.types("/crew create")

    answer = ana.submits(name="  ")

    assert answer == {"ok": False, "errors": {"name": "Please complete this required field."}}


def test_an_option_nobody_offers_cannot_be_chosen(app: App, ana: Person) -> None:
    options = [{"text": plain("a"), "value": "a"}]
    element = {"type": "static_select", "action_id": "kind", "options": options}
    opens(app, modal("New", {"type": "input", "block_id": "kind", "label": plain("Kind"), "element": element}))
    ana.types("/crew create")

    answer = ana.submits(kind={"selected_option": {"text": plain("z"), "value": "z"}})

    assert answer["error"] == "“z” is not among the options."


@pytest.mark.parametrize(
    ("element", "typed", "sentence"),
    [
        ({"min_length": 3}, "ab", "Please enter at least 3 characters."),
        ({"max_length": 3}, "abcd", "Please enter no more than 3 characters."),
        ({}, "x" * 3001, "Please enter no more than 3000 characters."),
        ({"type": "email_text_input"}, "ana", "Please enter a valid email address."),
        ({"type": "url_text_input"}, "ana", "Please enter a valid URL."),
        ({"type": "number_input", "is_decimal_allowed": False}, "many", "Please enter a valid number."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Please enter a whole number."),
        (
            {"type": "number_input", "is_decimal_allowed": True, "min_value": "2"},
            "1.5",
            "Please enter a number of at least 2.",
        ),
        (
            {"type": "number_input", "is_decimal_allowed": False, "max_value": "2"},
            3,
            "Please enter a number of at most 2.",
        ),
    ],
)
def test_what_an_input_does_not_take_is_said_under_it(
    app: App, ana: Person, element: Json, typed: str, sentence: str
) -> None:
    opens(app, modal("New crew", text_input("name", **element)))
    ana.types("/crew create")

    assert ana.submits(name=typed)["errors"] == {"name": sentence}


def test_files_asked_for_arrive_whole_and_others_are_refused(app: App, slack: LocalSlack, ana: Person) -> None:
    element = {"type": "file_input", "action_id": "doc", "filetypes": ["md"], "max_files": 1}
    opens(app, modal("Import", {"type": "input", "block_id": "doc", "label": plain("File"), "element": element}))
    submitted: queue.Queue[list[Json]] = queue.Queue()

    @app.view("modal")
    def take(ack: Ack, view: Json) -> None:
        submitted.put(view["state"]["values"]["doc"]["doc"]["files"])
        ack()

    notes, page = ana.uploads("notes.md", b"# Bees"), ana.uploads("page.html", b"<p>")
    ana.types("/crew import")

    attempts: list[tuple[list[Json], str]] = [
        ([], "Please complete this required field."),
        ([{"id": page}], "Please choose files of these types: md."),
        ([{"id": notes}, {"id": notes}], "Please choose no more than 1."),
    ]
    for files, sentence in attempts:
        assert ana.submits(doc={"files": files})["errors"] == {"doc": sentence}
    assert ana.submits(doc={"files": [{"id": notes}]}) == {"ok": True}
    [file] = submitted.get(timeout=5)
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    assert fetch(file["url_private_download"], headers=headers)[2] == b"# Bees"


def test_the_apps_own_errors_stand_under_their_fields(app: App, ana: Person) -> None:
    opens(app, modal("New crew"))
    answers(app, response_action="errors", errors={"name": "Already taken."})
    ana.types("/crew create")

    assert ana.submits(name="Blog") == {"ok": False, "errors": {"name": "Already taken."}}
    assert ana.modals[0]["state"]["values"]["name"]["name"]["value"] == "Blog"


@pytest.mark.parametrize("errors", [{"nothing": "Taken."}, {"note": "Taken."}, {"name": ""}])
def test_errors_that_name_no_input_are_slacks_generic_trouble(
    app: App, slack: LocalSlack, ana: Person, errors: Json
) -> None:
    opens(app, modal("New crew", text_input("name"), {**section("A note"), "block_id": "note"}))
    answers(app, response_action="errors", errors=errors)
    ana.types("/crew create")

    assert ana.submits(name="Blog")["error"] == "We had some trouble connecting. Try again?"
    assert slack.calls("ack of view_submission")[0]["response"]["error"] == "invalid_errors"
    assert ana.titles == ["New crew"]


def test_a_submission_may_update_push_and_clear(app: App, ana: Person) -> None:
    replies: Iterator[Json] = iter(
        [
            {"response_action": "update", "view": modal("Second")},
            {"response_action": "push", "view": modal("Third")},
            {},
            {"response_action": "clear"},
        ]
    )
    opens(app, modal("First"))

    @app.view("modal")
    def answer(ack: Ack) -> None:
        ack(**next(replies))

    ana.types("/crew create")
    ana.submits(name="x")
    assert ana.titles == ["Second"]
    ana.submits(name="x")
    assert ana.titles == ["Second", "Third"]
    below, top = ana.modals
    assert (top["previous_view_id"], top["root_view_id"]) == (below["id"], below["id"])
    ana.submits(name="x")
    assert ana.titles == ["Second"]
    ana.submits(name="x")
    assert ana.titles == []


def test_a_submission_answered_with_a_broken_view_is_trouble(app: App, ana: Person) -> None:
    opens(app, modal("First"))
    answers(app, response_action="update", view=modal("x" * 25))
    ana.types("/crew create")

    assert ana.submits(name="x")["error"] == "We had some trouble connecting. Try again?"
    assert ana.titles == ["First"]


def test_a_trigger_opens_one_modal_only(app: App, client: WebClient, ana: Person) -> None:
    triggers = triggers_of(app)
    ana.types("/crew create")
    trigger = triggers.get(timeout=5)

    client.views_open(trigger_id=trigger, view=modal("Once"))
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        client.views_open(trigger_id=trigger, view=modal("Twice"))

    assert ana.titles == ["Once"]


def test_a_trigger_lives_three_seconds(app: App, client: WebClient, clock: Clock, ana: Person) -> None:
    triggers = triggers_of(app)
    for seconds in (2.9, 3.1):
        ana.types("/crew create")
        clock.moves_on(seconds)
        if seconds < 3:
            client.views_open(trigger_id=triggers.get(timeout=5), view=modal("In time"))
        else:
            with pytest.raises(SlackApiError, match="expired_trigger_id"):
                client.views_open(trigger_id=triggers.get(timeout=5), view=modal("Late"))
    assert ana.titles == ["In time"]


def test_a_refused_view_leaves_the_trigger_good(app: App, client: WebClient, ana: Person) -> None:
    triggers = triggers_of(app)
    ana.types("/crew create")
    trigger = triggers.get(timeout=5)

    with pytest.raises(SlackApiError, match="invalid_arguments") as refused:
        client.views_open(trigger_id=trigger, view=modal("x" * 25))
    client.views_open(trigger_id=trigger, view=modal("Fits"))

    assert refused.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


def test_an_unknown_trigger_opens_nothing(client: WebClient) -> None:
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        client.views_open(trigger_id="1.2.x", view=modal("Never"))


def test_the_stack_holds_three(app: App, client: WebClient, ana: Person) -> None:
    triggers = triggers_of(app)
    for title in ("One", "Two", "Three", "Four"):
        ana.types("/crew create")
        trigger = triggers.get(timeout=5)
        if title == "One":
            client.views_open(trigger_id=trigger, view=modal(title))
        elif title != "Four":
            client.views_push(trigger_id=trigger, view=modal(title))
        else:
            with pytest.raises(SlackApiError, match="push_limit_reached"):
                client.views_push(trigger_id=trigger, view=modal(title))

    assert ana.titles == ["One", "Two", "Three"]


def test_what_is_typed_survives_an_update_where_the_ids_stay(app: App, client: WebClient, ana: Person) -> None:
    first = modal("New", text_input("name"), text_input("why", dispatch_action=True, optional=True), buttons("more"))
    opens(app, first)

    @app.action("more")
    def more(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        second = modal("More", text_input("name", initial_value="other"), text_input("reason", initial_value="new"))
        client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=second)

    ana.types("/crew create")
    view = ana.modals[0]
    values = {"name": {"name": {"value": "Blog"}}, "why": {"why": {"value": "because"}}}
    ana.does("action", view_id=view["id"], block_id="buttons", action_id="more", values=values)

    ana.sees(lambda: ana.titles == ["More"])
    typed = ana.modals[0]["state"]["values"]
    assert {block: part[block]["value"] for block, part in typed.items()} == {"name": "Blog", "reason": "new"}


def test_an_update_over_a_newer_view_is_refused(app: App, client: WebClient, ana: Person) -> None:
    opens(app, modal("First"))
    ana.types("/crew create")
    old = ana.modals[0]
    client.views_update(view_id=old["id"], hash=old["hash"], view=modal("Second"))

    with pytest.raises(SlackApiError, match="hash_conflict"):
        client.views_update(view_id=old["id"], hash=old["hash"], view=modal("Third"))

    assert ana.titles == ["Second"]


def test_a_closed_view_cannot_be_updated(app: App, client: WebClient, ana: Person) -> None:
    opens(app, modal("First"))
    ana.types("/crew create")
    view_id = ana.modals[0]["id"]
    ana.closes()

    with pytest.raises(SlackApiError, match="not_found"):
        client.views_update(view_id=view_id, view=modal("Second"))


def test_external_ids_are_unique_and_find_their_view(app: App, client: WebClient, ana: Person, ben: Person) -> None:
    opens(app, modal("First", external_id="draft-7"))
    ana.types("/crew create")

    client.views_update(external_id="draft-7", view=modal("Second", external_id="draft-7"))
    assert ana.titles == ["Second"]
    with pytest.raises(SlackApiError, match="duplicate_external_id"):
        client.views_publish(user_id=ben.id, view={"type": "home", "blocks": [], "external_id": "draft-7"})


def test_the_app_hears_of_a_close_it_asked_to_hear_of(app: App, ana: Person) -> None:
    closed: queue.Queue[bool] = queue.Queue()
    opens(app, modal("First", notify_on_close=True))

    @app.view_closed("modal")
    def heard(ack: Ack, body: Json) -> None:
        ack()
        closed.put(body["is_cleared"])

    ana.types("/crew create")
    ana.closes()
    assert closed.get(timeout=5) is False
    ana.types("/crew create")
    ana.closes(all=True)
    assert closed.get(timeout=5) is True
    assert ana.modals == []


def test_a_late_answer_to_a_window_closed_meanwhile_does_no_harm(app: App, ana: Person) -> None:
    asked, go_on = threading.Event(), threading.Event()
    opens(app, modal("First"))

    @app.view("modal")
    def slow(ack: Ack) -> None:
        asked.set()
        assert go_on.wait(2)
        ack()

    ana.types("/crew create")
    answers_seen: queue.Queue[Json] = queue.Queue()
    submitting = threading.Thread(target=lambda: answers_seen.put(ana.submits(name="x")))
    submitting.start()
    assert asked.wait(5)
    ana.closes()
    go_on.set()

    assert answers_seen.get(timeout=5) == {"ok": True}
    submitting.join()
    assert ana.modals == []


def test_an_external_select_asks_the_app(app: App, ana: Person) -> None:
    element = {"type": "external_select", "action_id": "who", "min_query_length": 0}
    opens(app, modal("Who", {"type": "input", "block_id": "who", "label": plain("Who"), "element": element}))

    @app.options("who")
    def offer(ack: Ack, payload: Json) -> None:
        ack(options=[{"text": plain(payload["value"].upper()), "value": payload["value"]}])

    ana.types("/crew create")
    where = {"view_id": ana.modals[0]["id"], "block_id": "who", "action_id": "who"}
    offered = ana.does("options", **where, value="ana")
    assert offered["options"] == [{"text": plain("ANA"), "value": "ana"}]

    answers(app)
    assert ana.submits(who={"selected_option": offered["options"][0]}) == {"ok": True}


def test_more_suggestions_than_slack_takes_are_trouble(app: App, ana: Person) -> None:
    element = {"type": "external_select", "action_id": "who"}
    opens(app, modal("Who", {"type": "input", "block_id": "who", "label": plain("Who"), "element": element}))

    @app.options("who")
    def offer(ack: Ack) -> None:
        ack(options=[{"text": plain(str(n)), "value": str(n)} for n in range(101)])

    ana.types("/crew create")
    answer = ana.does("options", view_id=ana.modals[0]["id"], block_id="who", action_id="who", value="")
    assert answer["error"] == "There was a problem loading the options."


def test_an_input_without_dispatch_action_does_not_call_the_app(app: App, ana: Person) -> None:
    opens(app, modal("New crew"))
    ana.types("/crew create")

    answer = ana.presses("name", value="x")

    assert answer["error"] == "The app hears of this input only when the window is submitted."


def test_a_home_is_published_and_its_buttons_work(app: App, client: WebClient, ana: Person, ben: Person) -> None:
    pressed: queue.Queue[Json] = queue.Queue()
    home = {"type": "home", "blocks": [section("Your crews"), buttons("create")]}

    @app.event("app_home_opened")
    def show(event: Json, client: WebClient) -> None:
        if event["tab"] == "home":
            client.views_publish(user_id=event["user"], view=home)

    @app.action("create")
    def press(ack: Ack, body: Json) -> None:
        ack()
        pressed.put(body)

    ana.does("open_home", tab="home")
    view = ana.sees(lambda: ana.asks("home")["view"])
    ana.does("action", view_id=view["id"], block_id="buttons", action_id="create")

    body = pressed.get(timeout=5)
    assert body["container"] == {"type": "view", "view_id": view["id"]}
    assert body["actions"][0]["text"] == button("create")["text"]
    assert ben.asks("home")["view"] is None
