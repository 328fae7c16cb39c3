"""Pictures of crews and flows, drawn as they are now, and of flows' runs as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.engine.steps import KINDS
from bot.pictures import crew, flow
from bot.pictures.crew import Status
from bot.pictures.crew_svg import crew_svg
from bot.pictures.flow_svg import flow_svg
from bot.pictures.png import NotDrawn, Painter
from bot.services import Actor
from bot.services.crews import Crews
from store.definitions import Definition, freeze

_TITLES = {kind.name: kind.title for kind in KINDS}


@dataclass(frozen=True)
class Picture:
    """A picture before it is painted: an SVG, and the same in sentences, the first about the whole crew or flow."""

    crew_id: int
    name: str
    dark: bool
    svg: str
    words: list[str]


class Pictures:
    """Pictures of the workspace's crews and flows."""

    def __init__(self, crews: Crews, painter: Painter) -> None:
        self.crews = crews
        self.painter = painter

    def of_crew(self, crew_id: int, *, dark: bool = False, by: Actor) -> Picture:
        """The crew or flow as it is now, on a light or a ``dark`` ground; raise ``Gone`` or ``NotAllowed``."""
        sheet = self.crews.sheet(crew_id, by=by)
        if sheet.flow:
            return of_flow(sheet.flow.definition, crew_id=crew_id, dark=dark)
        drawn = crew.crew_of(freeze(sheet.crew, sheet.agents, sheet.tasks))
        return Picture(crew_id, sheet.crew.name, dark, crew_svg(drawn, dark=dark), crew.in_words(drawn))

    def of_definition(self, definition: Definition) -> Picture:
        """A crew or flow that need not exist yet."""
        if definition.is_flow:
            return of_flow(definition)
        drawn = crew.crew_of(definition)
        return Picture(0, definition.name, False, crew_svg(drawn, dark=False), crew.in_words(drawn))

    def png(self, picture: Picture) -> bytes | None:
        """The picture as a PNG, or nothing where it cannot be drawn; takes up to a second, seldom more."""
        try:
            return self.painter.png(picture.svg)
        except NotDrawn:
            return None


def of_run(painter: Painter, definition: Definition, marks: Mapping[str, str]) -> tuple[bytes | None, str]:
    """A flow's run as a PNG, or nothing where it cannot be drawn, and in words; ``marks`` say how each step stands."""
    picture = of_flow(definition, {key: Status[mark.upper()] for key, mark in marks.items()})
    words = " ".join(picture.words)
    try:
        return painter.png(picture.svg), words
    except NotDrawn:
        return None, words


def of_flow(
    definition: Definition, statuses: Mapping[str, Status] | None = None, *, crew_id: int = 0, dark: bool = False
) -> Picture:
    """A flow, with ``statuses`` by the keys of its steps where it shows a run."""
    drawn = flow.flow_of(definition, _TITLES, statuses)
    return Picture(crew_id, definition.name, dark, flow_svg(drawn, dark=dark), flow.in_words(drawn))
