"""What journeys begin with, and what must hold after each of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.local_slack.validation import problems
from bot.services import Actor
from bot.services.agents import Agents
from bot.services.crews import Crews
from bot.services.sharing import Access, ShareDraft, Sharing
from bot.services.tasks import Tasks
from store.agents import AgentDraft
from store.crews import CrewDraft, CrewInstance
from store.tasks import TaskDraft
from tests.support.past import Past

# What Slack may answer to a bot that does nothing wrong; “not_found” is a window that was closed meanwhile.
HARMLESS = {"not_in_channel", "channel_not_found", "ratelimited", "hash_conflict", "not_found"}
SURFACES = {"views.open": "modal", "views.push": "modal", "views.update": "modal", "views.publish": "home"}
MESSAGES = {"chat.postMessage": 40_000, "chat.update": 4_000, "chat.postEphemeral": 40_000, "response_url": 40_000}


class CrewMaker:
    """Crews made without a window, where a journey begins later."""

    def __init__(self, bot: Crewcall, team: str) -> None:
        self._store = bot.store
        self._models = bot.connections
        self._rights = bot.rights
        self._team = team

    def __call__(
        self,
        name: str = "Market research",
        description: str = "Research {topic}.",
        *,
        by: str = "U0ANA000001",
        everybody: Access = Access.EDIT,
    ) -> CrewInstance:
        """A crew with one agent, Researcher, and one task, Research, that everybody may edit."""
        actor = Actor(self._team, by)
        crew = self.empty(name, by=by, everybody=everybody)
        members = Agents(self._store, self._rights, self._models.problem)
        draft = AgentDraft(name="Researcher", role="Analyst", goals=["Find facts"], backstory="Reads a lot.")
        agent = members.add(crew.id, draft, by=actor)
        task = TaskDraft(name="Research", description=description, expected_output="Facts.", agent_id=agent.id)
        Tasks(self._store, self._rights).add(crew.id, task, by=actor)
        return crew

    def flow(self, name: str, *, by: str = "U0ANA000001", everybody: Access = Access.EDIT) -> CrewInstance:
        """A flow without steps."""
        actor = Actor(self._team, by)
        flow = Crews(self._store, self._rights).create(CrewDraft(name=name, is_flow=True), by=actor)
        return Sharing(self._store, self._rights).share(flow.id, ShareDraft(everybody=everybody), by=actor)

    def empty(
        self, name: str = "Market research", *, by: str = "U0ANA000001", everybody: Access = Access.EDIT
    ) -> CrewInstance:
        """A crew with nobody in it."""
        actor, draft = Actor(self._team, by), CrewDraft(name=name, description="Finds things out.")
        crew = Crews(self._store, self._rights).create(draft, by=actor)
        return Sharing(self._store, self._rights).share(crew.id, ShareDraft(everybody=everybody), by=actor)


@pytest.fixture
def crew_of(crewcall: Crewcall) -> CrewMaker:
    """Makes crews."""
    return CrewMaker(crewcall, "T0NORTHWIND")


@pytest.fixture
def past(crewcall: Crewcall) -> Past:
    """Writes down what happened before."""
    return Past(crewcall)


@pytest.fixture
def a_crew(crew_of: CrewMaker) -> CrewInstance:
    """“Market research”, which asks for {topic} and can run."""
    return crew_of()


@pytest.fixture
def gate(crewcall: Crewcall) -> Iterator[threading.Event]:
    """Holds a scripted answer back until it is set, at the latest at the end, so that nothing stays behind."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def allowed_errors() -> set[str]:
    """What Slack may refuse in this test besides what it may always refuse."""
    return set()


@pytest.fixture(autouse=True)
def everything_sent_is_in_order(workspace: LocalSlack, allowed_errors: set[str], request: Any) -> Iterator[None]:
    """Slack took whatever the bot sent, and no rule of Block Kit was broken."""
    yield
    for call in workspace.calls():
        error = call["response"].get("error") if isinstance(call["response"], dict) else None
        assert error is None or call["status"] != 200 or error in HARMLESS | allowed_errors, call
        assert problems_of(call) == [], call


def problems_of(call: dict[str, Any]) -> list[Any]:
    """What Slack would refuse in one call of the Web API."""
    method, args = call["method"], call["args"]
    if surface := SURFACES.get(method):
        return problems(_read(args["view"]), surface)  # type: ignore[arg-type]  # one of the two words
    if most := MESSAGES.get(method):
        message = {"text": args.get("text"), "blocks": _read(args.get("blocks"))}
        return problems(message, "message", most_text=most)
    return []


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
