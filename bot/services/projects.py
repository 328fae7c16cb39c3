"""Bringing whole projects in and giving them out: a look first, then all of it or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from bot.engine.tools.catalogue import packaged
from bot.errors import UserError
from bot.projects.bundle import Bundle, Found, Need, Undecided
from bot.projects.shelf import Form, write_project, write_workspace
from bot.projects.writing import Written
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.checks import ModelProblem, no_model_problem
from bot.services.differences import Difference, differences
from bot.services.freezing import frozen, frozen_whole
from bot.services.history import record
from bot.services.rights import Rights, Viewer
from bot.services.unseen import refuse_unseen, told, unseen_in
from bot.services.writing import write
from store import crews, tools
from store.crews import CrewDraft, CrewInstance
from store.database import Store
from store.definitions import Definition, ToolPlan
from store.names import name_key
from store.shares import Level
from store.tools import Tool, ToolDraft

if TYPE_CHECKING:
    from store.database import Session

_LONGEST_NAME = 80
_LONGEST_DESCRIPTION = 3_000


class StillUndecided(UserError):
    """{what} Decide that first; nothing was created."""


class NoSuchCrew(UserError):
    """There is no crew or flow called “{name}”. There are: {known}."""


class Clash(StrEnum):
    """What to do where there is a crew of this name already."""

    ASK = "ask"
    RENAME = "rename"
    REPLACE = "replace"
    SKIP = "skip"


class Deed(StrEnum):
    """What an import would do with one crew or flow."""

    CREATE = "create"
    REPLACE = "replace"
    SAME = "same"
    SKIP = "skip"
    ASK = "ask"


@dataclass(frozen=True)
class Decisions:
    """What somebody has decided: who does a task, by crew and task, and what to do with a crew whose name is taken."""

    agents: Mapping[tuple[str, str], str] = field(default_factory=dict)
    clashes: Mapping[str, Clash] = field(default_factory=dict)
    otherwise: Clash = Clash.ASK


@dataclass(frozen=True)
class Plan:
    """What happens with one crew or flow; ``differences`` are to the one of the same name, if that is replaced."""

    found: Found
    deed: Deed
    definition: Definition
    undecided: list[Undecided]
    existing: CrewInstance | None = None
    differences: list[Difference] = field(default_factory=list)
    may_replace: bool = False


@dataclass(frozen=True)
class Look:
    """An import before it happens."""

    bundle: Bundle
    plans: list[Plan]
    # Each need, and whether the server has it already.
    needs: list[tuple[Need, bool]]

    @property
    def undecided(self) -> bool:
        """Whether somebody has to decide something first."""
        return any(plan.deed is Deed.ASK or plan.undecided for plan in self.plans if plan.deed is not Deed.SKIP)


@dataclass(frozen=True)
class Outcome:
    """What an import did."""

    created: list[CrewInstance]
    replaced: list[CrewInstance]
    left: list[str]


class Projects:
    """Import and export. Nothing is created unless all of it can be."""

    def __init__(
        self,
        store: Store,
        rights: Rights,
        model_problem: ModelProblem = no_model_problem,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """``model_problem`` says what keeps a model from being used; ``environ`` is the server's environment."""
        self.store = store
        self.rights = rights
        self.model_problem = model_problem
        self.environ = os.environ if environ is None else environ

    def look(self, bundle: Bundle, decisions: Decisions = Decisions(), *, by: Actor) -> Look:
        """What an import of the bundle would do; nothing changes."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            plans = [_plan(session, found, decisions, viewer) for found in bundle.found]
        return Look(bundle, plans, self._needs(bundle, by.team))

    def create(
        self,
        bundle: Bundle,
        decisions: Decisions = Decisions(),
        *,
        by: Actor,
        verb: Verb = Verb.IMPORTED,
        summary: str = "Imported.",
    ) -> Outcome:
        """Create everything in the bundle in one transaction; ``verb`` and ``summary`` say in the history how it came.

        Raises ``StillUndecided``, ``NameTaken`` or ``NotAllowed``; then nothing has changed.
        """
        viewer = self.rights.of(by)
        outcome = Outcome([], [], [])
        names: dict[str, str] = {}
        with self.store.transaction() as session:
            for found in bundle.found:
                plan = _plan(session, found, decisions, viewer)
                _refuse_undecided(plan)
                names[found.definition.name] = plan.definition.name
                plan = replace(plan, definition=_aimed(session, plan.definition, names, viewer))
                if plan.deed is Deed.CREATE:
                    outcome.created.append(_create(session, plan.definition, viewer, verb, summary))
                elif plan.deed is Deed.REPLACE and plan.existing is not None:
                    outcome.replaced.append(_replace(session, plan.existing, plan.definition, viewer))
                else:
                    outcome.left.append(plan.definition.name)
        return outcome

    def export(self, crew_id: int, form: Form | None = None, *, by: Actor) -> Written:
        """The crew or flow as a project; raise ``Gone``, ``NotAllowed``, ``HoldsOthers`` or ``NoSuchForm``.

        Without a ``form`` it is the usual one: classic for a crew, ``crewai.flow/v1`` for a flow.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, crew_id, Level.RUN)
            refuse_unseen(session, crew, viewer)
            definition = frozen_whole(session, crew)
            note(session, Verb.EXPORTED, crew.kind, crew.name, by=by)
        return write_project(definition, form)

    def export_all(self, *, by: Actor) -> Written:
        """Every crew and flow that the person may use, each as a project in one folder, for backup and moving.

        A flow that runs what they may not use stays away, because it would show that too.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            known = crews.names(session, team=by.team, seer=viewer.seer)
            usable = [crews.get(session, crew_id, team=by.team) for crew_id, _ in sorted(known)]
            whole = [frozen_whole(session, crew) for crew in usable if not unseen_in(session, crew, viewer)]
            note(session, Verb.EXPORTED, "workspace", by.team, by=by, details=f"{len(whole)} crews and flows.")
        return write_workspace(whole)

    def named(self, name: str, *, by: Actor) -> CrewInstance:
        """The crew or flow with this name; raise ``NoSuchCrew`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = crews.named(session, name, team=by.team)
            if crew is None:
                known = ", ".join(sorted(each for _, each in crews.names(session, team=by.team, seer=viewer.seer))[:20])
                raise NoSuchCrew(name=name, known=known or "none")
            viewer.require_of(session, crew, Level.RUN)
            return crew

    def _needs(self, bundle: Bundle, team: str) -> list[tuple[Need, bool]]:
        needs: list[Need] = []
        for found in bundle.found:
            known_already = {(need.kind, need.name) for need in needs}
            for need in found.needs:
                if (need.kind, need.name) not in known_already:
                    known_already.add((need.kind, need.name))
                    needs.append(need)
        models = {agent.llm for found in bundle.found for agent in found.definition.agents if agent.llm}
        told = [(need, self._is_here(need)) for need in needs]
        known = {need.name for need in needs}
        for name in sorted(models):
            if (problem := self.model_problem(name, team)) and not any(word in problem for word in known):
                told.append((Need("model", name, problem), False))
        return told

    def _is_here(self, need: Need) -> bool:
        if need.kind == "key":
            return bool(self.environ.get(need.name))
        if need.kind == "package":
            return _installed(need.name.partition("[")[0]) and "[" not in need.name
        return False


def _plan(session: Session, found: Found, decisions: Decisions, viewer: Viewer) -> Plan:
    definition, undecided = _decided(found, decisions)
    name = definition.name
    existing = crews.named(session, name, team=viewer.actor.team)
    if existing is None:
        return Plan(found, Deed.CREATE, definition, undecided)
    may_replace = (viewer.level(session, existing) or 0) >= Level.EDIT
    clash = decisions.clashes.get(name, decisions.otherwise)
    if clash is Clash.RENAME:
        renamed = definition.model_copy(update={"name": _free_name(session, name, viewer)})
        return Plan(found, Deed.CREATE, renamed, undecided, existing, may_replace=may_replace)
    if clash is Clash.SKIP:
        return Plan(found, Deed.SKIP, definition, [], existing, may_replace=may_replace)
    changes = _changes(session, existing, definition, viewer) if may_replace else []
    if may_replace and not changes:
        return Plan(found, Deed.SAME, definition, [], existing, may_replace=True)
    deed = Deed.REPLACE if clash is Clash.REPLACE else Deed.ASK
    return Plan(found, deed, definition, undecided, existing, changes, may_replace)


def _changes(session: Session, existing: CrewInstance, wanted: Definition, viewer: Viewer) -> list[Difference]:
    """What would be different; a tool that the workspace has under another name is the same tool."""
    known = tools.list_all(session, team=viewer.actor.team)
    names = {plan.name: like.name for plan in wanted.tools if (like := _like(plan, known))}
    agents = [
        agent.model_copy(update={"tools": sorted((names.get(tool, tool) for tool in agent.tools), key=name_key)})
        for agent in wanted.agents
    ]
    now = frozen(session, existing)
    then = wanted.model_copy(update={"agents": agents, "name": now.name})
    return differences(*told(session, viewer, now, then))


def _decided(found: Found, decisions: Decisions) -> tuple[Definition, list[Undecided]]:
    """The definition with everything that was decided, and what was not."""
    crew = found.definition.name
    chosen = {task: agent for (of, task), agent in decisions.agents.items() if of == crew}
    names = {agent.name for agent in found.definition.agents}
    tasks = [
        task.model_copy(update={"agent": chosen[task.name]}) if chosen.get(task.name) in names else task
        for task in found.definition.tasks
    ]
    undecided = [each for each in found.undecided if chosen.get(each.task) not in names]
    description = found.definition.description[:_LONGEST_DESCRIPTION]
    return found.definition.model_copy(update={"tasks": tasks, "description": description}), undecided


def _refuse_undecided(plan: Plan) -> None:
    if plan.deed is Deed.ASK:
        raise StillUndecided(what=f"There is already a crew called “{plan.definition.name}”.")
    if plan.undecided:
        first = plan.undecided[0]
        raise StillUndecided(what=f"The task “{first.task}” of “{first.crew}” has no agent.")


def _aimed(session: Session, definition: Definition, names: Mapping[str, str], viewer: Viewer) -> Definition:
    """A flow whose steps run what came with it, under the names that it has now, or what the person may run."""
    if not definition.is_flow:
        return definition

    def target(name: str | None) -> str | None:
        if name is None or name in names:
            return names.get(name or "")
        crew = crews.named(session, name, team=viewer.actor.team)
        return name if crew is not None and (viewer.level(session, crew) or 0) >= Level.RUN else None

    steps = [step.model_copy(update={"target": target(step.target)}) for step in definition.steps]
    return definition.model_copy(update={"steps": steps})


def _create(session: Session, definition: Definition, viewer: Viewer, verb: Verb, summary: str) -> CrewInstance:
    by = viewer.actor
    told = definition.model_dump(include={"name", "description", "is_flow"})
    draft = CrewDraft(**told, process_type=definition.process)
    crew = crews.add(session, draft, team=by.team, by=by.user)
    write(session, crew, _equipped(session, definition, viewer), viewer)
    record(session, crew.id, by=by, summary=summary, verb=verb)
    return crews.get(session, crew.id, team=by.team)


def _replace(session: Session, existing: CrewInstance, definition: Definition, viewer: Viewer) -> CrewInstance:
    crew = viewer.hold(session, existing.id)
    write(session, crew, _equipped(session, definition, viewer), viewer)
    record(session, crew.id, by=viewer.actor, verb=Verb.IMPORTED)
    return crews.get(session, crew.id, team=viewer.actor.team)


def _equipped(session: Session, definition: Definition, viewer: Viewer) -> Definition:
    """The definition with the names of the workspace's tools; those that it lacks are added to it."""
    if definition.is_flow:
        return definition
    names = {plan.name: _tool_name(session, plan, viewer) for plan in definition.tools}
    agents = [
        agent.model_copy(update={"tools": [name for tool in agent.tools if (name := names.get(tool))]})
        for agent in definition.agents
    ]
    return definition.model_copy(update={"agents": agents})


def _tool_name(session: Session, plan: ToolPlan, viewer: Viewer) -> str | None:
    known = tools.list_all(session, team=viewer.actor.team)
    if found := _like(plan, known):
        return found.name
    entry = packaged().get(plan.tool_type)
    if viewer.seer is not None and (entry is None or entry.secrets(plan.config)):
        # A secret travels to whatever address is set, so only administrators set such tools up.
        return None
    name = _free(plan.name[:_LONGEST_NAME], (tool.name for tool in known))
    draft = ToolDraft(name=name, description=plan.description, tool_type=plan.tool_type, config=plan.config)
    return tools.add(session, draft, team=viewer.actor.team, by=viewer.actor.user).name


def _like(plan: ToolPlan, known: Iterable[Tool]) -> Tool | None:
    """The workspace's tool of the same kind with the same settings, the one of the same name first."""
    alike = [tool for tool in known if (tool.tool_type, tool.config) == (plan.tool_type, plan.config)]
    return next((tool for tool in alike if name_key(tool.name) == name_key(plan.name)), next(iter(alike), None))


def _free_name(session: Session, name: str, viewer: Viewer) -> str:
    return _free(name, (known for _, known in crews.names(session, team=viewer.actor.team)))


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number where it is taken."""
    keys = {name_key(each) for each in taken}
    number, free = 2, name
    while name_key(free) in keys:
        free, number = f"{name[: _LONGEST_NAME - 6]} {number}", number + 1
    return free


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
