"""A flow drawn: its steps in rows from the start downwards, with branches, joins and loops."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.pictures.crew import Status
from bot.pictures.flow import Before, Flow, Part
from bot.pictures.fonts import fit, width, wrap
from bot.pictures.glyphs import drawable
from bot.pictures.layout import Box, Edge, Layout, Node, lay_out
from bot.pictures.svg import DARK, LIGHT, Drawing

# The picture's width in logical pixels; Slack shows it between 360 and 640 wide.
WIDTH = 640
_MARGIN = 24.0
_INNER = WIDTH - 2 * _MARGIN
# The widest cards that leave room for everything are taken; narrower ones could not be read.
_WIDTHS = (280.0, 230.0, 190.0, 160.0, 142.0)
_WIDEST = 430.0
# A longer flow is drawn with small cards close together. One that is longer still, or where lines would be a thicket,
# is drawn in two columns of small cards without lines, and only so much of it.
_MOST_HIGH = 2_100.0
_MOST_HIGH_SMALL = 4_200.0
_BELOW, _BELOW_SMALL = 30.0, 20.0
_MOST_PARTS = 80
_CELL = 56.0
_BETWEEN = 10.0

_START = "start"
# Signs of the kinds of steps, each within eight pixels around its middle.
_GLYPHS = {
    "crew": "M-3.4-1.2a2.5 2.5 0 1 0-.01 0zM-7.6 6c.2-3 1.9-4.6 4.2-4.6S.6 3 .8 6M3.6-.6a2.1 2.1 0 1 0-.9-4M4.6 1.6"
    "c1.800 .4 2.900 2 3 4.200",
    "flow": "M0-7v3.500C0 0-5-.5-5 4M0-3.500C0 0 5-.5 5 4M-6.500 4h3v3h-3zM3.500 4h3v3h-3z",
    "decide": "M0-7L7 0 0 7-7 0zM-2-1.200c0-2.900 4-2.600 4-.1C2 .3 0 .2 0 1.900M0 4v.1",
    "review": "M-7-6H7V3H0l-3.500 3.600V3H-7zM-3-1.600l2.200 2.200L3.200-3.600",
    "set": "M-5.500-2.600h11M-5.500 2.600h11",
    "each": "M5.600-3.600A6.600 6.600 0 1 0 6.600.8M6.400-7.200v4.200H2.200",
    "wait": "M0-7a7 7 0 1 0 .01 0zM0-4V.2l2.800 1.900",
}
_OTHER = "M0-4a4 4 0 1 0 .01 0z"
# Which of the theme's colours each has; further kinds share the last.
_COLOURS = ("crew", "flow", "each", "set", "decide", "review", "wait")


def flow_svg(flow: Flow, *, dark: bool = False) -> str:
    """The picture as SVG, ``WIDTH`` wide and as high as it needs."""
    canvas, flow = Drawing(DARK if dark else LIGHT), _drawable(flow)
    y = _title(canvas, flow)
    if not flow.parts:
        canvas.text(WIDTH / 2, y + 24, "No steps yet", 15, fill=canvas.theme.soft, anchor="middle")
        return canvas.svg(WIDTH, y + 24 + _MARGIN * 2)
    plan = _plan(flow)
    return canvas.svg(WIDTH, _graph(canvas, flow, plan, y) if plan else _columns(canvas, flow, y))


def _drawable(flow: Flow) -> Flow:
    parts = []
    for part in flow.parts:
        before = tuple(Before(each.number, drawable(each.outcome)) for each in part.before)
        parts.append(replace(part, name=drawable(part.name), does=drawable(part.does), before=before))
    return replace(flow, name=drawable(flow.name), parts=tuple(parts))


def _title(canvas: Drawing, flow: Flow) -> float:
    y = _MARGIN + 22
    for line in wrap(flow.name, _INNER, 24, lines=2, bold=True):
        canvas.text(_MARGIN, y, line, 24, bold=True)
        y += 30
    for line in wrap(flow.summary, _INNER, 15, lines=2):
        canvas.row(_MARGIN, y - 4, _INNER, line, 15)
        y += 20
    return y


# Steps as cards, with a line to each from what it comes after; an outcome is a stop on its line.


@dataclass(frozen=True)
class _Plan:
    """Where everything stands, whether the cards are small ones, and the outcomes by the keys of their places."""

    layout: Layout
    small: bool
    outcomes: dict[str, str]


def _plan(flow: Flow) -> _Plan | None:
    """The picture with the widest cards for which there is room, or nothing where lines would be a thicket.

    Where too much stands side by side, every step has a row to itself, so that no line is taken for another.
    """
    for small, most_high in ((False, _MOST_HIGH), (True, _MOST_HIGH_SMALL)):
        for card, widest in [*((card, None) for card in _WIDTHS), (_single(flow), 0.0)]:
            if card >= _WIDTHS[-1]:
                plan = _with_cards(flow, card, widest, small=small)
                if plan.layout.width <= _INNER and plan.layout.height <= most_high:
                    return plan
    return None


def _single(flow: Flow) -> float:
    """How wide cards can be that stand one below the other, beside all the lines."""
    card = _WIDTHS[0]
    return min(_WIDEST, _INNER - (_with_cards(flow, card, 0.0).layout.width - card))


def _with_cards(flow: Flow, card: float, widest: float | None, *, small: bool = False) -> _Plan:
    outcomes = {
        f"{before.number}={before.outcome}": fit(before.outcome, card - 24, 13.5)
        for part in flow.parts
        for before in part.before
        if before.outcome
    }
    nodes = [Node(_START, 62, 26)] if _begins(flow) else []
    nodes += [Node(str(part.number), card, _CELL if small else _card_height(part, card)) for part in flow.parts]
    nodes += [Node(key, width(words, 13.5) + 24, 25) for key, words in outcomes.items()]
    below = _BELOW_SMALL if small else _BELOW
    return _Plan(lay_out(nodes, _edges(flow), widest=widest, below=below), small, outcomes)


def _begins(flow: Flow) -> bool:
    """Whether any step comes after the start."""
    return any(before.number == 0 for part in flow.parts for before in part.before)


def _edges(flow: Flow) -> list[Edge]:
    edges: dict[Edge, None] = {}
    for part in flow.parts:
        for before in part.before:
            source, target = str(before.number) if before.number else _START, str(part.number)
            if before.outcome:
                stop = f"{before.number}={before.outcome}"
                edges |= {Edge(source, stop): None, Edge(stop, target): None}
            else:
                edges[Edge(source, target)] = None
    return list(edges)


def _graph(canvas: Drawing, flow: Flow, plan: _Plan, y: float) -> float:
    dx = _MARGIN + (_INNER - plan.layout.width) / 2
    skipped = {str(part.number) for part in flow.parts if part.status is Status.SKIPPED}
    for line in plan.layout.lines:
        points = [(px + dx, py + y) for px, py in line.points]
        # An outcome is a stop on the way, so the line has its head only at the step.
        stops, dashed = line.edge.target in plan.outcomes, line.back or line.edge.target in skipped
        canvas.arrow(points, canvas.theme.line, dashed=dashed, head=not stops)
    for key, box in plan.layout.boxes.items():
        place = replace(box, x=box.x + dx, y=box.y + y)
        if key == _START or key in plan.outcomes:
            _stop(canvas, place, plan.outcomes.get(key, "Start"), outcome=key != _START)
        elif plan.small:
            part = flow.parts[int(key) - 1]
            waits = _joins(part).removeprefix("waits for ")
            _small_card(canvas, part, place, f"{part.does} · {waits}" if waits else part.does)
        else:
            _card(canvas, flow.parts[int(key) - 1], place)
    if plan.small:
        return _legend(canvas, flow, y + plan.layout.height)
    return y + plan.layout.height + _MARGIN


def _stop(canvas: Drawing, box: Box, words: str, *, outcome: bool) -> None:
    """The start, or an outcome on its way."""
    theme = canvas.theme
    canvas.card(box, fill=theme.page if outcome else theme.edge, edge=theme.accent if outcome else "", radius=12.5)
    fill = theme.accent if outcome else theme.text
    canvas.text(box.centre, box.y + box.height / 2 + 4.8, words, 13.5, fill=fill, bold=not outcome, anchor="middle")


def _name_lines(part: Part, card: float) -> list[str]:
    return wrap(part.name, card - 60, 16, lines=3 if card < 200 else 2, bold=True)


def _joins(part: Part) -> str:
    """How it waits, where there is more than one thing to wait for."""
    if len(part.before) < 2:
        return ""
    return "waits for any of them" if part.any else "waits for all of them"


def _card_height(part: Part, card: float) -> float:
    return 44 + 20 * len(_name_lines(part, card)) + (19 if _joins(part) else 0) + (24 if part.status else 0)


def _card(canvas: Drawing, part: Part, box: Box) -> None:
    _frame(canvas, part, box)
    _icon(canvas, box.x + 25, box.y + 27, 15, part.kind)
    left, most, y = box.x + 48, box.width - 60, box.y + 27
    for line in _name_lines(part, box.width):
        canvas.row(left, y, most, line, 16, bold=True)
        y += 20
    canvas.row(left, y, most - 14, part.does, 14)
    if joins := _joins(part):
        y += 19
        canvas.row(left, y, most, joins, 13)
    if part.status:
        canvas.sign(left + 7, y + 18, part.status)
        canvas.text(left + 22, y + 23, part.status.value, 14, fill=canvas.theme.statuses[part.status], bold=True)
    number = str(part.number)
    canvas.text(box.right - 10, box.bottom - 9, number, 12.5, fill=canvas.theme.soft, anchor="end")


def _frame(canvas: Drawing, part: Part, box: Box) -> None:
    """The card itself; its edge has the status's colour and is thick where something goes on or went wrong."""
    status = part.status if part.status not in (None, Status.PENDING) else None
    edge = canvas.theme.statuses[status] if status else ""
    thick = status in (Status.IN_PROGRESS, Status.WAITING, Status.FAILED)
    canvas.card(box, edge=edge, dashed=status is Status.SKIPPED, line=3 if thick else 1.75 if status else 1.5)


def _icon(canvas: Drawing, x: float, y: float, radius: float, kind: str) -> None:
    colours = canvas.theme.people
    at = _COLOURS.index(kind) if kind in _COLOURS else len(_COLOURS)
    canvas.disc(x, y, radius, "", colours[at], canvas.theme.on_people)
    canvas.glyph(x, y, _GLYPHS.get(kind, _OTHER), canvas.theme.on_people, scale=radius / 15)


# Many steps: small cards in two columns, read down the left one first; what they come after is said in words.


def _columns(canvas: Drawing, flow: Flow, y: float) -> float:
    shown = flow.parts[:_MOST_PARTS]
    per_column = -(-len(shown) // 2)
    wide = (_INNER - 16) / 2
    for at, part in enumerate(shown):
        x = _MARGIN + at // per_column * (wide + 16)
        box = Box(x, y + at % per_column * (_CELL + _BETWEEN), wide, _CELL)
        _small_card(canvas, part, box, _comes_after(part) or part.does)
    y += per_column * (_CELL + _BETWEEN)
    if more := len(flow.parts) - len(shown):
        canvas.text(WIDTH - _MARGIN, y + 14, f"and {more} more steps", 14, fill=canvas.theme.soft, anchor="end")
        y += 24
    return _legend(canvas, flow, y)


def _small_card(canvas: Drawing, part: Part, box: Box, words: str) -> None:
    _frame(canvas, part, box)
    _icon(canvas, box.x + 24, box.y + box.height / 2, 13.5, part.kind)
    left, right = box.x + 46, box.right - 12
    if part.status:
        canvas.sign(right - 8, box.y + 18, part.status)
    name = f"{part.number}. {part.name}"
    canvas.row(left, box.y + 23, right - left - (24 if part.status else 0), name, 15.5, bold=True)
    canvas.row(left, box.y + 45, right - left, words, 13.5)


def _comes_after(part: Part) -> str:
    after = (" or " if part.any else ", ").join(_after(before.number, before.outcome) for before in part.before)
    return f"after {after}" if any(before.number for before in part.before) else ""


def _after(number: int, outcome: str) -> str:
    name = str(number) if number else "the start"
    return f"{name} ({outcome})" if outcome else name


def _legend(canvas: Drawing, flow: Flow, y: float) -> float:
    """What the signs mean, in one row that is broken where the page ends."""
    statuses = [status for status in Status if any(part.status is status for part in flow.parts)]
    x, y = _MARGIN, y + (24 if statuses else -10)
    for status in statuses:
        wide = 40 + width(status.value, 14)
        if x + wide > WIDTH - _MARGIN:
            x, y = _MARGIN, y + 26
        canvas.sign(x + 10, y - 5, status)
        canvas.text(x + 26, y, status.value, 14, fill=canvas.theme.soft)
        x += wide + 10
    return y + _MARGIN
