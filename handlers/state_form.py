"""The form that asks for the inputs of a flow's run: one question for each field of its state, or all as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bot.engine.state import StateField, fields
from bot.errors import FormRefused, UserError
from bot.services.state_fields import KINDS, kind_of_field
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.forms import Lines, Number, Select, Text
from bot.slack.text import escape
from bot.slack.widgets import Date, Question, Widget
from store.crews import CrewInstance

_LONGEST = 30_000
_OPTION = 75
_MOST_OPTIONS = 100
# A window of Slack's has 100 rows and keeps 3,000 characters about itself: the inputs and their names must fit.
_MOST_INPUTS = 60
_MOST_NAMES = 2_000
# What no field of a state is called.
_AS_JSON = "run.json"
_YES_NO = ["yes", "no"]
# How each field is read back: the ids of inputs say it, for the state may have changed meanwhile.
_WIDGETS: dict[str, Widget] = {
    "text": Text(multiline=True),
    "lines": Lines(),
    "number": Number(),
    "date": Date(),
    "choice": Select(labels={}),
}


class TooManyInputs(UserError):
    """“{name}” takes {count} inputs, too many for a form. Join some, or write them as JSON: /crew run {name} {{…}}"""


def refuse_many(name: str, inputs: Collection[str]) -> None:
    """Raise ``TooManyInputs`` where a form can’t ask for all these inputs of a crew or flow."""
    if len(inputs) > _MOST_INPUTS or sum(map(len, inputs)) > _MOST_NAMES:
        raise TooManyInputs(name=name, count=len(inputs))


def ask_state(
    flow: CrewInstance, known: Mapping[str, Any], *, place: str | None, action: str, thread: str | None = None
) -> Json:
    """The form for the flow's state, filled with what is ``known``, else with the defaults."""
    refuse_many(flow.name, [each.name for each in fields(flow.state_schema)])
    meta = {"crew": flow.id, "place": place, "thread": thread, "state": True}
    return ask_fields(f"“{flow.name}” begins with:", flow.state_schema, known, meta=meta, action=action)


def ask_fields(
    notice: str, schema: dict[str, Any] | None, known: Mapping[str, Any], *, meta: Json, action: str, title: str = "Run"
) -> Json:
    """The form for the fields of a schema, with ``notice`` on top; ``title`` is that of the window and its button."""
    seams: dict[str, list[str]] = {}
    rows = [blocks.section(escape(notice), block_id="run.notice")]
    for each in fields(schema):
        value = known.get(each.name, each.default)
        widget, ask = _question(each, action)
        shown = _shown(each, value)
        rows += widget.blocks(ask, shown, None)
        if cut := widget.seams(ask, shown):
            seams[each.name] = cut
    rows.append(_as_json(action))
    kept = {**meta, **({"seams": seams} if seams else {})}
    return blocks.modal(title, rows, callback_id=action, submit=title, close="Cancel", meta=kept)


def asked_state(view: Json) -> dict[str, Any]:
    """The answers by field, those left empty left out; what the JSON names wins. Raises ``FormRefused`` for no JSON."""
    answers = dict(_answers(view))
    text = answers.pop(_AS_JSON, "")
    return answers | _object(text, _AS_JSON)


def read_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or nothing where the text is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _object(text: str, field: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    found = read_object(text)
    if found is None:
        raise FormRefused(fields={field: 'Write a JSON object, for example {"topic": "batteries"}.'})
    return found


def _answers(view: Json) -> Iterator[tuple[str, Any]]:
    states, seams = view["state"]["values"], meta_of(view).get("seams", {})
    names = dict.fromkeys(block if block == _AS_JSON else block.partition(".")[0] for block in states)
    for name in names:
        ids = [block for block in states if block == name or (name != _AS_JSON and block.startswith(f"{name}."))]
        ids.sort(key=lambda block: int(block.rpartition(".")[2]) if block != name else 0)
        action_id, _ = next(iter(states[ids[0]].items()))
        how = action_id.rpartition(".")[2]
        parts = [next(iter(states[block].values())) for block in ids]
        limits = {"maxLength": _LONGEST, "enum": [_chosen(parts[0])]}
        answer = _WIDGETS[how].read(_plain(name, action_id, limits), parts, seams.get(name, ()))
        if answer not in ("", None, []):
            yield name, answer


def _chosen(state: Json) -> str:
    return str((state.get("selected_option") or {}).get("value", ""))


def _question(each: StateField, action: str) -> tuple[Widget, Question]:
    how, limits = _how(each)
    hint = " · ".join(filter(None, [each.description, _hint(each, how)]))
    ask = Question(
        field=each.name,
        action_id=f"{action}.{each.name}.{how}",
        label=each.name,
        hint=hint,
        optional=not each.required or each.default is not None,
        limits=limits,
    )
    return _WIDGETS[how], ask


def _how(each: StateField) -> tuple[str, Json]:
    choices = [str(choice) for choice in each.schema.get("enum", [])]
    match kind_of_field(each):
        case "boolean":
            return "choice", {"enum": _YES_NO}
        case "integer" | "number":
            return "number", {**each.schema, "type": each.type}
        case "date":
            return "date", {}
        case "choice" if len(choices) <= _MOST_OPTIONS and all(0 < len(choice) <= _OPTION for choice in choices):
            return "choice", {"enum": choices}
        case "array" if each.schema.get("items", {}).get("type", "string") == "string":
            return "lines", {"maxLength": _LONGEST}
    return "text", {"maxLength": _LONGEST}


def _hint(each: StateField, how: str) -> str:
    if how == "lines":
        return "One on each line"
    return f"As JSON: {KINDS[kind_of_field(each)]}" if each.type in ("array", "object") else ""


def _shown(each: StateField, value: Any) -> Any:
    """A value as its input begins with it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) or (isinstance(value, list) and _how(each)[0] != "lines"):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return "" if value is None and _how(each)[0] != "number" else value


def _as_json(action: str) -> Json:
    ask = _plain(_AS_JSON, f"{action}.{_AS_JSON}.text", {"maxLength": 3_000})
    return Text(multiline=True).blocks(ask, "", None)[0]


def _plain(field: str, action_id: str, limits: Json) -> Question:
    hint = 'For experts: {"topic": "batteries"}. What is named here counts, whatever stands above.'
    return Question(field, action_id, "Or all of it as JSON", hint, True, limits)
