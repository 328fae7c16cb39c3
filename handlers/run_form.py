"""The form that asks for a run's inputs: one question for each placeholder, or for each field of a flow's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field, create_model

from bot.slack.blocks import Json, meta_of
from bot.slack.forms import Form, Text
from handlers.state_form import ask_state, asked_state
from store.crews import CrewInstance

RUN = "run.start"
LONGEST = 30_000


def ask_inputs(crew: CrewInstance, names: Sequence[str], known: Mapping[str, Any], *, place: str | None) -> Json:
    """The form for these placeholders, or for the state of a flow, filled with what is already known."""
    if crew.is_flow:
        return ask_state(crew, known, place=place, action=RUN)
    meta = {"crew": crew.id, "inputs": list(names), "place": place}
    values = {_field(number): known.get(name, "") for number, name in enumerate(names)}
    return _form(names).view(values, meta=meta, notice=f"“{crew.name}” needs to know:")


def asked_inputs(view: Json) -> dict[str, Any]:
    """The answers by placeholder or field; raise ``FormRefused`` for an empty one."""
    if "state" in meta_of(view):
        return asked_state(view)
    names: list[str] = meta_of(view)["inputs"]
    answers = _form(names).read(view).model_dump()
    return {name: answers[_field(number)] for number, name in enumerate(names)}


def _form(names: Sequence[str]) -> Form[BaseModel]:
    # A placeholder such as “copy” or “_x” can be no attribute of a model, so the fields are numbered.
    fields = {
        _field(number): (str, Field(title=name, min_length=1, max_length=LONGEST)) for number, name in enumerate(names)
    }
    draft: type[BaseModel] = create_model("Inputs", **fields)  # type: ignore[call-overload]
    widgets = {field: Text(multiline=True) for field in fields}
    return Form(draft, callback_id=RUN, title="Run", submit="Run", widgets=widgets)


def _field(number: int) -> str:
    return f"input_{number}"
