"""A crew drawn: its name, who is in it, and its tasks in order with what each is given."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.pictures.crew import Crew, Member, Status, Step, ranges
from bot.pictures.fonts import width, wrap
from bot.pictures.glyphs import drawable
from bot.pictures.layout import Box, Edge, Layout, Node, lay_out
from bot.pictures.svg import DARK, LIGHT, Drawing

# The picture's width in logical pixels; Slack shows it between 360 and 640 wide.
WIDTH = 640
_MARGIN = 24.0
_INNER = WIDTH - 2 * _MARGIN
# A longer crew is drawn in two columns of small cards, and only so much of it.
_LARGE_CARDS = 12
_MOST_STEPS = 80
_MOST_MEMBERS = 24
_LARGE_MEMBERS = 6
# Lines that need more room beside the cards are hard to follow; the cards say in words what they use.
_MOST_BESIDE = 120.0
_CARD = 430.0


def crew_svg(crew: Crew, *, dark: bool = False) -> str:
    """The picture as SVG, ``WIDTH`` wide and as high as it needs."""
    canvas, crew = Drawing(DARK if dark else LIGHT), _drawable(crew)
    y = _title(canvas, crew)
    y = _team(canvas, crew, y)
    y = _tasks(canvas, crew, y)
    return canvas.svg(WIDTH, y)


def _drawable(crew: Crew) -> Crew:
    members = (Member(drawable(member.name), drawable(member.role)) for member in crew.members)
    steps = (replace(step, name=drawable(step.name)) for step in crew.steps)
    return replace(crew, name=drawable(crew.name), members=tuple(members), steps=tuple(steps))


def _title(canvas: Drawing, crew: Crew) -> float:
    y = _MARGIN + 22
    for line in wrap(crew.name, _INNER, 24, lines=2, bold=True):
        canvas.text(_MARGIN, y, line, 24, bold=True)
        y += 30
    canvas.row(_MARGIN, y - 4, _INNER, crew.summary, 15)
    return y + 20


def _team(canvas: Drawing, crew: Crew, y: float) -> float:
    """The agents as tiles; in a hierarchical crew the manager above them."""
    if not crew.members and not crew.hierarchical:
        return y
    tiles = _tiles(crew.members)
    frame = Box(_MARGIN, y, _INNER, tiles.height + 24)
    if crew.hierarchical:
        manager = Box((WIDTH - 300) / 2, y, 300, 60)
        frame = replace(frame, y=manager.bottom + 34)
        canvas.arrow([(WIDTH / 2, manager.bottom), (WIDTH / 2, frame.y)], canvas.theme.line)
        canvas.card(manager, edge=canvas.theme.accent)
        canvas.disc(manager.x + 32, manager.y + 30, 17, "M", canvas.theme.accent, canvas.theme.on_people)
        canvas.row(manager.x + 60, manager.y + 27, 230, "Manager", 16, bold=True)
        canvas.row(manager.x + 60, manager.y + 47, 230, "hands the tasks to the agents", 14)
    if crew.members:
        canvas.card(frame, fill=canvas.theme.page, dashed=True, radius=14)
        tiles.draw(canvas, crew.members, frame)
        return frame.bottom + 26
    return frame.y


@dataclass(frozen=True)
class _Tiles:
    """A grid of agents: with their roles if they are few, by name alone if they are many."""

    columns: int
    rows: int
    shown: int
    line: float

    @property
    def height(self) -> float:
        return self.rows * self.line

    def draw(self, canvas: Drawing, members: tuple[Member, ...], frame: Box) -> None:
        wide = (frame.width - 24) / self.columns
        large = self.line > 40
        for number, member in enumerate(members[: self.shown]):
            x = frame.x + 14 + number % self.columns * wide
            middle = frame.y + 12 + (number // self.columns + 0.5) * self.line
            radius = 18 if large else 12
            canvas.person(x + radius, middle, radius, member.name, number)
            left, most = x + 2 * radius + 10, wide - 2 * radius - 22
            canvas.row(left, middle - 3 if large else middle + 5, most, member.name, 16 if large else 14, bold=True)
            if large:
                canvas.row(left, middle + 16, most, member.role, 14)
        if more := len(members) - self.shown:
            x = frame.x + 14 + self.shown % self.columns * wide
            canvas.row(x, frame.bottom - 12 - self.line / 2 + 5, wide - 12, f"and {more} more", 14)


def _tiles(members: tuple[Member, ...]) -> _Tiles:
    if len(members) <= _LARGE_MEMBERS:
        columns = min(2, max(1, len(members)))
        return _Tiles(columns, -(-len(members) // columns), len(members), 52)
    shown = len(members) if len(members) <= _MOST_MEMBERS else _MOST_MEMBERS - 1
    return _Tiles(3, -(-min(len(members), _MOST_MEMBERS) // 3), shown, 34)


def _tasks(canvas: Drawing, crew: Crew, y: float) -> float:
    if not crew.steps:
        canvas.text(WIDTH / 2, y + 24, "No tasks yet", 15, fill=canvas.theme.soft, anchor="middle")
        return y + 24 + _MARGIN * 2
    if len(crew.steps) > _LARGE_CARDS:
        y = _two_columns(canvas, crew, y)
        return _legend(canvas, crew, y, drawn=set())
    return _one_below_the_other(canvas, crew, y)


# Few tasks: large cards below one another, lines for what goes where.


def _one_below_the_other(canvas: Drawing, crew: Crew, y: float) -> float:
    layout, drawn = _plan(crew)
    colours = {"uses": canvas.theme.accent, "then": canvas.theme.line}
    for line in sorted(layout.lines, key=lambda line: line.edge.kind):
        canvas.arrow([(px + _MARGIN, py + y) for px, py in line.points], colours[line.edge.kind])
    for step in crew.steps:
        box = layout.boxes[str(step.number)]
        _large_card(canvas, crew, step, replace(box, x=box.x + _MARGIN, y=box.y + y))
    return _legend(canvas, crew, y + layout.height, drawn=drawn)


def _plan(crew: Crew) -> tuple[Layout, set[str]]:
    """Cards and lines as wide as the page allows, and the kinds of line there are."""
    edges = _edges(crew)
    layout = _with_cards(crew, edges, _CARD)
    lanes = layout.width - _CARD
    if lanes > _MOST_BESIDE:
        edges = [edge for edge in edges if int(edge.target) == int(edge.source) + 1]
        lanes = 0
    return _with_cards(crew, edges, _INNER - lanes), {edge.kind for edge in edges}


def _with_cards(crew: Crew, edges: list[Edge], wide: float) -> Layout:
    return lay_out([Node(str(step.number), wide, _card_height(step, wide)) for step in crew.steps], edges)


def _edges(crew: Crew) -> list[Edge]:
    """Each task to the next, and from each to those that use its result."""
    edges = [Edge(str(used), str(step.number), "uses") for step in crew.steps for used in step.uses]
    follows = [(str(a.number), str(b.number)) for a, b in zip(crew.steps, crew.steps[1:], strict=False)]
    known = {(edge.source, edge.target) for edge in edges}
    return [*edges, *(Edge(a, b, "then") for a, b in follows if (a, b) not in known)]


def _name_lines(step: Step, wide: float) -> list[str]:
    room = wide - 68 - (130 if step.status else 16)
    return wrap(step.name, room, 17, lines=2, bold=True)


def _card_height(step: Step, wide: float) -> float:
    return 52 + 22 * len(_name_lines(step, wide))


def _large_card(canvas: Drawing, crew: Crew, step: Step, box: Box) -> None:
    edge = canvas.theme.statuses[step.status] if step.status in (Status.IN_PROGRESS, Status.FAILED) else ""
    canvas.card(box, edge=edge)
    _badge(canvas, box.x + 32, box.y + 28, 16, step)
    y = box.y + 34
    for line in _name_lines(step, box.width):
        canvas.text(box.x + 60, y, line, 17, bold=True)
        y += 22
    if step.status:
        canvas.status(box.right - 16, box.y + 28, step.status)
    uses = f"uses {ranges(step.uses)}" if step.uses else ""
    used = width(uses, 14) + 16 if uses else 0
    if uses:
        canvas.text(box.right - 16, y + 5, uses, 14, fill=canvas.theme.accent, anchor="end")
    x = box.x + 60
    if step.agent is not None:
        canvas.person(x + 10, y, 10, crew.members[step.agent].name, step.agent)
        x += 28
    canvas.row(x, y + 5, box.right - 16 - used - x, crew.who(step), 14.5)


def _badge(canvas: Drawing, x: float, y: float, radius: float, step: Step) -> None:
    canvas.disc(x, y, radius, str(step.number), canvas.theme.edge, canvas.theme.text)


# Many tasks: small cards in two columns, read down the left one first; what they use is said in words, and the
# legend has the words for their signs.

_CELL = 56.0
_BETWEEN = 10.0


def _two_columns(canvas: Drawing, crew: Crew, y: float) -> float:
    shown = crew.steps[:_MOST_STEPS]
    per_column = -(-len(shown) // 2)
    wide = (_INNER - 16) / 2
    for at, step in enumerate(shown):
        x = _MARGIN + at // per_column * (wide + 16)
        _small_card(canvas, crew, step, Box(x, y + at % per_column * (_CELL + _BETWEEN), wide, _CELL))
    y += per_column * (_CELL + _BETWEEN)
    if more := len(crew.steps) - len(shown):
        canvas.text(WIDTH - _MARGIN, y + 14, f"and {more} more tasks", 14, fill=canvas.theme.soft, anchor="end")
        y += 24
    return y


def _small_card(canvas: Drawing, crew: Crew, step: Step, box: Box) -> None:
    canvas.card(box)
    _badge(canvas, box.x + 24, box.y + box.height / 2, 14, step)
    left, right = box.x + 46, box.right - 12
    if step.status:
        canvas.sign(right - 8, box.y + 18, step.status)
    canvas.row(left, box.y + 23, right - left - (24 if step.status else 0), step.name, 15.5, bold=True)
    if step.agent is not None:
        canvas.person(left + 8, box.y + 40, 8, crew.members[step.agent].name, step.agent)
        left += 22
    uses = f" · uses {ranges(step.uses)}" if step.uses else ""
    canvas.row(left, box.y + 45, right - left, f"{crew.who(step)}{uses}", 13.5)


def _legend(canvas: Drawing, crew: Crew, y: float, *, drawn: set[str]) -> float:
    """What lines and signs mean, in one row that is broken where the page ends."""
    y += 34
    x = _MARGIN
    statuses = {step.status for step in crew.steps if step.status}
    lines = {"then": (canvas.theme.line, "then"), "uses": (canvas.theme.accent, "uses the result of")}
    entries: list[tuple[str, Status | None, str]] = [
        *((colour, None, words) for kind, (colour, words) in lines.items() if kind in drawn),
        *(("", status, status.value) for status in Status if status in statuses),
    ]
    for colour, status, words in entries:
        wide = 40 + width(words, 14)
        if x + wide > WIDTH - _MARGIN:
            x, y = _MARGIN, y + 26
        if status:
            canvas.sign(x + 16, y - 5, status)
        else:
            canvas.arrow([(x, y - 5), (x + 26, y - 5)], colour)
        canvas.text(x + 34, y, words, 14, fill=canvas.theme.soft)
        x += wide + 18
    return y + (_MARGIN if entries else -10)
