"""Adding, changing and removing a crew's agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bot.errors import FormRefused
from bot.services import Actor
from bot.services.checks import ModelProblem
from bot.services.history import record, telling_what_changed
from bot.services.rights import Rights, Viewer
from bot.services.texts import refuse_malformed
from store import agents, crews, tasks, tools
from store.agents import Agent, AgentDraft
from store.crews import CrewInstance
from store.database import Store
from store.more_settings import AgentSettings
from store.shares import Level

if TYPE_CHECKING:
    from store.database import Session


class EquippedDraft(AgentDraft):
    """What a person decides about an agent, and which of the workspace's tools it has, by their ids."""

    tools: list[int] = Field(
        [], title="Tools", max_length=20, description="What it can use. Set tools up with /crew tools."
    )


class Agents:
    """The agents of the workspace's crews. Whoever may not change the crew is told ``NotAllowed``."""

    def __init__(self, store: Store, rights: Rights, model_problem: ModelProblem) -> None:
        """``model_problem`` says what is wrong with a model's name in a workspace, with the mend, or nothing."""
        self.store = store
        self.rights = rights
        self.model_problem = model_problem

    def add(self, crew_id: int, draft: AgentDraft, *, by: Actor) -> Agent:
        """Add an agent to the crew; raise ``Gone``, ``NameTaken`` or ``FormRefused``."""
        self._check(draft, by.team)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            viewer.hold(session, crew_id)
            agent = agents.add(session, _alone(draft), crew_id=crew_id, team=by.team, by=by.user)
            _equip(session, agent, draft, by)
            record(session, crew_id, by=by)
            return agent

    def change(self, agent_id: int, draft: AgentDraft, *, version: int, by: Actor) -> Agent:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        self._check(draft, by.team)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = _held(session, agent_id, viewer)
            with telling_what_changed(session, was.crew_id, by=by):
                agent = agents.change(session, agent_id, _alone(draft), team=by.team, version=version, by=by.user)
            _equip(session, agent, draft, by)
            record(session, agent.crew_id, by=by)
            return agent

    def configure(self, agent_id: int, settings: AgentSettings, *, version: int, by: Actor) -> Agent:
        """Save an edit of ``version``'s settings; raise ``EditedMeanwhile`` or ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = _held(session, agent_id, viewer)
            with telling_what_changed(session, was.crew_id, by=by):
                agent = agents.configure(session, agent_id, settings, team=by.team, version=version, by=by.user)
            record(session, agent.crew_id, by=by)
            return agent

    def get(self, agent_id: int, *, by: Actor) -> Agent:
        """One agent, to be changed; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            agent = agents.get(session, agent_id, team=by.team)
            viewer.require(session, agent.crew_id, Level.EDIT)
            return agent

    def remove(self, agent_id: int, *, by: Actor) -> Agent:
        """Remove an agent and return what it was; its tasks stay without an agent. Raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            _held(session, agent_id, viewer)
            agent = agents.remove(session, agent_id, team=by.team)
            _let_go(session, agent, by)
            record(session, agent.crew_id, by=by)
            return agent

    def move_to(self, agent_id: int, crew_id: int, *, by: Actor) -> tuple[Agent, CrewInstance]:
        """Put an agent into another crew; its tasks stay where they are and wait for another agent.

        Raises ``Gone``, ``NotAllowed``, or ``NameTaken`` when that crew has an agent of this name.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = agents.get(session, agent_id, team=by.team)
            # In one order for everybody, so that two who move things to and fro never wait for each other.
            held = {each: viewer.hold(session, each) for each in sorted((was.crew_id, crew_id))}
            _let_go(session, was, by)
            tasks.release(session, agent_id, team=by.team)
            agent = agents.move(session, agent_id, crew_id, team=by.team, by=by.user)
            for each in held:
                record(session, each, by=by)
            return agent, held[crew_id]

    def _check(self, draft: AgentDraft, team: str) -> None:
        refuse_malformed(role=draft.role, goals="\n".join(draft.goals), backstory=draft.backstory)
        if draft.llm and not all(draft.llm.strip().partition("/")):
            raise FormRefused(fields={"llm": "Write it as provider/model, for example openai/gpt-4.1-mini."})
        if draft.llm and (problem := self.model_problem(draft.llm, team)):
            raise FormRefused(fields={"llm": problem})


def _held(session: Session, agent_id: int, viewer: Viewer) -> Agent:
    """The agent, if its crew may be changed, which nobody else does meanwhile; raise ``Gone`` or ``NotAllowed``."""
    viewer.hold(session, agents.get(session, agent_id, team=viewer.actor.team).crew_id)
    return agents.get(session, agent_id, team=viewer.actor.team)


def _alone(draft: AgentDraft) -> AgentDraft:
    """What the agent's own row keeps; its tools are rows of their own."""
    return AgentDraft(**{name: getattr(draft, name) for name in AgentDraft.model_fields})


def _let_go(session: Session, agent: Agent, by: Actor) -> None:
    """A crew whose manager is removed goes on with the one that CrewAI describes."""
    crew = crews.get(session, agent.crew_id, team=by.team)
    if crew.settings.manager_agent_id == agent.id:
        settings = crew.settings.model_copy(update={"manager_agent_id": None})
        crews.configure(session, crew.id, settings, team=by.team, version=crew.version, by=by.user)


def _equip(session: Session, agent: Agent, draft: AgentDraft, by: Actor) -> None:
    if isinstance(draft, EquippedDraft):
        tools.give(session, agent.id, draft.tools, team=by.team)
