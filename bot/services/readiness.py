"""Whether a crew or flow can run now with these inputs, and what exactly would run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bot.engine import state
from bot.engine.steps import kind_of
from bot.engine.steps.decide import DecideSettings
from bot.errors import FormRefused, UserError
from bot.services.checks import ModelProblem, ToolProblem, crew_models, problems, tool_problems
from bot.services.crews import needed_inputs
from bot.services.flows import problems_of
from bot.services.freezing import everything_in, frozen_whole
from bot.services.rights import Viewer
from bot.services.unseen import unseen, unseen_in, whom
from store import agents, steps, tasks, tools
from store.crews import CrewInstance
from store.definitions import Definition

if TYPE_CHECKING:
    from store.database import Session


class NotReady(UserError):
    """“{name}” can’t run yet. {reasons}"""

    people = ("owners",)


class InputsMissing(UserError):
    """“{name}” needs {missing}."""


class InputsRefused(FormRefused):
    """{reason}"""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        """Say what is wrong with each input, by name also where there is no field to say it under."""
        said = (sentence if f"“{name}”" in sentence else f"{name}: {sentence}" for name, sentence in wrong.items())
        super().__init__(fields=dict(wrong), reason=" ".join(said))


def prepared(
    session: Session,
    crew: CrewInstance,
    inputs: Mapping[str, Any],
    *,
    viewer: Viewer,
    tool_problem: ToolProblem,
    model_problem: ModelProblem,
) -> tuple[Definition, dict[str, Any]]:
    """What a run carries out, and the inputs it is given.

    Raises ``NotReady`` with all reasons; ``InputsMissing`` for a crew; ``InputsRefused`` with a sentence for each input
    of a flow that does not fit its state.
    """
    if reasons := list(dict.fromkeys(_reasons(session, crew, viewer, tool_problem, model_problem))):
        owners = [part.owner for part in unseen_in(session, crew, viewer)]
        raise NotReady(name=crew.name, reasons=" ".join(reasons), owners=owners)
    given = _fitting(crew, inputs) if crew.is_flow else _filled_in(session, crew, inputs)
    return frozen_whole(session, crew), given


def _filled_in(session: Session, crew: CrewInstance, inputs: Mapping[str, Any]) -> dict[str, Any]:
    members = agents.list_all(session, crew.id, team=crew.team)
    needed = needed_inputs(crew, members, tasks.list_all(session, crew.id, team=crew.team))
    if missing := [name for name in needed if not str(inputs.get(name, "")).strip()]:
        raise InputsMissing(name=crew.name, missing=", ".join(missing))
    return {name: inputs[name] for name in needed}


def _fitting(flow: CrewInstance, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs in the types that the state asks for, those left empty left out."""
    begun, wrong = state.begin(flow.state_schema, inputs)
    if wrong:
        raise InputsRefused(wrong)
    return {name: begun[name] for name, value in inputs.items() if value is not None and str(value).strip()}


def _reasons(
    session: Session, crew: CrewInstance, viewer: Viewer, tool_problem: ToolProblem, model_problem: ModelProblem
) -> Iterator[str]:
    """Why it cannot run yet, in sentences; those about a crew inside a flow say which, if the person may use it."""
    if not crew.is_flow:
        yield from _reasons_of_crew(session, crew, tool_problem, model_problem)
        return
    yield from (problem.sentence for problem in problems_of(session, crew))
    inside = everything_in(session, crew)
    for part in inside:
        found = (
            (problem.sentence for problem in problems_of(session, part))
            if part.is_flow
            else _reasons_of_crew(session, part, tool_problem, model_problem)
        )
        if viewer.level(session, part):
            yield from (f"“{part.name}”: {sentence}" for sentence in found)
        elif any(found):
            yield f"{unseen(1, part.kind).capitalize()} is not ready. Ask {whom([part.owner])}."
    for flow in [crew, *(part for part in inside if part.is_flow)]:
        yield from _unusable(_deciders(session, flow), model_problem, crew.team)


def _reasons_of_crew(
    session: Session, crew: CrewInstance, tool_problem: ToolProblem, model_problem: ModelProblem
) -> Iterator[str]:
    members = agents.list_all(session, crew.id, team=crew.team)
    work = tasks.list_all(session, crew.id, team=crew.team)
    held = tools.of_agents(session, [agent.id for agent in members], team=crew.team)
    found = problems(crew, members, work, held) + tool_problems(held.values(), tool_problem, team=crew.team)
    yield from (problem.sentence for problem in found)
    models = [*(agent.llm for agent in members), *crew_models(crew)]
    yield from _unusable(models, model_problem, crew.team)


def _unusable(models: Iterable[str], model_problem: ModelProblem, team: str) -> Iterator[str]:
    yield from (problem for name in dict.fromkeys(models) if (problem := model_problem(name, team)))


def _deciders(session: Session, flow: CrewInstance) -> Iterator[str]:
    """The models that the flow's own decisions ask."""
    for step in steps.list_all(session, flow.id, team=flow.team):
        kind = kind_of(step.kind)
        settings = kind.read(step.settings) if kind else None
        if isinstance(settings, DecideSettings) and settings.by == "model":
            yield settings.llm
