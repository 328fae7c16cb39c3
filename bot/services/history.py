"""Versions of a crew: recorded with every save, compared, and brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.services import Actor
from bot.services.differences import differences, in_words
from bot.services.writing import write
from store import agents, crews, tasks, tools, versions
from store.database import Store
from store.definitions import Definition, freeze
from store.versions import CrewVersion

if TYPE_CHECKING:
    from store.database import Session


class History:
    """The versions of the workspace's crews."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def versions(self, crew_id: int, *, by: Actor, before: int | None = None) -> list[CrewVersion]:
        """The crew's versions, the newest first, optionally only those older than number ``before``; raise ``Gone``."""
        with self.store.reading() as session:
            crews.get(session, crew_id, team=by.team)
            return versions.list_all(session, crew_id, team=by.team, before=before)

    def pair(self, crew_id: int, number: int, *, by: Actor) -> tuple[CrewVersion, CrewVersion]:
        """That version and the newest one; raise ``Gone``."""
        with self.store.reading() as session:
            then = versions.get(session, crew_id, number, team=by.team)
            return then, versions.newest(session, crew_id, team=by.team) or then

    def roll_back(self, crew_id: int, number: int, *, by: Actor) -> CrewVersion:
        """Make the crew again what it was in that version, as a new version; raise ``Gone`` or ``NameTaken``."""
        with self.store.transaction() as session:
            then = versions.get(session, crew_id, number, team=by.team)
            crew = crews.get(session, crew_id, team=by.team)
            write(session, crew, then.definition, by=by)
            return record(session, crew_id, by=by, summary=f"Back to version {number}.")


def record(session: Session, crew_id: int, *, by: Actor, summary: str | None = None) -> CrewVersion:
    """Add a version if anything differs from the last one; the newest version. Belongs into the save's transaction."""
    now = current(session, crew_id, by=by)
    last = versions.newest(session, crew_id, team=by.team)
    if last is not None and last.definition == now:
        return last
    said = summary or (in_words(differences(last.definition, now)) if last else "Created.")
    number = last.number + 1 if last else 1
    return versions.add(session, now, crew_id=crew_id, number=number, summary=said, team=by.team, by=by.user)


def current(session: Session, crew_id: int, *, by: Actor) -> Definition:
    """The crew's definition as it is in this transaction; raise ``Gone``."""
    crew = crews.get(session, crew_id, team=by.team)
    members = agents.list_all(session, crew_id, team=by.team)
    held = tools.of_agents(session, [agent.id for agent in members], team=by.team)
    now = freeze(crew, members, tasks.list_all(session, crew_id, team=by.team), held)
    return now.model_copy(update={"tools": []})
