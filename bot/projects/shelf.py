"""The forms in which a crew or flow is written, and a whole workspace at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from bot.errors import UserError
from bot.projects.classic_form import classic
from bot.projects.flow_form import as_flow
from bot.projects.json_form import as_json
from bot.projects.writing import Written, folder_name
from store.definitions import Definition


class Form(StrEnum):
    """How a project is laid out."""

    CLASSIC = "classic"
    JSON = "json"
    FLOW = "flow"


class NoSuchForm(UserError):
    """“{name}” is a flow, so it can only be written in the form flow."""


class UnknownForm(UserError):
    """There is no form called “{name}”. Use classic, json or flow."""


def form_named(name: str | None) -> Form | None:
    """The form with this name, or none where nobody named one; raise ``UnknownForm``."""
    if name and name not in set(Form):
        raise UnknownForm(name=name)
    return Form(name) if name else None


_OF_CREWS: Mapping[Form, Callable[[Definition], Written]] = {
    Form.CLASSIC: classic,
    Form.JSON: as_json,
    Form.FLOW: as_flow,
}


def write_project(definition: Definition, form: Form | None = None) -> Written:
    """The crew or flow in a form, or in its usual one; raise ``NoSuchForm``."""
    if definition.is_flow and form not in (None, Form.FLOW):
        raise NoSuchForm(name=definition.name)
    return _OF_CREWS[form or (Form.FLOW if definition.is_flow else Form.CLASSIC)](definition)


def write_workspace(definitions: list[Definition]) -> Written:
    """Every crew and flow as a project in a folder of its own."""
    files: dict[str, str] = {}
    lost: list[str] = []
    taken: set[str] = set()
    for definition in definitions:
        written = write_project(definition)
        folder, number = folder_name(definition.name), 2
        while folder in taken:
            folder, number = f"{folder_name(definition.name)}_{number}", number + 1
        taken.add(folder)
        files |= {f"{folder}/{path}": text for path, text in written.files.items()}
        lost += written.lost
    return Written("crewcall-workspace", files, lost)
