"""Who may see, run, edit and share a crew. Nobody may do anything that is not said here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.errors import UserError
from bot.services import Actor
from store import crews, runs, shares
from store.crews import CrewInstance
from store.runs import Execution
from store.shares import EVERYBODY, Level, Seer

if TYPE_CHECKING:
    from store.database import Session

_WORDS = {Level.RUN: "see or run", Level.EDIT: "change", Level.OWN: "share or delete"}


class NotAllowed(UserError):
    """You may not {what} this crew. Ask its owner, <@{owner}>, or an administrator."""

    people = ("owner",)


class NotYourRun(UserError):
    """You may not {what} this run. Ask {whom}."""

    people = ("starter", "owner")
    _WHAT = {Level.RUN: "see", Level.EDIT: "stop"}

    def __init__(self, run: Execution, crew: CrewInstance | None, level: Level) -> None:
        """Name who started it, who can stop it, and who owns its ``crew``, unless that is deleted, and can share it."""
        starter, owner = run.started_by, crew.owner if crew else None
        whom = f"<@{starter}>, who started it"
        if owner is None:
            whom += ", or an administrator"
        else:
            whom += " and owns its crew" if owner == starter else f", or <@{owner}>, who owns its crew"
        super().__init__(what=self._WHAT[level], whom=whom, starter=starter, owner=owner or starter)


class People(Protocol):
    """What Slack knows about people; each answer may take a call, so none is asked for inside a transaction."""

    def is_admin(self, team: str, user: str) -> bool: ...

    def channels(self, team: str, user: str) -> Collection[str]: ...

    def reaches(self, team: str, channel: str) -> bool: ...


class NoPeople:
    """Where there is no Slack to ask: nobody is an administrator or in any channel."""

    def is_admin(self, team: str, user: str) -> bool:
        """Nobody is."""
        return False

    def channels(self, team: str, user: str) -> Collection[str]:
        """There are none."""
        return ()

    def reaches(self, team: str, channel: str) -> bool:
        """There is nothing to reach."""
        return False


@dataclass(frozen=True)
class Viewer:
    """Somebody with what is needed to decide: who they are, and who they are for what is shared."""

    actor: Actor
    # ``None`` for administrators, who see everything.
    seer: Seer | None

    def level(self, session: Session, crew: CrewInstance) -> Level | None:
        """What they may do with the crew; ``None`` if nothing."""
        if self.seer is None or crew.owner == self.actor.user:
            return Level.OWN
        return shares.level(session, crew.id, self.seer.subjects, team=self.actor.team)

    def require(self, session: Session, crew_id: int, level: Level) -> CrewInstance:
        """The crew, if they may do as much with it; raise ``Gone`` or ``NotAllowed``."""
        crew = crews.get(session, crew_id, team=self.actor.team)
        self.require_of(session, crew, level)
        return crew

    def hold(self, session: Session, crew_id: int) -> CrewInstance:
        """The crew, which nobody else changes until the transaction ends; raise ``Gone`` or ``NotAllowed``."""
        crews.hold(session, crew_id, team=self.actor.team)
        return self.require(session, crew_id, Level.EDIT)

    def require_of(self, session: Session, crew: CrewInstance, level: Level) -> None:
        """Raise ``NotAllowed`` unless they may do as much with the crew."""
        if (self.level(session, crew) or 0) < level:
            raise NotAllowed(what=_WORDS[level], owner=crew.owner)

    def require_run(self, session: Session, run_id: int, level: Level) -> Execution:
        """The run, if they started it or may do as much with its crew; raise ``Gone`` or ``NotYourRun``."""
        run = runs.get(session, run_id, team=self.actor.team)
        if not self.may(session, run, level):
            crew = crews.get(session, run.crew_id, team=run.team) if run.crew_id is not None else None
            raise NotYourRun(run, crew, level)
        return run

    def may(self, session: Session, run: Execution, level: Level) -> bool:
        """Whether they started the run or may do as much with its crew."""
        if self.seer is None or run.started_by == self.actor.user:
            return True
        return run.crew_id is not None and self.may_use(session, run.crew_id, level)

    def may_use(self, session: Session, crew_id: int, level: Level) -> bool:
        """Whether they may do as much with the crew; raise ``Gone``."""
        return (self.level(session, crews.get(session, crew_id, team=self.actor.team)) or 0) >= level


class Rights:
    """Finds out what is needed to decide about somebody."""

    def __init__(self, people: People) -> None:
        self.people = people

    def of(self, actor: Actor) -> Viewer:
        """Ask this before a transaction begins."""
        if self.people.is_admin(actor.team, actor.user):
            return Viewer(actor, None)
        channels = self.people.channels(actor.team, actor.user)
        return Viewer(actor, Seer(actor.user, (actor.user, EVERYBODY, *channels)))
