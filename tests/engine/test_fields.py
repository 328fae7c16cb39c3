"""Every field of CrewAI's is offered or left out with a reason, so that an upgrade shows what is new."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot.engine import fields
from bot.services.agents import EquippedDraft
from store.crews import CrewDraft
from store.more_settings import AgentSettings, CrewSettings, TaskSettings
from store.tasks import TaskDraft

PARTS = {
    "agent": (fields.AGENT_OFFERED, fields.AGENT_LEFT_OUT),
    "task": (fields.TASK_OFFERED, fields.TASK_LEFT_OUT),
    "crew": (fields.CREW_OFFERED, fields.CREW_LEFT_OUT),
}


def fields_of_crewai(part: str) -> set[str]:
    from crewai import Agent, Crew
    from crewai.tasks.conditional_task import ConditionalTask

    models: Mapping[str, type[BaseModel]] = {"agent": Agent, "task": ConditionalTask, "crew": Crew}
    return set(models[part].model_fields)


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_crewai_is_offered_or_left_out(engine: Path, part: str) -> None:
    offered, left_out = PARTS[part]

    assert {*offered, *left_out} == fields_of_crewai(part)
    assert not set(offered) & set(left_out)
    assert all(reason.endswith(".") for reason in left_out.values())


@pytest.mark.parametrize(
    ("part", "drafts"),
    [
        ("agent", (EquippedDraft, AgentSettings)),
        ("task", (TaskDraft, TaskSettings)),
        ("crew", (CrewDraft, CrewSettings)),
    ],
)
def test_what_is_offered_is_asked_in_a_form(part: str, drafts: tuple[type[BaseModel], ...]) -> None:
    asked = {name for draft in drafts for name in draft.model_fields} | {"agents", "tasks"}

    assert set(PARTS[part][0].values()) <= asked
    assert all(info.title and info.description for draft in drafts for info in draft.model_fields.values())


def test_every_setting_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/more-settings.md").read_text("utf-8")
    rows = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| "))

    for draft in (AgentSettings, TaskSettings, CrewSettings):
        assert [info.title for info in draft.model_fields.values() if str(info.title) not in rows] == []
