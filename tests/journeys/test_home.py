"""App Home: what a newcomer, a member and an administrator find there, and do from there without a command."""

from __future__ import annotations

import re
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from bot.local_slack import LocalSlack
from bot.services import Actor
from bot.services.home import Home, HomeSheet
from bot.services.sharing import Access
from bot.services.tasks import Tasks
from bot.slack.permalinks import Permalinks
from handlers import live_home
from handlers.crew_list import Look
from handlers.live_home import LiveHome
from store import tasks
from store.crews import CrewInstance, Filter
from store.more_settings import ReviewSettings
from store.schedules import ScheduleState
from tests.journeys.conftest import CrewMaker
from tests.support.past import Past
from tests.support.people import Person
from tests.support.reading import elements
from tests.support.scripted_model import ScriptedModel

if TYPE_CHECKING:
    from bot.app import Crewcall

pytestmark = pytest.mark.usefixtures("crewcall")

TEAM, BEN = "T0NORTHWIND", "U0BEN000002"
FOR_ADMINISTRATORS = ("For administrators", "Audit log", "Pause all schedules")
# What help names, and the way to it from App Home; the rest stands on the page of a crew or beside a run.
REACHED = {
    "create": "New crew",
    "describe": "Describe it",
    "templates": "Start from a template",
    "import": "Import",
    "edit": "Open",
    "list": "All crews",
    "run": "Run",
    "stop": "Stop",
    "retry": "Retry",
    "runs": "Runs",
    "logs": "Open",
    "schedule": "New schedule",
    "schedules": "Schedules",
    "limits": "Limits",
    "models": "Models",
    "tools": "Tools",
    "export": "Export",
    "audit": "Audit log",
    "help": "Help",
}
ON_THE_CREW_PAGE = {"delete": "Delete", "history": "History"}


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """An App Home is looked after ten times as often as otherwise."""
    for name, seconds in {"_LOOK": 0.5, "_SOON": 0.1, "_REST": 0.3}.items():
        monkeypatch.setattr(live_home, name, seconds)


def rows(person: Person) -> list[dict[str, Any]]:
    """The blocks of her App Home."""
    return list(person.asks("home")["view"]["blocks"])


def buttons(person: Person) -> set[str]:
    return {each["text"]["text"] for block in rows(person) for each in elements(block) if each["type"] == "button"}


# --- Beginning -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("button", "leads_to"),
    [
        ("New crew", "Create"),
        ("Describe it", "What is it for?"),
        ("Start from a template", "Crews and flows that teams really use."),
        ("Import", "Nothing in it is run."),
    ],
)
def test_a_newcomer_finds_four_ways_to_begin(ben: Person, button: str, leads_to: str) -> None:
    ben.opens_home()
    seen = ben.sees("First steps", "There are no crews for you yet.", "There are four ways to begin:", "Help")
    for absent in ("Waiting for you", "Running now", "Last runs", *FOR_ADMINISTRATORS):
        assert absent not in seen

    ben.presses(button)

    ben.sees(leads_to)


def test_who_has_only_what_others_share_is_shown_how_to_make_their_own(ben: Person, a_crew: CrewInstance) -> None:
    ben.opens_home()
    ben.sees("First steps", "You have no crew of your own yet.", "👥 Market research · crew, of @Ana Ferreira")

    ben.presses("New crew")
    ben.fills("Name", "Trend research")
    ben.submits()
    ben.closes()
    ben.opens_home()

    ben.sees("👥 Trend research · crew, yours", "👥 Market research · crew, of @Ana Ferreira")
    assert "First steps" not in ben.seen


# --- Crews and flows -----------------------------------------------------------------------------------------------


def test_nothing_of_others_is_seen_that_is_not_shared(ben: Person, crew_of: CrewMaker, past: Past) -> None:
    secret = crew_of("Secret", everybody=Access.NOTHING)
    past.failed(secret, by="U0ANA000001")
    past.began(secret, by="U0ANA000001")
    past.asked(secret, by="U0ANA000001")
    past.paused(secret, by="U0ANA000001")
    past.paused(secret, by="U0CHLOE0003", state=ScheduleState.OWNER_LEFT)

    ben.opens_home()

    assert "Secret" not in ben.sees("First steps", "Help")


def test_a_crew_is_run_from_home(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    llm.when("Research tides.").says("They come and go.")
    crew_of()
    crew_of.flow("Weekly report")
    ana.opens_home()
    ana.sees("👥 Market research · crew, yours", "🔀 Weekly report · flow, yours")
    ana.presses("Run", beside="Run Market research")
    ana.fills("topic", "tides")
    ana.submits()
    ana.sees("Follow it in its thread in our direct message.")
    ana.closes()

    ana.goes_to("Crew")
    ana.reads_thread(of="Market research", until="They come and go.")


def test_pages_are_turned_and_keep_what_was_chosen(ana: Person, crew_of: CrewMaker) -> None:
    for number in range(1, 11):
        crew_of.empty(f"Crew {number:02}")
    crew_of.flow("Weekly report")
    ana.opens_home()
    ana.sees("Weekly report", "Crew 10", "1 to 8 of 11", without="Crew 01")

    ana.presses("Crews")
    ana.sees_no_more("Weekly report")
    ana.presses("More")
    ana.sees("Crew 02", "Crew 01", "9 to 10 of 10", without="Crew 03")
    ana.opens_home()
    ana.sees("9 to 10 of 10")
    ana.presses("Back")
    ana.sees("1 to 8 of 10", "Crew 03")
    ana.presses("Flows")
    ana.sees("Weekly report")
    assert "Crew 10" not in ana.seen


def test_a_page_that_is_no_more_gives_way_to_the_last(ana: Person, crew_of: CrewMaker) -> None:
    for number in range(1, 10):
        crew_of.empty(f"Crew {number}")
    ana.opens_home()
    ana.presses("More")
    ana.sees("Crew 1", "9 to 9 of 9")
    ana.goes_to("#general")
    ana.types("/crew delete Crew 1")
    ana.presses("Delete…", and_confirms="Delete")
    ana.sees("is deleted.")

    ana.opens_home()

    ana.sees_no_more("9 to 9 of 9")
    ana.sees("Crew 2", "Crew 9")


# --- What waits ----------------------------------------------------------------------------------------------------


def test_a_failed_run_is_retried_and_gone(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(400).says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="Retry from the failed task")
    ana.opens_home()
    ana.sees("Waiting for you", "Market research · ❌ failed at Research (Researcher)")

    ana.presses("Open", beside="Open run 1")
    ana.sees("Failed at Research (Researcher).")
    ana.closes()
    ana.presses("Retry")
    ana.goes_to("#general")
    ana.reads_thread(of="Market research", until="They come and go.")
    ana.opens_home()

    ana.sees("Last runs", "✅ done")
    assert "Waiting for you" not in ana.seen


def test_a_failure_is_followed_up_by_another_run(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").fails(400)
    llm.when("Research rain.").says("It falls.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="topic: tides", until="Retry from the failed task")
    ana.types("/crew run market topic=rain")
    ana.reads_thread(of="topic: rain", until="It falls.")

    ana.opens_home()

    ana.sees("Last runs", "❌ failed", "✅ done", without="Waiting for you")


def test_only_my_own_failures_of_the_last_days_wait_for_me(
    ana: Person, ben: Person, crew_of: CrewMaker, past: Past
) -> None:
    past.failed(crew_of("Long ago"), by=ana.id, days_ago=8)
    past.failed(crew_of("Ben’s"), by=ben.id)
    past.failed(crew_of("Yesterday’s"), by=ana.id, days_ago=1)

    ana.opens_home()

    waiting, _, rest = ana.sees("Waiting for you", "Last runs").partition("Crews and flows")
    assert "Yesterday’s · ❌ failed" in waiting
    assert "Long ago" not in waiting
    assert "Ben’s" not in waiting
    assert "Long ago" in rest


def test_who_may_no_longer_use_a_crew_is_offered_no_retry(ben: Person, crew_of: CrewMaker, past: Past) -> None:
    past.failed(crew_of("Market research", everybody=Access.NOTHING), by=ben.id)

    ben.opens_home()

    ben.sees("Waiting for you", "Market research · ❌ failed")
    assert "Retry" not in buttons(ben)


def test_a_schedule_that_paused_itself_is_resumed(ben: Person, crew_of: CrewMaker, past: Past) -> None:
    past.paused(crew_of(), by=ben.id)
    ben.opens_home()
    ben.sees("Waiting for you", "Market research · once, on", "⚠️ Paused: it failed three times in a row")

    ben.presses("Resume")
    ben.sees_no_more("Waiting for you")
    ben.presses("Schedules")

    ben.sees("Market research", "Next: ", "yours")


def test_the_schedule_of_somebody_who_left_waits_for_an_administrator(
    ana: Person, ben: Person, crew_of: CrewMaker, past: Past
) -> None:
    past.paused(crew_of(by="U0CHLOE0003"), by="U0CHLOE0003", state=ScheduleState.OWNER_LEFT)
    ben.opens_home()
    ben.sees("Market research", without="Waiting for you")

    ana.opens_home()
    ana.sees("Waiting for you", "⚠️ Paused: its owner is no longer in this workspace")
    assert "Resume" not in buttons(ana)
    ana.presses("Open schedules")

    ana.sees("its owner is no longer in this workspace")


# --- Everything else -----------------------------------------------------------------------------------------------


def test_administrators_find_their_pages_and_nobody_else_does(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    for button, leads_to in {
        "Audit log": "@Ana Ferreira created crew Market research",
        "Limits": "Limits of this workspace",
        "Tools": "Add tool",
        "Models": "Add connection",
    }.items():
        ana.opens_home()
        ana.sees(*FOR_ADMINISTRATORS)
        ana.presses(button)
        ana.sees(leads_to)
        ana.closes()

    ben.opens_home()
    seen = ben.sees("Models", "Tools", "Limits")
    assert [words for words in FOR_ADMINISTRATORS if words in seen] == []


def test_an_administrator_pauses_all_schedules_and_lets_them_go_on(ana: Person) -> None:
    ana.opens_home()
    ana.presses("Pause all schedules", and_confirms="Pause all")
    ana.sees("All schedules are paused.")
    ana.presses("Resume all schedules")

    ana.sees_no_more("All schedules are paused.")
    ana.sees("Pause all schedules")


def test_all_that_help_names_is_reached_from_home(ana: Person, crew_of: CrewMaker, past: Past) -> None:
    past.began(crew_of(), by=ana.id)
    past.failed(crew_of("Failing"), by=ana.id)
    ana.types("/crew help")
    named = re.findall(r"^/crew (\w+)", ana.sees("/crew help run"), re.MULTILINE)
    assert {*named} == {*REACHED, *ON_THE_CREW_PAGE}

    ana.opens_home()
    ana.sees("Help")
    assert set(REACHED.values()) <= buttons(ana)
    ana.presses("Open", beside="Open Market research")

    ana.sees(*ON_THE_CREW_PAGE.values())


@pytest.mark.parametrize("button", ["Runs", "Schedules", "New schedule", "All crews", "Export", "Find and run", "Help"])
def test_each_button_of_the_last_row_opens_a_window(ben: Person, a_crew: CrewInstance, button: str) -> None:
    ben.opens_home()

    ben.presses(button)

    ben.waits(lambda: bool(ben.windows), f"a window after {button}")
    assert "That didn’t work" not in ben.seen


def test_a_home_that_is_full_stays_within_what_slack_takes(ana: Person, crew_of: CrewMaker, past: Past) -> None:
    made = [crew_of(f"{number} {'&' * 70}") for number in range(12)]
    for number, crew in enumerate(made):
        past.failed(crew, by=ana.id, why="<&>" * 400)
        past.paused(crew, by=ana.id)
        past.asked(crew_of(f"Asking {number}"), by=ana.id)

    ana.opens_home()

    ana.sees("More of your runs have failed", "More schedules are paused", "More are running", "more, in the threads")
    assert 60 < len(rows(ana)) <= 100
    assert "Slack shows 100 rows at a time" not in ana.seen
    assert "For administrators" in ana.seen


# --- While somebody looks at it ------------------------------------------------------------------------------------


def chosen(person: Person) -> list[str]:
    """The filter that is marked as the chosen one."""
    (block,) = (block for block in rows(person) if block["block_id"] == "home.filter")
    return [each["text"]["text"] for each in elements(block) if each.get("style") == "primary"]


def publishes(workspace: LocalSlack, person: Person) -> list[dict[str, Any]]:
    """Every attempt to show her an App Home."""
    return [call for call in workspace.calls("views.publish") if call["args"]["user_id"] == person.id]


def test_a_run_that_begins_while_i_look_is_there_and_i_stop_it(
    ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker, gate: threading.Event
) -> None:
    llm.when("Research tides.").says("They come and go.", after=gate)
    crew_of()
    crew_of.flow("Weekly report")
    ana.opens_home()
    ana.presses("Flows")
    ana.sees_no_more("Market research")

    ben.types("/crew run market topic=tides")
    ana.sees("Running now", "Market research · ▶️ running · by @Ben Okafor", "Weekly report")
    assert chosen(ana) == ["Flows"]
    ana.presses("Stop", and_confirms="Stop it")

    ana.sees_no_more("Running now")
    ana.sees("Last runs", "⏹️ stopped · by @Ben Okafor")
    assert chosen(ana) == ["Flows"]


def test_who_may_only_run_a_crew_sees_others_run_it_and_stops_nothing(
    ana: Person, ben: Person, crew_of: CrewMaker, past: Past
) -> None:
    past.began(crew_of(everybody=Access.RUN), by=ana.id)

    ben.opens_home()

    ben.sees("Running now", "by @Ana Ferreira")
    assert "Stop" not in buttons(ben)


def test_a_run_that_waits_for_me_while_i_look_is_there_until_it_is_decided(
    ana: Person, ben: Person, llm: ScriptedModel, crew_of: CrewMaker, crewcall: Crewcall
) -> None:
    llm.when("Research tides.").says("They come and go.")
    crew = crew_of()
    with crewcall.store.reading() as session:
        [task] = tasks.list_all(session, crew.id, team=TEAM)
    reviewing = Tasks(crewcall.store, crewcall.rights)
    reviewing.set_review(task.id, ReviewSettings(), version=task.version, by=Actor(TEAM, ana.id))
    ana.opens_home()

    ben.types("/crew run market topic=tides")
    ana.sees("Waiting for you", "Please decide", "Running now", "✋ waits for an answer at Research")
    ben.opens_thread(of="Market research")
    ben.presses("Approve")

    ana.sees_no_more("Waiting for you")
    ana.sees("Last runs", "✅ done")


def test_what_other_processes_do_is_seen_too(ana: Person, crew_of: CrewMaker, past: Past) -> None:
    crew = crew_of()
    ana.opens_home()
    ana.sees("Market research")

    past.paused(crew, by=ana.id)
    past.began(crew, by="U0CHLOE0003")

    ana.sees("Running now", "Waiting for you", "Paused: it failed three times in a row")


def test_what_i_do_myself_shows_when_i_come_back(ana: Person, crew_of: CrewMaker) -> None:
    crew_of()
    ana.opens_home()
    ana.presses("New crew")
    ana.fills("Name", "Trend research")
    ana.submits()
    ana.sees("Trend research is created")
    ana.closes()

    ana.sees("👥 Trend research · crew, yours")


def test_nobody_is_shown_anew_what_does_not_concern_them(
    ana: Person, ben: Person, crew_of: CrewMaker, past: Past, workspace: LocalSlack
) -> None:
    secret = crew_of("Secret", everybody=Access.NOTHING)
    ben.opens_home()
    ben.sees("First steps")
    ana.opens_home()
    ana.sees("Secret")

    past.began(secret, by=ana.id)
    ana.sees("Running now")
    past.paused(secret, by=ana.id)
    ana.sees("Waiting for you")

    assert len(publishes(workspace, ben)) == 1


def test_a_click_that_another_process_answered_is_never_undone_by_this_one(
    ana: Person, crew_of: CrewMaker, past: Past, crewcall: Crewcall, workspace: LocalSlack
) -> None:
    crew = crew_of()
    crew_of.flow("Weekly report")
    ana.opens_home()
    ana.sees("Market research")
    content = Home(crewcall.store, crewcall.rights, crewcall.reviews)
    with closing(LiveHome(content, crewcall.gate, Permalinks(crewcall.client))) as another:
        another.show(Actor(TEAM, ana.id), Look(which=Filter.FLOWS))
        ana.sees_no_more("👥 Market research")
        past.began(crew, by=ana.id)
        ana.sees("Running now")
        ana.waits(
            lambda: any(call["response"].get("error") == "hash_conflict" for call in publishes(workspace, ana)),
            "the first process to be refused",
        )
        assert chosen(ana) == ["Flows"]
        past.paused(crew, by=ana.id)

        ana.sees("Waiting for you")
        assert chosen(ana) == ["Flows"]


class Hesitant(Home):
    """Reads, and only then waits until it may go on."""

    def __init__(self, bot: Crewcall, go_on: threading.Event) -> None:
        super().__init__(bot.store, bot.rights, bot.reviews)
        self.has_read, self.go_on = threading.Event(), go_on

    def sheet(self, **asked: Any) -> HomeSheet:
        sheet = super().sheet(**asked)
        self.has_read.set()
        self.go_on.wait()
        return sheet


def test_what_was_read_earlier_is_never_shown_over_what_was_read_later(
    ana: Person, crew_of: CrewMaker, crewcall: Crewcall, gate: threading.Event
) -> None:
    content = Hesitant(crewcall, gate)
    with closing(LiveHome(content, crewcall.gate, Permalinks(crewcall.client))) as live:
        live.show(Actor(TEAM, ana.id), Look())
        content.has_read.wait()
        crew_of.flow("Weekly report")
        live.show(Actor(TEAM, ana.id), Look(which=Filter.FLOWS))
        gate.set()
        ana.waits(lambda: bool(ana.asks("home")["view"]), "an App Home")
        ana.waits(lambda: chosen(ana) == ["Flows"], "the flows")

    assert "Weekly report" in str(rows(ana))


class TestSlackTakesNoHome:
    @pytest.fixture
    def allowed_errors(self) -> set[str]:
        return {"not_enabled"}

    def test_runs_go_on(
        self, ana: Person, llm: ScriptedModel, a_crew: CrewInstance, gate: threading.Event, workspace: LocalSlack
    ) -> None:
        llm.when("Research tides.").says("They come and go.", after=gate)
        ana.opens_home()
        ana.sees("Market research")
        workspace.misbehave({"methods": {"views.publish": {"error": "not_enabled"}}})
        ana.goes_to("#general")

        ana.types("/crew run market topic=tides")
        ana.waits(lambda: publishes(workspace, ana)[-1]["response"].get("error") == "not_enabled", "a refusal")
        gate.set()

        ana.reads_thread(of="Market research", until="They come and go.")
        workspace.heal()
        ana.opens_home()
        ana.sees("Last runs", "✅ done")
