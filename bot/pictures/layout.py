"""Where the boxes of a graph stand and how its lines run: rows from top to bottom, with branches, joins and loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Between neighbours in a row, between rows, between lines that run side by side, and from a box to the first of them
# below and beside it.
_BESIDE = 20.0
_BELOW = 30.0
_TRACK = 12.0
_CLEAR = 14.0
_LANE = 22.0
_SWEEPS = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Node:
    """Something to place: its name and its size in pixels."""

    key: str
    width: float
    height: float


@dataclass(frozen=True)
class Edge:
    """A line to draw from one node to another, or back to itself; ``kind`` says how it will look."""

    source: str
    target: str
    kind: str = ""


@dataclass(frozen=True)
class Box:
    """Where a node stands: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower side."""
        return self.y + self.height

    @property
    def centre(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Line:
    """How an edge runs. A slanted piece lies between two rows, so it may be drawn as a curve; ``back``: a loop."""

    edge: Edge
    points: tuple[Point, ...]
    back: bool


@dataclass(frozen=True)
class Layout:
    """The whole picture, from (0, 0) to (``width``, ``height``); nothing stands on anything else."""

    width: float
    height: float
    boxes: dict[str, Box]
    lines: tuple[Line, ...]


def lay_out(
    nodes: Sequence[Node], edges: Sequence[Edge], *, widest: float | None = None, below: float = _BELOW
) -> Layout:
    """Place ``nodes`` in rows so that edges lead down, loops excepted; the same graph always looks the same.

    A row that would be wider than ``widest`` is broken into several; a single node may still be wider. Between rows
    there is as much room as lines need, but at least ``below``.

    An edge to the next row is drawn straight to it. Every other one runs in a lane at the right, and no line crosses a
    box. Keys must be unique, and edges must name them.
    """
    backs = _loops([node.key for node in nodes], edges)
    ranks = _ranks([node.key for node in nodes], [edge for edge in edges if edge not in backs])
    if widest is not None:
        ranks = _broken(nodes, ranks, widest)
    rows = _ordered(nodes, ranks, edges)
    aside = [edge for edge in edges if edge in backs or ranks[edge.target] != ranks[edge.source] + 1]
    return _Router(rows, ranks, edges, aside, backs, below).layout()


def _loops(keys: Sequence[str], edges: Iterable[Edge]) -> set[Edge]:
    """The edges that lead back to where one came from; without them the graph has no cycle."""
    leaving = defaultdict(list)
    for each in edges:
        leaving[each.source].append(each)
    backs: set[Edge] = set()
    done: set[str] = set()
    for key in keys:
        path = {key: iter(leaving[key])} if key not in done else {}
        while path:
            here = next(reversed(path))
            edge: Edge | None = next(path[here], None)
            if edge is None:
                done.add(here)
                del path[here]
            elif edge.target in path:
                backs.add(edge)
            elif edge.target not in done:
                path[edge.target] = iter(leaving[edge.target])
    return backs


def _ranks(keys: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The row of each node: one below the lowest of those that lead to it."""
    ranks = dict.fromkeys(keys, 0)
    open_edges = {key: sum(edge.target == key for edge in edges) for key in keys}
    ready = [key for key in keys if not open_edges[key]]
    for key in ready:
        for edge in edges:
            if edge.source == key:
                ranks[edge.target] = max(ranks[edge.target], ranks[key] + 1)
                open_edges[edge.target] -= 1
                if not open_edges[edge.target]:
                    ready.append(edge.target)
    return ranks


def _broken(nodes: Sequence[Node], ranks: dict[str, int], widest: float) -> dict[str, int]:
    """The rows anew, with as many nodes in each as fit; those of one row are shared out evenly."""
    broken: dict[str, int] = {}
    first = 0
    for rank in range(max(ranks.values(), default=-1) + 1):
        row = [node for node in nodes if ranks[node.key] == rank]
        most = max(1, int((widest + _BESIDE) // (max(node.width for node in row) + _BESIDE)))
        rows = -(-len(row) // most)
        share = -(-len(row) // rows)
        broken.update({node.key: first + at // share for at, node in enumerate(row)})
        first += rows
    return broken


def _ordered(nodes: Sequence[Node], ranks: dict[str, int], edges: Sequence[Edge]) -> list[list[Node]]:
    """The rows, each in an order in which neighbours in other rows stand near: the barycentre method."""
    rows: list[list[Node]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    near = defaultdict(list)
    for node in nodes:
        rows[ranks[node.key]].append(node)
    for edge in edges:
        near[edge.source].append(edge.target)
        near[edge.target].append(edge.source)
    place = {node.key: _share(row, at) for row in rows for at, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {
                node.key: sum(place[key] for key in near[node.key] or [node.key]) / len(near[node.key] or [node.key])
                for node in row
            }
            row.sort(key=lambda node: wanted[node.key])
            place.update({node.key: _share(row, at) for at, node in enumerate(row)})
    return rows


def _share(row: Sequence[Node], at: int) -> float:
    """How far to the right something stands in its row, from 0 to 1."""
    return (at + 0.5) / len(row)


class _Router:
    """Gives boxes their places and lines their lanes, once rows and their orders are known."""

    def __init__(
        self,
        rows: list[list[Node]],
        ranks: dict[str, int],
        edges: Sequence[Edge],
        aside: list[Edge],
        backs: set[Edge],
        below: float,
    ) -> None:
        self._rows, self._ranks, self._edges, self._aside, self._backs = rows, ranks, edges, aside, backs
        self._below = below
        self._last = {row[-1].key for row in rows}
        # In each gap between rows (the first above the first row): which lines run along it, each in a track.
        self._tracks: list[list[str]] = [[] for _ in range(len(rows) + 1)]
        for edge in aside:
            if edge.source not in self._last:
                self._track(ranks[edge.source] + 1, f"from {edge.source}")
            if edge.target not in self._last:
                self._track(ranks[edge.target], f"to {edge.target}")
        self._place()

    def layout(self) -> Layout:
        """The boxes and all the lines."""
        lanes = self._lanes()
        most = max(lanes.values(), default=-1) + 1
        right = max((box.right for box in self._boxes.values()), default=0.0)
        self._lane_x = {edge: right + _LANE + lanes[edge.source, edge.kind] * _TRACK for edge in self._aside}
        aside = set(self._aside)
        lines = tuple(
            Line(edge, self._around(edge) if edge in aside else self._down(edge), edge in self._backs)
            for edge in self._edges
        )
        width = right + (_LANE + (most - 1) * _TRACK + 2 if most else 0)
        return Layout(width, self._height, self._boxes, lines)

    def _track(self, gap: int, line: str) -> None:
        if line not in self._tracks[gap]:
            self._tracks[gap].append(line)

    def _place(self) -> None:
        """Set rows below one another, each in the middle; a gap grows with the lines that run along it."""
        widths = [sum(node.width for node in row) + _BESIDE * (len(row) - 1) for row in self._rows]
        self._boxes: dict[str, Box] = {}
        self._tops, self._bottoms = [], [0.0]
        y = 0.0
        for rank, row in enumerate(self._rows):
            y += self._gap(rank)
            x = (max(widths) - widths[rank]) / 2
            for node in row:
                self._boxes[node.key] = Box(x, y, node.width, node.height)
                x += node.width + _BESIDE
            self._tops.append(y)
            y += max(node.height for node in row)
            self._bottoms.append(y)
        self._height = y + self._gap(len(self._rows))

    def _gap(self, at: int) -> float:
        tracks = len(self._tracks[at])
        least = self._below if 0 < at < len(self._rows) else 0.0
        return max(least, 2 * _CLEAR + (tracks - 1) * _TRACK if tracks else 0.0)

    def _lanes(self) -> dict[tuple[str, str], int]:
        """The lane of the lines of each kind that leave a node; short ones run nearest to the boxes."""
        spans: dict[tuple[str, str], list[float]] = defaultdict(list)
        for edge in self._aside:
            spans[edge.source, edge.kind] += [self._leaves(edge)[1], self._arrives(edge)[1]]
        taken: list[list[tuple[float, float]]] = []
        lanes = {}
        for bus, ys in sorted(spans.items(), key=lambda item: max(item[1]) - min(item[1])):
            low, high = min(ys) - _TRACK / 2, max(ys) + _TRACK / 2
            lane = next((at for at, used in enumerate(taken) if all(high <= a or b <= low for a, b in used)), None)
            if lane is None:
                lane = len(taken)
                taken.append([])
            taken[lane].append((low, high))
            lanes[bus] = lane
        return lanes

    def _down(self, edge: Edge) -> tuple[Point, ...]:
        """From a box to one in the next row."""
        source, target = self._boxes[edge.source], self._boxes[edge.target]
        rank = self._ranks[edge.target]
        return _without_stops(
            (source.centre, source.bottom),
            (source.centre, self._bottoms[rank]),
            (target.centre, self._tops[rank]),
            (target.centre, target.y),
        )

    def _around(self, edge: Edge) -> tuple[Point, ...]:
        """From a box to any other through the edge's lane."""
        lane = self._lane_x[edge]
        leaving, arriving = self._leaves(edge), self._arrives(edge)
        source, target = self._boxes[edge.source], self._boxes[edge.target]
        start = leaving if edge.source in self._last else (source.centre, source.bottom)
        end = arriving if edge.target in self._last else (target.centre, target.y)
        return _without_stops(start, leaving, (lane, leaving[1]), (lane, arriving[1]), arriving, end)

    def _leaves(self, edge: Edge) -> Point:
        """Where a line turns towards its lane: at the box's right side if nothing stands there, else in the gap."""
        box = self._boxes[edge.source]
        if edge.source in self._last:
            return box.right, box.y + box.height * 0.68
        gap = self._ranks[edge.source] + 1
        return box.centre, self._along(gap, f"from {edge.source}")

    def _arrives(self, edge: Edge) -> Point:
        """Where it turns from its lane towards the box."""
        box = self._boxes[edge.target]
        if edge.target in self._last:
            return box.right, box.y + box.height * 0.32
        return box.centre, self._along(self._ranks[edge.target], f"to {edge.target}")

    def _along(self, gap: int, line: str) -> float:
        return self._bottoms[gap] + _CLEAR + self._tracks[gap].index(line) * _TRACK


def _without_stops(*points: Point) -> tuple[Point, ...]:
    """The points without repeated ones."""
    return tuple(point for at, point in enumerate(points) if not at or point != points[at - 1])
