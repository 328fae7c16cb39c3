"""Flows for tests, written short: steps by name, in a few words each."""

from __future__ import annotations

from typing import Any

from store.definitions import AgentPlan, Definition, StepPlan, TaskPlan
from store.steps import AfterPlan


def crew(name: str = "Research", *tasks: str, asks: str = "") -> Definition:
    """A crew with one agent; each task's description names itself, and the last also the inputs that it asks for."""
    names = tasks or ("Do it",)
    agent = AgentPlan(name="Ada", role="Analyst", goals=["Find out"], backstory="Reads a lot.")
    plans = [
        TaskPlan(
            name=each,
            description=f"{each} for {name}. {asks if each == names[-1] else ''}".strip(),
            expected_output="Text.",
            agent="Ada",
            context=list(names[max(at - 1, 0) : at]),
        )
        for at, each in enumerate(names)
    ]
    return Definition(name=name, agents=[agent], tasks=plans)


def step(key: str, kind: str = "crew", *after: str, **more: Any) -> StepPlan:
    """A step; what it comes after is written ``key`` or ``key/outcome``."""
    entries = [AfterPlan(step=each.partition("/")[0], outcome=each.partition("/")[2]) for each in after]
    settings = {name: more.pop(name) for name in list(more) if name not in StepPlan.model_fields}
    if kind in ("crew", "each"):
        more.setdefault("target", "Research")
    name = more.pop("name", key.replace("_", " ").capitalize())
    return StepPlan(key=key, name=name, kind=kind, after=entries, settings=settings, **more)


def state(**fields: Any) -> dict[str, Any]:
    """A state: each field by its type, or by the whole of its schema."""
    parts = {name: each if isinstance(each, dict) else {"type": each} for name, each in fields.items()}
    return {"type": "object", "properties": parts}


def flow(*steps: StepPlan, parts: list[Definition] | None = None, **more: Any) -> Definition:
    """A flow of these steps; it contains the crew Research unless it is said what else."""
    inside = [crew()] if parts is None else parts
    return Definition(
        name=more.pop("name", "Weekly"),
        is_flow=True,
        steps=list(steps),
        parts={part.name: part for part in inside},
        **more,
    )
