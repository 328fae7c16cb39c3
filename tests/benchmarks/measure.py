"""Times taken in turn, and what is said of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def in_turn(rounds: int, *works: Callable[[], float]) -> list[list[float]]:
    """Seconds of every work, each round all of them one after the other; a drifting machine is unfair to nobody."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, taken in zip(works, times, strict=True):
            taken.append(work())
    return times


def median(times: Sequence[float]) -> float:
    return statistics.median(times)


def p99(times: Sequence[float]) -> float:
    """The time that one in a hundred exceeds; the longest of up to a hundred."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}×"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings, as Markdown reads them."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, ["-" * width for width in widths], *rows):
        print(f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |", flush=True)
