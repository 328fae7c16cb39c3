"""The local workspace's page, driven in headless Chromium against the real server and a small Bolt app."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect, sync_playwright
from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.local_slack import LocalSlack

pytestmark = pytest.mark.browser

GENERAL, RESEARCH = "C0GENERAL01", "C0RESEARCH2"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = "--no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update"
SCOPES = "commands chat:write files:write files:read im:write im:history app_mentions:read users:read channels:read"
MANIFEST: dict[str, Any] = {
    "features": {
        "bot_user": {"display_name": "Crew"},
        "slash_commands": [{"command": "/crew", "description": "Create and run crews", "usage_hint": "create"}],
        "shortcuts": [{"name": "Run on this", "type": "message", "callback_id": "run.on", "description": "Run it"}],
    },
    "oauth_config": {"scopes": {"bot": [*SCOPES.split(), "groups:read"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_home_opened"]}},
}

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def marked(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(text: str) -> Json:
    return {"text": plain(text), "value": text.lower()}


def asked(label: str, element: Json, *, optional: bool = False) -> Json:
    block_id = label.lower()
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "optional": optional,
        "element": {"action_id": block_id, **element},
    }


def new_crew(*more: Json) -> Json:
    process = {"type": "static_select", "options": [option("Sequential"), option("Hierarchical")]}
    tools = {"type": "multi_external_select", "min_query_length": 1}
    return {
        "type": "modal",
        "callback_id": "crew.create",
        "title": plain("New crew"),
        "submit": plain("Create"),
        "blocks": [
            asked("Name", {"type": "plain_text_input", "max_length": 20}),
            asked("Process", process),
            asked("Tools", tools, optional=True),
            {
                "type": "actions",
                "block_id": "more",
                "elements": [{"type": "button", "action_id": "agent.add", "text": plain("Add agent")}],
            },
            *more,
        ],
    }


def task(title: str, status: str) -> Json:
    return {"type": "task_card", "task_id": title, "title": title, "status": status}


def plan(*tasks: Json) -> list[Json]:
    return [{"type": "plan", "title": "Market research", "tasks": list(tasks)}]


def small_app(local: LocalSlack) -> App:
    """An app that opens a modal, pushes a new version of it, refuses a name and answers on itself."""
    app = App(client=WebClient(token=local.bot_token, base_url=local.api_url))

    @app.command("/crew")
    def ask(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=new_crew())

    @app.action("agent.add")
    def add_agent(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        added = {"type": "section", "block_id": "agents", "text": marked("*Writer* was added")}
        client.views_update(view_id=body["view"]["id"], view=new_crew(added))

    @app.options("tools")
    def find_tools(ack: Ack, payload: Json) -> None:
        ack(options=[option(f"{payload['value'].capitalize()} search")])

    @app.view("crew.create")
    def create(ack: Ack, body: Json, client: WebClient) -> None:
        values = body["view"]["state"]["values"]
        name = values["name"]["name"]["value"]
        if name == "Taken":
            ack(response_action="errors", errors={"name": "There is already a crew called “Taken”."})
            return
        ack()
        chosen = [tool["text"]["text"] for tool in values["tools"]["tools"]["selected_options"]]
        text = f"{name}: {values['process']['process']['selected_option']['value']}, {', '.join(chosen)}"
        client.chat_postEphemeral(channel=GENERAL, user=body["user"]["id"], text=text)

    @app.shortcut("run.on")
    def run_on(ack: Ack, body: Json, client: WebClient) -> None:
        ack()
        client.chat_postMessage(channel=GENERAL, thread_ts=body["message"]["ts"], text="Running on this message")

    @app.event("app_home_opened")
    def show_home(event: Json, client: WebClient) -> None:
        home = {"type": "home", "blocks": [{"type": "header", "text": plain("Your crews")}]}
        client.views_publish(user_id=event["user"], view=home)

    return app


@pytest.fixture(scope="module")
def local() -> Iterator[LocalSlack]:
    with LocalSlack(MANIFEST, rate_limits=False) as workspace:
        handler = SocketModeHandler(small_app(workspace), app_token=workspace.app_token)
        handler.connect()  # type: ignore[no-untyped-call]  # slack_bolt leaves it so
        workspace.wait_until_connected()
        yield workspace
        handler.close()  # type: ignore[no-untyped-call]  # as above


@pytest.fixture(scope="module")
def crew(local: LocalSlack) -> WebClient:
    """The app's own client, for what it does unasked."""
    return WebClient(token=local.bot_token, base_url=local.api_url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        said = "There is no Chromium here; install it to test the page."
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield chromium
        chromium.close()


@pytest.fixture
def ana(browser: Browser, local: LocalSlack) -> Iterator[Page]:
    """Ana's window at #general. Whatever the test does, the page raises nothing and asks no other server."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
    context.set_default_timeout(8000)
    page = context.new_page()
    trouble: list[str] = []
    hosts: set[str] = set()
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    page.goto(f"{local.url}/#/{GENERAL}")
    expect(page.get_by_label("Message #general")).to_be_visible()
    yield page
    context.close()
    assert trouble == []
    assert hosts <= {"127.0.0.1"}


def composer(page: Page) -> Locator:
    return page.get_by_label("Message #general")


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="New crew")


def channel(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages in #general")


def thread(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Thread")


def opens_the_modal(page: Page) -> None:
    composer(page).fill("/crew create")
    composer(page).press("Enter")
    expect(dialog(page).get_by_label("Name")).to_be_focused()


def test_ana_creates_a_crew_with_the_keyboard_alone(ana: Page) -> None:
    composer(ana).press_sequentially("/cr")
    expect(ana.get_by_role("option", name="/crew create Create and run crews")).to_be_visible()
    ana.keyboard.press("Tab")
    expect(composer(ana)).to_have_value("/crew ")
    ana.keyboard.press("Enter")

    expect(dialog(ana).get_by_label("Name")).to_be_focused()
    ana.keyboard.type("Blog")
    ana.keyboard.press("Tab")
    ana.keyboard.type("hier")
    expect(dialog(ana).get_by_role("option")).to_have_text(["Hierarchical"])
    ana.keyboard.press("Enter")
    ana.keyboard.press("Tab")
    ana.keyboard.type("web")
    expect(dialog(ana).get_by_role("option")).to_have_text(["Web search"])
    ana.keyboard.press("Enter")
    expect(dialog(ana).get_by_role("button", name="Remove Web search")).to_be_visible()
    ana.keyboard.press("Escape")
    expect(dialog(ana)).to_be_visible()
    dialog(ana).get_by_role("button", name="Create").press("Enter")

    answer = ana.get_by_role("article").filter(has_text="Only visible to you")
    expect(answer).to_contain_text("Blog: hierarchical, Web search")
    expect(dialog(ana)).to_have_count(0)
    answer.get_by_role("button", name="Dismiss").click()
    expect(answer).to_have_count(0)


def test_what_is_missing_or_refused_is_said_under_its_field(ana: Page) -> None:
    opens_the_modal(ana)
    name = dialog(ana).get_by_label("Name")
    dialog(ana).get_by_role("button", name="Create").click()
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_accessible_description(re.compile("required"))

    name.fill("Taken")
    expect(name).not_to_have_attribute("aria-invalid", "true")
    dialog(ana).get_by_label("Process").click()
    ana.get_by_role("option", name="Sequential").click()
    dialog(ana).get_by_role("button", name="Create").click()
    expect(name).to_have_accessible_description("There is already a crew called “Taken”.")
    ana.keyboard.press("Escape")
    expect(dialog(ana)).to_have_count(0)
    expect(composer(ana)).to_be_focused()


def test_what_ana_typed_survives_an_update_of_the_modal(ana: Page) -> None:
    opens_the_modal(ana)
    dialog(ana).get_by_label("Name").fill("Newsletter of May")
    expect(dialog(ana).get_by_text("3 left")).to_be_visible()
    dialog(ana).get_by_label("Process").click()
    ana.get_by_role("option", name="Hierarchical").click()
    dialog(ana).get_by_role("button", name="Add agent").click()

    expect(dialog(ana).get_by_text("Writer was added")).to_be_visible()
    expect(dialog(ana).get_by_label("Name")).to_have_value("Newsletter of May")
    expect(dialog(ana).get_by_label("Process")).to_have_value("Hierarchical")
    ana.reload()
    expect(dialog(ana).get_by_label("Name")).to_have_value("Newsletter of May")
    dialog(ana).get_by_role("button", name="Cancel").click()
    expect(dialog(ana)).to_have_count(0)


def test_a_plan_moves_on_in_its_thread_while_ana_writes(ana: Page, crew: WebClient) -> None:
    run = crew.chat_postMessage(channel=GENERAL, text="*Market research* started")
    blocks = plan(task("Find sources", "in_progress"), task("Summarise", "pending"))
    status = crew.chat_postMessage(channel=GENERAL, thread_ts=run["ts"], text="Running", blocks=blocks)
    parent = channel(ana).get_by_role("article").filter(has_text="Market research started")
    parent.get_by_role("button", name="1 reply").click()
    expect(thread(ana).get_by_role("listitem").filter(has_text="Find sources")).to_contain_text("In progress")

    reply = thread(ana).get_by_label("Reply in thread")
    expect(reply).to_be_focused()
    ana.keyboard.type("How is it")
    crew.chat_update(
        channel=GENERAL,
        ts=status["ts"],
        text="Running",
        blocks=plan(task("Find sources", "complete"), task("Summarise", "error")),
    )
    expect(thread(ana).get_by_role("listitem").filter(has_text="Find sources")).to_contain_text("Complete")
    expect(thread(ana).get_by_role("listitem").filter(has_text="Summarise")).to_contain_text("Error")
    expect(thread(ana).get_by_text("1 of 2 complete, 1 failed")).to_be_visible()
    ana.keyboard.type(" going?")
    ana.keyboard.press("Enter")
    expect(thread(ana).get_by_role("article", name="Ana Ferreira")).to_contain_text("How is it going?")
    expect(parent.get_by_role("button", name="2 replies")).to_be_visible()
    ana.reload()
    expect(thread(ana).get_by_role("article", name="Ana Ferreira")).to_contain_text("How is it going?")


def test_a_reply_that_arrives_while_its_thread_is_loading_is_not_lost(ana: Page, crew: WebClient) -> None:
    parent = crew.chat_postMessage(channel=GENERAL, text="A slow thread")["ts"]
    crew.chat_postMessage(channel=GENERAL, thread_ts=parent, text="Already there")
    seen = channel(ana).get_by_role("article").filter(has_text="A slow thread")

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        crew.chat_postMessage(channel=GENERAL, thread_ts=parent, text="Came meanwhile")
        # The page has heard of the reply once it counts it; only then does it get the older answer.
        expect(seen.get_by_role("button", name="2 replies")).to_be_visible()
        route.fulfill(response=answer)

    ana.route("**/local/messages?*thread_ts=*", answer_late, times=1)
    seen.get_by_role("button", name="1 reply").click()

    expect(thread(ana)).to_contain_text("Already there")
    expect(thread(ana)).to_contain_text("Came meanwhile")


def test_a_status_that_the_page_does_not_show_disturbs_no_thread(ana: Page, crew: WebClient) -> None:
    run = crew.chat_postMessage(channel=GENERAL, text="A run with a status")
    crew.chat_postMessage(channel=GENERAL, thread_ts=run["ts"], text="Begun")
    parent = channel(ana).get_by_role("article").filter(has_text="A run with a status")
    parent.get_by_role("button", name="1 reply").click()
    expect(thread(ana).get_by_text("Begun")).to_be_visible()

    crew.assistant_threads_setStatus(channel_id=GENERAL, thread_ts=run["ts"], status="is thinking…")
    crew.chat_postMessage(channel=GENERAL, thread_ts=run["ts"], text="Ended")

    expect(thread(ana).get_by_text("Ended")).to_be_visible()


def test_a_picture_whose_address_is_none_spoils_no_message(ana: Page, crew: WebClient) -> None:
    picture = {"type": "image", "image_url": "http://[", "alt_text": "Sales in May"}
    crew.chat_postMessage(channel=GENERAL, text="Sales", blocks=[picture])

    expect(channel(ana).get_by_text("Sales in May")).to_be_visible()


def test_a_thread_fills_a_phone_and_leads_back(ana: Page, crew: WebClient) -> None:
    run = crew.chat_postMessage(channel=GENERAL, text="On the road")
    crew.chat_postMessage(channel=GENERAL, thread_ts=run["ts"], text="Still running")
    ana.set_viewport_size({"width": 360, "height": 740})
    on_the_road = channel(ana).get_by_role("article").filter(has_text="On the road")
    on_the_road.get_by_role("button", name="1 reply").click()
    expect(thread(ana).get_by_text("Still running")).to_be_visible()
    expect(composer(ana)).to_be_hidden()
    assert ana.evaluate("document.documentElement.scrollWidth") <= 360
    thread(ana).get_by_role("button", name="Back to the channel").click()
    expect(composer(ana)).to_be_visible()
    ana.get_by_role("button", name="Show channels").click()
    ana.get_by_role("navigation", name="Channels").get_by_role("link", name="research").click()
    expect(ana.get_by_label("Message #research")).to_be_visible()


def test_new_messages_do_not_pull_the_reader_away(ana: Page, crew: WebClient) -> None:
    for number in range(40):
        crew.chat_postMessage(channel=GENERAL, text=f"Line {number}")
    expect(channel(ana).get_by_text("Line 39", exact=True)).to_be_in_viewport()
    first = channel(ana).get_by_text("Line 0", exact=True)
    first.scroll_into_view_if_needed()
    expect(first).to_be_in_viewport()
    crew.chat_postMessage(channel=GENERAL, text="News from below")
    pill = ana.get_by_role("button", name="1 new message")
    expect(pill).to_be_visible()
    expect(first).to_be_in_viewport()
    pill.click()
    expect(channel(ana).get_by_text("News from below")).to_be_in_viewport()


def test_hostile_text_is_shown_as_text(ana: Page, crew: WebClient) -> None:
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    markdown = f"{evil} **bold** [click](javascript:document.title='owned') ![p](https://example.com/p.png) <!channel>"
    crew.chat_postMessage(channel=GENERAL, text="Careful", blocks=[{"type": "markdown", "text": markdown}])
    crew.chat_postMessage(channel=GENERAL, text=f"{evil} & co")
    drawn = channel(ana).get_by_role("article").filter(has=ana.get_by_text("bold", exact=True))
    expect(drawn).to_contain_text("<script>document.title='owned'</script><img src=x")
    expect(drawn.get_by_text("click")).to_be_visible()
    expect(drawn.get_by_role("link", name="click")).to_have_count(0)
    expect(drawn.get_by_text("@channel")).to_have_class("ring")
    expect(ana.get_by_text("& co")).to_be_visible()
    assert "owned" not in ana.title()


def test_a_failed_command_is_said_and_what_was_typed_comes_back(ana: Page) -> None:
    composer(ana).fill("/nonsense please")
    composer(ana).press("Enter")
    expect(ana.get_by_role("alert")).to_contain_text("/nonsense is not a command here")
    expect(composer(ana)).to_have_value("/nonsense please")


def test_ana_runs_a_shortcut_on_a_message(ana: Page) -> None:
    composer(ana).fill("Our notes on @Crew")
    composer(ana).press("Enter")
    message = channel(ana).get_by_role("article").filter(has_text="Our notes on")
    expect(message.get_by_text("@Crew")).to_have_class("mention")
    more = message.get_by_role("button", name="More actions")
    more.press("Enter")
    expect(ana.get_by_role("menuitem", name="Run on this")).to_be_focused()
    ana.keyboard.press("Enter")
    expect(message.get_by_role("button", name="1 reply")).to_be_visible()


def test_ana_attaches_a_file_and_reads_it(ana: Page, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text("# Findings\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "utf-8")
    ana.get_by_label("Files to attach").set_input_files(report)
    expect(ana.get_by_role("list", name="Attached files")).to_contain_text("report.md")
    composer(ana).press("Enter")
    shown = channel(ana).get_by_role("group", name="report.md")
    expect(shown.get_by_role("heading", name="Findings")).to_be_visible()
    expect(shown.get_by_role("cell", name="2")).to_be_visible()
    with ana.expect_download() as download:
        shown.get_by_role("link", name="Download report.md").click()
    assert download.value.suggested_filename == "report.md"
    assert download.value.path().read_bytes() == report.read_bytes()


def test_the_apps_home_is_drawn_when_it_is_published(ana: Page) -> None:
    ana.get_by_role("navigation", name="Channels").get_by_role("link", name="Crew home").click()
    expect(ana.get_by_role("heading", name="Your crews")).to_be_visible()
    ana.get_by_role("tab", name="Messages").click()
    expect(ana.get_by_label("Message Crew")).to_be_visible()


def test_ben_does_not_see_what_only_ana_sees(ana: Page, crew: WebClient) -> None:
    ana_id = ana.get_by_label("You are").input_value()
    crew.chat_postEphemeral(channel=GENERAL, user=ana_id, text="For Ana's eyes")
    expect(ana.get_by_text("For Ana's eyes")).to_be_visible()
    ana.get_by_label("You are").select_option(label="Ben Okafor")
    expect(ana).to_have_url(re.compile(r"user=U0BEN.*#/C0GENERAL01"))
    expect(ana.get_by_label("You are")).to_have_value(re.compile("U0BEN"))
    expect(channel(ana)).to_have_attribute("aria-busy", "false")
    expect(ana.get_by_text("For Ana's eyes")).to_have_count(0)


def test_the_page_comes_back_after_the_server_does(browser: Browser, tmp_path: Path) -> None:
    before = LocalSlack(MANIFEST, data_dir=tmp_path).start()
    page = browser.new_page()
    page.goto(before.url)
    expect(page.get_by_text("Crew is not connected")).to_be_visible()
    composer(page).fill("Said before")
    composer(page).press("Enter")
    expect(channel(page).get_by_text("Said before")).to_be_visible()
    composer(page).fill("Half a sentence")
    before.stop()
    expect(page.get_by_text("The workspace does not answer")).to_be_visible()

    with LocalSlack(MANIFEST, port=urlsplit(before.url).port or 0, data_dir=tmp_path) as after:
        crew = WebClient(token=after.bot_token, base_url=after.api_url)
        crew.chat_postMessage(channel=GENERAL, text="Said meanwhile")
        expect(channel(page).get_by_text("Said meanwhile")).to_be_visible(timeout=15000)
        expect(page.get_by_text("The workspace does not answer")).to_be_hidden()
        expect(channel(page).get_by_text("Said before")).to_be_visible()
        expect(composer(page)).to_have_value("Half a sentence")
        crew.chat_postMessage(channel=GENERAL, text="Said after")
        expect(channel(page).get_by_text("Said after")).to_be_visible()
        page.close()
