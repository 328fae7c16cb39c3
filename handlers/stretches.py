"""Lists of which a window shows one stretch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.slack import blocks
from bot.slack.blocks import Json
from store.agents import Agent
from store.steps import FlowStep
from store.tasks import Task

Thing = Agent | Task | FlowStep


def first_of(things: Sequence[Thing], most: int, near: Thing | None) -> int:
    """Where the stretch of ``most`` rows begins in which ``near`` stands, else 0."""
    at = next((at for at, thing in enumerate(things) if near and _same(thing, near)), 0)
    return at - at % most


def turns(noun: str, crew_id: int, things: Sequence[Thing], most: int, shown: int) -> Iterable[Json]:
    """A button for each other stretch of a list for which a window has no room; ``shown`` is where this one begins."""
    buttons = [
        blocks.button(
            f"{noun.capitalize()}s {first + 1} to {min(first + most, len(things))}",
            f"crew.turn.{noun}.{first}",
            f"{crew_id}:{noun}:{things[first].id}",
        )
        for first in range(0, len(things), most)
        if first != shown
    ]
    if buttons:
        yield blocks.actions(*buttons[:25], block_id=f"{noun}s.turn")


def _same(one: Thing, other: Thing) -> bool:
    return type(one) is type(other) and one.id == other.id
