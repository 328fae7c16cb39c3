"""Every change and run leaves one line in the audit log, and nothing else does."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from bot.errors import UserError
from bot.services import Actor
from bot.services.admins import AdministratorsOnly
from bot.services.sharing import Access, ShareDraft
from store.audit import AuditEntry
from store.crews import CrewDraft
from tests.support.office import (
    ADMIN,
    BEN,
    CHANGE,
    OWN,
    OWNER,
    SEE,
    STRANGER,
    Office,
)

# What is done, how the log says it, and to which crew or run.
LINES = {
    "copy it": "copied crew Copy",
    "run it": "started run Market research",
    "run it again": "started run Market research",
    "change it": "changed crew New",
    "roll it back": "rolled back crew Market research",
    "add an agent": "changed crew Market research",
    "change an agent": "changed crew Market research",
    "remove an agent": "changed crew Market research",
    "add a task": "changed crew Market research",
    "change a task": "changed crew Market research",
    "remove a task": "changed crew Market research",
    "stop somebody’s run": "stopped run Market research",
    "share it": "shared crew Market research",
    "schedule it": "created schedule Market research",
    "pause a schedule": "paused schedule Market research",
    "resume a schedule": "resumed schedule Market research",
    "edit a schedule": "changed schedule Market research",
    "run a schedule now": "started run Market research",
    "delete a schedule": "deleted schedule Market research",
    "change its limits": "changed limits Market research",
    "publish it": "published template Ours",
    "delete it": "deleted crew Market research",
    "run it again in its thread": "started run Market research",
    "retry it in its thread": "retried run Market research",
    "run its newest version": "started run Market research",
    "have its result changed": "started run Market research",
    "retry somebody’s run": "retried run Market research",
    "export it": "exported crew Market research",
    "stop somebody’s run in its thread": "stopped run Market research",
    "have a task reviewed": "changed crew Market research",
    "let it forget": "deleted memory Market research",
    "make a described change": "changed crew Market research",
    "raise its limit for a run": "raised limit Market research",
    "approve a result": "decided review Market research",
    "send a result back": "decided review Market research",
    "edit a result": "decided review Market research",
    "answer an agent": "decided review Market research",
    "answer an agent in its thread": "decided review Market research",
    "stop a run that asks": "stopped run Market research",
    "add a step": "changed flow Digest",
    "change a step": "changed flow Digest",
    "remove a step": "changed flow Digest",
    "try a step alone": "started run Digest: Pause",
    "retry a step alone": "retried run Digest: Pause",
    "run a step alone again": "started run Digest: Pause",
    "set a flow’s state": "changed flow Digest",
    "reshape a flow’s state": "changed flow Digest",
}
TWICE = {"move an agent", "move a task"}


def said(entry: AuditEntry) -> str:
    return f"{entry.verb} {entry.kind} {entry.name}"


@pytest.mark.parametrize(("what", "do"), {**SEE, **CHANGE, **OWN}.items(), ids=[*SEE, *CHANGE, *OWN])
def test_each_deed_has_its_line(office: Office, what: str, do: Callable[[Office, Actor], object]) -> None:
    office.share(run_people=[BEN.user])
    before = len(office.audit.page(by=ADMIN, limit=100))

    do(office, OWNER)

    new = office.audit.page(by=ADMIN, limit=100)[:-before]
    if what in TWICE:
        assert [said(entry) for entry in new] == ["changed crew Another one", "changed crew Market research"]
    else:
        assert [said(entry) for entry in new] == ([LINES[what]] if what in LINES else [])
    assert {entry.actor for entry in new} <= {OWNER.user}


@pytest.mark.parametrize(("what", "do"), {**CHANGE, **OWN}.items(), ids=[*CHANGE, *OWN])
def test_what_is_refused_leaves_no_line(office: Office, what: str, do: Callable[[Office, Actor], object]) -> None:
    before = office.audit.page(by=ADMIN)

    with pytest.raises(UserError):
        do(office, BEN)

    assert office.audit.page(by=ADMIN) == before


def test_a_line_says_what_changed_and_with_whom_it_is_shared(office: Office) -> None:
    office.crews.change(office.crew.id, CrewDraft(name="Trends"), version=1, by=OWNER)
    office.sharing.share(
        office.crew.id, ShareDraft(everybody=Access.RUN, edit_people=[BEN.user], edit_channels=["C0X"]), by=ADMIN
    )

    shared, changed = office.audit.page(by=ADMIN, limit=2)
    assert changed.details == "Crew: name changed from “Market research” to “Trends”."
    assert set(shared.details.split(", ")) == {"everybody (may run)", f"<@{BEN.user}> (may edit)", "<#C0X> (may edit)"}


@pytest.mark.parametrize("who", [OWNER, BEN, STRANGER])
def test_only_administrators_read_and_export_it(office: Office, who: Actor) -> None:
    for read in (office.audit.page, office.audit.export):
        with pytest.raises(AdministratorsOnly, match="Ask Ada Minister"):
            read(by=who)


def test_an_export_holds_everything_and_no_formula(office: Office) -> None:
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "plain", 'two "words", and more'):
        office.crews.create(CrewDraft(name=name), by=OWNER)

    rows = list(csv.DictReader(io.StringIO(office.audit.export(by=ADMIN))))

    names = [row["name"] for row in rows if row["action"] == "created"]
    expected = ['two "words", and more', "plain", "'@SUM(A1)", "'-1", "'+1", "'=1+1"]
    assert names[:-2] == expected
    assert names[-2:] == ["Another one", "Market research"]
    assert rows[0]["action"] == "exported"
    assert rows[-1]["time"].endswith("+00:00")
