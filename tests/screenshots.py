"""``make screenshots``: does what docs/tutorial.md says, in the real page, and takes the pictures in docs/images.

The computer needs Chromium and a font with emoji, such as Noto Color Emoji.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

import httpx
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from pydantic import SecretStr

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.manifest import manifest
from bot.services import Actor
from bot.services.crews import Crews
from bot.settings import Settings
from store.crews import CrewDraft
from tests.local_slack.test_page import CHROMIUM, QUIET
from tests.support.scripted_model import ScriptedModel

IMAGES = Path(__file__).parent.parent / "docs" / "images"
# A picture is part of the repository for ever.
LARGEST = 200_000
TEAM, ANA, BEN, CHLOE = "T0NORTHWIND", "U0ANA000001", "U0BEN000002", "U0CHLOE0003"
RESEARCH = "C0RESEARCH2"

DESCRIPTION = "Gathers what is known about a topic, weighs it up, and writes a brief for people in a hurry."
AGENTS = (
    {
        "Name": "Researcher",
        "Role": "Senior market analyst",
        "Goals": "Find what is known and how sure it is\nName the gaps",
        "Backstory": "Ten years of trade press and patents. Says where a figure comes from, and when there is none.",
    },
    {
        "Name": "Writer",
        "Role": "Business writer",
        "Goals": "Say it so that it is read to the end",
        "Backstory": "Writes for people who have two minutes. Short sentences, no superlatives.",
    },
)


@dataclass(frozen=True)
class TaskToAdd:
    """A task as it is typed into the form, and what the scripted model makes of it."""

    name: str
    description: str
    expected: str
    agent: str
    answer: str
    uses: tuple[str, ...] = ()


TASKS = (
    TaskToAdd(
        "Gather the facts",
        "Collect what is known about the market for {topic}: who makes it, for whom, and what holds it back.",
        "Ten bullet points, each with how sure it is.",
        "Researcher",
        "- Three families of electrolyte compete: sulfide, oxide and polymer. (sure)\n"
        "- Cars are the large market; wearables and medical devices buy first. (sure)\n"
        "- Makers speak of pilot lines now and of volume towards the end of the decade. (their own plans)\n"
        "- The price of a cell is the open question: few figures, all of them forecasts. (unsure)",
    ),
    TaskToAdd(
        "Weigh them up",
        "Say which of these facts about {topic} should change what we do this year, and which should not.",
        "Three points for, three against, one sentence of advice.",
        "Researcher",
        "**For:** safer cells, denser packs, a growing supply of electrolyte.\n"
        "**Against:** price, life at low temperature, lines that cannot yet be bought.\n"
        "Advice: test samples this year, sign nothing for volume.",
        uses=("Gather the facts",),
    ),
    TaskToAdd(
        "Write the brief",
        "Write a brief of at most 200 words about {topic} for our product managers.",
        "A title, one paragraph, one table, and what to do next.",
        "Writer",
        "## Solid-state batteries: test now, buy later\n\n"
        "Cells with a **solid electrolyte** are safer and hold more energy in the same space. They exist as samples "
        "and in small devices; lines for car packs are being built. Nobody publishes a price per cell that was paid, "
        "so every cost figure in the press is a forecast.\n\n"
        "| Electrolyte | What speaks for it | What holds it back |\n"
        "|---|---|---|\n"
        "| Sulfide | conducts almost like a liquid | reacts with moist air |\n"
        "| Oxide | stable, hard to ignite | brittle, hot to make |\n"
        "| Polymer | made on today’s machines | needs warmth to work |\n\n"
        "**What to do next**\n\n"
        "1. Ask two makers for samples and test them at −10 °C.\n"
        "2. Leave room in the next pack for cells that are 10 % thicker.\n"
        "3. Sign nothing for volume before a paid price is known.",
        uses=("Gather the facts", "Weigh them up"),
    ),
)

OTHERS = (
    ("Support digest", "Reads the week’s tickets and says what hurts most.", CHLOE),
    ("Release notes", "Turns merged changes into notes that customers understand.", BEN),
    ("Newsletter", "Drafts the monthly letter from what each team sends in.", BEN),
)


class Script:
    """What the model says; it waits before each task's answer until the picture of it is taken."""

    def __init__(self, model: ScriptedModel) -> None:
        self.gates = {task.name: Event() for task in TASKS}
        for task in TASKS:
            # The first words of a description are in no other task's prompt.
            words = task.description.partition("{topic}")[0].strip()
            model.when(words).says(task.answer, after=self.gates[task.name])

    def go_on(self, *names: str) -> None:
        """Let these tasks be answered."""
        for name in names:
            self.gates[name].set()


@contextmanager
def northwind() -> Iterator[LocalSlack]:
    """The local workspace with the bot in it."""
    with tempfile.TemporaryDirectory(prefix="crewcall-") as folder, LocalSlack(manifest()) as workspace:
        settings = Settings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            slack_api_url=workspace.api_url,
            data_dir=Path(folder),
        )
        bot = Crewcall(settings, default_model="openai/scripted")
        bot.start()
        try:
            people_the_place(bot, workspace)
            yield workspace
        finally:
            bot.close()


def people_the_place(bot: Crewcall, workspace: LocalSlack) -> None:
    """A few crews of other people, and a word of Ben's."""
    crews = Crews(bot.store, bot.rights)
    for name, description, owner in OTHERS:
        crews.create(CrewDraft(name=name, description=description), by=Actor(team=TEAM, user=owner))
    said = "Do we know enough about solid-state batteries for Thursday?"
    httpx.post(f"{workspace.url}/local/message", json={"user": BEN, "channel": RESEARCH, "text": said})


@contextmanager
def window(
    browser: Browser,
    workspace: LocalSlack,
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1040,
    height: int = 880,
) -> Iterator[Page]:
    """Ana's window, at #research."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=1.25,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Lisbon",
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(f"{workspace.url}/#/{RESEARCH}")
    expect(page.get_by_label("Message #research")).to_be_visible()
    yield page
    context.close()


def take(page: Page, name: str) -> None:
    """Write docs/images/NAME.png."""
    path = IMAGES / f"{name}.png"
    # Nothing shall look as if it were pointed at.
    page.mouse.move(0, 0)
    page.screenshot(path=path, animations="disabled", caret="hide")
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}  {size // 1000} kB\n")
    assert size < LARGEST, f"{path} has {size} bytes"


def says(page: Page, words: str) -> None:
    """Type into #research and send."""
    composer = page.get_by_label("Message #research")
    composer.fill(words)
    composer.press("Enter")


def dialog(page: Page, title: str) -> Locator:
    return page.get_by_role("dialog", name=title, exact=True)


def chooses(page: Page, form: Locator, label: str, *options: str) -> None:
    """Pick from a menu by the words in it."""
    field = form.get_by_role("combobox", name=label)
    field.click()
    for option in options:
        page.get_by_role("option", name=option, exact=True).click()
    if field.get_attribute("aria-expanded") == "true":
        field.press("Escape")


def create_crew(page: Page) -> None:
    says(page, "/crew create Market research")
    form = dialog(page, "New crew")
    form.get_by_label("Description").fill(DESCRIPTION)
    form.get_by_label("Name").focus()
    take(page, "create")
    form.get_by_role("button", name="Create").click()


def add_agents(page: Page) -> None:
    for agent in AGENTS:
        dialog(page, "Crew").get_by_role("button", name="Add agent", exact=True).click()
        form = dialog(page, "New agent")
        for label, words in agent.items():
            form.get_by_label(label).fill(words)
        if agent is AGENTS[0]:
            form.get_by_label("Name").focus()
            take(page, "agent")
        form.get_by_role("button", name="Add", exact=True).click()
        expect(dialog(page, "Crew").get_by_text(f"{agent['Name']} is added.")).to_be_visible()


def add_tasks(page: Page) -> None:
    for task in TASKS:
        dialog(page, "Crew").get_by_role("button", name="Add task", exact=True).click()
        form = dialog(page, "New task")
        form.get_by_label("Name").fill(task.name)
        form.get_by_label("What to do").fill(task.description)
        form.get_by_label("Expected result").fill(task.expected)
        chooses(page, form, "Agent", task.agent)
        if task.uses:
            chooses(page, form, "Uses the results of", *task.uses)
        if task is TASKS[-1]:
            take(page, "task")
        form.get_by_role("button", name="Add", exact=True).click()
        expect(dialog(page, "Crew").get_by_text(f"{task.name} is added.")).to_be_visible()


def thread(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Thread")


def card(page: Page, task: TaskToAdd) -> Locator:
    return thread(page).get_by_role("listitem").filter(has_text=task.name).first


def run_crew(page: Page, script: Script) -> None:
    says(page, "/crew run Market research")
    form = dialog(page, "Run")
    form.get_by_label("topic").fill("solid-state batteries")
    take(page, "inputs")
    form.get_by_role("button", name="Run").click()
    parent = page.get_by_role("article").filter(has_text="Started by").first
    parent.get_by_role("button", name=re.compile(r"\d repl")).click()
    expect(card(page, TASKS[0])).to_contain_text("In progress", timeout=60_000)
    script.go_on("Gather the facts")
    expect(card(page, TASKS[1])).to_contain_text("In progress")


def run_is_over(page: Page) -> None:
    """Wait for the last edit too: the run's first message says that it is done."""
    expect(thread(page).get_by_role("article").first).to_contain_text("Done after")
    expect(thread(page).get_by_role("button", name="Run again")).to_be_visible()


def build_a_crew(page: Page) -> None:
    create_crew(page)
    add_agents(page)
    add_tasks(page)
    take(page, "crew-page")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def look_around(browser: Browser, workspace: LocalSlack, page: Page) -> None:
    """After the run: its result, the channel beside the thread, App Home, and all that on a phone."""
    place = page.url
    run_is_over(page)
    thread(page).get_by_role("button", name="Run again").scroll_into_view_if_needed()
    take(page, "result")
    page.set_viewport_size({"width": 1280, "height": 800})
    thread(page).get_by_role("article").first.scroll_into_view_if_needed()
    take(page, "channel")
    page.set_viewport_size({"width": 1040, "height": 700})
    page.goto(f"{workspace.url}/#/home")
    expect(page.get_by_role("heading", name="Last runs")).to_be_visible()
    take(page, "home")
    with window(browser, workspace, width=390, height=800) as phone:
        phone.goto(place)
        run_is_over(phone)
        thread(phone).get_by_role("article").first.scroll_into_view_if_needed()
        take(phone, "phone")


def main() -> None:
    """Take all pictures; fails when a step of the tutorial does not work as it says."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=30_000)
    with ExitStack() as stack:
        model = stack.enter_context(ScriptedModel(latency=3.0))
        os.environ.update(model.env())
        script = Script(model)
        workspace = stack.enter_context(northwind())
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        stack.callback(browser.close)
        page = stack.enter_context(window(browser, workspace))
        build_a_crew(page)
        run_crew(page, script)
        take(page, "run")
        with window(browser, workspace, scheme="dark") as dark:
            dark.goto(page.url)
            expect(card(dark, TASKS[1])).to_contain_text("In progress")
            take(dark, "run-dark")
        script.go_on("Weigh them up", "Write the brief")
        look_around(browser, workspace, page)


if __name__ == "__main__":
    main()
