"""A crew's agents and tasks on their shelf: in order, one edit at a time, and what depends on what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import EditedMeanwhile, Gone
from store import agents, crews, tasks
from store.agents import AgentDraft
from store.tasks import TaskDraft
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf, agent_draft, task_draft


def test_an_agent_is_read_back_as_it_was_made(shelf: Shelf) -> None:
    draft = agent_draft(goals=["Find", "Check", "Tell"], llm="openai/org/gpt-4.1", allow_delegation=True)
    made = shelf.write(agents.add, draft, crew_id=shelf.crew().id, team=NORTHWIND, by=BEN)

    read = shelf.read(agents.get, made.id, team=NORTHWIND)

    assert read == made
    assert read.draft() == draft
    assert (read.llm_provider, read.llm_model, read.changed_by, read.version) == ("openai", "org/gpt-4.1", BEN, 1)
    assert read.title == "Senior researcher"


def test_an_agent_without_a_model_takes_the_default(shelf: Shelf) -> None:
    agent = shelf.agent(shelf.crew(), llm="")

    assert (agent.llm, agent.llm_provider, agent.llm_model) == ("", None, None)


def test_agents_and_tasks_keep_the_order_in_which_they_were_added(shelf: Shelf) -> None:
    crew = shelf.crew()
    names = ["Zoe", "Ada", "Mia"]
    for name in names:
        shelf.agent(crew, name)
        shelf.task(crew, name)
    shelf.agent(shelf.crew("Other"), "Elsewhere")

    assert [agent.name for agent in shelf.read(agents.list_all, crew.id, team=NORTHWIND)] == names
    assert [task.name for task in shelf.read(tasks.list_all, crew.id, team=NORTHWIND)] == names


def test_one_added_after_a_removal_still_comes_last(shelf: Shelf) -> None:
    crew = shelf.crew()
    one, _ = shelf.task(crew, "One"), shelf.task(crew, "Two")
    shelf.write(tasks.remove, one.id, team=NORTHWIND)
    shelf.task(crew, "Three")

    assert [task.name for task in shelf.read(tasks.list_all, crew.id, team=NORTHWIND)] == ["Two", "Three"]


def test_the_second_of_two_edits_of_an_agent_is_refused(shelf: Shelf) -> None:
    agent = shelf.agent(shelf.crew())
    bens = shelf.write(agents.change, agent.id, agent_draft("Bens"), team=NORTHWIND, version=1, by=BEN)

    with pytest.raises(EditedMeanwhile, match="this agent"):
        shelf.write(agents.change, agent.id, agent_draft("Anas"), team=NORTHWIND, version=1, by=ANA)

    assert shelf.read(agents.get, agent.id, team=NORTHWIND) == bens
    assert (bens.version, bens.changed_by) == (2, BEN)


def test_the_second_of_two_edits_of_a_task_is_refused_with_its_dependencies(shelf: Shelf) -> None:
    crew = shelf.crew()
    first, second, third = (shelf.task(crew, name) for name in ("First", "Second", "Third"))
    bens = shelf.write(
        tasks.change, third.id, task_draft("Third", depends_on=[first.id]), team=NORTHWIND, version=1, by=BEN
    )
    anas = task_draft("Third", depends_on=[second.id])

    with pytest.raises(EditedMeanwhile, match="this task"):
        shelf.write(tasks.change, third.id, anas, team=NORTHWIND, version=1, by=ANA)

    assert (bens.version, bens.depends_on) == (2, [first.id])
    assert shelf.read(tasks.get, third.id, team=NORTHWIND) == bens


def test_a_task_depends_on_another_once_and_lists_them_in_order(shelf: Shelf) -> None:
    crew = shelf.crew()
    first, second = shelf.task(crew, "First"), shelf.task(crew, "Second")

    third = shelf.task(crew, "Third", depends_on=[second.id, first.id, second.id])

    assert third.depends_on == [first.id, second.id]
    assert shelf.read(tasks.get, third.id, team=NORTHWIND) == third
    assert shelf.read(tasks.list_all, crew.id, team=NORTHWIND) == [first, second, third]
    assert third.draft() == task_draft("Third", depends_on=[first.id, second.id])


def test_an_edit_replaces_the_dependencies(shelf: Shelf) -> None:
    crew = shelf.crew()
    first, second = shelf.task(crew, "First"), shelf.task(crew, "Second")
    third = shelf.task(crew, "Third", depends_on=[first.id])

    for number, wanted in enumerate(([second.id], [first.id, second.id], []), start=1):
        draft = task_draft("Third", depends_on=wanted)
        shelf.write(tasks.change, third.id, draft, team=NORTHWIND, version=number, by=ANA)
        assert shelf.read(tasks.get, third.id, team=NORTHWIND).depends_on == wanted


def test_removing_a_task_frees_those_that_used_its_result(shelf: Shelf) -> None:
    crew = shelf.crew()
    first = shelf.task(crew, "First")
    second = shelf.task(crew, "Second", depends_on=[first.id])

    assert shelf.write(tasks.remove, first.id, team=NORTHWIND).name == "First"
    assert shelf.read(tasks.get, second.id, team=NORTHWIND).depends_on == []


def test_removing_an_agent_leaves_its_tasks_without_one(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent = shelf.agent(crew)
    task = shelf.task(crew, agent_id=agent.id)

    assert shelf.write(agents.remove, agent.id, team=NORTHWIND).name == "Researcher"
    left = shelf.read(tasks.get, task.id, team=NORTHWIND)
    assert (left.agent_id, left.version) == (None, 1)


def test_a_run_notes_its_tasks_without_disturbing_an_open_edit(shelf: Shelf) -> None:
    crew, other = shelf.crew(), shelf.crew("Other")
    task, untouched = shelf.task(crew, "Straße"), shelf.task(other, "Straße")

    shelf.write(tasks.note_run, crew.id, {"STRASSE": ("completed", "Five links"), "Unknown": ("failed", None)})
    saved = shelf.write(tasks.change, task.id, task_draft("Straße"), team=NORTHWIND, version=1, by=ANA)

    assert (saved.status, saved.result, saved.version) == ("completed", "Five links", 2)
    assert shelf.read(tasks.get, untouched.id, team=NORTHWIND) == untouched


def test_the_run_of_a_deleted_crew_notes_no_task(shelf: Shelf) -> None:
    task = shelf.task(shelf.crew())

    shelf.write(tasks.note_run, None, {task.name: ("completed", "Five links")})

    assert shelf.read(tasks.get, task.id, team=NORTHWIND).status == "new"


def test_whoever_adds_to_a_crew_that_was_just_deleted_is_told(postgres_store: Any) -> None:
    """On SQLite nobody can delete between looking and adding: write transactions follow each other."""
    shelf = Shelf(postgres_store)
    crew = shelf.crew()
    shelf.write(crews.remove, crew.id, team=NORTHWIND)

    with pytest.raises(Gone, match="That crew"):
        shelf.agent(crew)
    with pytest.raises(Gone, match="That crew"):
        shelf.task(crew)


def test_whoever_gives_work_to_what_was_just_deleted_is_told(postgres_store: Any) -> None:
    shelf = Shelf(postgres_store)
    crew = shelf.crew()

    with pytest.raises(Gone, match="That agent"):
        shelf.task(crew, agent_id=999)
    with pytest.raises(Gone, match="That task"):
        shelf.task(crew, depends_on=[999])
    assert shelf.count("tasks") == 0


def test_another_workspace_sees_and_changes_nothing(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent, task = shelf.agent(crew), shelf.task(crew)
    forbidden: list[Callable[[], object]] = [
        lambda: shelf.read(agents.get, agent.id, team=CONTOSO),
        lambda: shelf.write(agents.change, agent.id, agent_draft(), team=CONTOSO, version=1, by=BEN),
        lambda: shelf.write(agents.remove, agent.id, team=CONTOSO),
        lambda: shelf.read(tasks.get, task.id, team=CONTOSO),
        lambda: shelf.write(tasks.change, task.id, task_draft(), team=CONTOSO, version=1, by=BEN),
        lambda: shelf.write(tasks.remove, task.id, team=CONTOSO),
    ]
    for act in forbidden:
        with pytest.raises(Gone):
            act()

    assert shelf.read(agents.list_all, crew.id, team=CONTOSO) == []
    assert shelf.read(tasks.list_all, crew.id, team=CONTOSO) == []
    assert shelf.read(agents.list_all, crew.id, team=NORTHWIND) == [agent]
    assert shelf.read(tasks.list_all, crew.id, team=NORTHWIND) == [task]


def test_a_goal_may_have_several_lines() -> None:
    assert agent_draft(goals=["Find\n  what is new"]).goals == ["Find\n  what is new"]


@pytest.mark.parametrize("goals", [[], ["Find", ""], ["x" * 100_001], ["Find"] * 21])
def test_goals_are_few_short_and_not_empty(goals: list[str]) -> None:
    with pytest.raises(ValidationError):
        agent_draft(goals=goals)


def test_twenty_long_goals_are_kept_whole(shelf: Shelf) -> None:
    goals = [f"{number} {'x' * 990}" for number in range(20)]

    assert shelf.agent(shelf.crew(), goals=goals).goals == goals


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (AgentDraft, {"role": "x" * 3_001}),
        (AgentDraft, {"role": ""}),
        (AgentDraft, {"backstory": "x" * 100_001}),
        (TaskDraft, {"description": ""}),
        (TaskDraft, {"expected_output": "x" * 100_001}),
        (TaskDraft, {"colour": "blue"}),
    ],
)
def test_what_does_not_fit_is_refused(draft: type, field: dict[str, str]) -> None:
    make = agent_draft if draft is AgentDraft else task_draft
    with pytest.raises(ValidationError):
        make(**field)
