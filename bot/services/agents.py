"""Adding, changing and removing a crew's agents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from bot.errors import FormRefused
from bot.services import Actor
from bot.services.history import record
from bot.services.texts import refuse_malformed
from store import agents, crews, tools
from store.agents import Agent, AgentDraft
from store.database import Store
from store.more_settings import AgentSettings

if TYPE_CHECKING:
    from store.database import Session


class EquippedDraft(AgentDraft):
    """What a person decides about an agent, and which of the workspace's tools it has, by their ids."""

    tools: list[int] = Field(
        [], title="Tools", max_length=20, description="What it can use. Set tools up with /crew tools."
    )


class Agents:
    """The agents of the workspace's crews."""

    def __init__(self, store: Store, model_problem: Callable[[str, str], str | None]) -> None:
        """``model_problem`` says what is wrong with a model's name in a workspace, with the mend, or nothing."""
        self.store = store
        self.model_problem = model_problem

    def add(self, crew_id: int, draft: AgentDraft, *, by: Actor) -> Agent:
        """Add an agent to the crew; raise ``Gone``, ``NameTaken`` or ``FormRefused``."""
        self._check(draft, by.team)
        with self.store.transaction() as session:
            crews.get(session, crew_id, team=by.team)
            agent = agents.add(session, _alone(draft), crew_id=crew_id, team=by.team, by=by.user)
            _equip(session, agent, draft, by)
            record(session, crew_id, by=by)
            return agent

    def change(self, agent_id: int, draft: AgentDraft, *, version: int, by: Actor) -> Agent:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        self._check(draft, by.team)
        with self.store.transaction() as session:
            agent = agents.change(session, agent_id, _alone(draft), team=by.team, version=version, by=by.user)
            _equip(session, agent, draft, by)
            record(session, agent.crew_id, by=by)
            return agent

    def configure(self, agent_id: int, settings: AgentSettings, *, version: int, by: Actor) -> Agent:
        """Save an edit of ``version``'s settings; raise ``EditedMeanwhile`` or ``Gone``."""
        with self.store.transaction() as session:
            agent = agents.configure(session, agent_id, settings, team=by.team, version=version, by=by.user)
            record(session, agent.crew_id, by=by)
            return agent

    def get(self, agent_id: int, *, by: Actor) -> Agent:
        """One agent; raise ``Gone``."""
        with self.store.reading() as session:
            return agents.get(session, agent_id, team=by.team)

    def remove(self, agent_id: int, *, by: Actor) -> Agent:
        """Remove an agent and return what it was; its tasks stay without an agent. Raise ``Gone``."""
        with self.store.transaction() as session:
            agent = agents.remove(session, agent_id, team=by.team)
            record(session, agent.crew_id, by=by)
            return agent

    def _check(self, draft: AgentDraft, team: str) -> None:
        refuse_malformed(role=draft.role, goals="\n".join(draft.goals), backstory=draft.backstory)
        if draft.llm and not all(draft.llm.strip().partition("/")):
            raise FormRefused(fields={"llm": "Write it as provider/model, for example openai/gpt-4.1-mini."})
        if draft.llm and (problem := self.model_problem(draft.llm, team)):
            raise FormRefused(fields={"llm": problem})


def _alone(draft: AgentDraft) -> AgentDraft:
    """What the agent's own row keeps; its tools are rows of their own."""
    return AgentDraft(**{name: getattr(draft, name) for name in AgentDraft.model_fields})


def _equip(session: Session, agent: Agent, draft: AgentDraft, by: Actor) -> None:
    if isinstance(draft, EquippedDraft):
        tools.give(session, agent.id, draft.tools, team=by.team)
