"""Every mistake a person can be told about."""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """Something went wrong that the person can understand and mend."""

    # Which facts are people's ids, or lists of them, written <@id> in the sentence: they are shown as names.
    people: ClassVar[tuple[str, ...]] = ()
    # The name of the form field the sentence belongs under, when there is one.
    field: ClassVar[str | None] = None

    def __init__(self, **facts: object) -> None:
        """Keep the facts and say them: a subclass's docstring, filled with them, is its sentence."""
        self.facts = facts
        super().__init__((type(self).__doc__ or "").format(**facts))

    @property
    def sentence(self) -> str:
        """What the person reads: plain text, not yet escaped for Slack."""
        return str(self)

    @property
    def fields(self) -> dict[str, str]:
        """The sentence for each form field at fault; empty where the mistake belongs to no field."""
        return {self.field: self.sentence} if self.field else {}


class Refused(UserError):
    """{reason}"""


class FormRefused(UserError):
    """{reason}"""

    def __init__(self, *, fields: dict[str, str] | None = None, reason: str = "") -> None:
        """Say what is wrong with each field of a form, or with its answers taken together."""
        self._fields = fields or {}
        super().__init__(reason=reason or " ".join(self._fields.values()))

    @property
    def fields(self) -> dict[str, str]:
        """A sentence for each faulty field."""
        return self._fields


class TooLongForWindow(UserError):
    """This is too long to be edited in Slack. /crew export sends a crew as files, and /crew import brings them back."""


class NameTaken(UserError):
    """There is already {kind} called “{name}”. Choose another name."""

    field = "name"


class Gone(UserError):
    """That {kind} has been deleted in the meantime."""


class EditedMeanwhile(UserError):
    """<@{who}> changed this {kind} while you were editing it. {what}What you typed is still here: “Save mine” puts it in the place of that change, “Cancel” leaves it."""

    people = ("who",)

    def __init__(self, *, kind: str, who: str, version: int, what: str = "") -> None:
        """Say who saved version number ``version`` of the thing meanwhile, and ``what`` changed, in a sentence."""
        super().__init__(kind=kind, who=who, what=f"{what} " if what else "")
        self.kind, self.who, self.version = kind, who, version
