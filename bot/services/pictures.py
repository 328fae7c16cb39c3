"""Pictures of crews, drawn as they are now."""

from __future__ import annotations

from dataclasses import dataclass

from bot.pictures.crew import crew_of, in_words
from bot.pictures.crew_svg import crew_svg
from bot.pictures.png import NotDrawn, Painter
from bot.services import Actor
from bot.services.crews import Crews
from store.definitions import freeze


@dataclass(frozen=True)
class Picture:
    """A crew's picture before it is painted: an SVG, and the same in sentences, the first about the whole crew."""

    crew_id: int
    name: str
    dark: bool
    svg: str
    words: list[str]


class Pictures:
    """Pictures of the workspace's crews."""

    def __init__(self, crews: Crews, painter: Painter) -> None:
        self.crews = crews
        self.painter = painter

    def of_crew(self, crew_id: int, *, dark: bool = False, by: Actor) -> Picture:
        """The crew as it is now, on a light or a ``dark`` ground; raise ``Gone`` or ``NotAllowed``."""
        sheet = self.crews.sheet(crew_id, by=by)
        crew = crew_of(freeze(sheet.crew, sheet.agents, sheet.tasks))
        return Picture(crew_id, sheet.crew.name, dark, crew_svg(crew, dark=dark), in_words(crew))

    def png(self, picture: Picture) -> bytes | None:
        """The picture as a PNG, or nothing where it cannot be drawn; takes up to a second, seldom more."""
        try:
            return self.painter.png(picture.svg)
        except NotDrawn:
            return None
