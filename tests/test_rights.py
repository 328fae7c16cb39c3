"""Who may do what with a crew: everything a service offers, for everybody, in every way a crew can be shared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.errors import FormRefused, UserError
from bot.services import Actor
from bot.services.admins import AdministratorsOnly
from bot.services.flows import Flows
from bot.services.limits import NotYourLimit
from bot.services.readiness import InputsMissing
from bot.services.reviews import NotAReviewer
from bot.services.rights import NotAllowed, NotYourRun
from bot.services.schedules import NotYourSchedule, OwnerLeft
from bot.services.sharing import Access, ShareDraft
from store import runs
from store.crews import CrewDraft, Filter
from store.more_settings import CrewSettings
from store.runs import RunState
from store.shares import Level
from tests.support.office import (
    ADMIN,
    BEN,
    BOARD,
    CHANGE,
    CHLOE,
    OWN,
    OWNER,
    RESEARCH,
    SCHEDULE,
    SEE,
    STRANGER,
    TASK,
    THEIR_ADMIN,
    Office,
)

DEEDS = [
    *((Level.RUN, what, do) for what, do in SEE.items()),
    *((Level.EDIT, what, do) for what, do in CHANGE.items()),
    *((Level.OWN, what, do) for what, do in OWN.items()),
]
deeds = pytest.mark.parametrize(("needs", "do"), [(level, do) for level, _, do in DEEDS], ids=[one[1] for one in DEEDS])

# Each way to share it, who asks, and what they may do then.
CASES: list[tuple[dict[str, object], Actor, Level | None]] = [
    ({}, OWNER, Level.OWN),
    ({}, ADMIN, Level.OWN),
    ({}, BEN, None),
    ({"run_people": [BEN.user]}, BEN, Level.RUN),
    ({"edit_people": [BEN.user]}, BEN, Level.EDIT),
    ({"edit_people": [BEN.user]}, CHLOE, None),
    ({"run_channels": [RESEARCH]}, BEN, Level.RUN),
    ({"edit_channels": [RESEARCH]}, BEN, Level.EDIT),
    ({"edit_channels": [RESEARCH]}, CHLOE, None),
    ({"edit_channels": [BOARD]}, BEN, None),
    ({"everybody": "run"}, CHLOE, Level.RUN),
    ({"everybody": "edit"}, CHLOE, Level.EDIT),
    ({"everybody": "run", "edit_channels": [RESEARCH]}, BEN, Level.EDIT),
]
cases = pytest.mark.parametrize(("shared", "who", "may"), CASES)


@deeds
@cases
def test_everybody_may_do_what_was_shared_and_nothing_else(
    office: Office,
    shared: dict[str, object],
    who: Actor,
    may: Level | None,
    needs: Level,
    do: Callable[[Office, Actor], object],
) -> None:
    office.share(**shared)

    if (may or 0) >= needs:
        do(office, who)
    else:
        with pytest.raises((NotAllowed, NotAReviewer, NotYourLimit, NotYourRun, NotYourSchedule)) as refusal:
            do(office, who)
        assert f"<@{OWNER.user}>" in refusal.value.sentence


@pytest.mark.parametrize("who", [STRANGER, THEIR_ADMIN], ids=["a person", "an administrator"])
@deeds
def test_ids_of_another_workspace_lead_nowhere(
    office: Office, who: Actor, needs: Level, do: Callable[[Office, Actor], object]
) -> None:
    office.share(everybody="edit", edit_people=[BEN.user])

    if do in (SEE["see the run of a thread"], CHANGE["answer an agent in its thread"]):
        assert do(office, who) is None
        return
    with pytest.raises(UserError, match=r"has been deleted|does not belong to a run"):
        do(office, who)


def test_nothing_is_moved_into_a_crew_that_one_may_not_edit(office: Office) -> None:
    office.share(everybody="edit")
    office.sharing.share(office.other.id, ShareDraft(everybody=Access.RUN), by=OWNER)

    for move in (office.agents.move_to, office.tasks.move_to):
        with pytest.raises(NotAllowed):
            move(office.agent.id, office.other.id, by=BEN)
    assert len(office.crews.sheet(office.crew.id, by=BEN).agents) == 1


def test_a_moved_task_leaves_its_agent_and_what_it_uses_behind(office: Office) -> None:
    later = office.tasks.add(office.crew.id, TASK.model_copy(update={"depends_on": [office.task.id]}), by=OWNER)
    third = TASK.model_copy(update={"name": "Check", "depends_on": [later.id]})
    office.tasks.add(office.crew.id, third, by=OWNER)

    moved, _ = office.tasks.move_to(later.id, office.other.id, by=OWNER)

    assert (moved.crew_id, moved.agent_id, moved.depends_on) == (office.other.id, None, [])
    assert [task.depends_on for task in office.crews.sheet(office.crew.id, by=OWNER).tasks] == [[], []]


def test_a_moved_agent_leaves_its_tasks_waiting_and_manages_nothing_any_more(office: Office) -> None:
    office.crews.configure(office.crew.id, CrewSettings(manager_agent_id=office.agent.id), version=1, by=OWNER)

    office.agents.move_to(office.agent.id, office.other.id, by=OWNER)

    sheet = office.crews.sheet(office.crew.id, by=OWNER)
    assert (sheet.agents, sheet.tasks[0].agent_id, sheet.crew.settings.manager_agent_id) == ([], None, None)
    assert [agent.name for agent in office.crews.sheet(office.other.id, by=OWNER).agents] == ["Researcher"]


def test_whoever_started_a_run_may_see_and_stop_it_without_the_crew(office: Office) -> None:
    office.share(run_people=[BEN.user])
    run = office.start(BEN)
    office.share()

    assert office.runs.get(run.id, by=BEN).id == run.id
    assert [each.id for each in office.runs.latest(by=BEN)] == [run.id]
    office.runs.stop(run.id, by=BEN)


def test_who_started_a_run_retries_it_only_while_they_may_run_its_crew(office: Office) -> None:
    office.share(run_people=[BEN.user])
    run = office.start(BEN)
    with office.store.transaction() as session:
        claimed = runs.claim(session, run.id, owner="here")
        assert claimed is not None
        runs.finish(session, claimed, RunState.FAILED, error="The model is away.")
    office.share()

    for retry in (lambda: office.runs.retry(run.id, by=BEN), lambda: office.runs.retry_latest(by=BEN)):
        with pytest.raises(NotAllowed, match=OWNER.user):
            retry()
    office.share(run_people=[BEN.user])
    assert office.runs.retry(run.id, by=BEN).status is RunState.QUEUED


def test_runs_of_a_deleted_crew_are_their_starters_and_the_administrators(office: Office) -> None:
    office.share(everybody="edit")
    office.crews.delete(office.crew.id, by=OWNER)

    assert [run.id for run in office.runs.latest(by=OWNER)] == [office.run.id]
    assert [run.id for run in office.runs.latest(by=ADMIN)] == [office.run.id]
    assert office.runs.latest(by=BEN) == []
    with pytest.raises(NotYourRun, match=f"Ask <@{OWNER.user}>, who started it, or an administrator"):
        office.runs.get(office.run.id, by=BEN)


def test_who_may_not_see_or_stop_a_run_is_told_whom_to_ask(office: Office) -> None:
    office.share(run_people=[BEN.user])
    run = office.start(BEN)

    with pytest.raises(NotYourRun) as unseen:
        office.runs.get(run.id, by=CHLOE)
    assert unseen.value.sentence == (
        f"You may not see this run. Ask <@{BEN.user}>, who started it, or <@{OWNER.user}>, who owns its crew."
    )
    assert [unseen.value.facts[fact] for fact in NotYourRun.people] == [BEN.user, OWNER.user]
    office.share(run_people=[BEN.user, CHLOE.user])
    with pytest.raises(NotYourRun, match="You may not stop this run"):
        office.runs.stop(run.id, by=CHLOE)


@cases
def test_lists_hold_what_one_may_use(office: Office, shared: dict[str, object], who: Actor, may: Level | None) -> None:
    office.sharing.share(office.other.id, ShareDraft(), by=OWNER)
    office.share(**shared)
    seen = office.crew.id if may else None

    def ids(which: Filter) -> set[int]:
        found, total = office.crews.page(by=who, which=which)
        assert total == len(found)
        return {crew.id for crew in found}

    assert (seen in ids(Filter.ALL)) is bool(may)
    assert (seen in dict(office.crews.names(by=who))) is bool(may)
    assert (seen in dict(office.crews.names(by=who, to=Level.EDIT))) is ((may or 0) >= Level.EDIT)
    assert bool(office.runs.latest(by=who)) is bool(may)
    assert ids(Filter.MINE) == ({office.crew.id, office.other.id, office.flow.id} if who == OWNER else set())
    assert ids(Filter.SHARED) == ids(Filter.ALL) - ids(Filter.MINE)


def test_nobody_is_told_of_crews_in_another_workspace(office: Office) -> None:
    office.share(everybody="edit", edit_people=[BEN.user])

    for who in (STRANGER, THEIR_ADMIN):
        assert office.crews.names(by=who) == []
        assert office.crews.page(by=who) == ([], 0)
        assert office.runs.latest(by=who) == []


def test_a_channel_counts_as_long_as_somebody_is_in_it(office: Office) -> None:
    office.share(run_channels=[RESEARCH])
    assert office.crews.get(office.crew.id, by=BEN).id == office.crew.id

    office.slack.members[BEN.user] = []

    with pytest.raises(NotAllowed):
        office.crews.get(office.crew.id, by=BEN)


def test_a_channel_that_the_bot_cannot_see_is_refused_with_the_mend(office: Office) -> None:
    office.slack.unseen.add(BOARD)

    draft = ShareDraft(run_channels=[RESEARCH], edit_channels=[BOARD])
    with pytest.raises(UserError) as refusal:
        office.sharing.share(office.crew.id, draft, by=OWNER)

    assert list(refusal.value.fields) == ["edit_channels"]
    assert "/invite" in refusal.value.fields["edit_channels"]
    assert office.sharing.get(office.crew.id, by=OWNER)[1] == ShareDraft()


def test_a_name_that_is_not_shared_is_refused_with_whom_to_ask(office: Office) -> None:
    with pytest.raises(NotAllowed, match=OWNER.user):
        office.crews.refuse_unshared("  market RESEARCH ", by=BEN)
    office.crews.refuse_unshared("market", by=BEN)
    office.crews.refuse_unshared("Market research", by=STRANGER)


@pytest.mark.parametrize("subject", ["*", "B0BOT", "U1; DROP", "", "<@U0BEN>", "C0RESEARCH"])
def test_only_people_are_shared_with_as_people(subject: str) -> None:
    with pytest.raises(ValueError, match="run_people"):
        ShareDraft(run_people=[subject])


def test_the_form_comes_back_as_it_was_saved(office: Office) -> None:
    draft = ShareDraft(everybody=Access.RUN, run_people=[CHLOE.user], edit_people=[BEN.user], edit_channels=[RESEARCH])
    office.sharing.share(office.crew.id, draft, by=ADMIN)

    assert office.sharing.get(office.crew.id, by=OWNER)[1] == draft
    office.sharing.share(office.crew.id, ShareDraft(), by=OWNER)
    assert office.sharing.get(office.crew.id, by=OWNER)[1] == ShareDraft()


def test_whose_schedule_it_is_may_change_it_and_others_with_the_crew_may_not(office: Office) -> None:
    office.share(everybody="edit")
    theirs = office.schedules.create(office.crew.id, SCHEDULE, by=BEN)

    office.schedules.pause(theirs.id, by=BEN)
    with pytest.raises(NotYourSchedule, match=BEN.user):
        office.schedules.resume(theirs.id, by=CHLOE)
    assert [entry.may_change for entry in office.schedules.list_all(by=CHLOE).entries] == [False, False]
    assert [entry.may_change for entry in office.schedules.list_all(by=OWNER).entries] == [True, True]


def test_who_edits_a_schedule_becomes_its_owner_and_needs_the_crew_for_it(office: Office) -> None:
    office.share(run_people=[BEN.user])
    theirs = office.schedules.create(office.crew.id, SCHEDULE, by=BEN)
    assert office.schedules.change(theirs.id, SCHEDULE, version=1, by=OWNER).owner == OWNER.user

    mine = office.schedules.create(office.crew.id, SCHEDULE, by=BEN)
    office.share()
    with pytest.raises(NotAllowed):
        office.schedules.change(mine.id, SCHEDULE, version=1, by=BEN)


def test_only_administrators_pause_all_schedules(office: Office) -> None:
    with pytest.raises(AdministratorsOnly):
        office.schedules.pause_all(True, by=OWNER)
    office.schedules.pause_all(True, by=ADMIN)

    assert office.schedules.list_all(by=OWNER).paused
    assert not office.schedules.list_all(by=OWNER).admin


def test_a_schedule_whose_owner_left_is_not_resumed_as_them(office: Office) -> None:
    office.slack.gone.add(OWNER.user)
    with pytest.raises(OwnerLeft):
        office.schedules.resume(office.schedule.id, by=ADMIN)


def test_the_inputs_of_a_flows_schedule_fit_its_state(office: Office) -> None:
    flow = office.crews.create(CrewDraft(name="Weekly letter", is_flow=True), by=OWNER)
    schema = {
        "type": "object",
        "properties": {"week": {"type": "string"}, "readers": {"type": "integer"}, "note": {"type": "string"}},
        "required": ["week", "readers"],
    }
    Flows(office.store, office.rights).set_state(flow.id, schema, version=flow.version, by=OWNER)
    assert office.schedules.asked(flow.id, by=OWNER)[1] == {"week": True, "readers": True, "note": False}

    wrong = SCHEDULE.model_copy(update={"inputs": {"week": "last week", "readers": "many"}})
    with pytest.raises(FormRefused, match="readers: "):
        office.schedules.create(flow.id, wrong, by=OWNER)
    none = SCHEDULE.model_copy(update={"inputs": {"week": "last week"}})
    with pytest.raises(InputsMissing, match="readers"):
        office.schedules.create(flow.id, none, by=OWNER)
    right = SCHEDULE.model_copy(update={"inputs": {"week": "last week", "readers": "1200"}})
    assert " to " in office.schedules.preview(flow.id, right, by=OWNER).inputs["week"]
