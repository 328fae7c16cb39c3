"""Versions of a crew: recorded with every save, compared, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import EditedMeanwhile
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.differences import differences, in_words
from bot.services.freezing import frozen
from bot.services.rights import Rights, Viewer
from bot.services.unseen import told
from bot.services.writing import write
from store import crews, versions
from store.database import Store
from store.definitions import Definition
from store.shares import Level
from store.versions import CrewVersion

if TYPE_CHECKING:
    from store.database import Session


@dataclass(frozen=True)
class Pair:
    """Two versions to be compared, the number of the newest, and whether the person may go back to the first."""

    then: CrewVersion
    now: CrewVersion
    newest: int
    may_roll_back: bool


class History:
    """The versions of the workspace's crews. Whoever may not do as much with one is told ``NotAllowed``."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def versions(self, crew_id: int, *, by: Actor, before: int | None = None) -> list[CrewVersion]:
        """The crew's versions, the newest first, or those older than number ``before``; raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            viewer.require(session, crew_id, Level.RUN)
            found = versions.list_all(session, crew_id, team=by.team, before=before)
            return [_told(session, viewer, version)[0] for version in found]

    def pair(self, crew_id: int, number: int, *, by: Actor, other: int | None = None) -> Pair:
        """That version and the ``other``, or the newest one; raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.RUN)
            may_roll_back = (viewer.level(session, crew) or 0) >= Level.EDIT
            newest = versions.number(session, crew_id, team=by.team)
            then = versions.get(session, crew_id, number, team=by.team)
            now = versions.get(session, crew_id, other or newest, team=by.team)
            then, now = _told(session, viewer, then, now)
            return Pair(then, now, newest, may_roll_back)

    def roll_back(self, crew_id: int, number: int, *, by: Actor) -> CrewVersion:
        """Make the crew again what it was in that version, as a new version; raise ``Gone`` or ``NameTaken``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.hold(session, crew_id)
            then = versions.get(session, crew_id, number, team=by.team)
            write(session, crew, then.definition, viewer)
            return record(session, crew_id, by=by, summary=f"Back to version {number}.", verb=Verb.ROLLED_BACK)


def _told(session: Session, viewer: Viewer, *found: CrewVersion) -> list[CrewVersion]:
    """The versions without the names of crews that are not shared with the person."""
    definitions = told(session, viewer, *(version.definition for version in found))
    return [version.model_copy(update={"definition": each}) for version, each in zip(found, definitions, strict=True)]


def record(
    session: Session, crew_id: int, *, by: Actor, summary: str | None = None, verb: Verb = Verb.CHANGED
) -> CrewVersion:
    """Add a version and a line of the audit log if anything differs from the last version; the newest version.

    Belongs into the save's transaction, which holds the crew.
    """
    now = current(session, crew_id, by=by)
    last = versions.newest(session, crew_id, team=by.team)
    if last is not None and last.definition == now:
        return last
    said = summary or (in_words(differences(last.definition, now)) if last else "Created.")
    number = last.number + 1 if last else 1
    note(session, verb, "flow" if now.is_flow else "crew", now.name, by=by, details=said if last or summary else "")
    return versions.add(session, now, crew_id=crew_id, number=number, summary=said, team=by.team, by=by.user)


def current(session: Session, crew_id: int, *, by: Actor) -> Definition:
    """The crew's definition as it is in this transaction; raise ``Gone``."""
    crew = crews.get(session, crew_id, team=by.team)
    return frozen(session, crew).model_copy(update={"tools": []})


@contextmanager
def telling_what_changed(session: Session, crew_id: int, *, by: Actor) -> Iterator[None]:
    """Add to the refusal of a save that came second what the first one changed, as far as the history tells."""
    try:
        yield
    except EditedMeanwhile as refusal:
        newest = versions.newest(session, crew_id, team=by.team)
        what = newest.summary if newest and newest.saved_by == refusal.who else ""
        raise EditedMeanwhile(kind=refusal.kind, who=refusal.who, version=refusal.version, what=what) from refusal
