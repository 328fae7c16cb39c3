"""YAML and JSON with comments, read as plain data: no objects, no bombs, and a mend for what is broken."""

from __future__ import annotations

import json
import re
from typing import Any

import json5
import yaml

from bot.projects.bundle import ProjectRefused

_MOST_NODES = 200_000
_DEEPEST = 40
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BEGINS_WITH_BRACE = re.compile(r"^\s*(- )?[\w\"'-]+:\s*[{\[@`%]")
_TWO_COLONS = re.compile(r"^\s*(- )?[\w\"'-]+:\s+[^\"'|>#].*:(\s|$)")
# JSON5's own parser takes minutes for what no person writes by hand.
_LONGEST_JSON5 = 200_000


def read_yaml(text: str, path: str) -> Any:
    """The data of one YAML document; raise ``ProjectRefused`` with file, line and the mend."""
    try:
        _refuse_bomb(text, path)
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is one of the two safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ProjectRefused(reason=f"{path}, line {line} is not YAML: {error.problem}. {_mend(text, line)}") from None
    except yaml.YAMLError as error:
        said = str(error).partition("\n")[0]
        raise ProjectRefused(reason=f"{path} is not YAML: {said}. Save it as plain text in UTF-8.") from None
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        said = str(error).partition("\n")[0]
        raise ProjectRefused(reason=f"{path} holds what cannot be read ({said}). Put it in quotes.") from None


def read_json(text: str, path: str) -> Any:
    """The data of JSON, with comments and trailing commas if it has them; raise ``ProjectRefused``."""
    try:
        plain = _without_comments(text)
        return json.loads(plain)
    except RecursionError:
        raise ProjectRefused(reason=f"{path} is nested too deeply.") from None
    except ValueError as error:
        if len(text) <= _LONGEST_JSON5:
            try:
                return json5.loads(text, allow_duplicate_keys=True)
            except (ValueError, RecursionError, TypeError, AttributeError):
                pass
        line = getattr(error, "lineno", 1)
        mend = "Look for a missing comma, quote or bracket there or just above."
        raise ProjectRefused(reason=f"{path}, line {line} is not JSON: {error}. {mend}") from None


def _refuse_bomb(text: str, path: str) -> None:
    """Refuse what is nested without end or grows when its aliases are filled in; nothing is built before."""
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    nodes = 0

    def add(count: int) -> None:
        nonlocal nodes
        nodes += count
        if nodes > _MOST_NODES:
            raise ProjectRefused(reason=f"{path} unfolds to more than any project holds. Write it out without aliases.")

    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            # An alias to what is not closed yet leads back into itself.
            add(sizes.get(event.anchor or "", _MOST_NODES + 1))
        elif isinstance(event, yaml.ScalarEvent):
            add(1)
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            add(1)
            open_.append((event.anchor, nodes))
            if len(open_) > _DEEPEST:
                raise ProjectRefused(reason=f"{path}, line {_line(event)} is nested more than {_DEEPEST} levels deep.")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            if anchor:
                sizes[anchor] = nodes - before + 1


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _mend(text: str, line: int) -> str:
    lines = text.splitlines()
    near = [lines[at] for at in (line - 1, line - 2) if 0 <= at < len(lines)]
    if any("\t" in each[: len(each) - len(each.lstrip())] for each in near):
        return "Indent with spaces, not with tabs."
    if any(_BEGINS_WITH_BRACE.match(each) for each in near):
        return "Put a text that begins with a bracket or brace in quotes."
    if any(_TWO_COLONS.match(each) for each in near):
        return "Put a text with a colon in it in quotes, or write it below after a “>”."
    if any(each.count('"') % 2 or each.count("'") % 2 for each in near):
        return "Close the quote that was opened there."
    return "Look at the indentation and quotes there and in the line above."


def _without_comments(text: str) -> str:
    """JSON without // and /* */ and without commas before a closing bracket; texts stay as they are."""
    parts: list[str] = []
    at = 0
    for match in re.finditer(
        r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', text, re.DOTALL
    ):
        parts.append(text[at : match.start()])
        if match[0].startswith('"'):
            parts.append(match[0])
        elif match[0] != ",":
            # A comment's line ends stay, so that faults are told at their lines.
            parts.append("\n" * match[0].count("\n"))
        at = match.end()
    return "".join([*parts, text[at:]])
