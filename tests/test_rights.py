"""Who may do what with a crew: everything a service offers, for everybody, in every way a crew can be shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.pictures.png import Painter
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.history import History
from bot.services.pictures import Pictures
from bot.services.rights import NotAllowed, NotYourRun, Rights
from bot.services.runs import Runs, Tell
from bot.services.sharing import Access, ShareDraft, Sharing
from bot.services.tasks import Tasks
from store.agents import AgentDraft
from store.crews import CrewDraft, Filter
from store.database import Store
from store.more_settings import AgentSettings, CrewSettings, TaskSettings
from store.runs import Execution
from store.shares import Level
from store.tasks import TaskDraft

TEAM, ELSEWHERE = "T0NORTHWIND", "T0CONTOSO"
OWNER, ADMIN, BEN, CHLOE = (Actor(TEAM, user) for user in ("U0OWNER", "U0ADMIN", "U0BEN", "U0CHLOE"))
# The same ids in another workspace are other people, whoever administers it.
STRANGER, THEIR_ADMIN = Actor(ELSEWHERE, BEN.user), Actor(ELSEWHERE, ADMIN.user)
RESEARCH, BOARD = "C0RESEARCH", "C0BOARD"


@dataclass
class Slack:
    """Who is who; Ben is in #research."""

    members: dict[str, list[str]] = field(default_factory=lambda: {BEN.user: [RESEARCH]})
    unseen: set[str] = field(default_factory=set)

    def is_admin(self, team: str, user: str) -> bool:
        return user == ADMIN.user

    def channels(self, team: str, user: str) -> list[str]:
        return self.members.get(user, []) if team == TEAM else []

    def reaches(self, team: str, channel: str) -> bool:
        return channel not in self.unseen


class Launcher:
    """Takes runs and leaves them queued."""

    def launch(self, run: Execution, tell: Tell) -> None:
        pass

    def stop(self, run: Execution, by: str) -> None:
        pass


class Office:
    """All services over one store, and a crew of the owner with an agent, a task and a run that the owner started."""

    def __init__(self, store: Store) -> None:
        self.store, self.slack = store, Slack()
        rights = Rights(self.slack)
        self.crews = Crews(store, rights)
        self.agents = Agents(store, rights, lambda name, team: None)
        self.tasks = Tasks(store, rights)
        self.history = History(store, rights)
        self.sharing = Sharing(store, rights)
        self.pictures = Pictures(self.crews, Painter())
        self.runs = Runs(store, rights, Launcher(), lambda name, team: None)
        self.crew = self.crews.create(CrewDraft(name="Market research"), by=OWNER)
        self.other = self.crews.create(CrewDraft(name="Another one"), by=OWNER)
        self.sharing.share(self.other.id, ShareDraft(everybody=Access.EDIT), by=OWNER)
        agent = AgentDraft(name="Researcher", role="Analyst", goals=["Find"], backstory="Reads.")
        self.agent = self.agents.add(self.crew.id, agent, by=OWNER)
        task = TaskDraft(name="Research", description="Do it.", expected_output="Facts.", agent_id=self.agent.id)
        self.task = self.tasks.add(self.crew.id, task, by=OWNER)
        self.run = self.start(OWNER)

    def start(self, by: Actor) -> Execution:
        return self.runs.start(self.crew.id, {}, by=by, channel="C0GENERAL", tell=print)

    def share(self, **shared: object) -> None:
        self.sharing.share(self.crew.id, ShareDraft.model_validate(shared), by=OWNER)


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("rights") / "empty.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.upgrade()
    return file.read_bytes()


@pytest.fixture
def office(emptied: bytes, tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "crewcall.db").write_bytes(emptied)
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        yield Office(store)


AGENT = AgentDraft(name="Writer", role="Writer", goals=["Write"], backstory="Wrote.")
TASK = TaskDraft(name="Write", description="Write.", expected_output="Text.")

# Each thing that can be done with the crew, and what one must be allowed for it.
SEE: dict[str, Callable[[Office, Actor], object]] = {
    "see its page": lambda o, by: o.crews.sheet(o.crew.id, by=by),
    "get it": lambda o, by: o.crews.get(o.crew.id, by=by),
    "copy it": lambda o, by: o.crews.copy(o.crew.id, "Copy", by=by),
    "see its picture": lambda o, by: o.pictures.of_crew(o.crew.id, by=by),
    "see its versions": lambda o, by: o.history.versions(o.crew.id, by=by),
    "compare versions": lambda o, by: o.history.pair(o.crew.id, 1, by=by),
    "run it": lambda o, by: o.start(by),
    "see somebody’s run": lambda o, by: o.runs.get(o.run.id, by=by),
    "read somebody’s log": lambda o, by: o.runs.log(o.run.id, by=by),
    "run it again": lambda o, by: o.runs.again(o.run.id, by=by, tell=print),
}
CHANGE: dict[str, Callable[[Office, Actor], object]] = {
    "open it for editing": lambda o, by: o.crews.get(o.crew.id, by=by, to=Level.EDIT),
    "change it": lambda o, by: o.crews.change(o.crew.id, CrewDraft(name="New"), version=1, by=by),
    "configure it": lambda o, by: o.crews.configure(o.crew.id, CrewSettings(), version=1, by=by),
    "roll it back": lambda o, by: o.history.roll_back(o.crew.id, 1, by=by),
    "add an agent": lambda o, by: o.agents.add(o.crew.id, AGENT, by=by),
    "open an agent": lambda o, by: o.agents.get(o.agent.id, by=by),
    "change an agent": lambda o, by: o.agents.change(o.agent.id, AGENT, version=1, by=by),
    "configure an agent": lambda o, by: o.agents.configure(o.agent.id, AgentSettings(), version=1, by=by),
    "move an agent": lambda o, by: o.agents.move_to(o.agent.id, o.other.id, by=by),
    "remove an agent": lambda o, by: o.agents.remove(o.agent.id, by=by),
    "add a task": lambda o, by: o.tasks.add(o.crew.id, TASK, by=by),
    "open a task": lambda o, by: o.tasks.get(o.task.id, by=by),
    "change a task": lambda o, by: o.tasks.change(o.task.id, TASK, version=1, by=by),
    "configure a task": lambda o, by: o.tasks.configure(o.task.id, TaskSettings(), version=1, by=by),
    "reorder tasks": lambda o, by: o.tasks.move(o.task.id, later=True, by=by),
    "move a task": lambda o, by: o.tasks.move_to(o.task.id, o.other.id, by=by),
    "remove a task": lambda o, by: o.tasks.remove(o.task.id, by=by),
    "stop somebody’s run": lambda o, by: o.runs.stop(o.run.id, by=by),
}
OWN: dict[str, Callable[[Office, Actor], object]] = {
    "see with whom it is shared": lambda o, by: o.sharing.get(o.crew.id, by=by),
    "share it": lambda o, by: o.sharing.share(o.crew.id, ShareDraft(), by=by),
    "delete it": lambda o, by: o.crews.delete(o.crew.id, by=by),
}
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
        with pytest.raises((NotAllowed, NotYourRun)) as refusal:
            do(office, who)
        assert f"<@{OWNER.user}>" in refusal.value.sentence


@pytest.mark.parametrize("who", [STRANGER, THEIR_ADMIN], ids=["a person", "an administrator"])
@deeds
def test_ids_of_another_workspace_lead_nowhere(
    office: Office, who: Actor, needs: Level, do: Callable[[Office, Actor], object]
) -> None:
    office.share(everybody="edit", edit_people=[BEN.user])

    with pytest.raises(UserError, match="has been deleted"):
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


def test_runs_of_a_deleted_crew_are_their_starters_and_the_administrators(office: Office) -> None:
    office.share(everybody="edit")
    office.crews.delete(office.crew.id, by=OWNER)

    assert [run.id for run in office.runs.latest(by=OWNER)] == [office.run.id]
    assert [run.id for run in office.runs.latest(by=ADMIN)] == [office.run.id]
    assert office.runs.latest(by=BEN) == []
    with pytest.raises(NotYourRun):
        office.runs.get(office.run.id, by=BEN)


@cases
def test_lists_hold_what_one_may_use(
    office: Office, shared: dict[str, object], who: Actor, may: Level | None
) -> None:
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
    assert ids(Filter.MINE) == ({office.crew.id, office.other.id} if who == OWNER else set())
    assert ids(Filter.SHARED) == ids(Filter.ALL) - ids(Filter.MINE)


def test_nobody_is_told_of_crews_in_another_workspace(office: Office) -> None:
    office.share(everybody="edit", edit_people=[BEN.user])

    for who in (STRANGER, THEIR_ADMIN):
        assert office.crews.names(by=who) == []
        assert office.crews.page(by=who) == ([], 0)
        assert office.runs.latest(by=who) == []


def test_a_channel_counts_as_long_as_somebody_is_in_it(office: Office) -> None:
    office.share(run_channels=[RESEARCH])
    assert office.crews.get(office.crew.id, by=BEN)

    office.slack.members[BEN.user] = []

    with pytest.raises(NotAllowed):
        office.crews.get(office.crew.id, by=BEN)


def test_a_channel_that_the_bot_cannot_see_is_refused_with_the_mend(office: Office) -> None:
    office.slack.unseen.add(BOARD)

    with pytest.raises(UserError) as refusal:
        office.share(run_channels=[RESEARCH], edit_channels=[BOARD])

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
    draft = ShareDraft(
        everybody=Access.RUN, run_people=[CHLOE.user], edit_people=[BEN.user], edit_channels=[RESEARCH]
    )
    office.sharing.share(office.crew.id, draft, by=ADMIN)

    assert office.sharing.get(office.crew.id, by=OWNER)[1] == draft
    office.sharing.share(office.crew.id, ShareDraft(), by=OWNER)
    assert office.sharing.get(office.crew.id, by=OWNER)[1] == ShareDraft()
