"""The forms of steps: one for each kind, made from the kind's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from bot.engine.state import WORDS
from bot.engine.steps import KINDS, kind_of
from bot.engine.steps.kind import StepKind
from bot.errors import FormRefused
from bot.services.flow_checks import setting_faults
from bot.services.flows import Available, FlowSheet, Linkable, Need, outcomes_of
from bot.slack.blocks import Json, meta_of
from bot.slack.forms import Choice, Choices, Form, Radio, Suggested, Text
from bot.slack.text import fit
from bot.slack.widgets import Offered, Widget
from handlers.more_settings import REVIEW
from handlers.rule_rows import RuleRows
from store.crews import CrewInstance
from store.database import Draft
from store.names import Name
from store.steps import START, AfterPlan, Join, StepDraft, TaskLink

# A connection of tasks that the person may not see.
_CONNECTED = "A connection you can’t see, no."
# The option that stands for an empty answer.
NOWHERE = "-"
AT_THE_END = "-"
# Slack takes values of at most 75 characters; a key has at most 40.
_OUTCOME = 34
# What is kept with a window has 3,000 characters in all.
_MOST_NEEDS = 40


class NewStep(Draft):
    """What is asked first: the rest depends on the kind."""

    name: Name = Field(title="Name", description="What your team calls it, for example Write the report.")
    kind: str = Field(title="What it does")
    target_id: int | None = Field(
        None, title="Crew or flow it runs", description="Only for steps that run one. It can be chosen later."
    )
    before: str = Field(AT_THE_END, title="Where", description="Between others: it comes in between.")


NEW_STEP = Form(
    NewStep,
    callback_id="step.choose",
    title="New step",
    submit="Next",
    widgets={
        "kind": Choice(),
        "target_id": Choice(empty="There is no crew or flow yet that it could run."),
        "before": Choice(),
    },
)


@dataclass(frozen=True)
class Asked:
    """What a step's form must know besides the step: the flow, what can be chosen, and what its target needs."""

    sheet: FlowSheet
    kind: StepKind
    targets: list[CrewInstance]
    needs: list[Need]
    available: list[Available]
    linkable: list[Linkable]
    links: list[TaskLink]
    own_tasks: list[tuple[int, str]]
    models: list[tuple[str, str]]
    groups: list[tuple[str, str]]


def first_view(sheet: FlowSheet, targets: Sequence[CrewInstance], before: str | None, meta: Json) -> Json:
    """The first question about a new step, before which the step with the key ``before`` is to come, if one is."""
    places = [(AT_THE_END, "At the end"), *((step.key, f"Before “{step.name}”") for step in sheet.steps)]
    options: dict[str, Offered] = {
        "kind": [(kind.name, kind.title) for kind in KINDS],
        "target_id": [(each.id, f"{each.name} ({each.kind})") for each in targets if each.id != sheet.flow.id],
        "before": places,
    }
    return NEW_STEP.view(meta=meta, options=options, kind=KINDS[0].name, before=before or AT_THE_END)


def read_first(view: Json) -> tuple[StepKind, NewStep]:
    """The kind and the rest of the first answers; raises ``FormRefused``."""
    first = NEW_STEP.read(view)
    kind = kind_of(first.kind)
    if kind is None:
        raise FormRefused(fields={"kind": "Choose what it does."})
    return kind, first if kind.runs else first.model_copy(update={"target_id": None})


def step_view(asked: Asked, values: StepDraft, meta: Json, *, new: bool, notice: str | None = None) -> Json:
    """The whole form of a step of this kind, filled with ``values``."""
    needs = asked.needs[:_MOST_NEEDS]
    filled: dict[str, Any] = {
        **_flat(asked.kind, values.settings),
        **{_field(number): values.inputs.get(need.name, "") for number, need in enumerate(needs)},
        "name": values.name,
        "target_id": values.target_id,
        "after": [_way(each) for each in values.after] or [START],
        "join": values.join,
        "result": values.result or NOWHERE,
        "links": [_link(each) for each in values.links],
    }
    form = _form(asked.kind.name, tuple((need.name, _hint(need)) for need in needs), new, bool(_links(asked)))
    kept = {**meta, "kind": asked.kind.name, "needs": [need.name for need in needs]}
    return form.view(filled, meta=kept, options=_options(asked, meta.get("step"), needs), notice=notice)


def read_step(view: Json, sheet: FlowSheet, *, new: bool) -> StepDraft:
    """The step as answered; raises ``FormRefused`` with a sentence for every faulty field."""
    meta = meta_of(view)
    kind, names = kind_of(meta["kind"]), meta["needs"]
    assert kind is not None
    answers = _form(kind.name, tuple((name, "") for name in names), new, True).read(view).model_dump()
    settings = kind.settings.model_validate(_nested(kind, answers))
    inputs = {name: answers[_field(number)] for number, name in enumerate(names) if answers[_field(number)].strip()}
    faults = setting_faults(kind, settings, inputs, [each.name for each in sheet.fields])
    if faults:
        blocks = {f"inputs.{name}": _field(number) for number, name in enumerate(names)}
        raise FormRefused(fields={blocks.get(where, where): said for where, said in faults.items()})
    return StepDraft(
        name=answers["name"],
        kind=kind.name,
        target_id=answers.get("target_id"),
        inputs=inputs,
        after=[_after(each, sheet) for each in answers["after"]],
        join=answers["join"],
        result="" if answers["result"] == NOWHERE else answers["result"],
        links=[_as_link(each) for each in answers["links"]],
        settings=settings.model_dump(),
    )


def begun(sheet: FlowSheet, first: NewStep, asked: Asked) -> StepDraft:
    """What a new step starts from: after the last one, or after what the one behind it comes after."""
    following = next((step for step in sheet.steps if step.key == first.before), None)
    last = sheet.steps[-1:] if following is None else []
    after = following.after if following else [AfterPlan(step=step.key) for step in last]
    known = {each.expression for each in asked.available}
    inputs = {need.name: f"state.{need.name}" for need in asked.needs if f"state.{need.name}" in known}
    return StepDraft(name=first.name, kind=first.kind, target_id=first.target_id, after=after, inputs=inputs)


@lru_cache(maxsize=64)
def _form(kind_name: str, needs: tuple[tuple[str, str], ...], new: bool, linked: bool) -> Form[BaseModel]:
    kind = kind_of(kind_name)
    assert kind is not None
    said = " or ".join(kind.runs)
    fields: dict[str, Any] = {"name": (Name, Field(title="Name"))}
    if kind.runs:
        fields["target_id"] = (int | None, Field(None, title=said.capitalize(), description="What it runs."))
    fields |= {
        _field(number): (str, Field("", title=f"Input “{fit(name, 60)}”", description=hint, max_length=2_000))
        for number, (name, hint) in enumerate(needs)
    }
    fields |= {field: (info.annotation, info) for field, _, info in _settings_fields(kind) if field != "most"}
    fields |= _connections(linked) | {"most": (int, kind.settings.model_fields["most"])}
    draft: type[BaseModel] = create_model("Step", __base__=Draft, **fields)
    widgets: dict[str, Widget] = {
        "target_id": Choice(empty=f"There is no {said} yet that it could run."),
        "after": Choices(),
        "join": Radio(labels={"all": "All of them", "any": "Any of them, where only one is ever reached"}),
        "result": Choice(),
        "links": Choices(),
        **{_field(number): _EXPRESSION for number in range(len(needs))},
        **_widgets(kind),
    }
    return Form(
        draft,
        callback_id="step.create" if new else "step.change",
        title="New step" if new else "Edit step",
        submit="Add" if new else "Save",
        widgets={name: widget for name, widget in widgets.items() if name in fields},
    )


_EXPRESSION = Suggested(nothing="Nothing", other="Or an expression in CEL")


def _connections(linked: bool) -> dict[str, Any]:
    about = {name: StepDraft.model_fields[name] for name in ("after", "join", "result", "links")}
    fields: dict[str, Any] = {
        "after": (list[str], Field([], title="Comes after", description=about["after"].description, max_length=20)),
        "join": (Join, Field("all", title="Waits for", description="Where it comes after several.")),
        "result": (str, Field(NOWHERE, title="Result goes to", description="A field of the state.")),
    }
    if linked:
        fields["links"] = (list[str], Field([], title=about["links"].title, description=about["links"].description))
    return fields


def _widgets(kind: StepKind) -> dict[str, Widget]:
    """How to ask for the settings whose type alone does not say it."""
    found: dict[str, Widget] = {}
    for field, (_, part), _ in _settings_fields(kind):
        if part in _NESTED:
            found[field] = _NESTED[part]
    for name, schema in kind.settings.model_json_schema()["properties"].items():
        if schema.get("format") == "cel":
            found[name] = _EXPRESSION
        elif schema.get("format") == "model":
            found[name] = Suggested(nothing="The default model", other="Another model")
        elif "$ref" in schema.get("items", {}):
            found[name] = RuleRows()
        elif schema.get("type") == "string" and schema.get("maxLength", 0) >= 3_000:
            found[name] = Text(multiline=True)
    return found


# Those who review, and what happens at the deadline: parts of settings that are asked for as elsewhere.
_NESTED: dict[str, Widget] = {
    **REVIEW.widgets,
    "outcome": Radio(
        labels={"approve": "It counts as approved", "reject": "It counts as rejected", "stop": "The run is stopped"}
    ),
}


def _settings_fields(kind: StepKind) -> Iterator[tuple[str, tuple[str, str], FieldInfo]]:
    """The fields of the settings: how each is called in the form, the setting and its part, and the field itself.

    A setting that has fields itself is asked for field by field.
    """
    for name, info in kind.settings.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from ((f"{name}_{part}", (name, part), field) for part, field in inner.model_fields.items())
        else:
            yield name, (name, ""), info


def names_groups(kind: StepKind) -> bool:
    """Whether user groups are among what the kind's form offers; Slack is asked for them only then."""
    return any(part == "groups" for _, (_, part), _ in _settings_fields(kind))


def _flat(kind: StepKind, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names that they have in the form."""
    read = kind.read(settings)
    found = {}
    for field, (name, part), _ in _settings_fields(kind):
        value = getattr(read, name)
        found[field] = getattr(value, part) if part else value
    return found


def _nested(kind: StepKind, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the kind has them, from the answers of the form."""
    found: dict[str, Any] = {}
    for field, (name, part), _ in _settings_fields(kind):
        if part:
            found.setdefault(name, {})[part] = answers[field]
        else:
            found[name] = answers[field]
    return found


def _options(asked: Asked, step_id: int | None, needs: Sequence[Need]) -> dict[str, Offered]:
    """What there is to choose from right now, by field."""
    values = [(each.expression, _said(each)) for each in asked.available]
    typed = [(f"{each.type}|{each.expression}", _said(each)) for each in asked.available]
    state = [(each.name, f"{each.name} · {WORDS.get(each.type, 'anything')}") for each in asked.sheet.fields]
    runs = asked.kind.runs
    options: dict[str, Offered] = {
        "target_id": [(each.id, each.name) for each in asked.targets if each.kind in runs],
        "after": list(_ways(asked.sheet, step_id)),
        "result": [(NOWHERE, "Nowhere"), *state],
        "links": _links(asked),
        **{field: asked.groups for field, (_, part), _ in _settings_fields(asked.kind) if part == "groups"},
        **{_field(number): values for number in range(len(needs))},
    }
    for name, widget in _widgets(asked.kind).items():
        if isinstance(widget, RuleRows):
            options[name] = typed
        elif isinstance(widget, Suggested):
            options[name] = values if widget is _EXPRESSION else asked.models
    return options


def _ways(sheet: FlowSheet, step_id: int | None) -> Iterator[tuple[str, str]]:
    """What a step can come after: the start, and every other step, with each of its outcomes where it has some."""
    yield START, "The start"
    for step in sheet.steps:
        if step.id == step_id:
            continue
        yield _way(AfterPlan(step=step.key)), step.name
        for outcome in outcomes_of(step):
            yield _way(AfterPlan(step=step.key, outcome=outcome)), f"{fit(step.name, 40)}: {outcome}"


def _way(after: AfterPlan) -> str:
    return f"{after.step}={after.outcome[:_OUTCOME]}" if after.outcome else after.step


def _after(way: str, sheet: FlowSheet) -> AfterPlan:
    key, _, begins = way.partition("=")
    step = sheet.step(key)
    known = [outcome for outcome in (outcomes_of(step) if step else []) if outcome[:_OUTCOME] == begins]
    return AfterPlan(step=key, outcome=known[0] if known else begins)


def _links(asked: Asked) -> list[tuple[str, str]]:
    """Each task of the step's crew with each task of an earlier step's crew.

    What is connected already can stay so, also where one of the crews is not shared with the person.
    """
    found = [
        (f"{own}:{each.step}:{each.task_id}", f"{fit(name, 26)} uses {fit(each.task, 20)} ({fit(each.step_name, 16)})")
        for own, name in asked.own_tasks
        for each in asked.linkable
    ]
    offered = {value for value, _ in found}
    others = [value for each in asked.links if (value := _link(each)) not in offered]
    return [*((value, f"{_CONNECTED} {number}") for number, value in enumerate(others, 1)), *found][:1_000]


def _link(link: TaskLink) -> str:
    return f"{link.task_id}:{link.step}:{link.depends_on_id}"


def _as_link(text: str) -> TaskLink:
    task, step, other = text.split(":")
    return TaskLink(task_id=int(task), step=step, depends_on_id=int(other))


def _said(each: Available) -> str:
    """What is available, with its type: “state.topic · text · What it is about”."""
    said = [each.expression, WORDS.get(each.type, "anything"), each.description]
    return fit(" · ".join(filter(None, said)), 75)


def _hint(need: Need) -> str:
    said = [WORDS.get(need.type, ""), "needed" if need.required else "can be left empty", need.description]
    return fit(" · ".join(filter(None, said)), 200)


def _field(number: int) -> str:
    return f"input_{number}"
