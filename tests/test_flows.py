"""Flows made by people: steps, state, versions, what contains what, and who may do what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import EditedMeanwhile, FormRefused
from bot.services import Actor
from bot.services.checks import Place
from bot.services.differences import differences
from bot.services.flows import NotAFlow, UsedByFlows
from bot.services.rights import NotAllowed
from bot.services.runs import InputsRefused, NotReady
from bot.services.sharing import Access, ShareDraft
from handlers.crew_page import crew_page, delete_confirmation
from store import memories
from store.crews import CrewDraft, CrewInstance
from store.memories import Fact
from store.steps import AfterPlan, FlowStep, StepDraft, TaskLink
from store.tasks import TaskDraft
from tests.support.office import BEN, OWNER, Office

STATE: dict[str, Any] = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "report": {"type": "string"}},
    "required": ["topic"],
}


@pytest.fixture
def flow(office: Office) -> CrewInstance:
    flow = office.crews.create(CrewDraft(name="Weekly report", is_flow=True), by=OWNER)
    return office.flows.set_state(flow.id, STATE, version=flow.version, by=OWNER)


def add(office: Office, flow: CrewInstance, name: str, *after: str, before: str | None = None, **more: Any) -> FlowStep:
    told = {"kind": "crew", "target_id": office.crew.id, "after": [AfterPlan(step=each) for each in after], **more}
    if told["kind"] not in ("crew", "each", "flow"):
        told["target_id"] = None
    return office.flows.add_step(flow.id, StepDraft(name=name, **told), by=OWNER, before=before)


def shown(office: Office, crew: CrewInstance, by: Actor) -> str:
    """Everything on a crew's page."""
    return json.dumps(crew_page(office.crews.sheet(crew.id, by=by), place=None))


def after(office: Office, flow: CrewInstance) -> dict[str, list[str]]:
    """What each step comes after, by their keys."""
    return {
        step.key: [each.step + (f"/{each.outcome}" if each.outcome else "") for each in step.after]
        for step in office.flows.sheet(flow.id, by=OWNER).steps
    }


def test_a_flow_shows_its_steps_its_state_and_what_it_contains(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    add(office, flow, "Write", "research", result="report")

    sheet = office.flows.sheet(flow.id, by=OWNER)

    assert [step.key for step in sheet.steps] == ["research", "write"]
    assert [(field.name, field.required) for field in sheet.fields] == [("topic", True), ("report", False)]
    assert [crew.name for crew in sheet.contained] == ["Market research"]
    assert sheet.problems == []
    assert office.crews.sheet(office.crew.id, by=OWNER).used_by == [(flow.id, "Weekly report")]


def test_a_crew_has_no_steps(office: Office) -> None:
    with pytest.raises(NotAFlow, match="“Market research” is a crew"):
        office.flows.add_step(office.crew.id, StepDraft(name="X", kind="wait"), by=OWNER)
    with pytest.raises(NotAFlow):
        office.flows.sheet(office.crew.id, by=OWNER)


def test_a_step_can_be_put_between_two_others(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    add(office, flow, "Publish", "research")

    add(office, flow, "Check", "research", before="publish", kind="wait", settings={"seconds": 60})

    assert after(office, flow) == {"research": [], "check": ["research"], "publish": ["check"]}


def test_what_comes_after_a_removed_step_moves_up(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    check = add(office, flow, "Check", "research")
    add(office, flow, "Publish", "check")
    add(office, flow, "Tell", "check", "research")

    office.flows.remove_step(check.id, by=OWNER)

    assert after(office, flow) == {"research": [], "publish": ["research"], "tell": ["research"]}


def test_steps_can_be_shown_in_another_order(office: Office, flow: CrewInstance) -> None:
    first = add(office, flow, "First")
    add(office, flow, "Second", "first")

    office.flows.move_step(first.id, later=True, by=OWNER)

    assert list(after(office, flow)) == ["second", "first"]


def test_an_edit_over_a_newer_one_is_refused_with_what_changed(office: Office, flow: CrewInstance) -> None:
    step = add(office, flow, "Research")
    draft = step.draft().model_copy(update={"result": "report"})
    office.flows.change_step(step.id, draft, version=step.version, by=OWNER)

    with pytest.raises(EditedMeanwhile, match="result goes to changed from “nothing” to “report”"):
        office.flows.change_step(step.id, draft, version=step.version, by=OWNER)


@pytest.mark.parametrize(
    ("told", "field", "said"),
    [
        ({"kind": "dance"}, "kind", "no such kind"),
        ({"kind": "wait", "settings": {"seconds": -1}}, "settings", "seconds"),
        ({"after": [AfterPlan(step="nobody")]}, "after", "removed in the meantime"),
    ],
)
def test_what_no_edit_could_mend_is_refused(
    office: Office, flow: CrewInstance, told: dict[str, Any], field: str, said: str
) -> None:
    draft = StepDraft.model_validate({"name": "X", "kind": "crew", "target_id": None, **told})

    with pytest.raises(FormRefused) as refusal:
        office.flows.add_step(flow.id, draft, by=OWNER)

    assert said in refusal.value.fields[field]


def test_a_flow_cannot_run_itself_not_even_through_another(office: Office, flow: CrewInstance) -> None:
    other = office.crews.create(CrewDraft(name="Other flow", is_flow=True), by=OWNER)
    add(office, other, "Run the report", kind="flow", target_id=flow.id)

    for target in (flow, other):
        with pytest.raises(FormRefused, match=f"“{target.name}” would run itself without an end"):
            add(office, flow, "Again", kind="flow", target_id=target.id)
    with pytest.raises(FormRefused, match="is a crew"):
        add(office, flow, "Crew as flow", kind="flow", target_id=office.crew.id)


def test_a_used_crew_is_not_deleted(office: Office, flow: CrewInstance) -> None:
    step = add(office, flow, "Research")

    with pytest.raises(UsedByFlows) as refusal:
        office.crews.delete(office.crew.id, by=OWNER)
    assert refusal.value.sentence == (
        "“Market research” can’t be deleted while the flow “Weekly report” uses it. Remove its step first."
    )

    office.flows.remove_step(step.id, by=OWNER)
    office.crews.delete(office.crew.id, by=OWNER)


def test_the_question_before_a_deletion_says_what_goes_what_stays_and_what_is_in_the_way(
    office: Office, flow: CrewInstance
) -> None:
    def asked(crew: CrewInstance) -> str:
        return str(delete_confirmation(office.crews.sheet(crew.id, by=OWNER))["text"]["text"])

    now = datetime.now(UTC)
    with office.store.transaction() as session:
        fact = Fact(id="1", content="Tea.", scope="/", categories=[], created_at=now, recalled_at=now)
        memories.keep(session, office.crew.id, [fact], team=flow.team)
    for number in range(12):
        office.crews.create(CrewDraft(name=f"Part {number}", parent_crew_id=office.crew.id), by=OWNER)
    assert asked(office.crew) == (
        "“Market research” goes with its 1 agent, 1 task, 1 schedule, 1 remembered fact and 3 versions. "
        "What belongs to it (12) and its past runs stay. Runs that have begun go on to their end. This can’t be undone."
    )
    page = shown(office, office.crew, OWNER)
    assert "*Belongs to it* (12)" in page
    assert "Memory of Market research" in page

    step = add(office, flow, "Research")
    assert asked(office.crew) == (
        "“Market research” can’t be deleted while flows run it. Remove its steps first from the flow “Weekly report”."
    )
    assert asked(flow) == ("“Weekly report” goes with its 1 step and 3 versions. Past runs stay. This can’t be undone.")
    office.flows.remove_step(step.id, by=OWNER)
    office.crews.delete(office.crew.id, by=OWNER)


def test_a_page_opens_only_what_its_reader_may_use(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    office.share(run_people=[BEN.user])
    assert office.crews.sheet(office.crew.id, by=BEN).used_by == []
    assert "Weekly report" not in shown(office, office.crew, BEN)

    office.share()
    office.sharing.share(flow.id, ShareDraft(everybody=Access.RUN), by=OWNER)
    page = shown(office, flow, BEN)
    assert f"1 not shared with you (ask <@{OWNER.user}>)" in page
    assert "Market research" not in page
    assert "Open Market research" in shown(office, flow, OWNER)


def test_only_who_may_edit_the_flow_and_run_the_crew_puts_it_in(office: Office, flow: CrewInstance) -> None:
    with pytest.raises(NotAllowed):
        office.flows.add_step(flow.id, StepDraft(name="X", kind="crew", target_id=office.crew.id), by=BEN)

    mine = office.crews.create(CrewDraft(name="Ben’s flow", is_flow=True), by=BEN)
    with pytest.raises(NotAllowed):
        office.flows.add_step(mine.id, StepDraft(name="X", kind="crew", target_id=office.crew.id), by=BEN)
    office.share(run_people=[BEN.user])
    office.flows.add_step(mine.id, StepDraft(name="X", kind="crew", target_id=office.crew.id), by=BEN)


def test_what_inputs_can_be_is_offered_with_its_type(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    add(office, flow, "Choose", "research", kind="decide")
    add(office, flow, "Write", "choose")

    offered = {each.expression: each.type for each in office.flows.available(flow.id, "choose", by=OWNER)}

    assert offered == {
        "state.topic": "string",
        "state.report": "string",
        "inputs.topic": "string",
        "inputs.report": "string",
        "outputs.research.raw": "string",
        'outputs.research.tasks["Research"]': "string",
    }
    assert "outputs.choose.outcome" in [each.expression for each in office.flows.available(flow.id, by=OWNER)]


def test_a_task_can_use_a_task_of_an_earlier_crew(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    other = office.tasks.add(
        office.other.id, TaskDraft(name="Sum up", description="Sum up.", expected_output="Text."), by=OWNER
    )
    [known] = office.flows.linkable(flow.id, by=OWNER)
    link = TaskLink(task_id=other.id, step=known.step, depends_on_id=known.task_id)
    add(office, flow, "Write", "research", target_id=office.other.id, links=[link])

    definition = office.history.versions(flow.id, by=OWNER)[0].definition
    assert [link.model_dump() for link in definition.steps[1].links] == [
        {"task": "Sum up", "step": "research", "depends_on": "Research"}
    ]


def test_a_connected_task_that_was_deleted_is_missed_until_the_connection_is_changed(
    office: Office, flow: CrewInstance
) -> None:
    add(office, flow, "Research")
    told = {"description": "Sum up.", "expected_output": "Text."}
    agent = office.agents.add(office.other.id, office.agent.draft(), by=OWNER)
    own = office.tasks.add(office.other.id, TaskDraft(name="Sum up", agent_id=agent.id, **told), by=OWNER)
    office.tasks.add(office.other.id, TaskDraft(name="Send", agent_id=agent.id, **told), by=OWNER)
    rest = office.tasks.add(office.crew.id, office.task.draft().model_copy(update={"name": "Rest"}), by=OWNER)
    links = [TaskLink(task_id=own.id, step="research", depends_on_id=each) for each in (office.task.id, rest.id)]
    write = add(office, flow, "Write", "research", target_id=office.other.id, links=links)
    assert office.flows.sheet(flow.id, by=OWNER).problems == []

    office.tasks.remove(office.task.id, by=OWNER)
    [problem] = office.flows.sheet(flow.id, by=OWNER).problems
    assert problem.sentence == "“Write” waits for a task that was deleted. Change its connected tasks."
    assert (problem.place, problem.subject) == (Place.STEP, write.id)
    with pytest.raises(NotReady, match="“Write” waits for a task that was deleted"):
        office.runs.start(flow.id, {"topic": "Tea"}, by=OWNER, channel="C0GENERAL", tell=print)

    draft = write.draft().model_copy(update={"inputs": {"x": "1"}})
    write = office.flows.change_step(write.id, draft, version=write.version, by=OWNER)
    before = office.history.versions(flow.id, by=OWNER)[0].definition
    draft = write.draft().model_copy(update={"links": links[1:]})
    office.flows.change_step(write.id, draft, version=write.version, by=OWNER)
    assert office.flows.sheet(flow.id, by=OWNER).problems == []
    [changed] = differences(before, office.history.versions(flow.id, by=OWNER)[0].definition)
    assert "Sum up uses a deleted task of research" in f"{changed.sentence} {changed.old}"

    office.tasks.remove(own.id, by=OWNER)
    [problem] = office.flows.sheet(flow.id, by=OWNER).problems
    assert problem.sentence == "“Write” gives a result to a task that was deleted. Change its connected tasks."


def test_every_save_is_a_version_that_can_be_brought_back(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research", result="report")
    write = add(office, flow, "Write", "research", inputs={"text": "outputs.research.raw"})
    before = office.history.versions(flow.id, by=OWNER)[0]
    swapped = write.draft().model_copy(update={"name": "Research!", "inputs": {}})
    office.flows.change_step(write.id, swapped, version=write.version, by=OWNER)
    sheet = office.flows.sheet(flow.id, by=OWNER)
    office.flows.remove_step(sheet.steps[0].id, by=OWNER)
    office.flows.set_state(flow.id, None, version=sheet.flow.version, by=OWNER)

    summaries = [version.summary for version in office.history.versions(flow.id, by=OWNER)]
    assert "State: “topic” removed. State: “report” removed." in summaries
    assert "Step “Research” removed." in summaries[1]

    office.history.roll_back(flow.id, before.number, by=OWNER)

    assert office.history.versions(flow.id, by=OWNER)[0].definition == before.definition
    assert office.flows.sheet(flow.id, by=OWNER).problems == []


def test_a_copy_has_everything(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research", result="report")
    add(office, flow, "Write", "research", inputs={"text": "outputs.research.raw"})

    copy = office.crews.copy(flow.id, "Monthly report", by=OWNER)

    assert copy.is_flow
    assert after(office, copy) == after(office, flow)
    assert office.flows.sheet(copy.id, by=OWNER).fields == office.flows.sheet(flow.id, by=OWNER).fields


def test_a_state_that_is_none_is_refused_under_its_field(office: Office, flow: CrewInstance) -> None:
    with pytest.raises(FormRefused) as refusal:
        office.flows.set_state(
            flow.id, {"type": "object", "properties": {"in": {"type": "string"}}}, version=1, by=OWNER
        )

    assert "“in” cannot be the name" in refusal.value.fields["state"]


def test_the_order_of_the_state_stays(office: Office, flow: CrewInstance) -> None:
    parts = {name: {"type": "string"} for name in ("zebra", "a", "monkey")}
    office.flows.set_state(flow.id, {"type": "object", "properties": parts}, version=flow.version, by=OWNER)

    assert [field.name for field in office.flows.sheet(flow.id, by=OWNER).fields] == ["zebra", "a", "monkey"]


def test_a_run_takes_everything_along_as_it_is_now(office: Office, flow: CrewInstance) -> None:
    inner = office.crews.create(CrewDraft(name="Inner", is_flow=True), by=OWNER)
    add(office, inner, "Research")
    add(office, flow, "Run it", kind="flow", target_id=inner.id, result="report")

    run = office.runs.start(flow.id, {"topic": "Tea"}, by=OWNER, channel="C0GENERAL", tell=print)

    assert run.definition.is_flow
    assert sorted(run.definition.parts) == ["Inner", "Market research"]
    assert run.definition.parts["Market research"].tasks[0].name == "Research"
    assert run.definition.parts["Inner"].steps[0].target == "Market research"


def test_a_flow_is_not_run_with_inputs_that_do_not_fit(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research")
    schema = {**STATE, "properties": {**STATE["properties"], "count": {"type": "integer"}, "tags": {"type": "array"}}}
    office.flows.set_state(flow.id, schema, version=flow.version, by=OWNER)

    with pytest.raises(InputsRefused) as refusal:
        office.runs.start(flow.id, {"count": "many", "more": "x"}, by=OWNER, channel="C0GENERAL", tell=print)
    assert refusal.value.fields == {
        "topic": "“topic” is needed.",
        "count": "It must be a whole number.",
        "more": "There is no “more” in this flow’s state.",
    }

    inputs = {"topic": "Tea", "count": "3", "tags": "a, b", "report": " "}
    run = office.runs.start(flow.id, inputs, by=OWNER, channel="C0GENERAL", tell=print)
    assert run.inputs == {"topic": "Tea", "count": 3, "tags": ["a", "b"]}


def test_what_keeps_a_crew_inside_from_running_keeps_the_flow_too(office: Office, flow: CrewInstance) -> None:
    add(office, flow, "Research", target_id=office.other.id)

    with pytest.raises(NotReady) as refusal:
        office.runs.start(flow.id, {"topic": "Tea"}, by=OWNER, channel="C0GENERAL", tell=print)
    assert "“Another one”: It has no agents yet." in refusal.value.sentence

    office.agents.remove(office.agent.id, by=OWNER)
    step = office.flows.sheet(flow.id, by=OWNER).steps[0]
    office.flows.remove_step(step.id, by=OWNER)
    with pytest.raises(NotReady, match="It has no steps yet"):
        office.runs.start(flow.id, {"topic": "Tea"}, by=OWNER, channel="C0GENERAL", tell=print)


def test_problems_lead_to_their_mend(office: Office, flow: CrewInstance) -> None:
    assert [(each.place, each.subject) for each in office.flows.sheet(flow.id, by=OWNER).problems] == [
        (Place.NEW_STEP, flow.id)
    ]
    step = add(office, flow, "Set it", kind="set", settings={"value": "state.nothing"}, result="report")
    assert [(each.place, each.subject) for each in office.flows.sheet(flow.id, by=OWNER).problems] == [
        (Place.STEP_SETTINGS, step.id)
    ]
