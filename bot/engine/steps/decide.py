"""A step that decides what comes next: by rules, or by asking a model."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.engine import placeholders
from bot.engine.steps.kind import (
    EXPRESSION,
    MODEL,
    Done,
    Offer,
    Place,
    Said,
    StepFailure,
    StepKind,
    StepSettings,
    text_of,
)
from store.definitions import AgentPlan, Definition, TaskPlan
from store.names import OneLine, name_key

Outcome = Annotated[OneLine, Field(min_length=1, max_length=40)]


class Rule(BaseModel):
    """What it comes to when an expression holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    when: str = Field(
        title="When", max_length=2_000, json_schema_extra=EXPRESSION, description="For example state.score > 7."
    )
    outcome: Outcome = Field(title="Outcome", description="A name, for example good enough.")


class DecideSettings(StepSettings):
    """How it is decided."""

    by: Literal["rules", "model"] = Field(
        "rules", title="Decided by", description="Rules over what is known, the first that holds; or a model."
    )
    rules: list[Rule] = Field(
        [], title="Rules", max_length=20, description="Each says when it holds, and the outcome that it leads to then."
    )
    otherwise: OneLine = Field(
        "", title="Otherwise", max_length=40, description="When no rule holds, or what the model says is no outcome."
    )
    question: str = Field(
        "",
        title="Question",
        max_length=3_000,
        description="What the model is asked. Inputs in braces, like {draft}, are filled in.",
    )
    outcomes: list[Outcome] = Field(
        [], title="Outcomes", max_length=20, description="What the model chooses among, one on each line."
    )
    llm: str = Field(
        "",
        title="Model",
        max_length=200,
        json_schema_extra=MODEL,
        description="As provider/model. Empty: the default model.",
    )
    ends: list[Outcome] = Field(
        [], title="Ends", max_length=20, description="Outcomes after which nothing more is to happen."
    )


def do(place: Place, settings: DecideSettings) -> Done:
    """The outcome, by name."""
    outcome = _by_rules(place, settings) if settings.by == "rules" else _by_model(place, settings)
    return Done(outcome, outcome, outcome)


def _by_rules(place: Place, settings: DecideSettings) -> str:
    for number, rule in enumerate(settings.rules, 1):
        holds = place.value(rule.when, f"rule {number}")
        if not isinstance(holds, bool):
            raise StepFailure(reason=f"Rule {number} comes to something else than yes or no. Change it.")
        if holds:
            return rule.outcome
    if not settings.otherwise:
        raise StepFailure(reason="No rule holds, and there is no outcome for that. Set “Otherwise”.")
    return settings.otherwise


def _by_model(place: Place, settings: DecideSettings) -> str:
    inputs = {name: text_of(value) for name, value in place.inputs().items()}
    question = placeholders.fill(settings.question, inputs)
    names = outcomes(settings)
    choices = "\n".join(f"- {name}" for name in names)
    task = TaskPlan(
        name=place.plan.name,
        description=f"{question}\n\nChoose exactly one of these:\n{choices}",
        expected_output="One line: the chosen one, as it is written above, and nothing else.",
        agent=place.plan.name,
    )
    agent = AgentPlan(
        name=place.plan.name,
        role="Decider",
        goals=["Choose what fits best"],
        backstory="Reads carefully and answers with one choice.",
        llm=settings.llm,
    )
    # What was filled in must not be taken for placeholders again, so the crew is run without inputs to fill in.
    part = Definition(name=place.plan.name, agents=[agent], tasks=[_as_it_is(task)])
    said = place.run(part, _same(task), kept=False).raw
    if (found := chosen(said, names)) is None and not settings.otherwise:
        raise StepFailure(reason=f"The model chose none of {', '.join(names)}, but said: {said[:200]}")
    return found or settings.otherwise


def _same(task: TaskPlan) -> dict[str, str]:
    return {"crewcall_question": task.description}


def _as_it_is(task: TaskPlan) -> TaskPlan:
    return task.model_copy(update={"description": "{crewcall_question}"})


def chosen(said: str, names: list[str]) -> str | None:
    """Which of the names the answer means: the whole of it, its first or last line, or the only one in it."""
    lines = [_plain(line) for line in said.strip().splitlines() if _plain(line)]
    for line in (_plain(said), *lines[:1], *lines[-1:]):
        if exact := [name for name in names if name_key(name) == line]:
            return exact[0]
    words = name_key(said)
    found = [name for name in names if re.search(rf"(?<!\w){re.escape(name_key(name))}(?!\w)", words)]
    # “good enough” also has “good” in it.
    whole = [name for name in found if not any(other != name and name_key(name) in name_key(other) for other in found)]
    return whole[0] if len(whole) == 1 else None


def _plain(line: str) -> str:
    return name_key(line.strip(" \t*_`\"'“”.-•:"))


def outcomes(settings: DecideSettings) -> list[str]:
    """The names of what it can come to, each once."""
    names = [rule.outcome for rule in settings.rules] if settings.by == "rules" else list(settings.outcomes)
    return list(dict.fromkeys([*names, *([settings.otherwise] if settings.otherwise else [])]))


def faults(settings: DecideSettings) -> dict[str, str]:
    """What is missing, by field."""
    found: dict[str, str] = {}
    if settings.by == "rules" and not settings.rules:
        found["rules"] = "Write at least one rule."
    if settings.by == "model" and not settings.question.strip():
        found["question"] = "Write what the model is to decide."
    if settings.by == "model" and len(outcomes(settings)) < 2:
        found["outcomes"] = "Write at least two outcomes to choose from."
    alike = Counter(name_key(name) for name in outcomes(settings))
    if twice := [name for name in outcomes(settings) if alike[name_key(name)] > 1]:
        found["outcomes" if settings.by == "model" else "rules"] = f"“{twice[0]}” and “{twice[1]}” are too much alike."
    return found


def says(settings: DecideSettings) -> list[Said]:
    """The rules' expressions."""
    return [Said("rules", rule.when, "boolean") for rule in settings.rules] if settings.by == "rules" else []


def offers(_settings: DecideSettings, _part: Definition | None) -> list[Offer]:
    """What was decided."""
    return [Offer("outcome", "string", "what was decided")]


KIND = StepKind(
    name="decide",
    title="Decide",
    description="Rules or a model choose one of several outcomes, and each leads on to steps of its own.",
    settings=DecideSettings,
    do=do,
    offers=offers,
    outcomes=outcomes,
    ends=lambda settings: list(settings.ends),
    says=says,
    faults=faults,
    gives="string",
)
