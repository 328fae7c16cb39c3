"""What crews remember from one run to the next: kept for their runs, shown and forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.rights import Rights
from store import crews, memories
from store.crews import CrewInstance
from store.database import Store
from store.memories import Fact
from store.shares import Level

_SHOWN = 20


@dataclass(frozen=True)
class CrewFacts:
    """The facts of one crew, each read and write in a transaction of its own; a crew that is deleted has none."""

    store: Store
    team: str
    crew_id: int | None

    def all(self) -> list[Fact]:
        """The facts, the newest first."""
        if self.crew_id is None:
            return []
        with self.store.reading() as session:
            return memories.list_all(session, self.crew_id, team=self.team)

    def keep(self, facts: Sequence[Fact]) -> None:
        """Add these facts, or put them in the place of those with the same ids."""
        if self.crew_id is None or not facts:
            return
        with self.store.transaction() as session:
            memories.keep(session, self.crew_id, facts, team=self.team)

    def forget(self, ids: Collection[str]) -> None:
        """Forget these."""
        if self.crew_id is None or not ids:
            return
        with self.store.transaction() as session:
            memories.remove(session, self.crew_id, team=self.team, ids=ids)


class Memories:
    """What the workspace's crews remember."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def of_run(self, team: str, crew: str) -> CrewFacts:
        """The facts for a run of the crew with this name in a workspace."""
        with self.store.reading() as session:
            found = crews.named(session, crew, team=team)
            return CrewFacts(self.store, team, found.id if found else None)

    def newest(self, crew_id: int, *, by: Actor) -> tuple[CrewInstance, list[Fact], int, bool]:
        """The crew, its newest facts, how many there are in all, and whether the person may have them forgotten.

        Raises ``Gone`` or ``NotAllowed``.
        """
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.RUN)
            may_forget = (viewer.level(session, crew) or 0) >= Level.EDIT
            facts = memories.list_all(session, crew_id, team=by.team, limit=_SHOWN)
            return crew, facts, memories.count(session, crew_id, team=by.team), may_forget

    def forget(self, crew_id: int, *, by: Actor) -> CrewInstance:
        """Let the crew forget everything; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, crew_id, Level.EDIT)
            memories.remove(session, crew_id, team=by.team)
            note(session, Verb.DELETED, "memory", crew.name, by=by)
            return crew
