"""What changed between two definitions, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bot.engine.state import WORDS, StateField, fields
from store.agents import AgentDraft
from store.crews import CrewDraft
from store.definitions import AgentPlan, Definition, LinkPlan, StepPlan, TaskPlan
from store.more_settings import Settings
from store.steps import AfterPlan, StepDraft
from store.tasks import TaskDraft

Thing = AgentPlan | TaskPlan | StepPlan

# Short values stand in the sentence itself, longer ones below it.
_SHORT = 60

# What is told in sentences of its own, or only a run has.
_APART = ("agents", "tasks", "tools", "state", "steps", "parts")
_WHAT = {"context": "results it uses", "target": "crew or flow", "parent": "what it is a part of"}
# What names other crews, or tasks of theirs, stands in no sentence: not everybody who reads it may see those.
_OF_OTHERS = ("target", "parent", "links")


@dataclass(frozen=True)
class Difference:
    """One thing that differs: a sentence, and both texts where they are too long to stand in it."""

    sentence: str
    old: str | None = None
    new: str | None = None


def differences(old: Definition, new: Definition) -> list[Difference]:
    """Everything that differs, the crew itself first; empty when nothing does."""
    return [
        *_fields("Flow: " if new.is_flow else "Crew: ", CrewDraft, old, new),
        *_state(old.state, new.state),
        *_things("Agent", AgentDraft, old.agents, new.agents),
        *_things("Task", TaskDraft, old.tasks, new.tasks),
        *_names(old.steps, new.steps),
        *_things("Step", StepDraft, _renamed(old.steps, new.steps), new.steps),
    ]


def in_words(found: Iterable[Difference]) -> str:
    """The sentences in a row."""
    return " ".join(difference.sentence for difference in found)


def _renamed(old: Sequence[StepPlan], new: Sequence[StepPlan]) -> list[StepPlan]:
    """The old steps under the names of those with the same keys now, so that each is compared with itself."""
    names = {step.key: step.name for step in new}
    return [step.model_copy(update={"name": names.get(step.key, step.name)}) for step in old]


def _names(old: Sequence[StepPlan], new: Sequence[StepPlan]) -> Iterable[Difference]:
    before = {step.key: step.name for step in old}
    for step in new:
        if before.get(step.key, step.name) != step.name:
            yield Difference(f"Step “{before[step.key]}” renamed to “{step.name}”.")


def _state(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterable[Difference]:
    before = {each.name: each for each in fields(old)}
    after = {each.name: each for each in fields(new)}
    yield from (Difference(f"State: “{name}” added.") for name in after if name not in before)
    yield from (Difference(f"State: “{name}” removed.") for name in before if name not in after)
    for name, each in after.items():
        if name in before and before[name] != each:
            was, is_now = _field(before[name]), _field(each)
            how = f" from {was} to {is_now}" if was != is_now else ""
            yield Difference(f"State: “{name}” changed{how}.")


def _field(each: StateField) -> str:
    said = WORDS.get(each.type, each.type)
    said += ", required" if each.required else ""
    return said + (f", else {_said(each.default)}" if each.default is not None else "")


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
        if (isinstance(new, Definition) and name in _APART) or before == after:
            continue
        if isinstance(before, Settings) and isinstance(after, Settings):
            yield from _fields(where, type(after), before, after)
            continue
        what = _WHAT.get(name) or titles.get(name) or name.replace("_", " ")
        was, is_now = _said(before), _said(after)
        if len(was) + len(is_now) <= _SHORT and name not in _OF_OTHERS:
            yield Difference(f"{where}{what} changed from “{was}” to “{is_now}”.")
        else:
            yield Difference(f"{where}{what} changed.", was, is_now)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(each)}" for name, each in value.items()) or "nothing"
    if isinstance(value, AfterPlan):
        return f"{value.step} ({value.outcome})" if value.outcome else value.step
    if isinstance(value, LinkPlan):
        task, other = (name or "a deleted task" for name in (value.task, value.depends_on))
        return f"{task} uses {other} of {value.step}"
    return str(value) if value not in (None, "") else "nothing"
