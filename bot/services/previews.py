"""What is shown of a crew or run that somebody links to: no more than all who see it may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import Gone
from bot.links import Kind
from bot.services import Actor
from bot.services.rights import NotAllowed, NotYourRun, Rights
from store import crews, shares
from store.crews import CrewInstance
from store.database import Store
from store.runs import Execution
from store.shares import EVERYBODY, Level

if TYPE_CHECKING:
    from store.database import Session


@dataclass(frozen=True)
class Preview:
    """A link that may be shown at all; with neither crew nor run nobody is told more than that it leads somewhere."""

    kind: Kind
    number: int
    crew: CrewInstance | None = None
    run: Execution | None = None


class Previews:
    """Decides what a link shows, and denies by default."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def of(self, kind: Kind, number: int, *, by: Actor, place: str | None) -> Preview | None:
        """What everybody in the channel ``place`` may see of it; ``None`` as a place is where only ``by`` sees it.

        Nothing where ``by`` may not see it themselves, or their workspace has no such thing.
        """
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            try:
                if kind == "crews":
                    crew = viewer.require(session, number, Level.RUN)
                    shown = place is None or _open_to(session, crew, place)
                    return Preview(kind, number, crew=crew if shown else None)
                run = viewer.require_run(session, number, Level.RUN)
            except (Gone, NotAllowed, NotYourRun):
                return None
            shown = place is None or _told_in(run, place) or _crew_open_to(session, run, place)
            return Preview(kind, number, run=run if shown else None)


def _told_in(run: Execution, place: str) -> bool:
    """Whether the channel reads of the run anyway."""
    return run.channel == place and run.thread_ts is not None


def _crew_open_to(session: Session, run: Execution, place: str) -> bool:
    return run.crew_id is not None and _open_to(session, crews.get(session, run.crew_id, team=run.team), place)


def _open_to(session: Session, crew: CrewInstance, place: str) -> bool:
    """Whether everybody in the channel may use the crew, whoever they are."""
    return shares.level(session, crew.id, (EVERYBODY, place), team=crew.team) is not None
