"""Starting from a template: looking, copying, running, and publishing one's own."""

from __future__ import annotations

import pytest

from bot.local_slack import LocalSlack
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def allowed_errors() -> set[str]:
    """The window that the ack announces may come after what replaces it; then it is replaced a moment later."""
    return {"not_found"}


def look(person: Person, title: str) -> None:
    """Open the gallery and look at one template."""
    person.types("/crew templates")
    person.presses("Look", beside=title)


def test_the_gallery_shows_what_there_is_by_kind_of_work(ana: Person) -> None:
    ana.types("/crew templates")

    ana.sees("Research brief", "Weekly report", "Customer reply with review", "Engineering", "People", "Flow", "Crew")


def test_a_template_shows_its_picture_its_needs_and_a_result(ana: Person) -> None:
    look(ana, "Research brief")

    alt, file = ana.picture()
    assert file.startswith(PNG)
    assert alt.startswith("Research brief: 3 tasks in order, 3 agents.")
    ana.sees("2. Weigh the facts by Analyst, uses Find sources.", "It asks for", "topic", "audience")
    ana.sees("SERPER_API_KEY", "for example", "Heat pumps pay for themselves")

    ana.presses("All templates")
    ana.sees("Competitor watch")


def test_a_copy_is_ones_own_and_runs_at_once(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Take down the decisions").says('{"decisions": ["Go"], "tasks": [], "open_questions": []}')
    llm.when("Write the follow-up message").says("Decided: we go.")
    look(ana, "Meeting notes to tasks")
    ana.presses("Make a copy")
    ana.sees("Meeting notes to tasks is yours.", "owner @Ana Ferreira", "Secretary", "Coordinator", "notes")
    ana.closes()

    ana.types('/crew run "Meeting notes to tasks" notes="We go, said Ben."')
    assert "Decided: we go." in ana.reads_thread(of="Meeting notes to tasks", until="Run again")[-1]


def test_a_flow_is_copied_with_its_crews_and_an_editor_sends_the_text_back(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Sort this material").says("One fact.")
    llm.when("Plan a short post").says("An outline.")
    llm.when("Write a short post", "Nothing yet.").says("First draft.")
    llm.when("Write a short post", "First draft.", "Shorter, please.").says("Second draft.")
    llm.when("Prepare this approved text", "Second draft.").says("Three headlines.")
    look(ana, "Content with an editor in the loop")
    ana.presses("Make a copy")
    ana.sees("Content with an editor in the loop is yours.", "Write the draft", "Draft review")
    ana.closes()

    ana.types('/crew run "Content with an editor in the loop" topic=Forms material=Facts form="a short post"')
    ana.opens_thread("Content with an editor in the loop")
    ana.sees("First draft.")
    ana.presses("Ask for changes")
    ana.fills("What should change?", "Shorter, please.")
    ana.submits()
    ana.sees("Second draft.")
    ana.presses("Approve")
    ana.sees("Three headlines.")


def test_a_crew_is_published_copied_by_somebody_else_and_unpublished(
    ana: Person, ben: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    ana.types("/crew show market research")
    ana.presses("Publish as template")
    ana.sees("Everybody in the workspace can then read and copy it")
    ana.fills("Title", "Our way to research")
    ana.fills("What it is for", "Facts before a decision.")
    ana.submits()
    ana.sees("Our way to research is a template now.")
    ana.closes()

    look(ben, "Our way to research")
    seen = ben.sees("Facts before a decision.", "topic", "Make a copy")
    assert "Unpublish" not in seen
    ben.presses("Make a copy")
    ben.sees("Our way to research is yours.", "owner @Ben Okafor", "Researcher")
    ben.closes()

    look(ana, "Our way to research")
    ana.presses("Unpublish", and_confirms="Unpublish")
    ana.sees("Our way to research is no template any more.", without="From your team")
    ana.closes()
    ben.types("/crew show our way to research")
    ben.sees("Our way to research", "Researcher")


def test_a_title_that_is_taken_is_refused_under_the_field(ana: Person, a_crew: CrewInstance) -> None:
    for _ in range(2):
        ana.types("/crew show market research")
        ana.presses("Publish as template")
        ana.submits()
        if "is a template now" in ana.seen:
            ana.closes()

    assert ana.sees_error("Title") == "There is already a template called “Market research”. Choose another name."


def test_only_who_owns_a_crew_is_offered_to_publish_it(ben: Person, crew_of: CrewMaker) -> None:
    crew_of()
    ben.types("/crew show market research")

    assert "Publish as template" not in ben.sees("Researcher")


def test_a_template_that_went_meanwhile_is_said_to_be_gone(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show market research")
    ana.presses("Publish as template")
    ana.submits()
    ana.sees("is a template now")
    ana.closes()
    look(ben, "Market research")
    ben.sees("Make a copy")
    look(ana, "Market research")
    ana.presses("Unpublish", and_confirms="Unpublish")
    ana.sees("is no template any more")

    ben.presses("Make a copy")
    ben.sees("That template has been deleted in the meantime.")


@pytest.mark.parametrize("line", ["/crew", "/crew list"])
def test_the_first_steps_lead_to_the_gallery(ana: Person, line: str) -> None:
    ana.types(line)
    ana.presses("Templates" if line == "/crew" else "Start from a template")

    ana.sees("Crews and flows that teams really use.")


def test_app_home_leads_to_the_gallery(ana: Person) -> None:
    ana.opens_home()
    ana.presses("Start from a template")

    ana.sees("Research brief")


def test_an_urgent_request_waits_for_a_person_before_the_customer_is_told(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Read this request").says('{"urgent": true, "subject": "login", "reason": "Nobody can work."}')
    llm.when("Prepare the handover", "Nobody can work.").says("Check the certificate.")
    llm.when("somebody is working on it now", "Check the certificate.").says("We are on it.")
    look(ana, "Support triage")
    ana.presses("Make a copy")
    ana.sees("Support triage is yours.")
    ana.closes()

    ana.types('/crew run "Support triage" request="We cannot log in."')
    ana.opens_thread("Support triage")
    ana.sees("Check the certificate.")
    ana.presses("Approve")
    ana.sees("We are on it.")


def test_every_teams_notes_come_into_one_report(ana: Person, llm: ScriptedModel) -> None:
    for team in ("Mobile", "Platform"):
        llm.when("Sum up these notes", f"{team}:").says(f"{team} is done.")
    llm.when("Read the summaries", "Mobile is done.", "Platform is done.").says("None.")
    llm.when("Write the weekly report", "Mobile is done.").says("All is well.")
    look(ana, "Weekly report")
    ana.presses("Make a copy")
    ana.sees("Weekly report is yours.")
    ana.closes()

    ana.types('/crew run Weekly report {"notes": ["Mobile: fixed it.", "Platform: moved it."]}')
    ana.opens_thread("Weekly report")
    ana.sees("All is well.")
