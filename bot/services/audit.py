"""The audit log: written with every change and run, read by administrators."""

from __future__ import annotations

import csv
import io
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.services import Actor
from bot.services.admins import Admins
from store import audit
from store.audit import AuditEntry
from store.database import Store

if TYPE_CHECKING:
    from store.database import Session

_READ = "read the audit log"
_COLUMNS = ("time", "person", "action", "kind", "name", "details")
# A spreadsheet takes a cell that begins so for a formula; https://owasp.org/www-community/attacks/CSV_Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Verb(StrEnum):
    """What somebody did, in the past tense that the log has."""

    CREATED = "created"
    COPIED = "copied"
    IMPORTED = "imported"
    CHANGED = "changed"
    ROLLED_BACK = "rolled back"
    SHARED = "shared"
    DELETED = "deleted"
    ALLOWED = "allowed"
    STARTED = "started"
    STOPPED = "stopped"
    RETRIED = "retried"
    EXPORTED = "exported"
    PAUSED = "paused"
    RESUMED = "resumed"
    RAISED = "raised"
    DECIDED = "decided"
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"


def note(session: Session, verb: Verb, kind: str, name: str, *, by: Actor, details: str = "") -> None:
    """Write down what somebody does to a thing, in the transaction in which they do it."""
    audit.add(session, team=by.team, actor=by.user, verb=verb, kind=kind, name=name, details=details)


class AuditLog:
    """What happened in a workspace, for its administrators."""

    def __init__(self, store: Store, admins: Admins) -> None:
        self.store = store
        self.admins = admins

    def page(self, *, by: Actor, before: int | None = None, limit: int = 20) -> list[AuditEntry]:
        """The newest entries first, optionally older than the entry ``before``; raise ``AdministratorsOnly``."""
        self.admins.require(by, _READ)
        with self.store.reading() as session:
            return audit.page(session, team=by.team, before=before, limit=limit)

    def export(self, *, by: Actor) -> str:
        """The whole log as CSV with a line of headings, times in UTC; raise ``AdministratorsOnly``."""
        self.admins.require(by, _READ)
        with self.store.transaction() as session:
            note(session, Verb.EXPORTED, "audit log", "", by=by)
        text = io.StringIO(newline="")
        lines = csv.writer(text)
        lines.writerow(_COLUMNS)
        with self.store.reading() as session:
            for entry in audit.everything(session, team=by.team):
                cells = (entry.at.isoformat(), entry.actor, entry.verb, entry.kind, entry.name, entry.details)
                lines.writerow([_harmless(cell) for cell in cells])
        return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
