"""Drawing in SVG: colours for light and dark, text, lines with arrows, people, and the signs of a task's status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from bot.pictures.crew import Status
from bot.pictures.fonts import fit, width
from bot.pictures.layout import Box, Point

_CORNER = 8.0


@dataclass(frozen=True)
class Theme:
    """The colours of a picture. Each text colour has a contrast of at least 4.5 to what it stands on."""

    page: str
    card: str
    edge: str
    text: str
    soft: str
    line: str
    accent: str
    people: tuple[str, ...]
    on_people: str
    statuses: dict[Status, str]


LIGHT = Theme(
    page="#f6f7f9",
    card="#ffffff",
    edge="#d3d9e0",
    text="#17202a",
    soft="#536170",
    line="#8795a5",
    accent="#1d5fd1",
    people=("#1d5fd1", "#8a3ffc", "#00756f", "#b0386a", "#8a5300", "#3f6f14", "#a83a1c", "#4a5a78"),
    on_people="#ffffff",
    statuses={
        Status.PENDING: "#5b6877",
        Status.IN_PROGRESS: "#945700",
        Status.WAITING: "#7a3fd0",
        Status.DONE: "#1a7335",
        Status.FAILED: "#c0271d",
        Status.STOPPED: "#5b6877",
        Status.SKIPPED: "#5b6877",
    },
)
DARK = Theme(
    page="#1a1d21",
    card="#25292f",
    edge="#434b55",
    text="#eef1f4",
    soft="#aab4bf",
    line="#7d8997",
    accent="#7ab0ff",
    people=("#7ab0ff", "#c3a0ff", "#4fd1c5", "#ff9ac1", "#f0b55a", "#9fd36a", "#ff9d7d", "#a9b8d3"),
    on_people="#14171a",
    statuses={
        Status.PENDING: "#aab4bf",
        Status.IN_PROGRESS: "#f0b849",
        Status.WAITING: "#c9a6ff",
        Status.DONE: "#5fd67f",
        Status.FAILED: "#ff8a7f",
        Status.STOPPED: "#aab4bf",
        Status.SKIPPED: "#aab4bf",
    },
)


class Drawing:
    """An SVG that grows from top to bottom of a page."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self._parts: list[str] = []

    def svg(self, page_width: float, page_height: float) -> str:
        """The whole picture."""
        size = f"{page_width:g} {page_height:g}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{page_width:g}" height="{page_height:g}"'
            f' viewBox="0 0 {size}" font-family="Roboto, sans-serif">'
            f'<rect width="100%" height="100%" fill="{self.theme.page}"/>{"".join(self._parts)}</svg>'
        )

    def text(
        self, x: float, y: float, words: str, size: float, *, fill: str = "", bold: bool = False, anchor: str = "start"
    ) -> None:
        """A line of text whose baseline is at ``y``."""
        look = f'font-size="{size:g}" fill="{fill or self.theme.text}"'
        look += ' font-weight="500"' if bold else ""
        look += f' text-anchor="{anchor}"' if anchor != "start" else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(words)}</text>')

    def card(
        self, box: Box, *, edge: str = "", fill: str = "", radius: float = 10, dashed: bool = False, line: float = 1.5
    ) -> None:
        """A box with round corners; ``line`` is how thick its edge is."""
        stroke = f'stroke="{edge or self.theme.edge}" stroke-width="{line:g}"' + (
            ' stroke-dasharray="5 4"' if dashed else ""
        )
        place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}"'
        self._parts.append(f'<rect {place} fill="{fill or self.theme.card}" {stroke}/>')

    def arrow(self, points: Sequence[Point], colour: str, *, dashed: bool = False, head: bool = True) -> None:
        """A line through ``points`` with round corners and a ``head`` at its end; slanted pieces are curved."""
        look = f'fill="none" stroke="{colour}" stroke-width="2"' + (' stroke-dasharray="6 4"' if dashed else "")
        if not head:
            self._parts.append(f'<path d="{_path(points)}" {look}/>')
            return
        (x0, y0), (x, y) = points[-2:]
        if abs(x - x0) > 0.1 and abs(y - y0) > 0.1:
            # A curve arrives upright.
            x0 = x
        length = max(abs(x - x0), abs(y - y0)) or 1
        dx, dy = (x - x0) / length, (y - y0) / length
        # The line ends inside its head, so that the tip is sharp.
        path = _path([*points[:-1], (x - dx * 6, y - dy * 6)])
        self._parts.append(f'<path d="{path}" {look}/>')
        back, side = (x - dx * 9, y - dy * 9), 5
        corners = [(x, y), (back[0] - dy * side, back[1] + dx * side), (back[0] + dy * side, back[1] - dx * side)]
        self._parts.append(f'<polygon points="{_points(corners)}" fill="{colour}"/>')

    def glyph(self, x: float, y: float, path: str, colour: str, *, scale: float = 1) -> None:
        """A small sign of lines drawn around (0, 0), moved to ``x`` and ``y``."""
        look = f'fill="none" stroke="{colour}" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"'
        place = f"translate({x:.1f} {y:.1f}) scale({scale:g})"
        self._parts.append(f'<path transform="{place}" d="{path}" {look}/>')

    def disc(self, x: float, y: float, radius: float, words: str, fill: str, on: str) -> None:
        """A filled circle with a word or two letters in its middle."""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}"/>')
        if not words:
            return
        size = min(radius * 0.95, radius * 1.65 / max(width(words, 1, bold=True), 0.1))
        self.text(x, y + size * 0.36, words, size, fill=on, bold=True, anchor="middle")

    def person(self, x: float, y: float, radius: float, name: str, number: int) -> None:
        """An agent: initials in a colour of their own."""
        colours = self.theme.people
        self.disc(x, y, radius, initials(name), colours[number % len(colours)], self.theme.on_people)

    def status(self, x: float, y: float, status: Status) -> None:
        """The status as a sign and its word, left of ``x`` and around ``y``."""
        self.text(x, y + 5, status.value, 14, fill=self.theme.statuses[status], bold=True, anchor="end")
        self.sign(x - width(status.value, 14, bold=True) - 14, y, status)

    def sign(self, x: float, y: float, status: Status) -> None:
        """A status by shape alone.

        An empty ring, a half-full one, a disc with two bars, one with a tick, a diamond with a cross, a square, a dash.
        """
        colour, on = self.theme.statuses[status], self.theme.page
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6.5" fill="none" stroke="{colour}" stroke-width="2"/>'
        stroke = f'fill="none" stroke="{on}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
        shapes = {
            Status.PENDING: ring,
            Status.IN_PROGRESS: f'{ring}<path d="M{x:.1f} {y - 6.5:.1f}a6.5 6.5 0 0 1 0 13z" fill="{colour}"/>',
            Status.WAITING: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7.5" fill="{colour}"/>'
            f'<path d="M{x - 2.3:.1f} {y - 3:.1f}v6m4.6-6v6" {stroke}/>',
            Status.DONE: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7.5" fill="{colour}"/>'
            f'<path d="M{x - 3.4:.1f} {y + 0.2:.1f}l2.4 2.5 4.4-4.8" {stroke}/>',
            Status.FAILED: f'<path d="M{x:.1f} {y - 9:.1f}l9 9-9 9-9-9z" fill="{colour}"/>'
            f'<path d="M{x - 2.6:.1f} {y - 2.6:.1f}l5.2 5.2m0-5.2l-5.2 5.2" {stroke}/>',
            Status.STOPPED: f'<rect x="{x - 6:.1f}" y="{y - 6:.1f}" width="12" height="12" rx="2" fill="{colour}"/>',
            Status.SKIPPED: f'<path d="M{x - 6:.1f} {y:.1f}h12" fill="none" stroke="{colour}" stroke-width="2.5"'
            ' stroke-dasharray="3 2"/>',
        }
        self._parts.append(shapes[status])

    def row(self, x: float, y: float, most: float, words: str, size: float, *, bold: bool = False) -> None:
        """A line that is cut if it is wider than ``most``; soft unless bold."""
        fill = self.theme.text if bold else self.theme.soft
        self.text(x, y, fit(words, most, size, bold=bold), size, fill=fill, bold=bold)


def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    letters = [word[0] for word in name.split() if word[0].isalnum()] or list(name[:1]) or ["?"]
    return (letters[0] + (letters[-1] if len(letters) > 1 else "")).upper()[:2]


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _path(points: Sequence[Point]) -> str:
    """SVG's path through the points."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for at in range(1, len(points)):
        (x0, y0), (x, y) = points[at - 1], points[at]
        if abs(x - x0) > 0.1 and abs(y - y0) > 0.1:
            middle = (y0 + y) / 2
            path += f"C{x0:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}"
        elif at + 1 < len(points) and _turns(points[at - 1 : at + 2]):
            path += _bend(points[at - 1], points[at], points[at + 1])
        else:
            path += f"L{x:.1f} {y:.1f}"
    return path


def _turns(points: Sequence[Point]) -> bool:
    """Whether a level piece is followed by an upright one, or the other way round."""
    (x0, y0), (x1, y1), (x2, y2) = points
    return (abs(x1 - x0) <= 0.1 and abs(y2 - y1) <= 0.1) or (abs(y1 - y0) <= 0.1 and abs(x2 - x1) <= 0.1)


def _bend(start: Point, corner: Point, end: Point) -> str:
    """To just before a corner, and round it."""
    before, after = _towards(corner, start), _towards(corner, end)
    return f"L{before[0]:.1f} {before[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {after[0]:.1f} {after[1]:.1f}"


def _towards(corner: Point, other: Point) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    part = min(_CORNER, length / 2) / length if length else 0
    return corner[0] + dx * part, corner[1] + dy * part
