"""Sharing crews with people, channels and everybody."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from bot.errors import FormRefused
from bot.services import Actor
from bot.services.audit import Verb, note
from bot.services.rights import Rights
from store import crews, shares
from store.crews import CrewInstance
from store.database import Draft, Store
from store.shares import EVERYBODY, Level

# Slack's own ids: https://docs.slack.dev/reference/objects.
Person = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]
Channel = Annotated[str, Field(pattern=r"^[CG][A-Z0-9]{2,30}$")]

_INVITE = "The bot can’t see who is in this channel. Invite it there first: open the channel and type /invite."
_MAY = {Level.RUN: "may run", Level.EDIT: "may edit"}


class Access(StrEnum):
    """What everybody in the workspace may do."""

    NOTHING = "nothing"
    RUN = "run"
    EDIT = "edit"


class ShareDraft(Draft):
    """Who may use a crew besides its owner and the administrators. Whoever may edit may also run."""

    everybody: Access = Field(Access.NOTHING, title="Everybody in the workspace")
    run_people: list[Person] = Field([], title="People who may run it", max_length=100)
    run_channels: list[Channel] = Field(
        [],
        title="Channels whose members may run it",
        max_length=20,
        description="For a private channel the bot must be a member of it.",
    )
    edit_people: list[Person] = Field([], title="People who may edit it", max_length=100)
    edit_channels: list[Channel] = Field([], title="Channels whose members may edit it", max_length=20)

    def shares(self) -> dict[str, Level]:
        """The level of each subject; who is named twice may do the more."""
        found = dict.fromkeys([*self.run_people, *self.run_channels], Level.RUN)
        found |= dict.fromkeys([*self.edit_people, *self.edit_channels], Level.EDIT)
        if self.everybody is not Access.NOTHING:
            found[EVERYBODY] = Level.EDIT if self.everybody is Access.EDIT else Level.RUN
        return found


class Sharing:
    """Who may use the workspace's crews."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self.store = store
        self.rights = rights

    def get(self, crew_id: int, *, by: Actor) -> tuple[CrewInstance, ShareDraft]:
        """The crew, and how it is shared; raise ``Gone`` or ``NotAllowed``."""
        viewer = self.rights.of(by)
        with self.store.reading() as session:
            crew = viewer.require(session, crew_id, Level.OWN)
            return crew, _draft(shares.of_crew(session, crew_id, team=by.team))

    def share(self, crew_id: int, draft: ShareDraft, *, by: Actor) -> CrewInstance:
        """Share the crew with exactly these; raise ``Gone``, ``NotAllowed`` or ``FormRefused``."""
        _, before = self.get(crew_id, by=by)
        self._refuse_unseen(draft, before, by.team)
        viewer = self.rights.of(by)
        with self.store.transaction() as session:
            crews.hold(session, crew_id, team=by.team)
            crew = viewer.require(session, crew_id, Level.OWN)
            shared = draft.shares()
            if shared != shares.of_crew(session, crew_id, team=by.team):
                shares.put(session, crew_id, shared, team=by.team)
                note(session, Verb.SHARED, crew.kind, crew.name, by=by, details=in_words(shared))
            return crew

    def _refuse_unseen(self, draft: ShareDraft, before: ShareDraft, team: str) -> None:
        """Raise ``FormRefused`` for new channels whose members the bot cannot know."""
        known = {*before.run_channels, *before.edit_channels}
        asked = {"run_channels": draft.run_channels, "edit_channels": draft.edit_channels}
        faults = {
            field: _INVITE
            for field, channels in asked.items()
            if not all(channel in known or self.rights.people.reaches(team, channel) for channel in channels)
        }
        if faults:
            raise FormRefused(fields=faults)


def in_words(shared: Mapping[str, Level]) -> str:
    """“everybody (may run), <@U1> (may edit)”, with Slack's marks for people and channels."""
    return ", ".join(f"{_mark(subject)} ({_MAY[level]})" for subject, level in shared.items()) or "nobody else"


def _mark(subject: str) -> str:
    if subject == EVERYBODY:
        return "everybody"
    return f"<@{subject}>" if subject[0] in "UW" else f"<#{subject}>"


def _draft(shared: Mapping[str, Level]) -> ShareDraft:
    def those(kinds: str, level: Level) -> list[str]:
        return [subject for subject, given in shared.items() if subject[0] in kinds and given is level]

    everybody = {None: Access.NOTHING, Level.RUN: Access.RUN, Level.EDIT: Access.EDIT}[shared.get(EVERYBODY)]
    return ShareDraft(
        everybody=everybody,
        run_people=those("UW", Level.RUN),
        run_channels=those("CG", Level.RUN),
        edit_people=those("UW", Level.EDIT),
        edit_channels=those("CG", Level.EDIT),
    )
