"""The main story in a browser: Ana makes a crew with two agents and two tasks, runs it and reads the result."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from bot.local_slack import LocalSlack
from tests.support.scripted_model import ScriptedModel

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("crewcall")]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = "--no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update"


@pytest.fixture
def page(workspace: LocalSlack) -> Iterator[Page]:
    """Ana's window, at #general; the page may raise nothing."""
    if CHROMIUM is None:
        said = "There is no Chromium here; install it to test the bot in a browser."
        pytest.fail(said) if os.environ.get("CI") == "true" else pytest.skip(said)
    trouble: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        page = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(f"{workspace.url}/#/C0GENERAL01")
        yield page
        browser.close()
    assert trouble == []


def test_ana_makes_a_crew_runs_it_and_reads_the_result(page: Page, llm: ScriptedModel, gate: threading.Event) -> None:
    llm.when("Find out about solid-state batteries").says("Energy density doubles.", after=gate)
    llm.when("Write about solid-state batteries", "Energy density doubles.").says(
        "## Batteries\n\n**Twice** the range."
    )

    says(page, "/crew create")
    fill_in(page, "New crew", Name="Market research", Description="Finds out what is new.")
    window(page, "New crew").get_by_role("button", name="Create").click()
    expect(window(page, "Crew")).to_contain_text("Market research is created.")

    add_agent(page, Name="Researcher", Role="Analyst", Goals="Find facts", Backstory="Reads a lot.")
    add_agent(page, Name="Writer", Role="Editor", Goals="Be short", Backstory="Worked for a newspaper.")
    add_task(page, "Research", "Find out about {topic}", "Five facts", "Researcher")
    add_task(page, "Write", "Write about {topic}", "A post", "Writer", uses="Research")
    expect(window(page, "Crew")).to_contain_text("Write · Writer · uses Research")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    says(page, '/crew run "Market research"')
    fill_in(page, "Run", topic="solid-state batteries")
    window(page, "Run").get_by_role("button", name="Run").click()
    parent = page.get_by_role("article").filter(has_text="Started by").first
    parent.get_by_role("button", name=re.compile("repl")).click()
    expect(card(page, "Research")).to_contain_text("In progress")
    expect(card(page, "Write")).to_contain_text("Pending")
    gate.set()

    expect(thread(page).get_by_role("heading", name="Batteries")).to_be_visible()
    expect(thread(page).get_by_text("Twice the range.")).to_be_visible()
    expect(thread(page).get_by_role("button", name="Run again")).to_be_visible()
    expect(card(page, "Research")).to_contain_text("Complete")
    expect(card(page, "Write")).to_contain_text("Complete")
    expect(parent).to_contain_text("Done after")


def test_ana_shares_a_crew_with_a_colleague_and_a_channel(page: Page) -> None:
    says(page, "/crew create")
    fill_in(page, "New crew", Name="Market research")
    window(page, "New crew").get_by_role("button", name="Create").click()
    expect(window(page, "Crew")).to_contain_text("Not shared with anybody yet")

    window(page, "Crew").get_by_role("button", name="Share").click()
    window(page, "Share crew").get_by_label("May run it", exact=True).check()
    choose(page, "Share crew", "People who may edit it", "Ben Okafor")
    choose(page, "Share crew", "Channels whose members may edit it", "#research")
    window(page, "Share crew").get_by_role("button", name="Share", exact=True).click()

    expect(window(page, "Crew")).to_contain_text("everybody (may run)")
    expect(window(page, "Crew")).to_contain_text("@Ben Okafor (may edit)")
    expect(window(page, "Crew")).to_contain_text("#research (may edit)")


def says(page: Page, words: str) -> None:
    composer = page.get_by_label("Message #general")
    composer.fill(words)
    composer.press("Enter")


def window(page: Page, title: str) -> Locator:
    return page.get_by_role("dialog", name=title, exact=True)


def thread(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Thread")


def card(page: Page, task: str) -> Locator:
    return thread(page).get_by_role("listitem").filter(has_text=task).first


def fill_in(page: Page, title: str, **answers: str) -> None:
    for label, words in answers.items():
        window(page, title).get_by_label(label).fill(words)


def choose(page: Page, title: str, label: str, option: str) -> None:
    menu = window(page, title).get_by_role("combobox", name=label)
    menu.click()
    # The page’s own menus have options too, which are not shown.
    page.get_by_role("option", name=option, exact=True).filter(visible=True).click()
    if menu.get_attribute("aria-expanded") == "true":
        menu.press("Escape")


def add_agent(page: Page, **answers: str) -> None:
    window(page, "Crew").get_by_role("button", name="Add agent", exact=True).click()
    fill_in(page, "New agent", **answers)
    window(page, "New agent").get_by_role("button", name="Add", exact=True).click()
    expect(window(page, "Crew")).to_contain_text(f"{answers['Name']} is added.")


def add_task(page: Page, name: str, what: str, result: str, agent: str, uses: str = "") -> None:
    window(page, "Crew").get_by_role("button", name="Add task", exact=True).click()
    fill_in(page, "New task", **{"Name": name, "What to do": what, "Expected result": result})
    choose(page, "New task", "Agent", agent)
    if uses:
        choose(page, "New task", "Uses the results of", uses)
    window(page, "New task").get_by_role("button", name="Add", exact=True).click()
    expect(window(page, "Crew")).to_contain_text(f"{name} is added.")
