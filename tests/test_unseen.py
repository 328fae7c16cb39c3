"""Whoever may use a crew or flow, and not what it belongs to, runs or is run by, reads no names of that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.services.flows import UsedByFlows
from bot.services.runs import NotReady
from bot.services.sharing import Access, ShareDraft
from bot.services.templates import RunsOthers
from bot.services.unseen import HoldsOthers
from handlers.crew_page import crew_page, delete_confirmation
from store.crews import CrewDraft, CrewInstance
from store.steps import AfterPlan, StepDraft, TaskLink
from store.templates import TemplateDraft
from tests.support.office import ADMIN, BEN, CHLOE, OWNER, TASK, Office

NAME, TASKS = "Market research", ("Research", "Summary")


@pytest.fixture
def flow(office: Office) -> CrewInstance:
    """Everybody may edit this one; the crew that both its steps run is the owner's alone, with connected tasks."""
    office.share()
    summary = TASK.model_copy(update={"name": "Summary", "agent_id": office.agent.id})
    last = office.tasks.add(office.crew.id, summary, by=OWNER)
    flow = office.crews.create(CrewDraft(name="Weekly", is_flow=True), by=OWNER)
    first = office.flows.add_step(flow.id, StepDraft(name="Look", kind="crew", target_id=office.crew.id), by=OWNER)
    then = StepDraft(
        name="Tell",
        kind="crew",
        target_id=office.crew.id,
        after=[AfterPlan(step=first.key)],
        links=[TaskLink(task_id=office.task.id, step=first.key, depends_on_id=last.id)],
    )
    office.flows.add_step(flow.id, then, by=OWNER)
    office.sharing.share(flow.id, ShareDraft(everybody=Access.EDIT), by=OWNER)
    return flow


def said(thing: Any) -> str:
    return json.dumps(thing, ensure_ascii=False, default=str)


def unnamed(text: str) -> bool:
    return not any(name in text for name in (NAME, *TASKS))


def test_a_flows_page_picture_and_history(office: Office, flow: CrewInstance) -> None:
    page = said(crew_page(office.crews.sheet(flow.id, by=BEN), place=None))
    assert "Run a crew: a crew you can’t see" in page
    assert unnamed(page)
    assert unnamed(" ".join(office.pictures.of_crew(flow.id, by=BEN).words))
    assert all(unnamed(said(version.model_dump())) for version in office.history.versions(flow.id, by=BEN))
    pair = office.history.pair(flow.id, 1, by=BEN)
    assert unnamed(said([pair.then.definition.model_dump(), pair.now.definition.model_dump()]))
    assert NAME in said(office.history.pair(flow.id, 1, by=OWNER).now.definition.model_dump())


def test_what_a_step_runs_stays_when_somebody_edits_it_who_may_not_use_that(office: Office, flow: CrewInstance) -> None:
    step = office.flows.sheet(flow.id, by=BEN).steps[1]
    changed = step.draft().model_copy(update={"name": "Tell everybody"})
    office.flows.change_step(step.id, changed, version=step.version, by=BEN)

    assert office.flows.linkable(flow.id, step.key, by=BEN) == []
    assert unnamed(said(office.flows.available(flow.id, step.key, by=BEN)))
    kept = office.flows.sheet(flow.id, by=OWNER).steps[1]
    assert (kept.name, kept.target_id, kept.links) == ("Tell everybody", office.crew.id, step.links)


def test_the_flows_that_run_a_crew(office: Office, flow: CrewInstance) -> None:
    office.sharing.share(flow.id, ShareDraft(), by=OWNER)
    office.sharing.share(office.crew.id, ShareDraft(everybody=Access.RUN), by=OWNER)
    page = said(crew_page(office.crews.sheet(office.crew.id, by=BEN), place=None))
    assert f"Used by a flow you can’t see (ask <@{OWNER.user}>)" in page
    assert "Weekly" not in page


def test_the_flows_that_keep_a_crew_from_being_deleted(office: Office) -> None:
    crew = office.crews.create(CrewDraft(name="Bens"), by=BEN)
    office.sharing.share(crew.id, ShareDraft(everybody=Access.RUN), by=BEN)
    for owner, name in ((BEN, "Mine"), (OWNER, "Secret one"), (CHLOE, "Secret two")):
        flow = office.crews.create(CrewDraft(name=name, is_flow=True), by=owner)
        office.flows.add_step(flow.id, StepDraft(name="Go", kind="crew", target_id=crew.id), by=owner)

    asked = delete_confirmation(office.crews.sheet(crew.id, by=BEN))["text"]["text"]
    assert asked.endswith("Remove its steps first from the flow “Mine” and 2 flows you can’t see.")
    with pytest.raises(UsedByFlows) as refusal:
        office.crews.delete(crew.id, by=BEN)
    assert refusal.value.sentence == (
        "“Bens” can’t be deleted while the flow “Mine” and 2 flows you can’t see use it. "
        f"Remove their steps first, or ask <@{OWNER.user}> or <@{CHLOE.user}>."
    )
    assert refusal.value.facts["owners"] == [OWNER.user, CHLOE.user]


def test_why_a_flow_cannot_run(office: Office, flow: CrewInstance) -> None:
    office.agents.remove(office.agent.id, by=OWNER)

    with pytest.raises(NotReady) as refusal:
        office.runs.start(flow.id, {}, by=BEN, channel="C0GENERAL", tell=print)
    assert refusal.value.sentence == (
        f"“Weekly” can’t run yet. A crew you can’t see is not ready. Ask <@{OWNER.user}>."
    )
    with pytest.raises(NotReady, match="“Market research”: It has no agents yet"):
        office.runs.start(flow.id, {}, by=OWNER, channel="C0GENERAL", tell=print)


@pytest.mark.parametrize(
    "take",
    [
        lambda o, flow: o.crews.copy(flow.id, "Copy", by=BEN),
        lambda o, flow: o.projects.export(flow.id, by=BEN),
    ],
    ids=["copied", "exported"],
)
def test_a_flow_is_not_taken_along_with_what_one_may_not_use(
    office: Office, flow: CrewInstance, take: Callable[[Office, CrewInstance], object]
) -> None:
    with pytest.raises(HoldsOthers) as refusal:
        take(office, flow)
    assert refusal.value.sentence == (
        f"“Weekly” runs a crew you can’t see. Ask <@{OWNER.user}> to share that with you, "
        "then you can take all of it along."
    )


def test_a_flow_is_not_published_with_what_one_may_not_use(office: Office, flow: CrewInstance) -> None:
    mine = office.crews.create(CrewDraft(name="Bens", is_flow=True), by=BEN)
    office.flows.add_step(mine.id, StepDraft(name="Go", kind="flow", target_id=flow.id), by=BEN)
    office.sharing.share(flow.id, ShareDraft(), by=OWNER)

    with pytest.raises(RunsOthers, match="“Bens” runs a flow you can’t see, which is not yours"):
        office.templates.publish(mine.id, TemplateDraft(name="Ours"), by=BEN)


def test_a_copy_and_a_roll_back_bring_nothing_that_one_may_not_use(office: Office, flow: CrewInstance) -> None:
    secret = office.crews.create(CrewDraft(name="Secret plans"), by=OWNER)
    inside = office.crews.create(CrewDraft(name="Interviews", parent_crew_id=secret.id), by=OWNER)
    office.sharing.share(inside.id, ShareDraft(everybody=Access.EDIT), by=OWNER)

    copy = office.crews.copy(inside.id, "Copy", by=BEN)
    assert copy.parent_crew_id is None

    office.crews.change(inside.id, CrewDraft(name="Interviews"), version=inside.version, by=OWNER)
    office.history.roll_back(inside.id, 1, by=BEN)
    assert office.crews.get(inside.id, by=OWNER).parent_crew_id is None
    office.history.roll_back(inside.id, 1, by=ADMIN)
    assert office.crews.get(inside.id, by=OWNER).parent_crew_id == secret.id

    newest = office.newest(flow.id)
    for step in office.flows.sheet(flow.id, by=OWNER).steps:
        office.flows.remove_step(step.id, by=OWNER)
    office.history.roll_back(flow.id, newest, by=BEN)
    assert [step.target_id for step in office.flows.sheet(flow.id, by=OWNER).steps] == [None, None]
