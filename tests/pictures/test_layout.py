"""The layout: everything has its place, and no line crosses a box, whatever the graph."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.layout import Box, Edge, Layout, Node, Point, lay_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Node], list[Edge]]:
    """Up to 40 nodes of different sizes; loops, edges to itself and parallel edges included."""
    sizes = draw(st.lists(st.tuples(st.integers(20, 300), st.integers(20, 120)), min_size=1, max_size=40))
    nodes = [Node(f"n{at}", wide, high) for at, (wide, high) in enumerate(sizes)]
    keys = st.sampled_from([node.key for node in nodes])
    edges = draw(st.lists(st.builds(Edge, keys, keys, st.sampled_from(["", "uses"])), max_size=60))
    return nodes, edges


def overlap(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def crosses(start: Point, end: Point, box: Box) -> bool:
    """Whether the rectangle around a piece of line reaches into a box; level and upright pieces are such rectangles."""
    (x0, x1), (y0, y1) = sorted((start[0], end[0])), sorted((start[1], end[1]))
    inside = 0.01
    return x0 < box.right - inside and x1 > box.x + inside and y0 < box.bottom - inside and y1 > box.y + inside


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_box_has_a_place_of_its_own_on_the_page(graph: tuple[list[Node], list[Edge]]) -> None:
    nodes, edges = graph
    layout = lay_out(nodes, edges)

    assert {key: (box.width, box.height) for key, box in layout.boxes.items()} == {
        node.key: (node.width, node.height) for node in nodes
    }
    assert not [pair for pair in combinations(layout.boxes.values(), 2) if overlap(*pair)]
    corners = [(box.x, box.y) for box in layout.boxes.values()]
    corners += [(box.right, box.bottom) for box in layout.boxes.values()]
    corners += [point for line in layout.lines for point in line.points]
    assert all(-0.01 <= x <= layout.width + 0.01 and -0.01 <= y <= layout.height + 0.01 for x, y in corners)


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_line_joins_its_boxes_and_crosses_none(graph: tuple[list[Node], list[Edge]]) -> None:
    nodes, edges = graph
    layout = lay_out(nodes, edges)

    assert [line.edge for line in layout.lines] == edges
    for line in layout.lines:
        assert touches(line.points[0], layout.boxes[line.edge.source])
        assert touches(line.points[-1], layout.boxes[line.edge.target])
        for start, end in zip(line.points, line.points[1:], strict=False):
            assert not [key for key, box in layout.boxes.items() if crosses(start, end, box)], line


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_lines_lead_down_except_for_loops(graph: tuple[list[Node], list[Edge]]) -> None:
    layout = lay_out(*graph)

    for line in layout.lines:
        source, target = layout.boxes[line.edge.source], layout.boxes[line.edge.target]
        assert line.back or source.bottom < target.y
        assert not line.back or leads_back(layout, line.edge)


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_the_same_graph_always_looks_the_same(graph: tuple[list[Node], list[Edge]]) -> None:
    assert lay_out(*graph) == lay_out(*graph)


def touches(point: Point, box: Box) -> bool:
    x, y = point
    return (x in (box.x, box.right) and box.y <= y <= box.bottom) or (
        y in (box.y, box.bottom) and box.x <= x <= box.right
    )


def leads_back(layout: Layout, edge: Edge) -> bool:
    """Whether one comes from the edge's end to its beginning again."""
    reached, found = [edge.target], {edge.target}
    for key in reached:
        for line in layout.lines:
            if line.edge.source == key and line.edge.target not in found:
                found.add(line.edge.target)
                reached.append(line.edge.target)
    return edge.source in found


def test_a_branch_stands_side_by_side_and_joins_again() -> None:
    nodes = [Node(key, 100, 50) for key in ("start", "left", "right", "end")]
    edges = [Edge("start", "left"), Edge("start", "right"), Edge("left", "end"), Edge("right", "end")]
    boxes = lay_out(nodes, edges).boxes

    assert boxes["left"].y == boxes["right"].y
    assert boxes["left"].right < boxes["right"].x
    assert boxes["start"].centre == boxes["end"].centre


def test_neighbours_change_places_rather_than_crossing_their_lines() -> None:
    nodes = [Node(key, 100, 50) for key in ("a", "b", "under b", "under a")]
    boxes = lay_out(nodes, [Edge("a", "under a"), Edge("b", "under b")]).boxes

    assert (boxes["a"].x < boxes["b"].x) == (boxes["under a"].x < boxes["under b"].x)


def test_nothing_is_no_trouble() -> None:
    assert lay_out([], []) == Layout(0, 0, {}, ())
