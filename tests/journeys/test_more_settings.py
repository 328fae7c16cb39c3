"""People set what is not in front: every field, what is refused, and what comes of it in a run."""

from __future__ import annotations

import json

import pytest

from bot.app import Crewcall
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.tasks import Tasks
from store.agents import AgentDraft
from store.crews import CrewInstance, Process
from store.more_settings import CrewSettings, TaskSettings
from store.tasks import TaskDraft
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

# CrewAI warns about fields of its own whenever an agent is made.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")

ANA = Actor("T0NORTHWIND", "U0ANA000001")
SCHEMA = '{"type": "object", "properties": {"score": {"type": "integer"}}}'

# What Ana writes into each field, or the words she chooses.
AGENT = {
    "Temperature": "0.4",
    "Longest answer": "500",
    "Top p": "0.9",
    "Seed": "7",
    "Steps": "9",
    "Time limit": "60",
    "Knowledge": "Refunds take 14 days.",
}
AGENT_CHOICES = {
    "Reasoning effort": "Low",
    "When a tool fails": "The task fails",
    "Plan first": "Make a plan before each task",
    "Today’s date": "Tell it today’s date",
    "Ask people": "It may ask people what it can’t find out",
    "Keep answers in the log": "Keep what its model answers",
}
TASK = {
    "Guardrail": "At least three sources.",
    "Further tries": "1",
    "Result as JSON": SCHEMA,
    "File": "Sources 2.json",
    "Only if": 'output.contains("urgent")',
}
TASK_CHOICES = {
    "In parallel": "Go on with the next task meanwhile",
    "Uses everything before": "Give it all earlier results",
    "Markdown": "Ask for Markdown",
}
REVIEW = {"How many must agree": "2", "Remind after": "90 min", "Deadline after": "soon"}
REVIEW_CHOICES = {
    "User groups": "@editors",
    "Somebody else": "Not the person who started the run",
    "When nobody has decided by then": "The run is stopped",
}
CREW = {"Knowledge": "Our office is in Lisbon."}
CREW_CHOICES = {
    "Manager": "Researcher",
    "Manager’s model": "openai/scripted",
    "Planning model": "openai/scripted",
    "Plan first": "Plan all tasks first",
    "Memory": "Remember what was learnt",
    "Remember tool results": "Make the same call only once",
}


def settings_of(person: Person, row: str, crew: CrewInstance) -> None:
    """Open a crew and the settings of its agent or task in this row, in new windows."""
    person.closes()
    person.types(f"/crew edit {crew.name}")
    person.picks(row, "More settings")
    person.sees("Cancel")


def settings_of_crew(person: Person, name: str) -> None:
    """Open a crew and its own settings, in new windows."""
    person.closes()
    person.types(f"/crew edit {name}")
    person.presses("More settings")


def answers(person: Person, written: dict[str, str], chosen: dict[str, str]) -> None:
    for label, text in written.items():
        person.fills(label, text)
    for label, option in chosen.items():
        person.chooses(label, option)
    person.submits()


def test_every_setting_of_an_agent_is_there_again(ana: Person, a_crew: CrewInstance) -> None:
    settings_of(ana, "Analyst", a_crew)
    ana.chooses("System prompt")
    ana.chooses("Summarise long conversations")
    assert set(ana.labels) == {*AGENT, *AGENT_CHOICES, "System prompt", "Summarise long conversations"}
    answers(ana, AGENT, AGENT_CHOICES)
    ana.sees("Researcher is saved.")

    settings_of(ana, "Analyst", a_crew)

    assert {label: ana.field(label) for label in (*AGENT, *AGENT_CHOICES)} == {**AGENT, **AGENT_CHOICES}
    assert ana.field("System prompt") == ana.field("Summarise long conversations") == ""


def test_every_setting_of_a_task_is_there_again(ana: Person, a_crew: CrewInstance) -> None:
    settings_of(ana, "Research {topic}.", a_crew)
    assert set(ana.labels) == {*TASK, *TASK_CHOICES}
    answers(ana, TASK, TASK_CHOICES)
    ana.sees("Research is saved.", "in parallel · only if", "guarded · as Sources 2.json")

    settings_of(ana, "Research {topic}.", a_crew)

    assert {label: ana.field(label) for label in (*TASK, *TASK_CHOICES)} == {**TASK, **TASK_CHOICES}


def test_every_setting_of_a_review_is_there_again(ana: Person, a_crew: CrewInstance) -> None:
    settings_of(ana, "Research {topic}.", a_crew)
    ana.sees("Nobody looks at its result.")
    ana.presses("Human review")
    assert ana.field("Human review") == "Somebody approves the result before it is used"
    answers(ana, REVIEW, {})
    assert ana.sees_error("Deadline after") == "Write a time such as 30 min, 4 h or 2 d, of at most 90 days."
    ana.fills("Deadline after", "2 days")
    ana.chooses("Reviewers", "Ben Okafor")
    answers(ana, {}, REVIEW_CHOICES)

    ana.sees("Somebody approves its result before it is used.")
    ana.fills("Guardrail", "Three sources.")
    ana.submits()
    ana.sees("Research is saved.", "reviewed by people · guarded")
    settings_of(ana, "Research {topic}.", a_crew)
    ana.presses("Human review")
    assert (ana.field("Remind after"), ana.field("Deadline after")) == ("90 min", "2 d")
    assert {label: ana.field(label) for label in REVIEW_CHOICES} == REVIEW_CHOICES


def test_a_review_is_taken_away_again(ana: Person, a_crew: CrewInstance) -> None:
    settings_of(ana, "Research {topic}.", a_crew)
    ana.presses("Human review")
    ana.sees("How many must agree")
    ana.submits()
    ana.sees("Somebody approves its result before it is used.")
    settings_of(ana, "Research {topic}.", a_crew)
    ana.presses("Human review")
    ana.chooses("Human review")
    ana.submits()

    ana.sees("Nobody looks at its result.")


def test_every_setting_of_a_crew_is_there_again(ana: Person, a_crew: CrewInstance) -> None:
    settings_of_crew(ana, a_crew.name)
    # Models of any name can be written below those that are offered.
    written = {"Another model for the manager", "Another planning model"}
    assert set(ana.labels) == {info.title for info in CrewSettings.model_fields.values()} | written
    answers(ana, CREW, CREW_CHOICES)
    ana.sees("Saved.", "version")
    settings_of_crew(ana, a_crew.name)

    assert {label: ana.field(label) for label in (*CREW, *CREW_CHOICES)} == {**CREW, **CREW_CHOICES}


@pytest.mark.parametrize(
    ("label", "text", "said"),
    [
        ("Only if", "output ==", "This is no condition: it cannot be read at character"),
        ("Only if", "price > 5", "It does not know “price”."),
        ("Only if", "(" * 240 + "true" + ")" * 240, "too many brackets"),
        ("Only if", "[1, 2].all(x, [1, 2].all(y, x == y))", "one loop stands inside another"),
        ("Result as JSON", "{", "This is not JSON. Look at line 1."),
        (
            "Result as JSON",
            '{"type": "object", "properties": {"a": {"$ref": "file:///x"}}}',
            "Give “a” a type",
        ),
        ("Result as JSON", '["score"]', "It must describe an object"),
        ("File", "../secrets.md", "Write a plain file name"),
        ("File", "/etc/cron.md", "Write a plain file name"),
        ("File", "report", "Write a plain file name"),
    ],
)
def test_what_no_run_could_use_is_refused_under_its_field(
    ana: Person, a_crew: CrewInstance, label: str, text: str, said: str
) -> None:
    settings_of(ana, "Research {topic}.", a_crew)
    answers(ana, {label: text}, {})

    assert said in ana.sees_error(label)


def test_a_planning_model_that_cannot_be_used_is_refused_under_its_field(ana: Person, a_crew: CrewInstance) -> None:
    settings_of_crew(ana, a_crew.name)
    answers(ana, {"Another planning model": "nobody/knows-it"}, {"Plan first": "Plan all tasks first"})

    assert "There is no model provider called “nobody”." in ana.sees_error("Another planning model")


def test_a_setting_is_a_version_and_can_be_rolled_back(ana: Person, a_crew: CrewInstance) -> None:
    settings_of(ana, "Analyst", a_crew)
    answers(ana, {"Temperature": "0.4"}, {})
    ana.sees("Researcher is saved.")
    ana.presses("History")
    ana.sees("Agent “Researcher”: temperature changed from “nothing” to “0.4”.")
    ana.presses("Compare", beside="Version 3")
    ana.submits()
    ana.sees("is as in version 3 again")
    settings_of(ana, "Analyst", a_crew)

    assert ana.field("Temperature") == ""


def test_two_people_do_not_undo_each_others_settings(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew = crew_of(by=ben.id)
    for person in (ana, ben):
        settings_of(person, "Analyst", crew)
    answers(ana, {"Seed": "1"}, {})
    answers(ben, {"Seed": "2"}, {})

    ben.sees("Ana Ferreira changed this agent while you were editing it.")
    assert ben.field("Seed") == "2"


def test_a_copy_has_all_the_settings(ana: Person, a_crew: CrewInstance, crewcall: Crewcall) -> None:
    settings_of_crew(ana, a_crew.name)
    answers(ana, {}, CREW_CHOICES)
    settings_of(ana, "Research {topic}.", a_crew)
    answers(ana, {"File": "facts.md"}, {})
    ana.sees("Research is saved.")
    ana.presses("Copy")
    ana.fills("Name", "Second")
    ana.submits()
    ana.sees("is a copy of its own")
    settings_of_crew(ana, "Second")

    assert ana.field("Manager") == "Researcher"
    crews = Crews(crewcall.store, crewcall.rights)
    copied = next(id_ for id_, name in crews.names(by=ANA) if name == "Second")
    sheet = crews.sheet(copied, by=ANA)
    assert sheet.tasks[0].settings.output_file == "facts.md"
    assert sheet.crew.settings.manager_agent_id == sheet.agents[0].id


def test_a_result_comes_as_a_file_in_the_thread(ana: Person, a_crew: CrewInstance, llm: ScriptedModel) -> None:
    llm.when("Research tea").says("Tea is old.")
    settings_of(ana, "Research {topic}.", a_crew)
    answers(ana, {"File": "facts.md"}, {})
    ana.sees("Research is saved.")
    ana.closes()
    ana.types(f'/crew run {a_crew.name} topic="tea"')
    ana.reads_thread(of=a_crew.name, until="Tea is old.")

    assert ana.downloads("facts.md") == "Tea is old."


def test_a_skipped_task_is_said_in_the_thread(
    ana: Person, a_crew: CrewInstance, crewcall: Crewcall, llm: ScriptedModel
) -> None:
    tasks = Tasks(crewcall.store, crewcall.rights)
    agent = Crews(crewcall.store, crewcall.rights).sheet(a_crew.id, by=ANA).agents[0]
    draft = TaskDraft(name="Alarm", description="Ring.", expected_output="A bell.", agent_id=agent.id)
    alarm = tasks.add(a_crew.id, draft, by=ANA)
    tasks.configure(alarm.id, TaskSettings(condition='output.contains("fire")'), version=alarm.version, by=ANA)
    llm.when("Research tea").says("Tea is old.")
    ana.types(f'/crew run {a_crew.name} topic="tea"')

    thread = "\n".join(ana.reads_thread(of=a_crew.name, until="Run again"))
    assert "Skipped: its condition did not hold." in thread
    assert "Tea is old." in thread


def test_what_does_not_go_together_is_said_on_the_crew_page(
    ana: Person, a_crew: CrewInstance, crewcall: Crewcall
) -> None:
    tasks = Tasks(crewcall.store, crewcall.rights)
    first = Crews(crewcall.store, crewcall.rights).sheet(a_crew.id, by=ANA).tasks[0]
    tasks.configure(first.id, TaskSettings(condition="true", async_execution=True), version=first.version, by=ANA)
    draft = TaskDraft(name="Write", description="Write.", expected_output="Text.", agent_id=first.agent_id)
    second = tasks.add(a_crew.id, draft.model_copy(update={"depends_on": [first.id]}), by=ANA)
    tasks.configure(second.id, TaskSettings(async_execution=True), version=second.version, by=ANA)
    ana.types(f"/crew edit {a_crew.name}")

    ana.sees(
        "“Research” comes first, so no result can decide whether it runs.",
        "“Research” can’t both wait for a condition and run in parallel.",
        "“Research” and “Write” run at the same time, so one can’t use the other’s result.",
        "“Research” and “Write” run in parallel at the end. Add a task that brings their results together",
    )
    ana.closes()
    ana.types(f'/crew run {a_crew.name} topic="tea"')
    ana.sees("can’t run yet")


def test_a_manager_without_anybody_to_manage_is_said(ana: Person, a_crew: CrewInstance, crewcall: Crewcall) -> None:
    crews, agents = (
        Crews(crewcall.store, crewcall.rights),
        Agents(crewcall.store, crewcall.rights, crewcall.connections.problem),
    )
    sheet = crews.sheet(a_crew.id, by=ANA)
    draft = sheet.crew.draft().model_copy(update={"process_type": Process.HIERARCHICAL})
    crew = crews.change(a_crew.id, draft, version=sheet.crew.version, by=ANA)
    settings = crew.settings.model_copy(update={"manager_agent_id": sheet.agents[0].id})
    crews.configure(crew.id, settings, version=crew.version, by=ANA)
    ana.types(f"/crew edit {a_crew.name}")
    ana.sees("“Researcher” has nobody to manage. Add another agent.", "Hierarchical, managed by Researcher")
    other = AgentDraft(name="Writer", role="Writer", goals=["Write"], backstory="Writes.")
    agents.add(a_crew.id, other, by=ANA)
    assert not crews.sheet(a_crew.id, by=ANA).problems

    agents.remove(sheet.agents[0].id, by=ANA)

    assert crews.sheet(a_crew.id, by=ANA).crew.settings.manager_agent_id is None


def test_answers_are_in_the_log_where_they_are_asked_for(ana: Person, a_crew: CrewInstance, llm: ScriptedModel) -> None:
    llm.when("Research tea").says(json.dumps("Tea is old."))
    settings_of(ana, "Analyst", a_crew)
    answers(ana, {}, {"Keep answers in the log": "Keep what its model answers"})
    ana.sees("Researcher is saved.")
    ana.closes()
    ana.types(f'/crew run {a_crew.name} topic="tea"')
    ana.reads_thread(of=a_crew.name, until="Run again")
    ana.opens_thread(of=a_crew.name)
    ana.presses("Show log")

    ana.sees("Said", "Tea is old.")
