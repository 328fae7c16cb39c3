"""Flows: their steps, their state, what is wrong with them, and what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bot.engine import state
from bot.engine.state import StateField
from bot.engine.steps import kind_of
from bot.errors import FormRefused, Refused, UserError
from bot.services import Actor
from bot.services.checks import Place, Problem
from bot.services.flow_checks import Available, Finding, Need, available, flow_problems, needs
from bot.services.flow_graph import Graph
from bot.services.freezing import contained, everything_in, frozen, frozen_whole
from bot.services.history import record, telling_what_changed
from bot.services.rights import Rights, Viewer
from bot.services.trials import asked
from bot.services.unseen import shown, unseen, whom
from bot.words import listed
from store import crews, run_lists, shares, steps, tasks, versions
from store.crews import CrewInstance
from store.database import Store
from store.definitions import Definition, freeze_flow
from store.runs import Execution
from store.shares import Level
from store.steps import START, AfterPlan, FlowStep, StepDraft

if TYPE_CHECKING:
    from store.database import Session

MOST_STEPS = 100

__all__ = ["Available", "FlowSheet", "Flows", "Linkable", "Need", "NotAFlow", "UsedByFlows", "refuse_used"]


class NotAFlow(UserError):
    """“{name}” is a crew and has no steps. Add agents and tasks to it."""


class UsedByFlows(UserError):
    """“{name}” can’t be deleted while {flows} {use} it. Remove {step} first{ask}."""

    people = ("owners",)


@dataclass(frozen=True)
class Linkable:
    """A task whose result can go to a task of a later step's crew: ``step`` is the key of the step that does it."""

    step: str
    step_name: str
    task_id: int
    task: str


@dataclass(frozen=True)
class FlowSheet:
    """Everything about one flow that its page shows."""

    flow: CrewInstance
    steps: list[FlowStep]
    problems: list[Problem]
    fields: list[StateField]
    # What its steps run, each once in the order of the steps, without names unless the reader may use it.
    contained: list[CrewInstance]
    runs: list[Execution]
    version: int
    level: Level = Level.RUN
    shares: dict[str, Level] = field(default_factory=dict)
    # Those of ``contained`` that the reader may use, by their ids.
    usable: frozenset[int] = frozenset()

    def step(self, key: str) -> FlowStep | None:
        """The step with this key."""
        return next((step for step in self.steps if step.key == key), None)

    def target(self, step: FlowStep) -> CrewInstance | None:
        """What the step runs."""
        return next((each for each in self.contained if each.id == step.target_id), None)

    @property
    def inputs(self) -> list[str]:
        """The fields of the state that a run must be given."""
        return [each.name for each in self.fields if each.required and each.default is None and each.type != "null"]

    @property
    def definition(self) -> Definition:
        """The flow by names, without what its steps run and without connections of tasks."""
        return freeze_flow(self.flow, self.steps, {each.id: each.name for each in self.contained}, {})


class Flows:
    """The workspace's flows. Whoever may not do as much with one as they ask for is told ``NotAllowed``."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def add_step(self, flow_id: int, draft: StepDraft, *, by: Actor, before: str | None = None) -> FlowStep:
        """Add a step; put between what it comes after and the step with the key ``before``, if there is one.

        Raises ``Gone``, ``NameTaken``, ``NotAFlow`` or ``FormRefused``.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            flow = _held(session, flow_id, viewer)
            known = steps.list_all(session, flow_id, team=by.team)
            if len(known) >= MOST_STEPS:
                raise Refused(reason=f"A flow can have {MOST_STEPS} steps. Move some into a flow of their own.")
            _check(session, draft, flow, known, viewer)
            step = steps.add(session, draft, flow_id=flow_id, team=by.team, by=by.user)
            following = next((each for each in known if each.key == before), None)
            if following is not None:
                _put_between(session, step, following, by)
                order = [each.id for each in known]
                order.insert(order.index(following.id), step.id)
                steps.reorder(session, flow_id, order, team=by.team)
            record(session, flow_id, by=by)
            return steps.get(session, step.id, team=by.team)

    def change_step(self, step_id: int, draft: StepDraft, *, version: int, by: Actor) -> FlowStep:
        """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone``, ``NameTaken`` or ``FormRefused``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = steps.get(session, step_id, team=by.team)
            flow = _held(session, was.flow_id, viewer)
            known = steps.list_all(session, flow.id, team=by.team)
            _check(session, draft, flow, known, viewer, was=was)
            with telling_what_changed(session, flow.id, by=by):
                step = steps.change(session, step_id, draft, team=by.team, version=version, by=by.user)
            record(session, flow.id, by=by)
            return step

    def remove_step(self, step_id: int, *, by: Actor) -> FlowStep:
        """Remove a step and return what it was; raise ``Gone``. What came after it comes after what it came after."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            was = steps.get(session, step_id, team=by.team)
            _held(session, was.flow_id, viewer)
            steps.remove(session, step_id, team=by.team)
            for other in steps.list_all(session, was.flow_id, team=by.team):
                _let_go(session, other, was, by)
            record(session, was.flow_id, by=by)
            return was

    def move_step(self, step_id: int, *, later: bool, by: Actor) -> FlowStep:
        """Show a step one place earlier or later; what comes after what stays. Raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            step = steps.get(session, step_id, team=by.team)
            _held(session, step.flow_id, viewer)
            order = [each.id for each in steps.list_all(session, step.flow_id, team=by.team)]
            at = order.index(step_id)
            to = at + 1 if later else at - 1
            if 0 <= to < len(order):
                order[at], order[to] = order[to], order[at]
                steps.reorder(session, step.flow_id, order, team=by.team)
                record(session, step.flow_id, by=by)
            return step

    def get_step(self, step_id: int, *, by: Actor) -> FlowStep:
        """One step, to be changed; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            step = steps.get(session, step_id, team=by.team)
            viewer.require(session, step.flow_id, Level.EDIT)
            return step

    def set_state(self, flow_id: int, schema: Mapping[str, Any] | None, *, version: int, by: Actor) -> CrewInstance:
        """Save an edit of ``version``'s state, a JSON Schema; raise ``FormRefused``, ``EditedMeanwhile``, ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            _held(session, flow_id, viewer)
            return _set_state(session, flow_id, schema, version, by)

    def reshape_state(
        self, flow_id: int, reshape: Callable[[dict[str, Any] | None], Mapping[str, Any] | None], *, by: Actor
    ) -> CrewInstance:
        """Put what ``reshape`` makes of the state's schema in its place; raise ``Gone`` or ``FormRefused``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            flow = _held(session, flow_id, viewer)
            return _set_state(session, flow_id, reshape(flow.state_schema), flow.version, by)

    def sheet(self, flow_id: int, *, by: Actor, to: Level = Level.RUN) -> FlowSheet:
        """The flow with its steps, state, latest runs and what is wrong with it; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            flow = viewer.require(session, flow_id, to)
            refuse_crew(flow)
            return sheet_of(session, flow, viewer)

    def available(self, flow_id: int, step_key: str | None = None, *, by: Actor) -> list[Available]:
        """What the inputs of a step can be, each with its type, or those of a new step; raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            flow = viewer.require(session, flow_id, Level.EDIT)
            return available(_with_targets(session, flow, viewer), step_key)

    def needs(self, target_id: int, *, by: Actor) -> list[Need]:
        """The inputs of a crew or flow that a step could run; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return needs(frozen(session, viewer.require(session, target_id, Level.RUN)))

    def linkable(self, flow_id: int, step_key: str | None = None, *, by: Actor) -> list[Linkable]:
        """The tasks whose results tasks of a step's crew can be given, or those of a new step; raise ``Gone``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            flow = viewer.require(session, flow_id, Level.EDIT)
            graph = Graph(_with_targets(session, flow))
            before = graph.before(step_key) if step_key in graph.steps else set(graph.steps)
            return [
                Linkable(step.key, step.name, task.id, task.name)
                for step in steps.list_all(session, flow_id, team=by.team)
                if step.key in before and step.kind == "crew" and step.target_id is not None
                if viewer.level(session, crews.get(session, step.target_id, team=by.team))
                for task in tasks.list_all(session, step.target_id, team=by.team)
            ]

    def asked_alone(self, step_id: int, *, by: Actor) -> tuple[FlowStep, dict[str, Any] | None]:
        """A step, and the schema of what it must be given when it is tested alone; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            step = steps.get(session, step_id, team=by.team)
            flow = viewer.require(session, step.flow_id, Level.EDIT)
            return step, asked(_with_targets(session, flow), step.key)


def outcomes_of(step: FlowStep) -> list[str]:
    """The names of what a step can come to; none where there is only one way on."""
    kind = kind_of(step.kind)
    return kind.outcomes(kind.read(step.settings)) if kind else []


def sheet_of(session: Session, flow: CrewInstance, viewer: Viewer) -> FlowSheet:
    """The flow with its steps, state, latest runs and what is wrong with it."""
    known = steps.list_all(session, flow.id, team=flow.team)
    inside = [shown(session, each, viewer) for each in contained(session, known, team=flow.team)]
    return FlowSheet(
        flow=flow,
        steps=known,
        problems=problems_of(session, flow),
        fields=state.fields(flow.state_schema),
        contained=inside,
        runs=run_lists.latest(session, team=flow.team, crew_id=flow.id, limit=3),
        version=versions.number(session, flow.id, team=flow.team),
        level=viewer.level(session, flow) or Level.RUN,
        shares=shares.of_crew(session, flow.id, team=flow.team),
        usable=frozenset(each.id for each in inside if viewer.level(session, each)),
    )


def problems_of(session: Session, flow: CrewInstance) -> list[Problem]:
    """What is wrong with the flow itself, the first to mend first; what is wrong with its crews is theirs to tell."""
    ids = {step.key: step.id for step in steps.list_all(session, flow.id, team=flow.team)}
    return [_problem(finding, flow, ids) for finding in flow_problems(frozen_whole(session, flow))]


def users_of(session: Session, crew: CrewInstance, viewer: Viewer) -> tuple[list[tuple[int, str]], list[CrewInstance]]:
    """The flows that run this crew or flow: id and name of those that the person may use, and the others."""
    users = [crews.get(session, id_, team=crew.team) for id_, _ in steps.users_of(session, crew.id, team=crew.team)]
    others = [flow for flow in users if not viewer.level(session, flow)]
    return [(flow.id, flow.name) for flow in users if flow not in others], others


def refuse_used(session: Session, crew: CrewInstance, viewer: Viewer) -> None:
    """Raise ``UsedByFlows`` with the list while flows run this crew or flow."""
    seen, others = users_of(session, crew, viewer)
    owners = [flow.owner for flow in others]
    if flows := in_the_way([name for _, name in seen], len(others)):
        many = len(seen) + len(others) > 1
        raise UsedByFlows(
            name=crew.name,
            flows=flows,
            use="use" if many else "uses",
            step="their steps" if many else "its step",
            ask=f", or ask {whom(owners)}" if owners else "",
            owners=owners,
        )


def in_the_way(names: Sequence[str], others: int) -> str:
    """The flows with these names, and so many others, in words; empty where there is none."""
    said = [f"“{name}”" for name in names]
    known = f"the flow{'s' if len(said) > 1 else ''} {listed(said)}" if said else ""
    return " and ".join(filter(None, [known, unseen(others, "flow") if others else ""]))


def refuse_crew(flow: CrewInstance) -> None:
    """Raise ``NotAFlow`` for a crew."""
    if not flow.is_flow:
        raise NotAFlow(name=flow.name)


def _set_state(
    session: Session, flow_id: int, schema: Mapping[str, Any] | None, version: int, by: Actor
) -> CrewInstance:
    if problem := state.state_problem(schema):
        raise FormRefused(fields={"state": problem})
    wanted = state.ordered(dict(schema) if schema else None)
    with telling_what_changed(session, flow_id, by=by):
        flow = crews.set_state(session, flow_id, wanted, team=by.team, version=version, by=by.user)
    record(session, flow_id, by=by)
    return flow


def _problem(finding: Finding, flow: CrewInstance, ids: Mapping[str, int]) -> Problem:
    on_flow = finding.place in (Place.NEW_STEP, Place.STATE)
    return Problem(finding.sentence, finding.place, flow.id if on_flow else ids.get(finding.key, 0))


def _held(session: Session, flow_id: int, viewer: Viewer) -> CrewInstance:
    flow = viewer.hold(session, flow_id)
    refuse_crew(flow)
    return flow


def _with_targets(session: Session, flow: CrewInstance, viewer: Viewer | None = None) -> Definition:
    """The flow's definition with what its own steps run, or only with what the ``viewer`` may use of that."""
    known = contained(session, steps.list_all(session, flow.id, team=flow.team), team=flow.team)
    parts = {each.name: frozen(session, each) for each in known if not viewer or viewer.level(session, each)}
    return frozen(session, flow).model_copy(update={"parts": parts})


def _check(
    session: Session,
    draft: StepDraft,
    flow: CrewInstance,
    known: list[FlowStep],
    viewer: Viewer,
    *,
    was: FlowStep | None = None,
) -> None:
    """Raise ``FormRefused`` for what no later edit could make right; the rest is told as problems."""
    kind = kind_of(draft.kind)
    if kind is None:
        raise FormRefused(fields={"kind": "There is no such kind of step. Choose another one."})
    faults: dict[str, str] = {}
    if kind.runs and draft.target_id is not None and (was is None or draft.target_id != was.target_id):
        target = viewer.require(session, draft.target_id, Level.RUN)
        faults |= _target_faults(session, flow, target, kind.runs)
    if not kind.runs and draft.target_id is not None:
        faults["target_id"] = "A step of this kind runs no crew or flow."
    keys = {step.key for step in known} | {START}
    if any(each.step not in keys for each in draft.after):
        faults["after"] = "One of these steps has been removed in the meantime. Choose again."
    try:
        kind.settings.model_validate(draft.settings)
    except ValidationError as error:
        first = error.errors()[0]
        faults["settings"] = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if faults:
        raise FormRefused(fields=faults)


def _target_faults(
    session: Session, flow: CrewInstance, target: CrewInstance, runs_: tuple[str, ...]
) -> dict[str, str]:
    if target.kind not in runs_:
        return {"target_id": f"“{target.name}” is a {target.kind}. Choose a {' or '.join(runs_)}."}
    inside = everything_in(session, target) if target.is_flow else []
    if target.id == flow.id or any(each.id == flow.id for each in inside):
        return {"target_id": f"“{target.name}” would run itself without an end. Choose another flow."}
    return {}


def _put_between(session: Session, step: FlowStep, following: FlowStep, by: Actor) -> None:
    """Let ``following`` come after the new step in place of what that one comes after."""
    mine = step.after or [AfterPlan(step=START)]
    kept = [each for each in following.after or [AfterPlan(step=START)] if each not in mine]
    draft = following.draft().model_copy(update={"after": [*kept, AfterPlan(step=step.key)]})
    steps.change(session, following.id, draft, team=by.team, version=following.version, by=by.user)


def _let_go(session: Session, other: FlowStep, gone: FlowStep, by: Actor) -> None:
    """What comes after the step that is gone comes after what that one came after."""
    links = [link for link in other.links if link.step != gone.key]
    after: list[AfterPlan] = []
    for each in other.after:
        instead = [each] if each.step != gone.key else [one for one in gone.after if one.step != other.key]
        after += [one for one in instead if one not in after and one.step != gone.key]
    if other.after and not after:
        after = [AfterPlan(step=START)]
    if after != other.after or links != other.links:
        draft = other.draft().model_copy(update={"after": after, "links": links})
        steps.change(session, other.id, draft, team=by.team, version=other.version, by=by.user)
