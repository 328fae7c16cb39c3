"""Templates: those that come with Crewcall and those that the team published, to look at and to copy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.engine.tools.catalogue import packaged
from bot.errors import Gone, UserError
from bot.projects.bundle import Bundle, Found, Need
from bot.projects.kits import needs_of
from bot.projects.reader import in_order
from bot.projects.templates import Packaged, packaged_templates
from bot.projects.writing import inputs_of
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.freezing import everything_in, frozen_whole
from bot.services.projects import Clash, Decisions, Projects
from bot.services.rights import Rights, Viewer
from bot.services.unseen import unseen
from store import templates
from store.crews import CrewInstance
from store.database import Store
from store.definitions import Definition
from store.shares import Level
from store.templates import Template, TemplateDraft

if TYPE_CHECKING:
    from store.database import Session

FROM_YOUR_TEAM = "From your team"
_ANYWAY = Decisions(otherwise=Clash.RENAME)


class RunsOthers(UserError):
    """“{name}” runs {part}, which is not yours to publish. Ask its owner, <@{owner}>, or use a copy."""

    people = ("owner",)


class NotYourTemplate(UserError):
    """Only <@{publisher}>, who published it, or an administrator may take this template away."""

    people = ("publisher",)


@dataclass(frozen=True)
class Shown:
    """A template in the gallery. ``key`` is a folder's name, or the number of one that the team published.

    ``work`` is the kind of work that it is listed under; the team's have a ``publisher`` and no example.
    """

    key: str
    title: str
    summary: str
    work: str
    bundle: Bundle
    before: str = ""
    example: str = ""
    publisher: str | None = None

    @property
    def definition(self) -> Definition:
        """The crew, or the flow without what it runs."""
        return self.bundle.found[-1].definition


@dataclass(frozen=True)
class TemplateSheet:
    """A template with what a person wants to know before copying it."""

    shown: Shown
    inputs: list[str]
    # Each need, and whether the server has it already.
    needs: list[tuple[Need, bool]]
    may_unpublish: bool


class Templates:
    """The gallery of a workspace."""

    def __init__(self, store: Store, rights: Rights, projects: Projects) -> None:
        self.store = store
        self.rights = rights
        self.projects = projects

    def gallery(self, *, by: Actor) -> list[Shown]:
        """The team's own templates, the newest first, then those that come with Crewcall, by kind of work."""
        with self.store.reading() as session:
            own = templates.list_all(session, team=by.team)
        return [*map(_of_team, own), *(_packaged(key, each) for key, each in packaged_templates().items())]

    def sheet(self, key: str, *, by: Actor) -> TemplateSheet:
        """One template with what it asks for and needs; raise ``Gone``."""
        viewer = self.rights.of(by)
        shown = self._shown(key, by)
        needs = self.projects.look(shown.bundle, _ANYWAY, by=by).needs
        may_unpublish = shown.publisher is not None and (viewer.seer is None or shown.publisher == by.user)
        return TemplateSheet(shown, _inputs(shown.definition), needs, may_unpublish)

    def copy(self, key: str, *, by: Actor) -> CrewInstance:
        """Make a crew or flow of the person's own, with all that it runs, under free names; raise ``Gone``."""
        shown = self._shown(key, by)
        said = f"From the template “{shown.title}”."
        outcome = self.projects.create(shown.bundle, _ANYWAY, by=by, verb=Verb.COPIED, summary=said)
        return outcome.created[-1]

    def publish(self, crew_id: int, draft: TemplateDraft, *, by: Actor) -> Template:
        """Let everybody in the workspace copy the crew or flow as it is now.

        Only owners and administrators may, and for a flow only if all that it runs is theirs too, because whoever
        copies it reads all of it. Raises ``Gone``, ``NotAllowed``, ``RunsOthers`` or ``NameTaken``.
        """
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crew = viewer.require(session, crew_id, Level.OWN)
            _refuse_others(session, crew, viewer)
            template = templates.add(session, draft, frozen_whole(session, crew), team=by.team, by=by.user)
            note(session, Verb.PUBLISHED, "template", template.name, by=by, details=f"The {crew.kind} “{crew.name}”.")
            return template

    def unpublish(self, template_id: int, *, by: Actor) -> Template:
        """Take a template away; copies stay. Raises ``Gone`` or ``NotYourTemplate``."""
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            template = templates.get(session, template_id, team=by.team)
            if viewer.seer is not None and template.published_by != by.user:
                raise NotYourTemplate(publisher=template.published_by)
            templates.remove(session, template_id, team=by.team)
            note(session, Verb.UNPUBLISHED, "template", template.name, by=by)
            return template

    def to_publish(self, crew_id: int, *, by: Actor) -> CrewInstance:
        """The crew, if the person may publish it; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            return viewer.require(session, crew_id, Level.OWN)

    def _shown(self, key: str, by: Actor) -> Shown:
        if key in packaged_templates():
            return _packaged(key, packaged_templates()[key])
        if not key.isdecimal():
            raise Gone(kind="template")
        with self.store.reading() as session:
            return _of_team(templates.get(session, int(key), team=by.team))


def _packaged(key: str, template: Packaged) -> Shown:
    words = template.words
    return Shown(key, words.title, words.summary, words.work, template.bundle, words.before, template.example)


def _of_team(template: Template) -> Shown:
    whole = template.definition
    parts = [_found(part) for part in whole.parts.values()]
    # A copy is called what the gallery calls it, unless something inside has that name.
    name = whole.name if template.name in whole.parts else template.name
    main = _found(whole.model_copy(update={"name": name, "parts": {}, "parent": None}))
    bundle = Bundle(template.name, in_order([*parts, main]))
    rest = [each for each in bundle.found if each.definition is not main.definition]
    bundle = replace(bundle, found=[*rest, main])
    return Shown(
        str(template.id),
        template.name,
        template.summary,
        FROM_YOUR_TEAM,
        bundle,
        publisher=template.published_by,
    )


def _found(definition: Definition) -> Found:
    return Found(definition, "", definition.name, needs=list(_needs(definition)))


def _needs(definition: Definition) -> Iterator[Need]:
    for tool in definition.tools:
        if entry := packaged().get(tool.tool_type):
            yield from needs_of(entry, f"“{definition.name}”")


def _inputs(definition: Definition) -> list[str]:
    if definition.is_flow:
        return list((definition.state or {}).get("properties", {}))
    return inputs_of(definition)


def _refuse_others(session: Session, crew: CrewInstance, viewer: Viewer) -> None:
    for part in everything_in(session, crew) if crew.is_flow else ():
        if (viewer.level(session, part) or 0) < Level.OWN:
            named = f"“{part.name}”" if viewer.level(session, part) else unseen(1, part.kind)
            raise RunsOthers(name=crew.name, part=named, owner=part.owner)
