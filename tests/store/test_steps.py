"""Steps of flows in the store."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store import crews, steps
from store.crews import CrewInstance
from store.steps import AfterPlan, FlowStep, StepDraft, TaskLink, new_key
from tests.store.examples import ANA, BEN, CONTOSO, NORTHWIND, Shelf


def add(shelf: Shelf, flow: CrewInstance, name: str = "Write the report", **more: Any) -> FlowStep:
    draft = StepDraft.model_validate({"name": name, "kind": "crew", **more})
    return shelf.write(steps.add, draft, flow_id=flow.id, team=flow.team, by=ANA)


@pytest.fixture
def flow(shelf: Shelf) -> CrewInstance:
    return shelf.crew("Weekly report", is_flow=True)


def test_a_step_comes_back_as_it_was_put_in(shelf: Shelf, flow: CrewInstance) -> None:
    crew = shelf.crew()
    link = TaskLink(task_id=2, step="research", depends_on_id=1)
    step = add(
        shelf,
        flow,
        target_id=crew.id,
        inputs={"topic": "state.topic"},
        after=[AfterPlan(step="start"), AfterPlan(step="review", outcome="changes")],
        join="any",
        result="report",
        links=[link],
        settings={"most": 3},
    )

    assert step.key == "write_the_report"
    assert shelf.read(steps.get, step.id, team=NORTHWIND) == step
    assert shelf.read(steps.list_all, flow.id, team=NORTHWIND) == [step]
    assert step.draft().links == [link]


def test_steps_keep_their_order_and_can_be_shown_in_another(shelf: Shelf, flow: CrewInstance) -> None:
    first, second = add(shelf, flow, "First"), add(shelf, flow, "Second")

    shelf.write(steps.reorder, flow.id, [second.id, first.id], team=NORTHWIND)

    assert [step.name for step in shelf.read(steps.list_all, flow.id, team=NORTHWIND)] == ["Second", "First"]
    assert shelf.read(steps.get, first.id, team=NORTHWIND).version == first.version


def test_two_steps_of_a_flow_cannot_have_one_name_but_never_share_a_key(shelf: Shelf, flow: CrewInstance) -> None:
    assert add(shelf, flow, "Draft!").key == "draft"
    assert add(shelf, flow, "Draft?").key == "draft_2"
    with pytest.raises(NameTaken, match="There is already a step called “draft!”"):
        add(shelf, flow, "draft!")


def test_an_edit_keeps_the_key_and_is_refused_over_a_newer_one(shelf: Shelf, flow: CrewInstance) -> None:
    step = add(shelf, flow)
    draft = step.draft().model_copy(update={"name": "Write it"})

    changed = shelf.write(steps.change, step.id, draft, team=NORTHWIND, version=step.version, by=BEN)

    assert (changed.name, changed.key, changed.version) == ("Write it", step.key, step.version + 1)
    with pytest.raises(EditedMeanwhile, match=BEN):
        shelf.write(steps.change, step.id, draft, team=NORTHWIND, version=step.version, by=ANA)


def test_steps_go_with_their_flow_and_lose_a_crew_that_goes(shelf: Shelf, flow: CrewInstance) -> None:
    crew = shelf.crew()
    step = add(shelf, flow, target_id=crew.id)
    assert shelf.read(steps.users_of, crew.id, team=NORTHWIND) == [(flow.id, "Weekly report")]
    assert shelf.read(steps.users_of, crew.id, team=CONTOSO) == []

    shelf.write(crews.remove, crew.id, team=NORTHWIND)
    assert shelf.read(steps.get, step.id, team=NORTHWIND).target_id is None

    shelf.write(crews.remove, flow.id, team=NORTHWIND)
    with pytest.raises(Gone):
        shelf.read(steps.get, step.id, team=NORTHWIND)


def test_another_workspace_sees_no_step(shelf: Shelf, flow: CrewInstance) -> None:
    step = add(shelf, flow)

    assert shelf.read(steps.list_all, flow.id, team=CONTOSO) == []
    with pytest.raises(Gone):
        shelf.read(steps.get, step.id, team=CONTOSO)
    with pytest.raises(Gone):
        shelf.write(steps.remove, step.id, team=CONTOSO)


def test_a_crew_never_becomes_a_flow(shelf: Shelf) -> None:
    crew = shelf.crew()
    draft = crew.draft().model_copy(update={"is_flow": True})

    changed = shelf.write(crews.change, crew.id, draft, team=NORTHWIND, version=crew.version, by=ANA)

    assert not changed.is_flow


@given(name=st.text(min_size=1, max_size=80), taken=st.sets(st.sampled_from(["step", "step_2", "draft", "a"])))
def test_every_name_gives_a_key_that_expressions_can_say(name: str, taken: set[str]) -> None:
    key = new_key(name, taken)

    assert key.isascii()
    assert key.isidentifier()
    assert key[0].isalpha()
    assert key not in taken | {"start", "in", "true", "null"}
