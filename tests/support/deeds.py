"""What the services offer besides the deeds with one crew: lists, what is everybody's, and what is administrators'."""

from __future__ import annotations

from collections.abc import Callable

from bot.projects.bundle import Bundle, Found
from bot.services import Actor
from bot.services.models import DefaultModel
from bot.services.run_history import RunFilter
from store.limits import WorkspaceLimits
from store.runs import RunState
from store.sketches import definition_of
from tests.support.office import CONNECTION, SKETCH, TOOL, Office

Deed = Callable[[Office, Actor], object]

OTHER = TOOL.model_copy(update={"name": "Another page"})
NEW = CONNECTION.model_copy(update={"name": "New"})
DRAFTED = SKETCH.model_copy(update={"name": "Drafted"})
BUNDLE = Bundle("Project", [Found(definition_of(SKETCH.model_copy(update={"name": "Imported"})), "", "Imported")])


def after_a_failure(look: Deed) -> Deed:
    def do(office: Office, by: Actor) -> object:
        office.ended(RunState.FAILED)
        return look(office, by)

    return do


def _waiting(office: Office, by: Actor) -> object:
    office.asking()
    return [office.runs.get(review.execution_id, by=by) for review in office.reviews.waiting_for(by=by)]


def _holders(office: Office, by: Actor) -> object:
    office.hand_over()
    return office.tools.lines(by=by)


# What shows the owner something of their crew “Market research”, and to others only what they may use.
LISTED: dict[str, Deed] = {
    "all names": lambda o, by: o.crews.names(by=by),
    "a page of crews": lambda o, by: o.crews.page(by=by),
    "one by its name": lambda o, by: o.projects.named("market research", by=by),
    "the newest runs": lambda o, by: o.runs.latest(by=by),
    "a page of runs": lambda o, by: o.run_history.page(RunFilter(), by=by, limit=10),
    "one’s own runs": lambda o, by: o.run_history.own(by=by),
    "one’s own failed runs": after_a_failure(lambda o, by: o.home.failed(by=by, most=10)),
    "the page of the newest run": lambda o, by: o.run_history.latest_sheet(by=by, lines=10),
    "one’s latest run, to be stopped": lambda o, by: o.runs.stop_latest(by=by),
    "one’s latest failed run, to be retried": after_a_failure(lambda o, by: o.runs.retry_latest(by=by)),
    "the schedules": lambda o, by: o.schedules.list_all(by=by),
    "what waits for one": _waiting,
    "App Home": lambda o, by: o.home.sheet(by=by, page=10, most=10),
    "below a link to it": lambda o, by: o.previews.of("crews", o.crew.id, by=by, place=None),
    "below a link to its run": lambda o, by: o.previews.of("runs", o.run.id, by=by, place=None),
    "everything as projects": lambda o, by: o.projects.export_all(by=by),
    "who has a tool": _holders,
}

# What everybody in a workspace may do; it is theirs then, or everybody's.
EVERYBODYS: dict[str, Deed] = {
    "create a crew": lambda o, by: o.describing.create(DRAFTED, by=by),
    "look at a project": lambda o, by: o.projects.look(BUNDLE, by=by),
    "bring a project in": lambda o, by: o.projects.create(BUNDLE, by=by),
    "see the gallery": lambda o, by: o.templates.gallery(by=by),
    "see a template": lambda o, by: o.templates.sheet("research-brief", by=by),
    "copy a template": lambda o, by: o.templates.copy("research-brief", by=by),
    "see the workspace’s limits": lambda o, by: o.limits.of_workspace(by=by),
    "see the models": lambda o, by: o.connections.sheet(by=by),
    "choose among models": lambda o, by: o.connections.offered(by=by),
    "know one’s time zone": lambda o, by: o.schedules.zone(by=by),
    "choose among tools": lambda o, by: o.tools.names(by=by),
    "see what a tool lacks": lambda o, by: o.tools.lacks(o.tools.entry("ScrapeWebsiteTool"), by=by),
    "check a tool": lambda o, by: o.tools.check(OTHER, by=by),
    "add a tool": lambda o, by: o.tools.add(OTHER, by=by),
    "see a tool": lambda o, by: o.tools.get(o.tool.id, by=by),
    "change a tool": lambda o, by: o.tools.change(o.tool.id, OTHER, version=1, by=by),
    "remove a tool": lambda o, by: o.tools.remove(o.tool.id, by=by),
}
# Those of them that are given an id of the workspace's.
BY_ID = ("see a tool", "change a tool", "remove a tool")

ADMINISTRATORS: dict[str, Deed] = {
    "read the audit log": lambda o, by: o.audit.page(by=by),
    "export the audit log": lambda o, by: o.audit.export(by=by),
    "limit the workspace": lambda o, by: o.limits.change_workspace(WorkspaceLimits(run_tokens=5), by=by),
    "allow tools": lambda o, by: o.tools.allow(["private"], by=by),
    "pause all schedules": lambda o, by: o.schedules.pause_all(True, by=by),
    "choose among providers": lambda o, by: o.connections.providers(by=by),
    "see a connection": lambda o, by: o.connections.get(o.connection.id, by=by),
    "prepare a connection": lambda o, by: o.connections.prepared(NEW, by=by),
    "save a connection": lambda o, by: o.connections.save(NEW, by=by),
    "test a connection": lambda o, by: o.connections.test(o.connection.id, by=by),
    "remove a connection": lambda o, by: o.connections.remove(o.connection.id, by=by),
    "choose the default model": lambda o, by: o.connections.choose_default(DefaultModel(llm=""), by=by),
}

# What the audit log says of each that it has a line for.
LINES = {
    "one’s latest run, to be stopped": "stopped run Market research",
    "one’s latest failed run, to be retried": "retried run Market research",
    "everything as projects": "exported workspace T0NORTHWIND",
    "create a crew": "created crew Drafted",
    "bring a project in": "imported crew Imported",
    "copy a template": "copied crew Research brief",
    "add a tool": "created tool Another page",
    "change a tool": "changed tool Another page",
    "remove a tool": "deleted tool Web page",
    "export the audit log": "exported audit log ",
    "limit the workspace": "changed workspace limits ",
    "allow tools": "allowed tools private",
    "pause all schedules": "paused all schedules ",
    "save a connection": "created connection New",
    "remove a connection": "deleted connection Office",
    "choose the default model": "changed default model ",
}

# What is tried elsewhere, and where.
ELSEWHERE = {
    "crews.create": "tests/support/office.py",
    "crews.refuse_unshared": "tests/test_rights.py",
    "templates.unpublish": "tests/test_templates.py",
    "tools.check_ready": "tests/journeys/test_tools.py",
    "tools.discover": "tests/journeys/test_tools.py",
    "tools.try_out": "tests/journeys/test_tools.py",
    "home.concerns": "tests/journeys/test_home.py",
    "workflows.begin": "tests/journeys/test_workflows.py",
}
