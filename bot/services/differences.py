"""What changed between two definitions, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from store.agents import AgentDraft
from store.crews import CrewDraft
from store.definitions import AgentPlan, Definition, TaskPlan
from store.more_settings import Settings
from store.tasks import TaskDraft

Thing = AgentPlan | TaskPlan

# Short values stand in the sentence itself, longer ones below it.
_SHORT = 60


@dataclass(frozen=True)
class Difference:
    """One thing that differs: a sentence, and both texts where they are too long to stand in it."""

    sentence: str
    old: str | None = None
    new: str | None = None


def differences(old: Definition, new: Definition) -> list[Difference]:
    """Everything that differs, the crew itself first; empty when nothing does."""
    return [
        *_fields("Crew: ", CrewDraft, old, new),
        *_things("Agent", AgentDraft, old.agents, new.agents),
        *_things("Task", TaskDraft, old.tasks, new.tasks),
    ]


def in_words(found: Iterable[Difference]) -> str:
    """The sentences in a row."""
    return " ".join(difference.sentence for difference in found)


def _things(kind: str, draft: type[BaseModel], old: Sequence[Thing], new: Sequence[Thing]) -> Iterable[Difference]:
    before = {thing.name: thing for thing in old}
    after = {thing.name: thing for thing in new}
    yield from (Difference(f"{kind} “{name}” added.") for name in after if name not in before)
    yield from (Difference(f"{kind} “{name}” removed.") for name in before if name not in after)
    for name, thing in after.items():
        if name in before:
            yield from _fields(f"{kind} “{name}”: ", draft, before[name], thing)
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield Difference(f"Order of {kind.lower()}s changed.")


def _fields(where: str, draft: type[BaseModel], old: BaseModel, new: BaseModel) -> Iterable[Difference]:
    titles: Mapping[str, str] = {name: (info.title or name).lower() for name, info in draft.model_fields.items()}
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if (isinstance(new, Definition) and name in ("agents", "tasks", "tools")) or before == after:
            continue
        if isinstance(before, Settings) and isinstance(after, Settings):
            yield from _fields(where, type(after), before, after)
            continue
        what = "results it uses" if name == "context" else titles.get(name) or name.replace("_", " ")
        was, is_now = _said(before), _said(after)
        if len(was) + len(is_now) <= _SHORT:
            yield Difference(f"{where}{what} changed from “{was}” to “{is_now}”.")
        else:
            yield Difference(f"{where}{what} changed.", was, is_now)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return str(value) if value not in (None, "") else "nothing"
