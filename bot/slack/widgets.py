"""How a form asks for one field: the inputs it shows and what it reads back from them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from bot.slack.blocks import Json, option, plain, section
from bot.slack.text import cut_point, escape, units

# What a dynamic choice offers: (id, the words people see). Ids become strings on their way through Slack.
Offered = Sequence[tuple[str | int, str]]

_INPUT = 3_000
_OPTION = 75
# The value of the option that stands for an empty answer; Slack has no empty values.
_NOTHING = "-"
# How the action ids of secrets end, so that nothing ever shows again what was typed there.
UNSHOWN = ".unshown"
_NEARLY_FULL = 2_500
_SEAM = re.compile(r"\s{0,8}(?=.)", re.DOTALL)


@dataclass(frozen=True)
class Question:
    """What a field says about itself: ``limits`` is its part of the draft's JSON schema."""

    field: str
    action_id: str
    label: str
    hint: str
    optional: bool
    limits: Json

    def input(self, element: Json, *, part: int = 1, of: int = 1, hint: str = "") -> Json:
        """The element under its label; ``block_id`` is the field's name, with “.2” and so on for further parts."""
        first = part == 1
        block = {
            "type": "input",
            "block_id": self.field if first else f"{self.field}.{part}",
            "label": plain(self.label if first else f"{self.label}, part {part} of {of}", 2_000),
            "element": element | {"action_id": self.action_id},
            "optional": self.optional or not first,
        }
        words = " ".join(filter(None, [self.hint if first else "", hint]))
        return block | ({"hint": plain(words, 2_000)} if words else {})


class Widget(ABC):
    """One way to ask. ``missing`` is the sentence for an answer that must be there and is not."""

    missing = "This can’t be empty."

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """The inputs that show ``value``."""
        return [ask.input(self.element(ask, value, offered))]

    def seams(self, ask: Question, value: object) -> list[str]:
        """The white space between the parts of a value that is shown in several inputs."""
        return []

    @abstractmethod
    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The Block Kit element without its ``action_id``."""

    @abstractmethod
    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The answer from the inputs' states; None, "" or [] where there is none."""


@dataclass(frozen=True)
class Text(Widget):
    """Words. A field that may be longer than one input holds is shown in as many inputs as its text needs."""

    multiline: bool = False
    placeholder: str = ""
    type = "plain_text_input"

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """One input, or several parts of at most 3,000 characters and an empty one where the last is nearly full."""
        text = self._shown(value)
        longest = ask.limits.get("maxLength", 0)
        parts, _ = split(text)
        if longest > _INPUT and units(parts[-1]) > _NEARLY_FULL and units(text) < longest:
            parts.append("")
        elements = [self.element(ask, part, offered) for part in parts]
        hints = [""] * len(parts)
        if longest > _INPUT and units(parts[-1]) > _INPUT // 2:
            hints[-1] = "This box holds 3,000 characters; save and edit again to add more."
        return [
            ask.input(element, part=number, of=len(parts), hint=hint)
            for number, (element, hint) in enumerate(zip(elements, hints, strict=True), start=1)
        ]

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """One text input that holds ``value``, which may already be longer than the field allows."""
        text = str(value)
        longest = max(ask.limits.get("maxLength", _INPUT), units(text))
        return {
            "type": self.type,
            "multiline": self.multiline or longest > _INPUT or "\n" in text,
            "max_length": min(longest, _INPUT),
            **({"placeholder": plain(self.placeholder, 150)} if self.placeholder else {}),
            **({"initial_value": text} if text else {}),
        }

    def seams(self, ask: Question, value: object) -> list[str]:
        """The white space at which a long text was cut, so that nothing changes when nobody edits it."""
        return split(self._shown(value))[1]

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The parts as one text; blank counts as nothing, and a single line has no white space around it."""
        text = join([state.get("value") or "" for state in states], seams)
        if not text.strip():
            return ""
        return text if self.multiline or ask.limits.get("maxLength", 0) > _INPUT else text.strip()

    def _shown(self, value: object) -> str:
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Secret(Widget):
    """A key or a password: it is asked for and never shown, neither what is stored nor what was typed."""

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """An empty input, which says whether there is a value already."""
        hint = "One is stored; leave this empty to keep it." if value else ""
        return [ask.input(self.element(ask, value, offered), hint=hint)]

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """One line without anything in it."""
        return {"type": "plain_text_input", "max_length": min(ask.limits.get("maxLength", _INPUT), _INPUT)}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """What was typed, without the white space around it."""
        return (states[0].get("value") or "").strip()


@dataclass(frozen=True)
class Lines(Text):
    """Several short texts, one per line."""

    multiline: bool = True
    missing = "Write at least one line."

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The lines that are not blank, without the white space around them."""
        text = join([state.get("value") or "" for state in states], seams)
        return [line.strip() for line in text.splitlines() if line.strip()]

    def _shown(self, value: object) -> str:
        lines = value if isinstance(value, Iterable) else []
        return "\n".join(" ".join(str(line).split()) for line in lines)


@dataclass(frozen=True)
class Texts(Lines):
    """Several texts, one per line; lines that begin with two spaces go on with the text above them."""

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The texts, each with its further lines."""
        texts: list[str] = []
        blank = 0
        for line in join([state.get("value") or "" for state in states], seams).splitlines():
            if not line.strip():
                blank += 1
                continue
            if texts and line.startswith("  "):
                texts[-1] += "\n" * (blank + 1) + line[2:].rstrip()
            else:
                texts.append(line.strip())
            blank = 0
        return texts

    def _shown(self, value: object) -> str:
        texts = value if isinstance(value, Iterable) else []
        return "\n".join(_continued(str(text)) for text in texts)


@dataclass(frozen=True)
class Number(Widget):
    """A whole or decimal number within the field's bounds."""

    missing = "Give a number."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """A number input; Slack itself keeps the bounds."""
        whole = ask.limits.get("type") == "integer"
        bounds = {"min_value": lowest(ask.limits), "max_value": highest(ask.limits), "initial_value": value}
        return {
            "type": "number_input",
            "is_decimal_allowed": not whole,
            **{key: digits(bound) for key, bound in bounds.items() if bound is not None},
        }

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The digits as typed."""
        return (states[0].get("value") or "").strip()


@dataclass(frozen=True)
class Period(Widget):
    """A stretch of time as people write it, “4 h”; the field keeps it in minutes and reads the words itself."""

    missing = "Write a time such as 30 min or 4 h."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """One line."""
        shown = in_time(value) if isinstance(value, int) else str(value or "")
        return {"type": "plain_text_input", "max_length": 20, **({"initial_value": shown} if shown else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The words as typed."""
        return (states[0].get("value") or "").strip()


@dataclass(frozen=True)
class Checkbox(Widget):
    """Yes or no: a single box with ``label`` beside it."""

    label: str = "Yes"

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The box, ticked or not."""
        box = option(self.label, "yes")
        return {"type": "checkboxes", "options": [box], **({"initial_options": [box]} if value else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """Whether the box is ticked."""
        return bool(states[0].get("selected_options"))


@dataclass(frozen=True)
class Select(Widget):
    """One of the values the field's type lists, as a menu; ``labels`` are the words people see for them."""

    labels: Mapping[str, str] = field(default_factory=dict)
    missing = "Choose one."
    type = "static_select"

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The menu with the current value chosen."""
        options = [option(self.labels.get(str(each), in_words(str(each))), str(each)) for each in _values(ask)]
        initial = next((each for each in options if each["value"] == _as_id(value)), None)
        return {"type": self.type, "options": options, **({"initial_option": initial} if initial else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The value as the field's type has it."""
        chosen = (states[0].get("selected_option") or {}).get("value")
        return next((each for each in _values(ask) if str(each) == chosen), None)


@dataclass(frozen=True)
class Radio(Select):
    """One of at most ten values, all of them visible at once."""

    type = "radio_buttons"


@dataclass(frozen=True)
class Switch(Select):
    """One of the values the field's type lists; the bot hears of it at once, to ask for what goes with it."""

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """The menu, which acts as soon as something is chosen."""
        return [block | {"dispatch_action": True} for block in super().blocks(ask, value, offered)]


@dataclass(frozen=True)
class Time(Widget):
    """A time on the clock; ``zone`` is the IANA name of the time zone that Slack shows beside it."""

    zone: str = ""
    missing = "Choose a time."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The clock with the time, an object with ``hour`` and ``minute`` or a text, chosen."""
        initial = str(value)[:5] if value else ""
        zone = {"timezone": self.zone} if self.zone else {}
        return {"type": "timepicker", **zone, **({"initial_time": initial} if initial else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The time as “09:00”."""
        return states[0].get("selected_time")


@dataclass(frozen=True)
class Date(Widget):
    """A day of the calendar."""

    missing = "Choose a date."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The calendar with the day chosen."""
        return {"type": "datepicker", **({"initial_date": str(value)} if value else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The day as “2026-12-24”."""
        return states[0].get("selected_date")


@dataclass(frozen=True)
class Channel(Widget):
    """A public channel, or a private one of the person, by its id; Slack itself offers them."""

    missing = "Choose a channel."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The menu with the channel chosen."""
        return {
            "type": "conversations_select",
            "filter": {"include": ["public", "private"]},
            **({"initial_conversation": value} if value else {}),
        }

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The id that was chosen."""
        return states[0].get("selected_conversation")


@dataclass(frozen=True)
class Choice(Widget):
    """One of what there is at the moment; ``empty`` is said in the menu's place when there is nothing."""

    empty: str = "Nothing to choose from yet."
    missing = "Choose one."
    type = "static_select"

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """The menu, or the sentence that says why there is none."""
        if not offered:
            return [section(f"*{escape(ask.label)}*\n{escape(self.empty)}", block_id=ask.field)]
        return super().blocks(ask, value, offered)

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The menu; more than a hundred options are shown in groups, as Slack wants them."""
        options = [option(label, str(key)) for key, label in offered or ()]
        return {"type": self.type, **_grouped(options), **self._initial(options, value)}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The id that was chosen, as a string."""
        return (states[0].get("selected_option") or {}).get("value")

    def _initial(self, options: list[Json], value: object) -> Json:
        chosen = [each for each in options if each["value"] == _as_id(value)]
        return {"initial_option": chosen[0]} if chosen else {}


@dataclass(frozen=True)
class Sought(Choice):
    """One of many things, found by typing; what is offered is only the one already chosen, if any.

    A handler of ``app.options`` for the field's action id answers with what there is.
    """

    placeholder: str = "Type to search"

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """The search, which is there even when nothing is chosen."""
        return [ask.input(self.element(ask, value, offered))]

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The search, with what is chosen in it."""
        options = [option(label, str(key)) for key, label in offered or ()]
        search = {"type": "external_select", "min_query_length": 0, "placeholder": plain(self.placeholder, 150)}
        return {**search, **self._initial(options, value)}


@dataclass(frozen=True)
class Suggested(Choice):
    """One of what there is at the moment, or anything else that is written below it; what is written wins.

    ``nothing`` is the option that stands for an empty answer, ``other`` the label of the input below.
    """

    nothing: str = "None"
    other: str = "Another one"

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """The menu and the input, or the input alone where nothing can be offered."""
        text = "" if value is None else str(value)
        # Slack takes no option whose value is longer.
        known = [each for each in offered or () if 0 < units(str(each[0])) <= _OPTION]
        if not known:
            return [ask.input(Text().element(ask, text, None))]
        listed = not text or text in (str(key) for key, _ in known)
        menu = self.element(ask, (text or _NOTHING) if listed else None, [(_NOTHING, self.nothing), *known])
        written = ask.input(Text().element(ask, "" if listed else text, None), part=2, of=2)
        return [ask.input(menu), written | {"label": plain(self.other, 2_000)}]

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """What is written, else what is chosen; ``""`` for nothing."""
        written = next((text for state in states if (text := (state.get("value") or "").strip())), "")
        chosen = next((state["selected_option"]["value"] for state in states if state.get("selected_option")), "")
        return written or (chosen if chosen != _NOTHING else "")


@dataclass(frozen=True)
class Choices(Choice):
    """Any of what there is at the moment."""

    missing = "Choose at least one."
    type = "multi_static_select"

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The ids that were chosen, as strings, in the order of choosing."""
        return [each["value"] for each in states[0].get("selected_options") or ()]

    def _initial(self, options: list[Json], value: object) -> Json:
        by_id = {each["value"]: each for each in options}
        wanted = [_as_id(each) for each in value] if isinstance(value, Iterable) else []
        chosen = [by_id[each] for each in wanted if each in by_id]
        return {"initial_options": chosen} if chosen else {}


@dataclass(frozen=True)
class People(Widget):
    """Any people of the workspace, by their ids; Slack itself offers them."""

    missing = "Choose at least one person."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The menu with those chosen that ``value`` names."""
        chosen = list(value) if isinstance(value, Iterable) else []
        return {"type": "multi_users_select", **({"initial_users": chosen} if chosen else {})}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The ids that were chosen."""
        return list(states[0].get("selected_users") or ())


@dataclass(frozen=True)
class Channels(Widget):
    """Any public channels, and private ones of the person, by their ids; Slack itself offers them."""

    missing = "Choose at least one channel."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The menu with those chosen that ``value`` names."""
        chosen = list(value) if isinstance(value, Iterable) else []
        return {
            "type": "multi_conversations_select",
            "filter": {"include": ["public", "private"]},
            **({"initial_conversations": chosen} if chosen else {}),
        }

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The ids that were chosen."""
        return list(states[0].get("selected_conversations") or ())


@dataclass(frozen=True)
class Attachments(Widget):
    """Files, as Slack's records of them; with ``endings`` only such."""

    endings: tuple[str, ...] = ()

    missing = "Choose at least one file."

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """The place to put files; Slack itself keeps their number and kinds, and a size of 10 MB each."""
        kinds = {"filetypes": list(self.endings)} if self.endings else {}
        return {"type": "file_input", "max_files": min(ask.limits.get("maxItems", 10), 10), **kinds}

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """Slack's records of the files."""
        return list(states[0].get("files") or ())


def written_in(view: Json, field: str) -> str:
    """The block under which to say what is wrong with a field: of ``Suggested`` the lower one if that is filled in."""
    inputs = [each for each in view["blocks"] if each["type"] == "input"]
    parts = [each for each in inputs if f"{each['block_id']}.".startswith(f"{field}.")]
    if [each["element"]["type"] for each in parts] != [Suggested.type, Text.type]:
        return field
    below: str = parts[1]["block_id"]
    typed = [state.get("value") or "" for state in view["state"]["values"].get(below, {}).values()]
    return below if "".join(typed).strip() else field


def inferred(limits: Json) -> Widget:
    """The widget that suits a field's type; ``ValueError`` where the form itself has to say."""
    if "enum" in limits:
        return Select()
    if limits.get("format") == "password":
        return Secret()
    match limits.get("type"), limits.get("items", {}).get("type"):
        case "string", _:
            return Text(multiline=limits.get("maxLength", 0) > _INPUT)
        case "boolean", _:
            return Checkbox()
        case (("integer" | "number"), _):
            return Number()
        case "array", "string":
            return Lines()
    raise ValueError("no widget suits its type; name one in the form")


def split(text: str) -> tuple[list[str], list[str]]:
    """A text in parts of at most 3,000 UTF-16 units, and the white space cut out between them."""
    parts, seams = [], []
    while units(text) > _INPUT:
        at = cut_point(text, _INPUT)
        seam = _SEAM.match(text, at)
        assert seam  # something is left after the cut, so the pattern matches, if only the empty string
        parts.append(text[:at])
        seams.append(seam.group())
        text = text[seam.end() :]
    return [*parts, text], seams


def join(parts: Sequence[str], seams: Sequence[str]) -> str:
    """The parts as one text again; an emptied part goes with its seam, and a new one begins a line."""
    text = ""
    for number, part in enumerate(parts):
        if text and part:
            text += seams[number - 1] if number <= len(seams) else "\n"
        text += part
    return text


def lowest(limits: Json) -> float | None:
    """The smallest number the schema allows, the bound itself where it is exclusive and not whole."""
    if "exclusiveMinimum" in limits:
        return float(limits["exclusiveMinimum"]) + (limits.get("type") == "integer")
    return limits.get("minimum")


def highest(limits: Json) -> float | None:
    """The largest number the schema allows, the bound itself where it is exclusive and not whole."""
    if "exclusiveMaximum" in limits:
        return float(limits["exclusiveMaximum"]) - (limits.get("type") == "integer")
    return limits.get("maximum")


def digits(number: object) -> str:
    """A number without an exponent and without needless zeros, as Slack takes it."""
    text = f"{Decimal(str(number)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def in_time(minutes: int) -> str:
    """Minutes in the largest unit that says them exactly: “30 min”, “4 h”, “2 d”."""
    size, unit = next((size, unit) for size, unit in ((1_440, "d"), (60, "h"), (1, "min")) if not minutes % size)
    return f"{minutes // size} {unit}"


def in_words(name: str) -> str:
    """“expected_output” as people read it: “Expected output”."""
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def _continued(text: str) -> str:
    first, *more = text.strip().splitlines() or [""]
    return "\n".join([first, *(f"  {line}" if line.strip() else "" for line in more)])


def _values(ask: Question) -> Sequence[object]:
    """What the field's type lists; yes and no are two values like any others."""
    return (False, True) if ask.limits.get("type") == "boolean" else ask.limits["enum"]


def _as_id(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _grouped(options: list[Json]) -> Json:
    if len(options) <= 100:
        return {"options": options}
    groups = [options[start : start + 100] for start in range(0, len(options), 100)]
    return {"option_groups": [{"label": plain(_span(group), 75), "options": group} for group in groups]}


def _span(group: list[Json]) -> str:
    return f"{group[0]['text']['text'][:35]} – {group[-1]['text']['text'][:35]}"
