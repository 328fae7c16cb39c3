"""Settings are kept, frozen and written anew without a loss."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bot.errors import EditedMeanwhile, Gone
from bot.services import Actor
from bot.services.differences import differences
from bot.services.rights import NoPeople, Rights
from bot.services.writing import write
from store import agents, crews, tasks
from store.database import Session
from store.definitions import Definition, freeze
from store.more_settings import AgentSettings, CrewSettings, ReviewSettings, TaskSettings
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf

AGENT: dict[str, Any] = {
    "temperature": 0.4,
    "max_tokens": 500,
    "top_p": 0.9,
    "seed": 7,
    "reasoning_effort": "high",
    "max_iter": 9,
    "max_execution_time": 60,
    "planning": True,
    "inject_date": True,
    "respect_context_window": False,
    "use_system_prompt": False,
    "tool_failure_policy": "raise",
    "ask_people": True,
    "knowledge": "Refunds take\n14 days.",
    "verbose": True,
}
TASK: dict[str, Any] = {
    "async_execution": True,
    "uses_all": True,
    "markdown": True,
    "condition": 'output.contains("ü")',
    "guardrail": "Three sources.",
    "guardrail_max_retries": 1,
    "output_schema": '{"type": "object",\n "properties": {"z": {"type": "integer"}, "a": {"type": "string"}}}',
    "output_file": "sources.json",
    "review": ReviewSettings(
        reviewers=[BEN], groups=["S0EDITORS"], not_starter=True, agreeing=2, remind_after=60, deadline=1440
    ),
}
CREW: dict[str, Any] = {
    "manager_agent_id": 1,
    "manager_llm": "openai/gpt-4.1",
    "planning": True,
    "planning_llm": "openai/gpt-4.1-mini",
    "memory": True,
    "knowledge": "Our office is in Lisbon.",
    "cache": True,
}


def frozen(shelf: Shelf, crew_id: int) -> Definition:
    def read(session: Session) -> Definition:
        members = agents.list_all(session, crew_id, team=NORTHWIND)
        work = tasks.list_all(session, crew_id, team=NORTHWIND)
        return freeze(crews.get(session, crew_id, team=NORTHWIND), members, work)

    return Definition.model_validate_json(shelf.read(read).model_dump_json())


def test_every_setting_has_an_example_here() -> None:
    assert (set(AGENT), set(TASK), set(CREW)) == (
        set(AgentSettings.model_fields),
        set(TaskSettings.model_fields),
        set(CrewSettings.model_fields),
    )


@pytest.mark.parametrize("name", AGENT)
def test_a_setting_of_an_agent_is_kept_and_frozen(shelf: Shelf, name: str) -> None:
    crew = shelf.crew()
    agent = shelf.agent(crew)
    settings = AgentSettings(**{name: AGENT[name]})
    saved = shelf.write(agents.configure, agent.id, settings, team=NORTHWIND, version=agent.version, by=BEN)

    assert getattr(agent.settings, name) != AGENT[name]
    assert saved.settings == settings == shelf.read(agents.get, agent.id, team=NORTHWIND).settings
    assert (saved.version, saved.changed_by) == (agent.version + 1, BEN)
    assert frozen(shelf, crew.id).agents[0].settings == settings


@pytest.mark.parametrize("name", TASK)
def test_a_setting_of_a_task_is_kept_and_frozen(shelf: Shelf, name: str) -> None:
    crew = shelf.crew()
    task = shelf.task(crew)
    settings = TaskSettings(**{name: TASK[name]})
    saved = shelf.write(tasks.configure, task.id, settings, team=NORTHWIND, version=task.version, by=BEN)

    assert getattr(task.settings, name) != TASK[name]
    assert saved.settings == settings == shelf.read(tasks.get, task.id, team=NORTHWIND).settings
    assert frozen(shelf, crew.id).tasks[0].settings == settings


@pytest.mark.parametrize("name", CREW)
def test_a_setting_of_a_crew_is_kept(shelf: Shelf, name: str) -> None:
    crew = shelf.crew()
    settings = CrewSettings(**{name: CREW[name]})
    saved = shelf.write(crews.configure, crew.id, settings, team=NORTHWIND, version=crew.version, by=BEN)

    assert getattr(crew.settings, name) != CREW[name]
    assert saved.settings == settings == shelf.read(crews.get, crew.id, team=NORTHWIND).settings


@pytest.mark.parametrize(("said", "minutes"), [("30 min", 30), ("4h", 240), ("2 days", 2_880), ("1 D", 1_440)])
def test_a_time_is_read_as_people_write_it(said: str, minutes: int) -> None:
    assert ReviewSettings.model_validate({"deadline": said}).deadline == minutes


@pytest.mark.parametrize("said", ["soon", "0 min", "4", "91 d", "-1 h", "1.5 h"])
def test_what_is_no_time_is_refused_with_examples(said: str) -> None:
    with pytest.raises(ValidationError, match="Write a time such as 30 min, 4 h or 2 d"):
        ReviewSettings.model_validate({"remind_after": said})


def test_a_save_over_a_newer_version_is_refused(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent, task = shelf.agent(crew), shelf.task(crew)
    for noun, thing, settings in (
        (agents, agent, AgentSettings(seed=1)),
        (tasks, task, TaskSettings(markdown=True)),
        (crews, crew, CrewSettings(cache=True)),
    ):
        configure: Any = noun.configure
        shelf.write(configure, thing.id, settings, team=NORTHWIND, version=thing.version, by=BEN)
        with pytest.raises(EditedMeanwhile):
            shelf.write(configure, thing.id, settings, team=NORTHWIND, version=thing.version, by=ANA)
        with pytest.raises(Gone):
            shelf.write(configure, thing.id, settings, team=CONTOSO, version=thing.version, by=ANA)


def test_a_whole_crew_is_written_anew_with_its_settings(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent, task = shelf.agent(crew), shelf.task(crew)
    who: Any = {"team": NORTHWIND, "by": ANA}
    shelf.write(agents.configure, agent.id, AgentSettings(**AGENT), version=agent.version, **who)
    shelf.write(tasks.configure, task.id, TaskSettings(**TASK), version=task.version, **who)
    settings = CrewSettings(**{**CREW, "manager_agent_id": agent.id})
    shelf.write(crews.configure, crew.id, settings, version=crew.version, **who)
    copy = shelf.crew("Second")
    wanted = frozen(shelf, crew.id).model_copy(update={"name": "Second"})
    shelf.write(write, copy, wanted, Rights(NoPeople()).of(Actor(NORTHWIND, ANA)))

    assert frozen(shelf, copy.id) == wanted
    assert wanted.manager == "Researcher"
    manager = shelf.read(crews.get, copy.id, team=NORTHWIND).settings.manager_agent_id
    assert manager not in (None, agent.id)


def test_what_changed_is_said_in_the_words_of_the_form(shelf: Shelf) -> None:
    crew = shelf.crew()
    agent = shelf.agent(crew)
    old = frozen(shelf, crew.id)
    settings = AgentSettings(temperature=0.4, planning=True)
    shelf.write(agents.configure, agent.id, settings, team=NORTHWIND, version=agent.version, by=ANA)

    assert [found.sentence for found in differences(old, frozen(shelf, crew.id))] == [
        "Agent “Researcher”: temperature changed from “nothing” to “0.4”.",
        "Agent “Researcher”: plan first changed from “no” to “yes”.",
    ]
