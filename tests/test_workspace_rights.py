"""What everybody and what only administrators may do in a workspace, what lists show, and that no deed is forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.services
from bot.errors import Gone, UserError
from bot.services import Actor
from bot.services.admins import AdministratorsOnly
from tests.support import deeds
from tests.support import office as tables
from tests.support.deeds import ADMINISTRATORS, BY_ID, ELSEWHERE, EVERYBODYS, LINES, LISTED, Deed
from tests.support.office import ADMIN, BEN, OWNER, STRANGER, THEIR_ADMIN, Office

NAMES = re.compile("Market research|Digest|Researcher")


def cases(table: dict[str, Deed]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("what", "do"), table.items(), ids=list(table))


def new_lines(office: Office, what: str, do: Deed, by: Actor) -> list[str]:
    before = len(office.audit.page(by=ADMIN, limit=100))
    do(office, by)
    new = office.audit.page(by=ADMIN, limit=100)[:-before]
    assert {entry.actor for entry in new} <= {by.user}
    return [f"{entry.verb} {entry.kind} {entry.name}" for entry in new]


def services() -> Iterator[type]:
    for module in pkgutil.iter_modules(bot.services.__path__, "bot.services."):
        for thing in vars(importlib.import_module(module.name)).values():
            ours = inspect.isclass(thing) and thing.__module__ == module.name
            # A protocol says what a service calls, not what it offers.
            if ours and not getattr(thing, "_is_protocol", False):
                yield thing


def verbs(service: type) -> Iterator[str]:
    """The public methods that take who asks."""
    for name, method in vars(service).items():
        if not name.startswith("_") and inspect.isfunction(method) and "by" in inspect.signature(method).parameters:
            yield name


@pytest.mark.parametrize("who", [BEN, STRANGER, THEIR_ADMIN], ids=["a colleague", "a stranger", "their administrator"])
@cases(LISTED)
def test_lists_show_nothing_of_what_one_may_not_use(office: Office, what: str, do: Deed, who: Actor) -> None:
    office.share()

    try:
        shown = repr(do(office, who))
    except UserError as refusal:
        shown = refusal.sentence
    assert not NAMES.search(shown), shown


@cases(LISTED)
def test_lists_show_owners_what_is_theirs(office: Office, what: str, do: Deed) -> None:
    assert NAMES.search(repr(do(office, OWNER)))


@cases(LISTED | EVERYBODYS)
def test_what_is_done_leaves_a_line(office: Office, what: str, do: Deed) -> None:
    who = OWNER if what in LISTED else BEN

    assert new_lines(office, what, do, who) == ([LINES[what]] if what in LINES else [])


@cases({what: do for what, do in EVERYBODYS.items() if what in BY_ID})
def test_things_of_another_workspace_are_not_found(office: Office, what: str, do: Deed) -> None:
    with pytest.raises(Gone):
        do(office, STRANGER)


@pytest.mark.parametrize("who", [OWNER, STRANGER], ids=["a colleague", "a stranger"])
@cases(ADMINISTRATORS)
def test_others_are_told_who_administers(office: Office, what: str, do: Deed, who: Actor) -> None:
    before = office.audit.page(by=ADMIN)

    with pytest.raises(AdministratorsOnly, match="Ask Ada Minister"):
        do(office, who)
    assert office.audit.page(by=ADMIN) == before


@cases({what: do for what, do in ADMINISTRATORS.items() if what not in ("save a connection", "test a connection")})
def test_administrators_do_it_and_leave_a_line(office: Office, what: str, do: Deed) -> None:
    assert new_lines(office, what, do, ADMIN) == ([LINES[what]] if what in LINES else [])


@cases({what: do for what, do in ADMINISTRATORS.items() if what in ("see a connection", "remove a connection")})
def test_administrators_elsewhere_do_not_find_it(office: Office, what: str, do: Deed) -> None:
    with pytest.raises(Gone):
        do(office, THEIR_ADMIN)


def test_an_import_replaces_nothing_that_one_may_not_change(office: Office) -> None:
    look = office.projects.look(deeds.BUNDLE, by=BEN)
    office.projects.create(deeds.BUNDLE, by=OWNER)
    again = office.projects.look(deeds.BUNDLE, by=BEN)

    assert [plan.deed for plan in look.plans] == ["create"]
    assert [(plan.deed, plan.may_replace, plan.differences) for plan in again.plans] == [("ask", False, [])]


def test_every_deed_of_a_service_is_in_a_table(office: Office) -> None:
    """Whoever adds a method that takes who asks (``by``) says in the tables who may."""
    written = "".join(Path(inspect.getfile(file)).read_text("utf-8") for file in (deeds, tables))
    tried = {f"{service}.{verb}" for service, verb in re.findall(r"\b(?:o|office|self)\.(\w+)\.(\w+)\(", written)}
    names = {type(service): name for name, service in vars(office).items()}
    offered = {f"{names.get(kind, kind.__name__)}.{verb}" for kind in services() for verb in verbs(kind)}

    assert offered - tried - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() - offered == set()
