"""What only the workspace's administrators may do, and whom others ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bot.errors import UserError
from bot.services import Actor


class AdministratorsOnly(UserError):
    """Only administrators of this workspace may {what}. Ask {whom}."""


class Directory(Protocol):
    """Who administers a workspace; both by its ids, the second as names that colleagues know."""

    def is_admin(self, team: str, user: str) -> bool: ...

    def admins(self, team: str) -> list[str]: ...


@dataclass(frozen=True)
class Admins:
    """The administrators of each workspace."""

    directory: Directory

    def is_admin(self, actor: Actor) -> bool:
        """Whether somebody administers their workspace."""
        return self.directory.is_admin(actor.team, actor.user)

    def require(self, actor: Actor, what: str) -> None:
        """Raise ``AdministratorsOnly`` with whom to ask, unless somebody administers the workspace."""
        if not self.is_admin(actor):
            raise AdministratorsOnly(what=what, whom=self.whom_to_ask(actor))

    def whom_to_ask(self, actor: Actor) -> str:
        """Up to three administrators by name, in words."""
        *others, last = self.directory.admins(actor.team)[:3] or ["one of them"]
        return f"{', '.join(others)} or {last}" if others else last
