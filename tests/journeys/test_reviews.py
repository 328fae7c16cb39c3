"""People decide about results and answer agents' questions, in the thread of the run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.app import Crewcall
from bot.engine.desk import Question
from bot.local_slack import LocalSlack
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.desk import RunDesk
from bot.services.sharing import Access
from bot.services.tasks import Tasks
from bot.settings import Settings
from store import agents, runs, tasks
from store import reviews as store_of_reviews
from store.crews import CrewInstance
from store.more_settings import AgentSettings, ReviewSettings
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

TEAM, ANA, BEN, CHLOE = "T0NORTHWIND", "U0ANA000001", "U0BEN000002", "U0CHLOE0003"
EDITORS = "S0EDITORS01"

Reviewed = Callable[..., CrewInstance]


@pytest.fixture
def chloe(workspace: LocalSlack) -> Person:
    """Chloé Tan."""
    return Person(workspace.url, CHLOE)


@pytest.fixture
def reviewed(crewcall: Crewcall, crew_of: CrewMaker) -> Reviewed:
    """Makes “Market research”, whose one task is reviewed so."""

    def make(*, everybody: Access = Access.EDIT, **settings: Any) -> CrewInstance:
        crew = crew_of(description="Research tides.", everybody=everybody)
        with crewcall.store.reading() as session:
            [task] = tasks.list_all(session, crew.id, team=TEAM)
        review = ReviewSettings.model_validate(settings)
        service = Tasks(crewcall.store, crewcall.rights)
        service.set_review(task.id, review, version=task.version, by=Actor(TEAM, ANA))
        return crew

    return make


@pytest.fixture
def asking_crew(crewcall: Crewcall, crew_of: CrewMaker) -> CrewInstance:
    """“Market research”, whose agent may ask people, and which Ana alone may edit."""
    crew = crew_of(description="Book a room.", everybody=Access.RUN)
    with crewcall.store.reading() as session:
        [agent] = agents.list_all(session, crew.id, team=TEAM)
    service = Agents(crewcall.store, crewcall.rights, crewcall.connections.problem)
    service.configure(agent.id, AgentSettings(ask_people=True), version=agent.version, by=Actor(TEAM, ANA))
    return crew


def runs_it(person: Person, *, until: str = "Please decide") -> None:
    """Run the crew, and look at its thread once it asks."""
    person.types("/crew run market")
    person.reads_thread(of="Market research", until=until)
    person.opens_thread(of="Market research")


def test_a_result_is_approved(ana: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("They *come* and go.")
    reviewed()
    runs_it(ana)
    ana.sees("They *come* and go.", "Research by Researcher is done. Please decide.", "Who decides: whoever may edit")

    ana.presses("Approve")

    ana.sees("✅ Approved by @Ana Ferreira", "Run again")
    assert "Ask for changes" not in ana.seen
    ana.closes_thread()
    ana.sees("Market research · ✅ Done")
    assert len(llm.requests) == 1
    ana.types("/crew logs")
    ana.sees("Asked people", "Was answered", "by @Ana Ferreira · approved")


def test_the_channel_says_that_the_run_waits(ana: Person, reviewed: Reviewed) -> None:
    reviewed()
    runs_it(ana)
    ana.closes_thread()

    ana.sees("Market research · ✋ Waiting for an answer at “Research”")
    ana.types("/crew runs")
    ana.sees("✋ waits for an answer")


def test_changes_are_asked_for_until_it_is_right(ana: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("They come.").says("They come and go.")
    reviewed()
    runs_it(ana)

    ana.presses("Ask for changes")
    ana.sees("Researcher goes on with “Research” from here.")
    ana.fills("What should change?", "They also *go*.")
    ana.submits()

    ana.sees("✏️ @Ana Ferreira asked for changes\nThey also *go*.", "version 2. Please decide.", "They come and go.")
    assert "They also *go*." in llm.requests[1].prompt
    ana.presses("Approve")
    ana.sees("✅ Approved by @Ana Ferreira", "Run again")
    assert len(llm.requests) == 2


def test_an_edited_text_is_the_result(ana: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    long = "\n\n".join(f"Paragraph {number}. {'Water. ' * 60}".strip() for number in range(20))
    llm.when("Research tides.").says(long)
    reviewed()
    runs_it(ana)

    ana.presses("Edit and approve")
    ana.sees("The text, part 3 of")
    ana.fills("The text", "Only this.")
    ana.submits()

    ana.sees("✅ Approved by @Ana Ferreira, as edited by @Ana Ferreira", "Run again")
    ana.closes_thread()
    result = ana.reads_thread(of="Market research")[-1]
    assert "Only this." in result
    assert "Paragraph 19." in result


@pytest.mark.parametrize("text", ["市场研究。" * 12_000, "Water. " * 13_000])
def test_a_text_that_no_window_holds_is_approved_as_it_is_or_sent_back(
    ana: Person, llm: ScriptedModel, reviewed: Reviewed, text: str
) -> None:
    llm.when("Research tides.").says(text)
    reviewed()
    runs_it(ana)

    ana.presses("Edit and approve")
    ana.sees("This text is too long to edit in Slack. Ask for changes instead, or approve it as it is.")
    ana.presses("Approve")

    ana.sees("✅ Approved by @Ana Ferreira", "Run again")


def test_the_wrong_person_is_told_who_decides(ana: Person, ben: Person, chloe: Person, reviewed: Reviewed) -> None:
    reviewed(reviewers=[BEN])
    runs_it(ana)
    ana.sees("Who decides: @Ben Okafor")
    chloe.opens_thread(of="Market research")

    for button in ("Approve", "Ask for changes", "Edit and approve"):
        chloe.presses(button)
        chloe.sees("You can’t decide about “Research”. That is for @Ben Okafor.")
    assert chloe.windows == []
    ben.opens_thread(of="Market research")
    ben.presses("Approve")

    ben.sees("✅ Approved by @Ben Okafor", "Run again")


def test_somebody_of_a_group_decides(ana: Person, chloe: Person, reviewed: Reviewed) -> None:
    reviewed(groups=[EDITORS])
    runs_it(ana)
    ana.sees("Who decides: @editors")
    ana.presses("Approve")
    ana.sees("You can’t decide about “Research”. That is for @editors.")

    chloe.opens_thread(of="Market research")
    chloe.presses("Approve")

    chloe.sees("✅ Approved by @Chloé Tan", "Run again")


def test_who_may_only_run_the_crew_does_not_decide(ana: Person, ben: Person, reviewed: Reviewed) -> None:
    reviewed(everybody=Access.RUN)
    runs_it(ben)

    ben.presses("Approve")

    ben.sees("That is for whoever may edit “Market research”, such as @Ana Ferreira.")


def test_who_started_it_does_not_decide(ana: Person, ben: Person, reviewed: Reviewed) -> None:
    reviewed(not_starter=True, reviewers=[ANA, BEN])
    runs_it(ana)
    ana.sees("Who decides: @Ben Okafor")

    ana.presses("Approve")
    ana.sees("You started this run, so somebody else decides about “Research”: @Ben Okafor.")
    ben.opens_thread(of="Market research")
    ben.presses("Approve")

    ben.sees("✅ Approved by @Ben Okafor", "Run again")


def test_two_must_agree(ana: Person, ben: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("They come and go.")
    reviewed(agreeing=2)
    runs_it(ana)
    ana.sees("2 people must approve")
    ana.presses("Approve")
    ana.sees("Approved by @Ana Ferreira; 1 more must approve")

    ben.opens_thread(of="Market research")
    ben.presses("Approve")

    ben.sees("✅ Approved by @Ana Ferreira and @Ben Okafor", "Run again")


def test_who_approved_before_an_edit_reads_it_again(ana: Person, ben: Person, reviewed: Reviewed) -> None:
    reviewed(agreeing=2)
    runs_it(ana)
    ana.presses("Approve")
    ana.sees("1 more must approve")
    old = next(one for one in ana.messages(ana.messages()[-1]["ts"]) if "review.approve" in str(one))

    ben.opens_thread(of="Market research")
    ben.presses("Edit and approve")
    ben.fills("The text", "Ben’s words.")
    ben.submits()
    ben.sees("Edited by @Ben Okafor. Approved by @Ben Okafor; 1 more must approve", "Ben’s words.")
    ana.presses_old("Approve", old)
    ana.sees("@Ben Okafor changed the text while you were reading it.")
    ana.presses("Approve")

    ana.sees("✅ Approved by @Ben Okafor and @Ana Ferreira, as edited by @Ben Okafor", "Run again")


def test_one_decision_counts(ana: Person, ben: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("They come.").says("Never asked.")
    reviewed()
    runs_it(ana)
    old = next(one for one in ana.messages(ana.messages()[-1]["ts"]) if "review.approve" in str(one))
    ana.presses("Ask for changes")
    ana.fills("What should change?", "Everything.")
    ben.opens_thread(of="Market research")
    ben.presses("Approve", times=2)
    ben.sees("✅ Approved by @Ben Okafor", "Run again")

    ana.submits()
    ana.sees("That didn’t work", "@Ben Okafor has approved it. Nothing more is to be decided here.")
    ana.closes()
    ana.presses_old("Approve", old)

    ana.sees("@Ben Okafor has approved it. Nothing more is to be decided here.")
    assert len(llm.requests) == 1


def test_the_run_is_stopped_where_it_asks(ana: Person, ben: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    reviewed(reviewers=[BEN], everybody=Access.RUN)
    runs_it(ana)
    old = next(one for one in ana.messages(ana.messages()[-1]["ts"]) if "review.approve" in str(one))
    ben.opens_thread(of="Market research")

    ben.presses("Stop", beside="Please decide", and_confirms="Stop it")

    ben.sees("@Ben Okafor stopped this run.", "⏹️ The run is over, so nothing is to be decided here any more")
    ben.presses_old("Approve", old)
    ben.sees("The run is over. Nothing more is to be decided here.")
    assert len(llm.requests) == 1


def test_a_long_result_is_whole_in_a_file(ana: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("\n\n".join(f"Paragraph {number}. {'Water. ' * 100}" for number in range(90)))
    reviewed()
    runs_it(ana)

    seen = ana.sees("Paragraph 0.", "This is the beginning. The whole text", "Research 1.md", "Please decide.")

    assert "Paragraph 89." not in seen
    ana.presses("Approve")
    ana.sees("✅ Approved by @Ana Ferreira")


def test_a_result_of_two_messages_is_read_whole(ana: Person, llm: ScriptedModel, reviewed: Reviewed) -> None:
    llm.when("Research tides.").says("\n\n".join(f"Paragraph {number}. {'Water. ' * 100}" for number in range(25)))
    reviewed()
    runs_it(ana)

    ana.sees("Paragraph 0.", "Paragraph 24.", "Please decide.")


def test_an_answer_after_a_restart_goes_on_where_the_run_stood(
    ana: Person, llm: ScriptedModel, reviewed: Reviewed, crewcall: Crewcall, settings: Settings
) -> None:
    llm.when("Research tides.").says("They come.").says("They come and go.")
    reviewed()
    runs_it(ana)
    crewcall.close()

    with closing(Crewcall(settings, default_model="openai/scripted")) as again:
        again.start()
        ana.presses("Ask for changes")
        ana.fills("What should change?", "They also go.")
        ana.submits()
        ana.sees("version 2. Please decide.", "They come and go.")
        ana.presses("Approve")

        ana.sees("✅ Approved by @Ana Ferreira", "Run again")
    assert len(llm.requests) == 2
    said = [message["content"] for message in llm.requests[1].messages]
    assert said[-2] == "They come."


def test_a_question_whose_asker_died_before_anybody_read_it_is_posted(
    ana: Person, reviewed: Reviewed, crewcall: Crewcall
) -> None:
    reviewed()
    runs_it(ana)
    with crewcall.store.reading() as session:
        [review] = store_of_reviews.unanswered(session, team=TEAM)
        run = runs.fetch(session, review.execution_id)
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    desk = RunDesk(crewcall.store, run, lambda _: None, now=lambda: long_ago)
    settings = ReviewSettings()
    desk.ask(
        Question(key="x", kind="question", task="Research", agent="Ada", produced="", prompt="Why?", settings=settings)
    )

    crewcall.questions.catch_up()

    ana.sees("Ada asks:\nWhy?")


def test_what_waits_for_a_person_stands_in_their_home(ana: Person, ben: Person, reviewed: Reviewed) -> None:
    reviewed(reviewers=[BEN], deadline=60)
    runs_it(ana)

    ben.opens_home()
    ben.sees("Waiting for you", "Research of Market research · Please decide · since", "· until", "Open the thread")
    ana.opens_home()
    ana.sees("Running now", "waits for an answer at Research", without="Waiting for you")
    ben.goes_to("#general")
    ben.opens_thread(of="Market research")
    ben.presses("Approve")
    ben.sees("✅ Approved by @Ben Okafor", "Run again")
    ben.opens_home()

    ben.sees("Last runs", "✅ done")
    assert "Waiting for you" not in ben.seen


class Later:
    """A clock that is ahead by what the test says."""

    def __init__(self, **ahead: float) -> None:
        self.ahead = timedelta(**ahead)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize(
    ("outcome", "in_thread", "in_channel"),
    [
        ("approve", "✅ Nobody decided before the deadline, so it counts as approved", "✅ Done"),
        ("reject", "⏰ Nobody decided before the deadline, so the run failed", "❌ Failed at “Research”"),
        ("stop", "⏹️ The run is over, so nothing is to be decided here any more", "⏹️ Stopped"),
    ],
    ids=["approve", "reject", "stop"],
)
def test_the_deadline_decides(
    ana: Person, reviewed: Reviewed, crewcall: Crewcall, outcome: str, in_thread: str, in_channel: str
) -> None:
    reviewed(deadline=60, outcome=outcome)
    runs_it(ana)
    ana.sees("· until")
    old = next(one for one in ana.messages(ana.messages()[-1]["ts"]) if "review.approve" in str(one))
    crewcall.reviews.now = Later(minutes=59)
    crewcall.reviews.expire()
    assert "Approve" in ana.seen

    crewcall.reviews.now = Later(minutes=61)
    crewcall.reviews.expire()
    crewcall.reviews.expire()

    ana.sees(in_thread)
    if outcome == "stop":
        ana.sees("Nobody decided before the deadline, so the run was stopped.")
    ana.presses_old("Approve", old)
    ana.sees("Nothing more is to be decided here.")
    ana.closes_thread()
    ana.sees(f"Market research · {in_channel}")


def test_a_run_that_failed_at_its_deadline_asks_anew_when_it_is_tried_again(
    ana: Person, llm: ScriptedModel, reviewed: Reviewed, crewcall: Crewcall
) -> None:
    reviewed(deadline=60)
    runs_it(ana)
    crewcall.reviews.now = Later(minutes=61)
    crewcall.reviews.expire()
    ana.sees("Nobody decided about “Research” before the deadline.", "Run again")

    ana.presses("Retry from the failed task")
    ana.sees("Who decides: whoever may edit")
    ana.presses("Approve")

    ana.sees("✅ Approved by @Ana Ferreira")
    assert len(llm.requests) == 1


def test_those_who_decide_are_reminded_once(ana: Person, reviewed: Reviewed, crewcall: Crewcall) -> None:
    reviewed(reviewers=[ANA], remind_after=30, deadline=60)
    runs_it(ana)
    crewcall.reviews.now = Later(minutes=31)

    crewcall.reviews.expire()
    crewcall.reviews.expire()

    seen = ana.sees("Research still waits for a decision: @Ana Ferreira")
    assert seen.count("still waits") == 1
    ana.presses("Approve", beside="Please decide")
    assert ana.sees("✅ Approved by @Ana Ferreira", "Run again").count("still waits") == 1


def test_a_reminder_whose_process_died_is_said_by_the_next_one(
    ana: Person, reviewed: Reviewed, crewcall: Crewcall
) -> None:
    reviewed(remind_after=30)
    runs_it(ana)
    with crewcall.store.transaction() as session:
        [review] = store_of_reviews.unanswered(session, team=TEAM)
        assert store_of_reviews.reminded(session, review)
    crewcall.questions.patience = timedelta(0)

    crewcall.questions.catch_up()
    ana.sees("Research still waits for a decision")
    crewcall.questions.catch_up()

    ana.presses("Approve", beside="Please decide")
    assert ana.sees("✅ Approved by @Ana Ferreira", "Run again").count("still waits") == 1


def test_a_question_that_slack_does_not_take_is_told_of_directly(
    ana: Person, workspace: LocalSlack, reviewed: Reviewed, allowed_errors: set[str]
) -> None:
    allowed_errors.add("is_archived")
    reviewed()
    # After the run's first two messages somebody archives the channel.
    workspace.misbehave({"methods": {"chat.postMessage": {"error": "is_archived", "after": 2, "times": 1}}})

    ana.types("/crew run market")
    ana.goes_to("Crew")

    ana.sees(
        "“Market research” waits for somebody to decide about “Research”, but Slack did not take the question",
        "(is_archived). Invite me there again, then stop the run and retry it",
    )


def test_an_agent_asks_and_is_answered_in_the_thread(
    ana: Person, ben: Person, llm: ScriptedModel, asking_crew: CrewInstance
) -> None:
    llm.when("Book a room.").calls_tool("ask_a_person", {"question": "Which *day*?"}).says("Booked for Friday.")
    runs_it(ben, until="asks:")
    ben.sees("Researcher asks:\nWhich *day*?", "Reply in this thread, or with the button.")

    ben.types("On Friday & <early>.")

    ben.sees("💬 @Ben Okafor replied\nOn Friday & <early>.", "Booked for Friday.")
    assert "Reply" not in ben.seen.replace("replied", "")
    assert llm.requests[1].messages[-1]["content"] == "On Friday & <early>."


def test_an_agent_is_answered_with_the_button(ana: Person, llm: ScriptedModel, asking_crew: CrewInstance) -> None:
    llm.when("Book a room.").calls_tool("ask_a_person", {"question": "Which day?"}).says("Booked for Friday.")
    runs_it(ana, until="asks:")

    ana.presses("Reply")
    ana.sees("Researcher asks: Which day?")
    ana.fills("Your reply", "On Friday.")
    ana.submits()

    ana.sees("💬 @Ana Ferreira replied\nOn Friday.", "Booked for Friday.")


def test_a_stranger_s_words_are_no_answer(
    ana: Person, ben: Person, chloe: Person, llm: ScriptedModel, asking_crew: CrewInstance
) -> None:
    llm.when("Book a room.").calls_tool("ask_a_person", {"question": "Which day?"}).says("Booked for Friday.")
    runs_it(ben, until="asks:")
    chloe.opens_thread(of="Market research")
    chloe.types("Never.")
    chloe.sees("You can’t decide about “Research”. That is for @Ben Okafor or whoever may edit")

    ben.types("@Crew On Friday.")

    ben.sees("💬 @Ben Okafor replied\nOn Friday.", "Booked for Friday.")
    assert len(llm.requests) == 2


def test_what_people_say_in_a_thread_where_nothing_is_asked_stays_theirs(
    ana: Person, llm: ScriptedModel, reviewed: Reviewed
) -> None:
    reviewed()
    runs_it(ana)

    ana.types("Looks good to me.")
    ana.presses("Approve")

    ana.sees("✅ Approved by @Ana Ferreira", "Run again")
    assert len(llm.requests) == 1
