"""What a step's form needs to know, gathered: what there is to run, to look at, to come after and to connect."""

from __future__ import annotations

from dataclasses import dataclass

from bot.engine.steps import kind_of
from bot.engine.steps.kind import ANY, StepKind
from bot.errors import UserError
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.flow_checks import asked_for
from bot.services.flows import Flows, Linkable, Need
from bot.services.models import Connections
from bot.slack.blocks import Json
from bot.slack.people import People
from handlers.step_forms import Asked, NewStep, begun, first_view, names_groups, step_view
from store.crews import CrewInstance
from store.definitions import StepPlan
from store.shares import Level
from store.steps import FlowStep, StepDraft

# So many crews and flows fit into a menu; who has more finds the others by opening them.
_MOST_TARGETS = 1_000


class UnknownKind(UserError):
    """“{name}” is of a kind that is not known here. Remove it, and add another step in its place."""


@dataclass(frozen=True)
class StepAsking:
    """Draws the forms of steps."""

    flows: Flows
    crews: Crews
    connections: Connections
    people: People

    def first(self, flow_id: int, *, by: Actor, place: str | None, before: str | None = None) -> Json:
        """The first question about a new step."""
        sheet = self.flows.sheet(flow_id, by=by, to=Level.EDIT)
        return first_view(sheet, self._targets(by), before, {"crew": flow_id, "place": place})

    def new(self, kind: StepKind, first: NewStep, meta: Json, *, by: Actor) -> Json:
        """The form of a new step of this kind."""
        asked = self._asked(meta["crew"], kind, None, None, first.target_id, by)
        kept = {"crew": meta["crew"], "place": meta["place"], "before": first.before}
        return step_view(asked, begun(asked.sheet, first, asked), kept, new=True)

    def edit(self, step: FlowStep, *, by: Actor, place: str | None, notice: str | None = None) -> Json:
        """The form of a step as it is."""
        kind = kind_of(step.kind)
        if kind is None:
            raise UnknownKind(name=step.name)
        draft = step.draft()
        asked = self._asked(step.flow_id, kind, step, draft, step.target_id, by)
        meta = {"crew": step.flow_id, "place": place, "step": step.id, "version": step.version}
        return step_view(asked, draft, meta, new=False, notice=notice)

    def left(self, step: FlowStep, asked_before: list[str], *, by: Actor, place: str | None) -> Json | None:
        """The form again where a change brought inputs that have not been asked for; else nothing."""
        needs = self._needs(step.target_id, step.draft(), by)
        if new := [need.name for need in needs if need.name not in asked_before and need.required]:
            said = f"Saved. Say where {', '.join(f'“{name}”' for name in new)} comes from."
            return self.edit(step, by=by, place=place, notice=said)
        return None

    def _asked(
        self,
        flow_id: int,
        kind: StepKind,
        step: FlowStep | None,
        draft: StepDraft | None,
        target_id: int | None,
        by: Actor,
    ) -> Asked:
        key = step.key if step else None
        linkable: list[Linkable] = self.flows.linkable(flow_id, key, by=by) if kind.runs and target_id else []
        sheet, targets = self.flows.sheet(flow_id, by=by, to=Level.EDIT), self._targets(by)
        # What it runs already can stay, also where it cannot be chosen.
        known = {each.id for each in targets}
        targets += [each for each in sheet.contained if each.id == target_id and each.id not in known]
        return Asked(
            sheet=sheet,
            kind=kind,
            targets=[each for each in targets if each.id != flow_id],
            needs=self._needs(target_id, draft, by),
            available=self.flows.available(flow_id, key, by=by),
            linkable=linkable,
            links=draft.links if draft else [],
            own_tasks=self._tasks(target_id, by) if linkable else [],
            models=self.connections.offered(by=by),
            groups=self.people.groups(by.team) if names_groups(kind) else [],
        )

    def _targets(self, by: Actor) -> list[CrewInstance]:
        found, _ = self.crews.page(by=by, limit=_MOST_TARGETS)
        return sorted(found, key=lambda each: each.name.casefold())

    def _needs(self, target_id: int | None, draft: StepDraft | None, by: Actor) -> list[Need]:
        """What the target asks for; a step whose target may not be looked at keeps the inputs that it has."""
        if target_id is None:
            plan = StepPlan(key="step", name="step", kind="", settings=draft.settings) if draft else None
            return [Need(name, ANY, True) for name in asked_for(plan)] if plan else []
        try:
            return self.flows.needs(target_id, by=by)
        except UserError:
            return [Need(name, ANY, False) for name in (draft.inputs if draft else {})]

    def _tasks(self, target_id: int | None, by: Actor) -> list[tuple[int, str]]:
        try:
            return [(task.id, task.name) for task in self.crews.sheet(target_id or 0, by=by).tasks]
        except UserError:
            return []
