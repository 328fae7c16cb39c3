"""The form for a schedule: when, with which inputs, where; and what it would do, before it is saved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, create_model

from bot.errors import FormRefused
from bot.recurrence import Day, Kind, Recurrence, check, spoken, zone_of
from bot.services.checks import Problem
from bot.services.runs import InputsRefused
from bot.services.schedules import Preview
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.forms import Channel, Choice, Choices, Date, Form, Select, Switch, Text, Time
from bot.slack.text import escape, fit_escaped, is_channel
from bot.slack.widgets import Offered, Widget
from bot.time_words import misspelt
from handlers.state_form import refuse_many
from store.crews import CrewInstance
from store.schedules import Busy, Missed, News, Schedule, ScheduleDraft

FORM = "schedule.form"
_LONGEST = 3_000

_KINDS: Mapping[str, str] = {
    Kind.WEEKDAYS: "Every weekday",
    Kind.DAILY: "Every day",
    Kind.WEEKLY: "On certain days of the week",
    Kind.MONTHLY: "Once a month",
    Kind.HOURS: "Every few hours",
    Kind.ONCE: "Once",
    Kind.CRON: "Another rule (cron)",
}
_MISSED: Mapping[str, str] = {
    Missed.SKIP: "Leave it out",
    Missed.ONCE_HOUR: "Run once, if it is at most an hour late",
    Missed.ONCE_DAY: "Run once, if it is at most a day late",
    Missed.EACH_DAY: "Run for each time of the last day, at most 10",
    Missed.EACH_WEEK: "Run for each time of the last week, at most 10",
}
_BUSY: Mapping[str, str] = {
    Busy.SKIP: "Leave this time out",
    Busy.QUEUE: "Wait until it is over, then run",
    Busy.STOP: "Stop it, then run",
}
_NEWS: Mapping[str, str] = {
    News.ALWAYS: "Always",
    News.CHANGED: "Only if it differs from the last one",
    News.RULE: "Only if a rule in words says so",
}
_DAYS: Offered = [(day, day.name.capitalize()) for day in Day]
_DAYS_OF_MONTH: Offered = [*((day, f"{day}.") for day in range(1, 29)), (0, "The last day")]
_HOURS: Offered = [(1, "Every hour"), *((hours, f"Every {hours} hours") for hours in (2, 3, 4, 6, 8, 12))]
# What is chosen from menus, besides when.
_CHOSEN = ("channel", "missed", "busy")
# On these depends what else is asked for.
_SWITCHES = ("kind", "news")
# What each kind asks for.
_ASKS = {
    Kind.WEEKDAYS: ("at",),
    Kind.DAILY: ("at",),
    Kind.WEEKLY: ("days", "at"),
    Kind.MONTHLY: ("day", "at"),
    Kind.HOURS: ("hours",),
    Kind.ONCE: ("on", "at"),
    Kind.CRON: ("cron",),
}


def _spelt(text: str) -> str:
    if found := misspelt(text):
        raise ValueError(f"“{found[0]}” is no time word. Did you mean “{found[1]}”?")
    return text


_Input = Annotated[str, AfterValidator(_spelt)]


@dataclass(frozen=True)
class Asked:
    """What a form asks about: inputs by name with whether they must be given, and what is chosen at the moment.

    A new schedule has the ``zone`` of the person, one that is there keeps that of whoever made it.
    """

    names: Mapping[str, bool]
    zone: str
    kind: Kind = Kind.WEEKDAYS
    news: News = News.ALWAYS
    new: bool = True

    def form(self) -> Form[BaseModel]:
        """The form; the fields that go with what is chosen are there, the others are not."""
        fields = self._fields()
        draft: type[BaseModel] = create_model("ScheduleAnswers", **fields)
        return Form(draft, callback_id=FORM, title="Schedule", submit="Next", widgets=self._widgets(fields))

    def written(self) -> Form[BaseModel] | None:
        """The part of the form that is written by hand; it comes along with the preview, being too long to carry on."""
        fields = {name: field for name, field in self._fields().items() if name.startswith(("input_", "news_rule"))}
        if not fields:
            return None
        draft: type[BaseModel] = create_model("ScheduleTexts", **fields)
        return Form(draft, callback_id=FORM, title="Schedule", submit="Save", widgets=self._widgets(fields))

    def _fields(self) -> dict[str, Any]:
        when = {name: value for name, value in self._when().items() if name in _ASKS[self.kind]}
        inputs = {
            _field(number): _input(name, must, _hint(number)) for number, (name, must) in enumerate(self.names.items())
        }
        fields: dict[str, Any] = {
            "kind": (Kind, Field(self.kind, title="How often")),
            **when,
            **inputs,
            "channel": (
                str,
                Field(
                    "", title="Where to post", description="A channel that I am in; left empty, in our direct message."
                ),
            ),
            "missed": (Missed, Field(Missed.ONCE_DAY, title="If a time was missed because I was down")),
            "busy": (Busy, Field(Busy.SKIP, title="If the last run is still going")),
            "news": (News, Field(self.news, title="Post the result")),
        }
        if self.news is News.RULE:
            told = "A model compares each result with the last one that was posted, and this decides."
            fields["news_rule"] = (
                str,
                Field(title="Which results are worth posting", min_length=1, max_length=1_000, description=told),
            )
        return fields

    def _when(self) -> dict[str, Any]:
        whose = "your time zone in Slack" if self.new else "which this schedule was made for"
        local = f"On the clock of {self.zone}, {whose}."
        example = "Minute, hour, day of the month, month, day of the week, such as 0 9 * * 1-5; @daily works too."
        return {
            "days": (list[Day], Field([Day.MONDAY], title="Days", min_length=1)),
            "day": (int, Field(1, title="Day of the month")),
            "hours": (int, Field(2, title="How many hours", description=local)),
            "on": (date, Field(title="Date")),
            "cron": (
                Annotated[str, AfterValidator(check)],
                Field(title="Cron rule", min_length=1, max_length=100, description=f"{example} {local}"),
            ),
            "at": (time, Field(time(9), title="Time", description=local)),
        }

    def _widgets(self, fields: Mapping[str, Any]) -> dict[str, Widget]:
        known: dict[str, Widget] = {
            "kind": Switch(labels=_KINDS),
            "days": Choices(),
            "day": Choice(),
            "hours": Choice(),
            "on": Date(),
            "at": Time(zone=self.zone),
            "channel": Channel(),
            "missed": Select(labels=_MISSED),
            "busy": Select(labels=_BUSY),
            "news": Switch(labels=_NEWS),
            "news_rule": Text(multiline=True),
            **{_field(number): Text(multiline=True) for number in range(len(self.names))},
        }
        return {name: widget for name, widget in known.items() if name in fields}

    def view(self, values: Mapping[str, object], meta: Mapping[str, object]) -> Json:
        """The form, filled with ``values``; ``meta`` has the ``notice`` on top."""
        options = {"days": _DAYS, "day": _DAYS_OF_MONTH, "hours": _HOURS}
        chosen = {"kind": self.kind, "news": self.news}
        facts = {"names": dict(self.names), "zone": self.zone, **chosen, **meta}
        return self.form().view({**values, **chosen}, meta=facts, options=options, notice=str(meta["notice"]))

    @classmethod
    def of(cls, view: Json) -> Asked:
        """What a form on the screen asks about."""
        meta = meta_of(view)
        return cls(meta["names"], meta["zone"], Kind(meta["kind"]), News(meta["news"]), new="schedule" not in meta)


def new_form(
    crew: CrewInstance, names: Mapping[str, bool], zone: str, known: Mapping[str, object], meta: Mapping[str, object]
) -> Json:
    """The form for a first schedule of the crew, its inputs filled with what is ``known`` of an earlier run.

    Raises ``TooManyInputs``.
    """
    refuse_many(crew.name, names)
    values = _inputs(Asked(names, zone), known)
    where = {"channel": meta.get("place")} if is_channel(str(meta.get("place") or "")) else {}
    facts = {"crew": crew.id, "notice": f"“{crew.name}” will run by itself:", **meta}
    return Asked(names, zone).view({**values, **where}, facts)


def edit_form(schedule: Schedule, names: Mapping[str, bool], meta: Mapping[str, object]) -> Json:
    """The form with what the schedule has; raise ``TooManyInputs``."""
    refuse_many(schedule.crew_name, names)
    rule = schedule.recurrence
    asked = Asked(names, schedule.zone, rule.kind, schedule.news, new=False)
    # Slack's menu of channels has no direct messages.
    channel = schedule.channel if is_channel(schedule.channel) else ""
    values: dict[str, object] = rule.model_dump() | {
        **schedule.draft().model_dump(include={"missed", "busy", "news_rule"}),
        "channel": channel,
        **_inputs(asked, schedule.inputs),
    }
    ids = {"crew": schedule.crew_id, "schedule": schedule.id, "version": schedule.version}
    return asked.view(values, {**ids, "notice": f"“{schedule.crew_name}” runs by itself:", **meta})


def switched(view: Json, action: Json) -> Json:
    """The form after another kind or news was chosen; what is typed in the fields that stay, Slack keeps itself."""
    meta = meta_of(view)
    field = action["action_id"].rpartition(".")[2]
    meta[field] = action["selected_option"]["value"]
    asked = replace(Asked.of(view), kind=Kind(meta["kind"]), news=News(meta["news"]))
    return asked.view({}, _lasting(meta))


def behind(view: Json) -> Json | None:
    """The form that asks for what goes with what is chosen in ``view``, where that one does not yet."""
    meta = meta_of(view)
    states = view["state"]["values"]
    chosen = {
        name: next(iter(states[name].values()))["selected_option"]["value"] for name in _SWITCHES if name in states
    }
    if all(meta[name] == value for name, value in chosen.items()):
        return None
    now = replace(Asked.of(view), kind=Kind(chosen["kind"]), news=News(chosen["news"]))
    return now.view({}, _lasting(meta))


def answered(view: Json) -> ScheduleDraft:
    """The draft as answered; raise ``FormRefused`` with a sentence for every faulty field."""
    asked, chosen = Asked.of(view), meta_of(view).get("chosen")
    form = asked.written() if chosen else asked.form()
    given = form.read(view).model_dump() if form else {}
    inputs = {name: given[_field(number)] for number, name in enumerate(asked.names) if given[_field(number)]}
    texts = {"zone": asked.zone, "inputs": inputs, "news_rule": given.get("news_rule", "")}
    if chosen:
        return ScheduleDraft.model_validate({**chosen, **texts, "news": asked.news})
    when = {name: given[name] for name in ("kind", *_ASKS[asked.kind])}
    rest = {name: given[name] for name in _CHOSEN}
    return ScheduleDraft(recurrence=Recurrence.model_validate(when), news=asked.news, **rest, **texts)


@contextmanager
def at_the_fields(view: Json) -> Iterator[None]:
    """What is refused of a flow's inputs meanwhile, which go by their names, is refused at the fields of ``view``."""
    try:
        yield
    except InputsRefused as refusal:
        fields = {name: _field(number) for number, name in enumerate(Asked.of(view).names)}
        wrong = {fields.get(name, name): said for name, said in refusal.fields.items()}
        raise FormRefused(fields=wrong, reason=refusal.sentence) from refusal


def was_shown(view: Json, draft: ScheduleDraft) -> bool:
    """Whether just this draft's preview is on the screen already."""
    return meta_of(view).get("shown") == _fingerprint(draft)


def preview_of(view: Json, preview: Preview, problems: Sequence[Problem]) -> Json:
    """In words what the form would do, with a button to save just that and one to change it.

    ``problems`` keep the crew from running; they may be mended later, so it can be saved all the same.
    """
    asked, draft = Asked.of(view), preview.draft
    chosen = draft.model_dump(mode="json", include={"recurrence", *_CHOSEN})
    facts = {"names": dict(asked.names), "zone": asked.zone, "kind": asked.kind, "news": asked.news}
    meta = {**_lasting(meta_of(view)), **facts, "chosen": chosen, "shown": _fingerprint(draft)}
    form = asked.written()
    told = [*_told(preview), *_kept_back(preview.crew.name, problems)]
    if form is None:
        return blocks.modal("Schedule", told, callback_id=FORM, submit="Save", close="Cancel", meta=meta)
    shown = form.view({"news_rule": draft.news_rule, **_inputs(asked, draft.inputs)}, meta=meta)
    return shown | {"blocks": [*told, blocks.divider(), *shown["blocks"]]}


def changed_again(view: Json) -> Json:
    """The whole form again, as it was before the preview ``view``."""
    asked, meta = Asked.of(view), meta_of(view)
    rule = Recurrence.model_validate(meta["chosen"]["recurrence"])
    # What is written stays where it is: Slack keeps what an input holds as long as its ids stay.
    texts = {block: next(iter(states.values())).get("value") or "" for block, states in view["state"]["values"].items()}
    return asked.view({**rule.model_dump(), **meta["chosen"], **texts}, _lasting(meta))


def _told(preview: Preview) -> list[Json]:
    draft, zone = preview.draft, zone_of(preview.draft.zone)
    rule = draft.recurrence.words
    times = "\n".join(f"• {spoken(at, zone)}" for at in preview.times)
    heading = "The next times" if len(preview.times) > 1 else "The only time"
    said = f"*{rule[:1].upper()}{escape(rule[1:])}* ({escape(draft.zone)} time)\n{heading}:\n{times}"
    rows = [blocks.section(said, block_id="preview")]
    if changed := [name for name, value in preview.inputs.items() if draft.inputs[name] != value]:
        lines = "\n".join(f"*{escape(name)}:* {fit_escaped(str(preview.inputs[name]), 300)}" for name in changed)
        rows.append(blocks.section(f"Just now its inputs would be:\n{lines}", block_id="preview.inputs"))
    choices = {"a time is missed": _MISSED[draft.missed], "the last run is still going": _BUSY[draft.busy]}
    said = " ".join(f"If {case}: {choice[0].lower()}{choice[1:]}." for case, choice in choices.items())
    change = blocks.button("Change", "schedule.change")
    return [*rows, blocks.context(f"Press *Save* if that is what you want. {said}"), blocks.actions(change)]


def _kept_back(name: str, problems: Sequence[Problem]) -> list[Json]:
    if not problems:
        return []
    lines = "\n".join(f"• {fit_escaped(problem.sentence, 300)}" for problem in problems[:5])
    said = f"*{escape(name)}* can’t run yet, and no schedule starts it until it can:"
    return [blocks.alert(f"{said}\n{lines}", "warning")]


def _lasting(meta: Mapping[str, object]) -> dict[str, object]:
    """What a form carries on, whatever is chosen in it."""
    return {name: meta[name] for name in ("crew", "schedule", "version", "place", "back", "notice") if name in meta}


def _fingerprint(draft: ScheduleDraft) -> str:
    text = json.dumps(draft.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _input(name: str, must: bool, hint: str) -> tuple[object, object]:
    if must:
        return _Input, Field(title=name, min_length=1, max_length=_LONGEST, description=hint)
    return _Input, Field("", title=name, max_length=_LONGEST, description=hint)


def _inputs(asked: Asked, inputs: Mapping[str, object]) -> dict[str, object]:
    return {_field(number): _as_text(inputs.get(name, "")) for number, name in enumerate(asked.names)}


def _as_text(value: object) -> str:
    """A flow's values as they are typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _hint(number: int) -> str:
    if number:
        return ""
    some = ", ".join(f"{{{word}}}" for word in ("today", "yesterday", "last week", "this month"))
    return f"Time words in braces are filled in at each run: {some} and so on."


def _field(number: int) -> str:
    return f"input_{number}"
