"""All services over one store, without Slack: who is who is said by the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from bot.engine.llms import Models
from bot.engine.tools.toolbox import Toolbox
from bot.pictures.png import Painter
from bot.recurrence import Kind, Recurrence
from bot.services import Actor
from bot.services.admins import Admins
from bot.services.agents import Agents
from bot.services.audit import AuditLog
from bot.services.crews import Crews
from bot.services.describing import Describing
from bot.services.flows import Flows
from bot.services.history import History
from bot.services.home import Home
from bot.services.limits import Limits, NewLimit
from bot.services.memories import Memories
from bot.services.models import ConnectionAnswers, Connections
from bot.services.pictures import Pictures
from bot.services.previews import Previews
from bot.services.projects import Projects
from bot.services.reviews import Reviews
from bot.services.rights import Rights
from bot.services.run_history import RunHistory
from bot.services.runs import Runs, Tell
from bot.services.schedules import Schedules
from bot.services.sharing import Access, ShareDraft, Sharing
from bot.services.tasks import Tasks
from bot.services.templates import Templates
from bot.services.tools import Tools
from bot.services.workflows import StepEnd, Workflows
from store import connections, crews, limits, reviews, runs, schedules, shares, steps, tools, versions
from store.agents import AgentDraft
from store.crews import CrewDraft
from store.database import Store
from store.limits import Ceiling, CrewLimits, LimitPause, Scope
from store.more_settings import AgentSettings, CrewSettings, ReviewSettings, TaskSettings
from store.reviews import Review
from store.runs import Execution, RunState
from store.schedules import ScheduleDraft
from store.secrets import Keyring
from store.shares import Level
from store.sketches import AgentSketch, CrewSketch, TaskSketch
from store.steps import StepDraft
from store.tasks import TaskDraft
from store.templates import TemplateDraft
from store.tools import ToolDraft

TEAM, ELSEWHERE = "T0NORTHWIND", "T0CONTOSO"
OWNER, ADMIN, BEN, CHLOE = (Actor(TEAM, user) for user in ("U0OWNER", "U0ADMIN", "U0BEN", "U0CHLOE"))
# The same ids in another workspace are other people, whoever administers it.
STRANGER, THEIR_ADMIN = Actor(ELSEWHERE, BEN.user), Actor(ELSEWHERE, ADMIN.user)
RESEARCH, BOARD = "C0RESEARCH", "C0BOARD"
THREAD = "1700000000.000100"


@dataclass
class Slack:
    """Who is who; Ben is in #research."""

    members: dict[str, list[str]] = field(default_factory=lambda: {BEN.user: [RESEARCH]})
    unseen: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    # Slack gives no answer at all, or none about the channels of these.
    silent: bool = False
    forgotten: set[str] = field(default_factory=set)

    def zone(self, team: str, user: str) -> str | None:
        return "Europe/London"

    def is_gone(self, team: str, user: str) -> bool | None:
        return None if self.silent else user in self.gone

    def is_member(self, team: str, channel: str) -> bool | None:
        return None if self.silent else channel not in self.unseen

    def heard_of(self, team: str, user: str) -> bool:
        return not self.silent and user not in self.forgotten

    def is_admin(self, team: str, user: str) -> bool:
        return user == ADMIN.user

    def channels(self, team: str, user: str) -> list[str]:
        return self.members.get(user, []) if team == TEAM and not self.silent else []

    def reaches(self, team: str, channel: str) -> bool:
        return channel not in self.unseen

    def admins(self, team: str) -> list[str]:
        return ["Ada Minister"]


class Launcher:
    """Takes runs and leaves them queued; knows which were to be stopped."""

    def __init__(self) -> None:
        self.stopped: list[int] = []
        self.told: list[Tell] = []

    def launch(self, run: Execution, tell: Tell) -> None:
        self.told.append(tell)

    def stop(self, run: Execution, by: str) -> None:
        self.stopped.append(run.id)

    def resume(self, run_id: int) -> None:
        pass


class Silence:
    """There are no user groups, and nobody reads what is said in threads."""

    def groups(self, team: str) -> list[tuple[str, str]]:
        return []

    def group_members(self, team: str, group: str) -> list[str]:
        return []

    def show(self, review: Review) -> None:
        pass

    def remind(self, review: Review) -> None:
        pass


# There is nothing here, and nothing is put here.
NOWHERE = Path("/nowhere")
TOOL = ToolDraft(name="Web page", tool_type="ScrapeWebsiteTool")
# Nobody listens there.
CONNECTION = ConnectionAnswers(
    name="Office", provider="ollama", base_url="http://127.0.0.1:9", models=["small"], untested=True
)
SCHEDULE = ScheduleDraft(
    recurrence=Recurrence(kind=Kind.ONCE, on=date(2099, 1, 1)), zone="Europe/London", channel="C0GENERAL"
)


class Office:
    """All services over one store, and a crew of the owner with an agent, a task and a run that the owner started.

    The owner has a flow as well, with one step; it is shared just as the crew is.
    """

    def __init__(self, store: Store, like: Office | None = None) -> None:
        """Put these things into the store, or work with those that ``like`` has put there."""
        self.store, self.slack = store, Slack()
        rights = Rights(self.slack)
        self.crews = Crews(store, rights)
        self.agents = Agents(store, rights, lambda name, team: None)
        self.tasks = Tasks(store, rights)
        self.flows = Flows(store, rights)
        self.history = History(store, rights)
        self.sharing = Sharing(store, rights)
        self.admins = Admins(self.slack)
        self.audit = AuditLog(store, self.admins)
        self.limits = Limits(store, rights, Admins(self.slack), lambda run_id: None)
        self.run_history = RunHistory(store, rights)
        self.pictures = Pictures(self.crews, Painter())
        self.launcher = Launcher()
        self.runs = Runs(store, rights, self.launcher, lambda name, team: None)
        self.rights = rights
        self.projects = Projects(store, rights, environ={})
        self.templates = Templates(store, rights, self.projects)
        self.memories = Memories(store, rights)
        self.describing = Describing(store, rights, lambda team, wish, over: SKETCH)
        self.reviews = Reviews(store, rights, Silence(), self.launcher, Silence())
        self.tools = Tools(store, rights, Toolbox(NOWHERE, {}), self.admins)
        self.connections = Connections(store, Keyring([], NOWHERE / "key"), Models("", NOWHERE, {}), self.admins)
        self.previews = Previews(store, rights)
        self.home = Home(store, rights, self.reviews)
        self.ends: list[StepEnd] = []
        self.workflows = Workflows(store, self.runs, self.ends.append)
        self.schedules = Schedules(store, rights, self.admins, self.slack, self.runs)
        if like is None:
            self._furnish()
        else:
            things = ("crew", "other", "agent", "task", "run", "schedule", "flow", "step", "tool", "connection")
            for name in things:
                setattr(self, name, getattr(like, name))

    def _furnish(self) -> None:
        self.crew = self.crews.create(CrewDraft(name="Market research"), by=OWNER)
        self.other = self.crews.create(CrewDraft(name="Another one"), by=OWNER)
        self.sharing.share(self.other.id, ShareDraft(everybody=Access.EDIT), by=OWNER)
        agent = AgentDraft(name="Researcher", role="Analyst", goals=["Find"], backstory="Reads.")
        self.agent = self.agents.add(self.crew.id, agent, by=OWNER)
        task = TaskDraft(name="Research", description="Do it.", expected_output="Facts.", agent_id=self.agent.id)
        self.task = self.tasks.add(self.crew.id, task, by=OWNER)
        self.run = self.start(OWNER)
        with self.store.transaction() as session:
            # In a year that no test comes to.
            self.schedule = schedules.add(
                session,
                SCHEDULE,
                crew_id=self.crew.id,
                team=TEAM,
                by=OWNER.user,
                next_at=datetime(2099, 1, 1, tzinfo=UTC),
            )
            digest = CrewDraft(name="Digest", is_flow=True)
            self.flow = crews.add(session, digest, team=TEAM, by=OWNER.user)
            self.step = steps.add(session, STEP, flow_id=self.flow.id, team=TEAM, by=OWNER.user)
            self.tool = tools.add(session, TOOL, team=TEAM, by=OWNER.user)
            keyring = self.connections.keyring
            self.connection = connections.add(session, CONNECTION, team=TEAM, by=ADMIN.user, keyring=keyring)

    def start(self, by: Actor) -> Execution:
        return self.runs.start(self.crew.id, {}, by=by, channel="C0GENERAL", tell=print)

    def share(self, **shared: object) -> None:
        """Let the crew and the flow be shared so, without a line in the audit log."""
        levels = ShareDraft.model_validate(shared).shares()
        with self.store.transaction() as session:
            for each in (self.crew, self.flow):
                shares.put(session, each.id, levels, team=TEAM)

    def going(self) -> Execution:
        """A run of the crew that the owner started in ``THREAD`` and this process works on."""
        with self.store.transaction() as session:
            told: dict[str, Any] = {"version": 1, "by": OWNER.user, "channel": "C0GENERAL", "thread_ts": THREAD}
            run = runs.add(session, self.crew, self.run.definition, {}, **told)
            claimed = runs.claim(session, run.id, owner="here")
        assert claimed is not None
        return claimed

    def ended(self, status: RunState) -> Execution:
        """One that has ended so."""
        run = self.going()
        with self.store.transaction() as session:
            runs.finish(session, run, status, results="Facts.")
        return run

    def tried(self, status: RunState) -> Execution:
        """One of the flow's step alone, which the owner tried and which has ended so."""
        flow = self.flow.model_copy(update={"name": "Digest: Pause"})
        definition = self.run.definition.model_copy(update={"name": flow.name})
        told: dict[str, Any] = {"version": 1, "by": OWNER.user, "channel": "C0GENERAL", "source": runs.TRIAL}
        with self.store.transaction() as session:
            run = runs.add(session, flow, definition, {}, **told)
            claimed = runs.claim(session, run.id, owner="here")
            assert claimed is not None
            runs.finish(session, claimed, status, results="Facts.")
        return run

    def at_a_limit(self) -> tuple[Execution, LimitPause]:
        """One that waits at a limit of its crew."""
        run, ceiling = self.going(), Ceiling("run_tokens", Scope.CREW, 10)
        with self.store.transaction() as session:
            pause = limits.pause(session, run.id, ceiling, used=10, said="Enough.", task="Research")
            runs.pause(session, run, waiting_for="Research")
        return run, pause

    def asking(self, kind: Literal["review", "question"] = "review") -> Review:
        """What one asks, for anybody who may edit its crew."""
        run = self.going()
        with self.store.transaction() as session:
            asked = reviews.ask(
                session,
                run,
                "x",
                kind=kind,
                task="Research",
                agent="Researcher",
                produced="Facts.",
                prompt="Which?",
                settings=ReviewSettings(),
                round=0,
                now=datetime.now(UTC),
            )
        assert asked is not None
        return asked

    def question(self) -> str:
        """The thread of one whose agent asks."""
        self.asking("question")
        return THREAD

    def hand_over(self) -> None:
        """Let the crew's agent have the tool."""
        with self.store.transaction() as session:
            tools.give(session, self.agent.id, [self.tool.id], team=TEAM)

    def thread(self, status: RunState | None = None) -> str:
        """The thread of one that goes on, or has ended so."""
        _ = self.ended(status) if status else self.going()
        return THREAD

    def at_limit(self) -> tuple[int, int]:
        """The ids of such a run and of the limit."""
        run, pause = self.at_a_limit()
        return run.id, pause.id

    def allow(self, by: Actor) -> None:
        """Let one that waits at a limit of its crew take more."""
        run, pause = self.at_a_limit()
        self.limits.allow(run.id, pause.id, NewLimit(most=20), by=by)

    def newest(self, crew_id: int) -> int:
        """The number of a crew's newest version."""
        with self.store.reading() as session:
            return versions.number(session, crew_id, team=TEAM)


AGENT = AgentDraft(name="Writer", role="Writer", goals=["Write"], backstory="Wrote.")
TASK = TaskDraft(name="Write", description="Write.", expected_output="Text.")
STEP = StepDraft(name="Pause", kind="wait", settings={"seconds": 60})
SKETCH = CrewSketch(
    name="Market research",
    agents=[AgentSketch(name="Researcher", role="Analyst", goals=["Find"], backstory="Reads.")],
    tasks=[TaskSketch(name="Research", agent="Researcher", description="Do it well.", expected_output="Facts.")],
)
STATE = {"type": "object", "properties": {"topic": {"type": "string"}}}

# Each thing that can be done with the crew, and what one must be allowed for it.
SEE: dict[str, Callable[[Office, Actor], object]] = {
    "see its page": lambda o, by: o.crews.sheet(o.crew.id, by=by),
    "get it": lambda o, by: o.crews.get(o.crew.id, by=by),
    "copy it": lambda o, by: o.crews.copy(o.crew.id, "Copy", by=by),
    "see its picture": lambda o, by: o.pictures.of_crew(o.crew.id, by=by),
    "see its limits": lambda o, by: o.limits.of_crew(o.crew.id, by=by),
    "see somebody’s run’s page": lambda o, by: o.run_history.sheet(o.run.id, by=by),
    "see its versions": lambda o, by: o.history.versions(o.crew.id, by=by),
    "compare versions": lambda o, by: o.history.pair(o.crew.id, 1, by=by),
    "run it": lambda o, by: o.start(by),
    "see somebody’s run": lambda o, by: o.runs.get(o.run.id, by=by),
    "read somebody’s log": lambda o, by: o.runs.log(o.run.id, by=by),
    "schedule it": lambda o, by: o.schedules.create(o.crew.id, SCHEDULE, by=by),
    "run it again": lambda o, by: o.runs.again(o.run.id, by=by, tell=print),
    "run it again in its thread": lambda o, by: o.runs.again_in_thread("C0GENERAL", o.thread(), by=by, tell=print),
    "run its newest version": lambda o, by: o.runs.newest(o.run.id, by=by, tell=print),
    "have its result changed": lambda o, by: o.runs.follow_up(
        "C0GENERAL", o.thread(RunState.COMPLETED), "Shorter.", by=by, tell=print
    ),
    "retry it in its thread": lambda o, by: o.runs.retry_in_thread("C0GENERAL", o.thread(RunState.FAILED), by=by),
    "retry somebody’s run": lambda o, by: o.runs.retry(o.ended(RunState.FAILED).id, by=by),
    "get the files of somebody’s run": lambda o, by: o.runs.files(o.run.id, by=by),
    "see the state of somebody’s run": lambda o, by: o.runs.state(o.run.id, by=by),
    "see what it remembers": lambda o, by: o.memories.newest(o.crew.id, by=by),
    "export it": lambda o, by: o.projects.export(o.crew.id, by=by),
    "see what its schedule asks": lambda o, by: o.schedules.asked(o.crew.id, by=by),
    "see when it would run": lambda o, by: o.schedules.preview(o.crew.id, SCHEDULE, by=by),
    "see what it needs in a flow": lambda o, by: o.flows.needs(o.crew.id, by=by),
    "see an agent’s tools": lambda o, by: o.tools.held(o.agent.id, by=by),
    "see the run of a thread": lambda o, by: o.runs.in_thread("C0GENERAL", o.thread(), by=by),
    "see the steps of a flow": lambda o, by: o.flows.sheet(o.flow.id, by=by),
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
    "stop somebody’s run in its thread": lambda o, by: o.runs.stop_in_thread("C0GENERAL", o.thread(), by=by),
    "have a task reviewed": lambda o, by: o.tasks.set_review(o.task.id, ReviewSettings(), version=1, by=by),
    "let it forget": lambda o, by: o.memories.forget(o.crew.id, by=by),
    "describe a change": lambda o, by: o.describing.propose("Better.", crew_id=o.crew.id, by=by),
    "correct a described change": lambda o, by: o.describing.corrected(SKETCH, crew_id=o.crew.id, by=by),
    "make a described change": lambda o, by: o.describing.apply(o.crew.id, SKETCH, version=o.newest(o.crew.id), by=by),
    "raise its limit for a run": lambda o, by: o.allow(by),
    "open a review": lambda o, by: o.reviews.to_decide(o.asking().id, by=by),
    "approve a result": lambda o, by: o.reviews.approve(o.asking().id, 0, by=by),
    "send a result back": lambda o, by: o.reviews.send_back(o.asking().id, "Shorter.", by=by),
    "edit a result": lambda o, by: o.reviews.edit(o.asking().id, 0, "Other facts.", by=by),
    "answer an agent": lambda o, by: o.reviews.reply(o.asking("question").id, "This one.", by=by),
    "answer an agent in its thread": lambda o, by: o.reviews.hear("C0GENERAL", o.question(), "This.", by=by),
    "see which limit it waits at": lambda o, by: o.limits.asked(*o.at_limit(), by=by),
    "stop a run that asks": lambda o, by: o.reviews.stop(o.asking().id, by=by),
    "add a step": lambda o, by: o.flows.add_step(o.flow.id, STEP.model_copy(update={"name": "More"}), by=by),
    "open a step": lambda o, by: o.flows.get_step(o.step.id, by=by),
    "change a step": lambda o, by: o.flows.change_step(
        o.step.id, STEP.model_copy(update={"name": "Rest"}), version=1, by=by
    ),
    "move a step": lambda o, by: o.flows.move_step(o.step.id, later=True, by=by),
    "remove a step": lambda o, by: o.flows.remove_step(o.step.id, by=by),
    "see what a step alone asks": lambda o, by: o.flows.asked_alone(o.step.id, by=by),
    "try a step alone": lambda o, by: o.runs.try_step(o.step.id, {}, by=by, channel="C0GENERAL", tell=print),
    "retry a step alone": lambda o, by: o.runs.retry(o.tried(RunState.FAILED).id, by=by),
    "run a step alone again": lambda o, by: o.runs.again(o.tried(RunState.COMPLETED).id, by=by, tell=print),
    "see what a step can be given": lambda o, by: o.flows.available(o.flow.id, by=by),
    "see what a task can be given": lambda o, by: o.flows.linkable(o.flow.id, by=by),
    "set a flow’s state": lambda o, by: o.flows.set_state(o.flow.id, STATE, version=1, by=by),
    "reshape a flow’s state": lambda o, by: o.flows.reshape_state(o.flow.id, lambda was: STATE, by=by),
}
OWN: dict[str, Callable[[Office, Actor], object]] = {
    "see with whom it is shared": lambda o, by: o.sharing.get(o.crew.id, by=by),
    "change its limits": lambda o, by: o.limits.change_crew(o.crew.id, CrewLimits(run_tokens=5), by=by),
    "publish it": lambda o, by: o.templates.publish(o.crew.id, TemplateDraft(name="Ours"), by=by),
    "open the form for publishing it": lambda o, by: o.templates.to_publish(o.crew.id, by=by),
    "share it": lambda o, by: o.sharing.share(o.crew.id, ShareDraft(), by=by),
    "open a schedule": lambda o, by: o.schedules.get(o.schedule.id, by=by),
    "pause a schedule": lambda o, by: o.schedules.pause(o.schedule.id, by=by),
    "resume a schedule": lambda o, by: o.schedules.resume(o.schedule.id, by=by),
    "edit a schedule": lambda o, by: o.schedules.change(o.schedule.id, SCHEDULE, version=1, by=by),
    "run a schedule now": lambda o, by: o.schedules.run_now(o.schedule.id, by=by, tell=print),
    "delete a schedule": lambda o, by: o.schedules.delete(o.schedule.id, by=by),
    "delete it": lambda o, by: o.crews.delete(o.crew.id, by=by),
}
