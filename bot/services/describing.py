"""Crews from a description: drafted by a model, corrected by a person, created or changed only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import EditedMeanwhile, FormRefused, UserError
from bot.services import Actor
from bot.services.audit import Verb
from bot.services.differences import Difference, differences
from bot.services.history import current, record
from bot.services.rights import Rights
from bot.services.writing import write
from store import crews, versions
from store.crews import CrewDraft, CrewInstance
from store.database import Store
from store.definitions import Definition
from store.shares import Level
from store.sketches import CrewSketch, definition_of, sketch_of

# The sketch that a model makes of a wish in a workspace, or of a wish to change another sketch.
Drafter = Callable[[str, str, CrewSketch | None], CrewSketch]


class NoOutline(UserError):
    """“{name}” can’t be changed by a description: {why} Change it by hand."""


@dataclass(frozen=True)
class Proposal:
    """What would be created, or what would change in the crew ``crew_id`` as it was in its version ``version``."""

    sketch: CrewSketch
    definition: Definition
    crew_id: int | None = None
    version: int = 0
    differences: tuple[Difference, ...] = ()


class Describing:
    """Proposals and what becomes of them."""

    def __init__(self, store: Store, rights: Rights, drafter: Drafter) -> None:
        """``drafter`` asks a model, which takes seconds."""
        self.store = store
        self.rights = rights
        self.drafter = drafter

    def propose(self, wish: str, *, by: Actor, crew_id: int | None = None, over: CrewSketch | None = None) -> Proposal:
        """What the wish comes to, or the wish to change ``over`` or the crew; takes as long as a model.

        Raises ``Gone``, ``NotAllowed``, ``NoOutline``, and what asking a model raises.
        """
        if crew_id is None:
            sketch = self.drafter(by.team, wish, over)
            return Proposal(sketch, definition_of(sketch))
        version, now = self._now(crew_id, by)
        base = over or _outline(now)
        return _changed(self.drafter(by.team, wish, base), now, crew_id, version)

    def corrected(self, sketch: CrewSketch, *, by: Actor, crew_id: int | None = None) -> Proposal:
        """The proposal for a sketch that somebody has corrected; raise ``Gone`` or ``NotAllowed``."""
        if crew_id is None:
            return Proposal(sketch, definition_of(sketch))
        version, now = self._now(crew_id, by)
        return _changed(sketch, now, crew_id, version)

    def create(self, sketch: CrewSketch, *, by: Actor) -> CrewInstance:
        """Create the crew; raise ``FormRefused`` where the name is taken."""
        definition = definition_of(sketch)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            if crews.named(session, sketch.name, team=by.team):
                said = f"There is already a crew called “{sketch.name}”. Write another name into the first line."
                raise FormRefused(fields={"text": said})
            draft = CrewDraft(name=definition.name, description=definition.description)
            crew = crews.add(session, draft, team=by.team, by=by.user)
            write(session, crew, definition, viewer)
            record(session, crew.id, by=by, summary="Created from a description.", verb=Verb.CREATED)
            return crews.get(session, crew.id, team=by.team)

    def apply(self, crew_id: int, sketch: CrewSketch, *, version: int, by: Actor) -> CrewInstance:
        """Change the crew as it was in ``version``.

        Raises ``Gone``, ``NotAllowed``, ``NameTaken`` or ``EditedMeanwhile``.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.hold(session, crew_id)
            newest = versions.newest(session, crew_id, team=by.team)
            if newest is not None and newest.number != version:
                raise EditedMeanwhile(kind="crew", who=newest.saved_by, version=newest.number, what=newest.summary)
            write(session, crew, definition_of(sketch, over=current(session, crew_id, by=by)), viewer)
            record(session, crew_id, by=by)
            return crews.get(session, crew_id, team=by.team)

    def _now(self, crew_id: int, by: Actor) -> tuple[int, Definition]:
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.EDIT)
            if crew.is_flow:
                raise NoOutline(name=crew.name, why="it is a flow.")
            return versions.number(session, crew_id, team=by.team), current(session, crew_id, by=by)


def _changed(sketch: CrewSketch, now: Definition, crew_id: int, version: int) -> Proposal:
    wanted = definition_of(sketch, over=now)
    return Proposal(sketch, wanted, crew_id, version, tuple(differences(now, wanted)))


def _outline(now: Definition) -> CrewSketch | None:
    if not now.agents and not now.tasks:
        return None
    try:
        return sketch_of(now)
    except ValueError:
        why = "it has more agents or tasks than a description can hold, or a task without an agent."
        raise NoOutline(name=now.name, why=why) from None
