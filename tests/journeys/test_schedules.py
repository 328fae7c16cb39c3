"""Schedules: the form, what it shows before it saves, the list with all its buttons, and what goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.clock import Clock
from bot.services.flows import Flows
from bot.services.rights import Rights
from bot.services.sharing import Access
from bot.slack.people import People
from store import run_lists
from store import schedules as stored
from store.crews import CrewInstance
from store.steps import StepDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

if TYPE_CHECKING:
    from bot.app import Crewcall

pytestmark = pytest.mark.usefixtures("crewcall")

RULE = "every weekday at 9:00 (Europe/London)"
# Below the message of one run stands that of the next.
SECOND = "topic: tides\nMarket research"


def make(person: Person, **filled: str) -> None:
    """Make the schedule that the form offers, with what is ``filled`` in."""
    person.types("/crew schedule market")
    for label, text in {"topic": "tides", **filled}.items():
        person.fills(label.replace("_", " "), text)
    save(person)


def save(person: Person) -> None:
    person.submits()
    person.sees("The next times:", "Press Save if that is what you want")
    person.submits()
    person.sees("Market research runs")


class Later:
    """Another process of the bot, whose clock goes ahead to the next time of the schedules there are."""

    def __init__(self, crewcall: Crewcall) -> None:
        self.bot = crewcall
        self.now = datetime.now(UTC)
        people = People(WebClient(token=crewcall.client.token, base_url=crewcall.settings.slack_api_url))
        self.clock = Clock(crewcall.store, Rights(people), people, crewcall.runs, crewcall.notify, now=lambda: self.now)

    def comes(self) -> None:
        """The next time comes, once the run of the last one is over and counted."""
        with self.bot.store.reading() as session:
            (schedule,) = stored.list_all(session, team="T0NORTHWIND")
        assert schedule.next_at
        self.now = schedule.next_at + timedelta(seconds=1)
        self.clock.tick()


@pytest.fixture
def later(crewcall: Crewcall) -> Later:
    return Later(crewcall)


# --- The form ------------------------------------------------------------------------------------------------------


def test_ana_lets_her_crew_run_every_weekday(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew schedule market")
    ana.sees("“Market research” will run by itself:", "On the clock of Europe/London, your time zone in Slack.")
    assert ana.field("Where to post") == "general"
    ana.fills("topic", "the news of {last week}")
    ana.fills("Time", "07:30")
    ana.submits()

    seen = ana.sees("Every weekday at 7:30 (Europe/London time)", "The next times:", "Save")
    assert seen.count(" at 7:30\n") >= 3
    ana.sees("Just now its inputs would be:\ntopic: the news of 20")
    assert ana.field("topic") == "the news of {last week}"
    ana.submits()

    ana.sees("Market research runs every weekday at 7:30 (Europe/London).", "Next: ", "in #general · yours")
    ana.closes()
    ana.types("/crew show market")
    ana.sees("Schedules (1)", "every weekday at 7:30 (Europe/London) · @Ana Ferreira · Next: ")


def test_what_is_changed_after_next_is_shown_again_before_it_is_saved(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew schedule market")
    ana.fills("topic", "tides")
    ana.submits()
    ana.sees("Every weekday at 9:00")
    ana.presses("Change")
    assert (ana.field("topic"), ana.field("Time"), ana.field("Where to post")) == ("tides", "09:00", "general")
    ana.fills("Time", "10:15")
    ana.submits()
    ana.sees("Every weekday at 10:15")
    ana.fills("topic", "{today}")
    ana.submits()
    ana.sees("Just now its inputs would be:\ntopic: 20")
    ana.submits()

    ana.sees("Market research runs every weekday at 10:15")


def test_a_crew_that_cannot_run_yet_is_told_before_it_is_saved(ana: Person, crew_of: CrewMaker) -> None:
    crew_of.empty("Market research")
    ana.types("/crew schedule market")
    ana.submits()

    ana.sees("The next times:", "Market research can’t run yet, and no schedule starts it until it can:\n• It has no ")
    ana.submits()
    ana.sees("Market research runs every weekday")


@pytest.mark.parametrize(
    ("kind", "chosen", "filled", "words"),
    [
        ("Every day", {}, {"Time": "18:05"}, "Every day at 18:05"),
        ("On certain days of the week", {"Days": ("Monday", "Thursday")}, {}, "Every Monday and Thursday at 9:00"),
        ("Once a month", {"Day of the month": ("The last day",)}, {}, "On the last day of every month at 9:00"),
        ("Once a month", {}, {}, "On the 1st of every month at 9:00"),
        ("Every few hours", {"How many hours": ("Every 4 hours",)}, {}, "Every 4 hours"),
        ("Another rule (cron)", {}, {"Cron rule": "@daily"}, "At 00:00 every day (cron 0 0 * * *)"),
        ("Once", {}, {"Date": "2099-12-24"}, "Once, on Thursday 24 December 2099 at 9:00"),
    ],
)
def test_each_way_of_coming_again_asks_for_what_it_needs(
    ana: Person,
    a_crew: CrewInstance,
    kind: str,
    chosen: dict[str, tuple[str, ...]],
    filled: dict[str, str],
    words: str,
) -> None:
    ana.types("/crew schedule market")
    ana.fills("topic", "tides")
    ana.chooses("How often", "Every few hours")
    ana.sees("How many hours")
    ana.chooses("How often", kind)
    if kind != "Every few hours":
        ana.sees_no_more("How many hours")
    for label, options in chosen.items():
        ana.chooses(label, *options)
    for label, text in filled.items():
        ana.fills(label, text)
    assert ana.field("topic") == "tides"
    ana.submits()

    ana.sees(words, "Press Save")


def test_what_cannot_be_is_refused_under_its_field(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew schedule market")
    ana.chooses("How often", "Another rule (cron)")
    ana.fills("Cron rule", "* * * * *")
    ana.fills("topic", "news of {lats week}")
    ana.submits()
    assert ana.sees_error("Cron rule") == "That is too often: leave at least five minutes between two runs."
    assert ana.sees_error("topic") == "“{lats week}” is no time word. Did you mean “{last week}”?"

    ana.chooses("How often", "Once")
    ana.fills("Date", "2020-01-01")
    ana.fills("topic", "tides")
    ana.chooses("Where to post", "#random")
    ana.submits()
    assert ana.sees_error("Where to post").startswith("I’m not in this channel")
    ana.chooses("Where to post", "#research")
    ana.submits()
    assert ana.sees_error("Date") == "That time is over. Choose a later one."


def test_what_does_not_fit_a_flow_is_refused_under_its_inputs(
    ana: Person, crew_of: CrewMaker, crewcall: Crewcall
) -> None:
    flow, flows = crew_of.flow("Market letter"), Flows(crewcall.store, crewcall.rights)
    properties = {"topic": {"type": "string"}, "rounds": {"type": "integer"}, "budget": {"type": "number"}}
    actor = Actor("T0NORTHWIND", ana.id)
    flows.reshape_state(flow.id, lambda _: {"type": "object", "properties": properties}, by=actor)
    flows.add_step(flow.id, StepDraft(name="Rest", kind="wait", settings={"seconds": 1}), by=actor)

    ana.types("/crew schedule market")
    ana.fills("topic", "tides")
    ana.fills("rounds", "many")
    ana.fills("budget", "much")
    ana.submits()
    assert ana.sees_error("rounds") == "It must be a whole number."
    assert ana.sees_error("budget") == "It must be a number."

    ana.fills("rounds", "3")
    ana.fills("budget", "10")
    ana.submits()
    ana.sees("Press Save if that is what you want")
    ana.fills("rounds", "few")
    ana.submits()
    assert ana.sees_error("rounds") == "It must be a whole number."


def test_ben_lives_by_another_clock(ben: Person, a_crew: CrewInstance) -> None:
    ben.types("/crew schedule market")
    ben.sees("On the clock of America/New_York, your time zone in Slack.")
    ben.fills("topic", "tides")
    save(ben)

    ben.sees("every weekday at 9:00 (America/New_York)")


def test_a_finished_run_is_scheduled_with_its_inputs(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Started by @Ana Ferreira", until="They come and go.")
    ana.opens_thread(of="Started by @Ana Ferreira")
    ana.presses("Schedule")
    assert ana.field("topic") == "tides"
    save(ana)

    ana.sees(RULE)


def test_from_the_crew_page_and_back(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show market")
    ana.presses("Schedule")
    ana.fills("topic", "tides")
    save(ana)

    ana.sees("Market research runs", "Schedules (1)", "Agents (1)")
    ana.presses("All schedules")
    ana.sees("in #general · yours")


def test_who_may_not_run_a_crew_may_not_schedule_it(ben: Person, crew_of: CrewMaker) -> None:
    crew_of(everybody=Access.NOTHING)
    ben.types("/crew schedule market research")

    ben.sees("You may not see or run this crew.")


# --- It runs -------------------------------------------------------------------------------------------------------


def test_the_time_comes_and_the_run_is_posted(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, later: Later
) -> None:
    llm.when("Research tides.").says("They come and go.")
    make(ana)
    ana.closes()
    later.comes()

    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="They come and go.")
    ana.types("/crew schedules")
    ana.sees("Last: ✅ done")


def test_only_what_is_new_is_posted(ana: Person, llm: ScriptedModel, a_crew: CrewInstance, later: Later) -> None:
    llm.when("Research tides.").says("Price: 10.").says("Price:\n\n10. ").says("Price: 11.")
    ana.types("/crew schedule market")
    ana.fills("topic", "tides")
    ana.chooses("Post the result", "Only if it differs from the last one")
    save(ana)
    ana.closes()

    later.comes()
    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="Price: 10.")
    later.comes()
    rest(later)
    later.comes()
    ana.sees(SECOND)
    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="Price: 11.")

    assert len([said for said in ana.reads() if "’s schedule" in said]) == 2
    ana.types("/crew runs")
    assert ana.sees("✅ done").count("✅ done") == 3


def test_a_rule_in_words_decides_what_is_posted(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, later: Later
) -> None:
    llm.when("Research tides.").says("High at 4:00.").says("High at 4:01.").says("No tides any more!")
    llm.when("Only when the tides are unusual").says("No.").says("Yes")
    ana.types("/crew schedule market")
    ana.fills("topic", "tides")
    ana.chooses("Post the result", "Only if a rule in words says so")
    ana.sees("Which results are worth posting")
    ana.submits()
    assert ana.sees_error("Which results are worth posting") == "Please complete this required field."
    ana.fills("Which results are worth posting", "Only when the tides are unusual")
    save(ana)
    ana.closes()

    later.comes()
    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="High at 4:00.")
    later.comes()
    rest(later)
    later.comes()
    ana.sees(SECOND)

    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="No tides any more!")
    assert "4:01" not in "".join(ana.reads())
    assert len([said for said in ana.reads() if "’s schedule" in said]) == 2


def test_three_failures_pause_it_and_ana_reads_why(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, later: Later
) -> None:
    make(ana)
    ana.closes()
    for _ in range(3):
        llm.when("Research tides.").fails(401)
        later.comes()
        rest(later)
    later.clock.tick()

    ana.types("/crew schedules")
    ana.sees("⚠️ Paused: it failed three times in a row", "Last: ❌ failed")
    ana.closes()
    ana.goes_to("Crew")
    ana.sees("Your schedule of “Market research” (every weekday at 9:00) has failed three times in a row")
    ana.types("/crew schedules")
    ana.picks("Market research", "Resume")
    ana.sees(f"Market research runs {RULE}.", "Next: ")


def test_an_input_that_came_later_is_asked_for_before_the_next_run(
    ana: Person, ben: Person, llm: ScriptedModel, a_crew: CrewInstance, later: Later
) -> None:
    make(ana)
    ana.closes()
    ben.types("/crew show market")
    ben.picks("1. Research", "Edit")
    ben.fills("What to do", "Research {topic} in {place}.")
    ben.submits()
    unfilled = "⚠️ It doesn’t fill {place}, so its next run can’t start."
    assert "Edit schedule" not in ben.sees(unfilled, "Ask @Ana Ferreira to edit it.")

    later.comes()
    ana.goes_to("Crew")
    ana.sees("could not start. “Market research” needs place. /crew schedules shows it.")
    ana.goes_to("#general")
    assert "’s schedule" not in ana.seen

    ana.types("/crew show market")
    ana.sees(unfilled)
    ana.presses("Edit schedule")
    assert ana.field("topic") == "tides"
    ana.fills("place", "Brest")
    save(ana)
    ana.sees("Schedules (1)", without="⚠️")
    ana.closes()
    llm.when("Research tides in Brest.").says("They are high.")
    later.comes()
    ana.reads_thread(of="Started by @Ana Ferreira’s schedule", until="They are high.")


def test_a_field_of_a_flows_state_that_came_later_is_asked_for_too(
    ana: Person, crew_of: CrewMaker, later: Later, crewcall: Crewcall
) -> None:
    flows, actor = Flows(crewcall.store, crewcall.rights), Actor("T0NORTHWIND", ana.id)
    flow = crew_of.flow("Market letter")
    flows.add_step(flow.id, StepDraft(name="Rest", kind="wait", settings={"seconds": 1}), by=actor)
    ana.types("/crew schedule market")
    ana.submits()
    ana.sees("Press Save if that is what you want")
    ana.submits()
    ana.sees("Market letter runs")
    ana.closes()
    schema = {"type": "object", "properties": {"week": {"type": "string"}}, "required": ["week"]}
    flows.reshape_state(flow.id, lambda _: schema, by=actor)

    ana.types("/crew show market")
    ana.sees("It doesn’t fill {week}, so its next run can’t start.")
    ana.closes()
    later.comes()
    ana.goes_to("Crew")
    ana.sees("Your schedule of “Market letter” (every weekday at 9:00) could not start.")


def test_a_channel_that_the_bot_has_left_is_told_to_the_owner(
    ana: Person, a_crew: CrewInstance, later: Later, crewcall: Crewcall
) -> None:
    make(ana)
    ana.closes()
    with crewcall.store.transaction() as session:
        (schedule,) = stored.list_all(session, team="T0NORTHWIND")
        stored.move(session, schedule, channel="C0RANDOM003")
    later.comes()

    ana.goes_to("Crew")
    ana.sees("could not post a run. I’m not in this channel")


def rest(later: Later) -> None:
    """Until no run is going."""
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while True:
        with later.bot.store.reading() as session:
            (latest,) = run_lists.latest(session, team="T0NORTHWIND", limit=1)
        if latest.status.over:
            return
        assert datetime.now(UTC) < deadline


# --- The list ------------------------------------------------------------------------------------------------------


def test_the_list_has_everything_that_can_be_done(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    llm.when("Research tides.").says("They come and go.")
    ana.types("/crew schedules")
    ana.sees("No schedules yet. Make one with /crew schedule NAME.")
    ana.closes()
    make(ana)

    ana.picks("Market research", "Run now")
    ana.sees("Market research is on its way in #general.")
    ana.picks("Market research", "Pause")
    ana.sees("Market research is paused.", "⏸️ Paused")
    ana.picks("Market research", "Resume")
    ana.sees(f"Market research runs {RULE}.", "Next: ")
    ana.picks("Market research", "Edit")
    assert ana.field("Time") == "09:00"
    ana.fills("Time", "08:00")
    save(ana)
    ana.sees("Market research runs every weekday at 8:00")
    ana.picks("Market research", "Delete")
    ana.sees("Market research no longer runs every weekday at 8:00. Its past runs stay.")
    ana.submits()
    ana.sees("The schedule of Market research is deleted.", "No schedules yet.")
    ana.closes()
    assert "They come and go." in "".join(ana.reads_thread(of="Started by @Ana", until="They come and go."))


def test_an_edit_and_a_deletion_lead_back_to_the_list_that_they_began_in(
    ana: Person, a_crew: CrewInstance, crew_of: CrewMaker
) -> None:
    crew_of.empty("Blog")
    make(ana)
    ana.closes()
    ana.types("/crew schedule blog")
    ana.submits()
    ana.sees("The next times:")
    ana.submits()
    ana.sees("Blog runs every weekday", "Market research")
    ana.closes()

    ana.types("/crew show blog")
    ana.presses("All schedules")
    ana.picks("Blog", "Edit")
    ana.submits()
    ana.sees("The next times:")
    ana.submits()
    ana.sees("Blog runs every weekday", without="Market research")
    ana.picks("Blog", "Delete")
    ana.submits()

    assert "Market research" not in ana.sees("The schedule of Blog is deleted.")


def test_two_who_edit_at_once_are_told_of_each_other(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    make(ben)
    ben.picks("Market research", "Edit")
    ben.fills("Time", "07:00")
    ben.submits()
    ben.sees("Press Save")
    ana.types("/crew schedules")
    ana.picks("Market research", "Pause")
    ana.picks("Market research", "Edit")
    ana.sees("On the clock of America/New_York, which this schedule was made for.")
    ana.fills("Time", "06:00")
    save(ana)
    ana.sees("every weekday at 6:00 (America/New_York)", "yours")

    ben.submits()
    ben.sees("You may not change this schedule. Ask @Ana Ferreira, whose it is, or an administrator.")


def test_others_see_a_schedule_and_change_nothing(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    make(ana)
    ana.sees("Pause all")
    ben.types("/crew schedules")

    assert "Pause all" not in ben.sees(RULE, "of @Ana Ferreira")
    assert not any("accessory" in block for block in ben.windows[-1]["blocks"])


def test_administrators_pause_everything_at_once(ana: Person, ben: Person, a_crew: CrewInstance, later: Later) -> None:
    make(ben)
    ana.types("/crew schedules")
    ana.presses("Pause all", and_confirms="Pause all")
    ana.sees("All schedules are paused.")
    ben.closes()
    ben.types("/crew schedules")
    ben.sees("An administrator has paused all schedules.")
    later.comes()
    ben.closes()
    ben.types("/crew schedules")
    ben.sees("Left out the time of", "all schedules were paused.")

    ana.presses("Resume all")
    ana.sees("Schedules run again, each from its next time on.", "Pause all")


def test_the_schedule_of_somebody_who_has_left_is_shown_to_administrators(
    ana: Person, ben: Person, a_crew: CrewInstance, later: Later, llm: ScriptedModel
) -> None:
    make(ben)
    ana.does("deactivate", who=ben.id)
    later.comes()

    ana.types("/crew schedules")
    ana.sees("⚠️ Paused: its owner is no longer in this workspace", "of @Ben Okafor")
    ana.picks("Market research", "Edit")
    save(ana)
    ana.sees("Market research runs every weekday at 9:00", "yours", "Next: ")


def test_a_crew_takes_its_schedules_with_it(ana: Person, a_crew: CrewInstance) -> None:
    make(ana)
    ana.closes()
    ana.types("/crew show market")
    ana.presses("Delete", and_confirms="Delete")
    ana.sees("Market research is deleted.")
    ana.closes()
    ana.types("/crew schedules")

    ana.sees("No schedules yet.")
