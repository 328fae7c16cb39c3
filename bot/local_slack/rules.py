"""What a value inside a Block Kit payload must look like: small checks that say where it is wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """One thing Slack would refuse: where (a JSON pointer), why, and the error code it answers with."""

    pointer: str
    message: str
    error: str = "invalid_blocks"


@dataclass
class Report:
    """The problems found so far in one payload for ``surface``, and what is counted across it."""

    surface: str
    problems: list[Problem] = field(default_factory=list)
    block_ids: Counter[str] = field(default_factory=Counter)
    focused: int = 0

    def say(self, pointer: str, message: str, error: str = "invalid_blocks") -> None:
        self.problems.append(Problem(pointer, message, error))


Check = Callable[[Any, str, Report], None]
Rule = Callable[[Json, str, Report], None]


def string(most: int, least: int = 1, pattern: str | None = None) -> Check:
    """A string of ``least`` to ``most`` characters, wholly matching ``pattern`` if there is one."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, str):
            report.say(at, "must be a string")
        elif len(value) < least:
            report.say(at, f"must be more than {least - 1} characters")
        elif len(value) > most:
            report.say(at, f"must be less than {most + 1} characters")
        elif pattern and not re.fullmatch(pattern, value):
            report.say(at, f"must match {pattern}")

    return check


def one_of(*allowed: str) -> Check:
    """One of a few fixed words."""

    def check(value: Any, at: str, report: Report) -> None:
        if value not in allowed:
            report.say(at, f"must be one of: {', '.join(allowed)}")

    return check


def flag(value: Any, at: str, report: Report) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.say(at, "must be a boolean")


def focus(value: Any, at: str, report: Report) -> None:
    """``focus_on_load``: true for at most one element of a view."""
    flag(value, at, report)
    report.focused += value is True


def anything(value: Any, at: str, report: Report) -> None:
    """A value Slack does not look into."""


def whole(least: int, most: int | None = None) -> Check:
    """A whole number from ``least`` to ``most``."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            report.say(at, "must be an integer")
        elif value < least or (most is not None and value > most):
            report.say(at, f"must be at least {least}" + (f" and at most {most}" if most is not None else ""))

    return check


def number(value: Any, at: str, report: Report) -> None:
    """Any number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        report.say(at, "must be a number")


def many(check_one: Check, least: int, most: int) -> Check:
    """A list of ``least`` to ``most`` items, each as ``check_one`` wants it."""

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, list):
            report.say(at, "must be an array")
            return
        if len(value) < least:
            report.say(at, f"no less than {least} items allowed")
        if len(value) > most:
            report.say(at, f"no more than {most} items allowed")
        for index, item in enumerate(value):
            check_one(item, f"{at}/{index}", report)

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check], *rules: Rule) -> Check:
    """An object with these keys and no others; ``rules`` look at the whole once its keys are right."""
    known = {**required, **optional}

    def check(value: Any, at: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.say(at, "must be an object")
            return
        before = len(report.problems)
        for key in required:
            if key not in value:
                report.say(at, f"missing required field: {key}")
        for key, part in value.items():
            if key in known:
                known[key](part, f"{at}/{key}", report)
            else:
                report.say(at, f"invalid additional property: {key}")
        if len(report.problems) == before:
            for rule in rules:
                rule(value, at, report)

    return check


def typed(shapes: Mapping[str, Check], allowed: Collection[str], where: str = "here") -> Check:
    """An object whose ``type`` says which of ``shapes`` it must have; only ``allowed`` types may stand here."""

    def check(value: Any, at: str, report: Report) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in shapes:
            report.say(at, f"unsupported type: {kind}")
        elif kind not in allowed:
            report.say(at, f"{kind} is not supported {where}")
        else:
            shapes[kind]({key: part for key, part in value.items() if key != "type"}, at, report)

    return check


def text_object(most: int, *kinds: str) -> Check:
    """A text object of 1 to ``most`` characters; plain_text and mrkdwn unless ``kinds`` says otherwise."""
    shapes = {
        "plain_text": shape({"text": string(most)}, {"emoji": flag}),
        "mrkdwn": shape({"text": string(most)}, {"verbatim": flag}),
    }
    return typed(shapes, kinds or tuple(shapes), where="as text here")


def plain(most: int) -> Check:
    """A plain_text object of 1 to ``most`` characters."""
    return text_object(most, "plain_text")


def exactly_one(*keys: str) -> Rule:
    """Exactly one of ``keys`` is given."""

    def rule(value: Json, at: str, report: Report) -> None:
        if sum(key in value for key in keys) != 1:
            report.say(at, f"exactly one of {', '.join(keys)} must be given")

    return rule


def at_least_one(*keys: str) -> Rule:
    """At least one of ``keys`` is given."""

    def rule(value: Json, at: str, report: Report) -> None:
        if not any(value.get(key) for key in keys):
            report.say(at, f"one of {', '.join(keys)} must be given")

    return rule


def in_order(low: str, high: str) -> Rule:
    """The number under ``low`` is not above the one under ``high``."""

    def rule(value: Json, at: str, report: Report) -> None:
        if low in value and high in value and float(value[low]) > float(value[high]):
            report.say(at, f"{low} must not be above {high}")

    return rule
