"""Rules as rows: what is looked at, how, with which value, and the outcome; or an expression in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.errors import FormRefused, UserError
from bot.services.comparisons import COMPARISONS, Comparison, as_comparison, as_expression
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import fit, units
from bot.slack.widgets import Offered, Question, Widget

# A window has room for so many; further rules are lines of text.
_MOST_ROWS = 12
_NONE = "-"
_ARROW = "=>"


class RuleRows(Widget):
    """A list of rules, each ``when`` an expression in CEL and an ``outcome``; five inputs for each, and an empty one.

    What there is to look at is offered as “type|expression”.
    """

    def blocks(self, ask: Question, value: object, offered: Offered | None) -> list[Json]:
        """A row for each rule and one more, then further rules as text."""
        rules = [_rule(each) for each in value] if isinstance(value, Sequence) else []
        rows = [*rules[:_MOST_ROWS], *([{"when": "", "outcome": ""}] if len(rules) < _MOST_ROWS else [])]
        inputs = [part for number, rule in enumerate(rows, 1) for part in _row(number, rule, offered or ())]
        if further := rules[_MOST_ROWS:]:
            lines = "\n".join(f"{rule['when']} {_ARROW} {rule['outcome']}" for rule in further)
            inputs.append(("Further rules", {**_text(lines, 3_000), "multiline": True}, f"Expression {_ARROW} outcome"))
        return [_input(ask, number, *part) for number, part in enumerate(inputs, 1)]

    def element(self, ask: Question, value: object, offered: Offered | None) -> Json:
        """Never shown alone."""
        raise NotImplementedError

    def read(self, ask: Question, states: Sequence[Json], seams: Sequence[str]) -> object:
        """The rules that are filled in; raises ``FormRefused`` for one that is so by half."""
        rows = len(states) // 5 * 5
        try:
            rules = [rule for at in range(0, rows, 5) if (rule := _read(states[at : at + 5]))]
            return [*rules, *(rule for state in states[rows:] for rule in _lines(state.get("value") or ""))]
        except UserError as error:
            raise FormRefused(fields={ask.field: error.sentence}) from error


class HalfARule(UserError):
    """“{outcome}” needs something that is compared, or an expression; or leave the rule out."""


class NoOutcome(UserError):
    """The rule “{when}” needs an outcome."""


def _rule(each: Any) -> dict[str, str]:
    return dict(each) if isinstance(each, Mapping) else {"when": each.when, "outcome": each.outcome}


def _row(number: int, rule: Mapping[str, str], offered: Offered) -> Iterator[tuple[str, Json, str]]:
    """The five inputs of a rule: label, element, hint."""
    known = as_comparison(rule["when"])
    options = [(key, label) for key, label in offered if units(str(key)) <= 75]
    path = next((key for key, _ in options if known and str(key).partition("|")[2] == known.path), None)
    shown = known if path is not None else None
    name = f"Rule {number}"
    yield f"{name}: if", _select([(_NONE, "Leave this rule out"), *options], path if shown else _NONE), ""
    said = [(each, each) for each in COMPARISONS]
    yield f"{name}: comparison", _select(said, shown.said if shown else COMPARISONS[0]), ""
    yield f"{name}: value", _text(shown.value if shown else "", 500), ""
    expression = "" if shown else rule["when"]
    hint = f"As an expression: {rule['when']}" if shown else "In CEL, in place of the comparison."
    yield f"{name}: or an expression", _text(expression, 2_000), fit(hint, 300)
    yield f"{name}: outcome", _text(rule["outcome"], 40), ""


def _read(row: Sequence[Json]) -> dict[str, str] | None:
    path, said = ((each.get("selected_option") or {}).get("value") or _NONE for each in row[:2])
    value, expression, outcome = ((each.get("value") or "").strip() for each in row[2:])
    if not expression and path == _NONE:
        if outcome:
            raise HalfARule(outcome=outcome)
        return None
    of_type, _, looked_at = path.partition("|")
    compared = Comparison(looked_at, said if said in COMPARISONS else COMPARISONS[0], value)
    when = expression or as_expression(compared, of_type)
    if not outcome:
        raise NoOutcome(when=when)
    return {"when": when, "outcome": outcome}


def _lines(text: str) -> Iterator[dict[str, str]]:
    for line in filter(None, map(str.strip, text.splitlines())):
        when, arrow, outcome = line.rpartition(_ARROW)
        if not arrow or not outcome.strip():
            raise NoOutcome(when=line)
        yield {"when": when.strip(), "outcome": outcome.strip()}


def _input(ask: Question, number: int, label: str, element: Json, hint: str) -> Json:
    shown = ask.input(element, part=number, of=number, hint=hint)
    return shown | {"label": blocks.plain(label, 2_000), "optional": True}


def _select(options: Sequence[tuple[str | int, str]], chosen: object) -> Json:
    shown = [blocks.option(label, str(key)) for key, label in options[:100]]
    initial = [each for each in shown if each["value"] == str(chosen)]
    return {"type": "static_select", "options": shown, **({"initial_option": initial[0]} if initial else {})}


def _text(text: str, longest: int) -> Json:
    return {
        "type": "plain_text_input",
        "max_length": max(longest, min(units(text), 3_000)),
        **({"initial_value": text} if text else {}),
    }
