"""A form is a pydantic draft: it draws itself as a modal, reads the answers back and says what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import FormRefused, TooLongForWindow
from bot.slack.blocks import Json, alert, meta_of, modal, plain, section
from bot.slack.text import escape, fit
from bot.slack.widgets import (
    UNSHOWN,
    Attachments,
    Channel,
    Channels,
    Checkbox,
    Choice,
    Choices,
    Date,
    Lines,
    Number,
    Offered,
    People,
    Period,
    Question,
    Radio,
    Secret,
    Select,
    Sought,
    Suggested,
    Switch,
    Text,
    Texts,
    Time,
    Widget,
    digits,
    highest,
    in_words,
    inferred,
    lowest,
)

__all__ = [
    "Attachments",
    "Channel",
    "Channels",
    "Checkbox",
    "Choice",
    "Choices",
    "Date",
    "Form",
    "Lines",
    "Number",
    "Offered",
    "People",
    "Period",
    "Radio",
    "Secret",
    "Select",
    "Sought",
    "Suggested",
    "Switch",
    "Text",
    "Texts",
    "Time",
    "error_view",
]

D = TypeVar("D", bound=BaseModel)

_SEAMS = "_seams"
_PROBLEM = "problem"
# Slack takes no view that is longer as JSON.
_MOST_BYTES = 250_000
# What a view needs to be shown again; Slack adds the rest itself and refuses to be told.
_OURS = ("type", "callback_id", "title", "submit", "close", "private_metadata", "clear_on_close", "notify_on_close")


@dataclass(frozen=True, eq=False)
class Form(Generic[D]):
    """A modal for ``draft``: labels, hints, limits and what is required come from the draft's fields.

    ``widgets`` says how to ask where the type alone does not; ``fields`` picks and orders the fields to ask for.
    An edit is the same form under another name: ``dataclasses.replace(NEW_CREW, callback_id="crew.edit", …)``.
    """

    draft: type[D]
    _: KW_ONLY
    callback_id: str
    title: str
    submit: str = "Save"
    close: str = "Cancel"
    widgets: Mapping[str, Widget] = field(default_factory=dict)
    fields: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse a form that could not be drawn when it is declared, not when somebody opens it."""
        unknown = [name for name in (*self.widgets, *(self.fields or ())) if name not in self.draft.model_fields]
        if unknown:
            raise ValueError(f"{self.draft.__name__} has no field {', '.join(unknown)}")
        assert self._questions

    def view(
        self,
        values: BaseModel | Mapping[str, object] | None = None,
        *,
        meta: Mapping[str, object] | None = None,
        options: Mapping[str, Offered] | None = None,
        notice: str | None = None,
        faults: Mapping[str, str] | None = None,
        **prefill: object,
    ) -> Json:
        """The modal, filled with ``values`` and ``prefill`` over the draft's own defaults.

        ``meta`` (a few ids, at most 3,000 characters of JSON) comes back by ``Form.meta``; ``options`` offers what
        there is to choose from right now, as (id, words), for ``Choice`` and ``Choices``; ``notice`` stands on top;
        ``faults`` are sentences above the fields they are about, for what Slack can no longer be told under them.
        Raise ``TooLongForWindow`` for texts that no window holds, rather than show a part of them.
        """
        known = {**_values(values), **prefill}
        seams: dict[str, list[str]] = {}
        rows = [section(escape(notice), block_id="notice")] if notice else []
        for ask, widget in self._questions.values():
            value = known.get(ask.field, self._default(ask.field))
            if fault := (faults or {}).get(ask.field):
                rows.append(alert(escape(fault)) | {"block_id": f"{_PROBLEM}.{ask.field}"})
            rows += widget.blocks(ask, value, (options or {}).get(ask.field))
            if cut := widget.seams(ask, value):
                seams[ask.field] = cut
        view = modal(
            self.title,
            rows,
            callback_id=self.callback_id,
            submit=self.submit,
            close=self.close,
            meta={**(meta or {}), **({_SEAMS: seams} if seams else {})},
        )
        if len(json.dumps(view)) >= _MOST_BYTES:
            raise TooLongForWindow
        return view

    def read(self, view: Json) -> D:
        """The draft as answered; raise ``FormRefused`` with a sentence for every faulty field."""
        try:
            return self.draft.model_validate(self._answers(view))
        except ValidationError as error:
            raise self._refusal(error) from error

    def meta(self, view: Json) -> Json:
        """What ``view`` was given as ``meta``."""
        return {key: value for key, value in meta_of(view).items() if key != _SEAMS}

    @cached_property
    def _questions(self) -> dict[str, tuple[Question, Widget]]:
        schema = self.draft.model_json_schema()
        return {name: self._question(name, schema) for name in self.fields or self.draft.model_fields}

    def _question(self, name: str, schema: Json) -> tuple[Question, Widget]:
        info = self.draft.model_fields[name]
        limits = _limits(schema["properties"][name], schema.get("$defs", {}))
        try:
            widget = self.widgets.get(name) or inferred(limits)
        except ValueError as error:
            raise ValueError(f"{self.draft.__name__}.{name}: {error}") from None
        blank_default = not info.is_required() and self._default(name) in (None, "", [], ())
        ask = Question(
            field=name,
            action_id=f"{self.callback_id}.{name}{UNSHOWN if isinstance(widget, Secret) else ''}",
            label=info.title or in_words(name),
            hint=info.description or "",
            # Nobody can be made to tick a box, and a value that has a default of its own is always there.
            optional=limits["nullable"] or blank_default or isinstance(widget, Checkbox),
            limits=limits,
        )
        return ask, widget

    def _default(self, name: str) -> object:
        info = self.draft.model_fields[name]
        return None if info.is_required() else info.get_default(call_default_factory=True)

    def _answers(self, view: Json) -> dict[str, object]:
        """What pydantic is to judge: an empty answer means None where that is allowed, else it is left out."""
        states: Mapping[str, Mapping[str, Json]] = view["state"]["values"]
        seams = meta_of(view).get(_SEAMS, {})
        answers: dict[str, object] = {}
        for name, (ask, widget) in self._questions.items():
            if name not in states:
                continue
            parts = [next(iter(states[block].values())) for block in _parts(name, states)]
            answer = widget.read(ask, parts, seams.get(name, ()))
            if answer not in ("", None, []):
                answers[name] = answer
            elif ask.limits["nullable"]:
                answers[name] = None
        return answers

    def _refusal(self, error: ValidationError) -> FormRefused:
        fields: dict[str, str] = {}
        for fault in error.errors():
            if not fault["loc"]:
                return FormRefused(reason=_own_words(fault, "These answers do not go together."))
            name = str(fault["loc"][0])
            if name not in self._questions:
                # The program left out what it should have known; nobody can mend that in the form.
                raise error
            fields.setdefault(name, _sentence(fault, *self._questions[name]))
        return FormRefused(fields=fields)


def error_view(view: Json, said: str, *, submit: str | None = None, meta: Mapping[str, object] | None = None) -> Json:
    """The view of a submission again, with everything typed still in it and ``said`` (mrkdwn) on top.

    ``submit`` and ``meta`` replace the button's words and some of what the view carries, for another try.
    """
    states = view.get("state", {}).get("values", {})
    rows = [_as_typed(block, states) for block in view["blocks"] if block.get("block_id") != _PROBLEM]
    note = alert(f"*That didn’t work:* {said}") | {"block_id": _PROBLEM}
    again = {key: view[key] for key in _OURS if view.get(key) is not None} | {"blocks": [note, *rows]}
    if submit:
        again["submit"] = plain(submit, 24)
    if meta:
        again["private_metadata"] = json.dumps({**meta_of(view), **meta}, separators=(",", ":"))
    return again


def _as_typed(block: Json, states: Mapping[str, Mapping[str, Json]]) -> Json:
    """An input that begins with what it held; Slack keeps that itself as long as the ids stay, this makes sure."""
    if block["type"] != "input" or block.get("block_id") not in states:
        return block
    element = {key: value for key, value in block["element"].items() if not key.startswith("initial_")}
    if element["action_id"].endswith(UNSHOWN):
        return block | {"element": element}
    for key, value in states[block["block_id"]].get(element["action_id"], {}).items():
        name = "initial_value" if key.endswith("value") else key.replace("selected_", "initial_")
        if name.startswith("initial_") and value not in (None, "", []):
            element[name] = value
    return block | {"element": element}


def _values(values: BaseModel | Mapping[str, object] | None) -> dict[str, object]:
    if isinstance(values, BaseModel):
        return {name: getattr(values, name) for name in type(values).model_fields}
    return dict(values or {})


def _parts(name: str, blocks: Iterable[str]) -> list[str]:
    """The block ids of a field's inputs in order: “backstory”, “backstory.2”, …"""
    further = [block for block in blocks if block.startswith(f"{name}.")]
    return [name, *sorted(further, key=lambda block: int(block.rpartition(".")[2]))]


def _limits(schema: Json, definitions: Json) -> Json:
    """The part of a field's JSON schema that matters: without None (kept as ``nullable``) and without references."""
    branches = schema.get("anyOf", [schema])
    told = [branch for branch in branches if branch.get("type") != "null"]
    limits: Json = told[0]
    if "$ref" in limits:
        limits = definitions[limits["$ref"].rpartition("/")[2]]
    if "const" in limits:
        limits = limits | {"enum": [limits["const"]]}
    return limits | {"nullable": len(told) < len(branches)}


def _sentence(fault: ErrorDetails, ask: Question, widget: Widget) -> str:
    """What a person reads under the field."""
    if len(fault["loc"]) > 1 and isinstance(fault["loc"][1], int):
        said = _fault(fault, ask, widget)
        return f"“{fit(str(fault['input']), 40)}”: {said[:1].lower()}{said[1:]}"
    return _fault(fault, ask, widget)


def _fault(fault: ErrorDetails, ask: Question, widget: Widget) -> str:
    limits, answer = fault.get("ctx", {}), fault["input"]
    length = limits.get("actual_length") or (len(answer) if isinstance(answer, str | list) else 0)
    things = "characters" if isinstance(answer, str) else "entries"
    match fault["type"]:
        case "missing":
            return _missing(ask, widget)
        case "string_too_short" | "too_short" if length == 0 or limits["min_length"] == 1:
            return _missing(ask, widget)
        case "string_too_short" | "too_short":
            return f"At least {limits['min_length']:,} {things}; this has {length:,}."
        case "string_too_long" | "too_long":
            return f"At most {limits['max_length']:,} {things}; this has {length:,}."
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            return _range(ask.limits)
        case "enum" | "literal_error":
            return "Choose one of these."
        case kind if kind.startswith("int_"):
            return "Give a whole number."
        case kind if kind.startswith(("float_", "decimal_", "finite_")):
            return "Give a number."
    return _own_words(fault, f"This can’t be used. {ask.hint}".strip())


def _missing(ask: Question, widget: Widget) -> str:
    return "Give it a name." if ask.field == "name" else widget.missing


def _range(limits: Json) -> str:
    low, high = lowest(limits), highest(limits)
    least = f"{'more than' if _open(limits, 'Minimum') else 'at least'} {digits(low)}" if low is not None else ""
    most = f"{'less than' if _open(limits, 'Maximum') else 'at most'} {digits(high)}" if high is not None else ""
    return f"Give a number that is {' and '.join(filter(None, [least, most]))}."


def _open(limits: Json, bound: str) -> bool:
    return f"exclusive{bound}" in limits and limits.get("type") != "integer"


def _own_words(fault: ErrorDetails, otherwise: str) -> str:
    """The sentence a validator of ours raised; pydantic's own words are for programmers."""
    raised = fault.get("ctx", {}).get("error")
    return str(raised) if raised and str(raised) else otherwise
