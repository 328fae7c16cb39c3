"""Words in braces, like ``{topic}``: finding them, filling them in, and noticing the misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from bot.errors import UserError

if TYPE_CHECKING:
    from store.definitions import Definition

# What CrewAI itself takes for a placeholder (crewai.utilities.string_utils), so that an exported crew asks the same.
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_\-]*)\}")

# A few words in one pair of braces, with at least one letter: somebody meant a placeholder. JSON, sets and code have
# quotes, colons, commas, brackets or line ends in theirs.
_WORDS_IN_BRACES = re.compile(r"\{[ \t]*(?=[^{}]*[^\W\d_])[\w\-./’']+(?:[ \t]+[\w\-./’']+){0,5}[ \t]*\}")
_QUOTED = re.compile(r"\{[ \t]*'")
_UNCLOSED = re.compile(r"\{[A-Za-z_][\w\-]*(?=[ \t.!?]*$)", re.MULTILINE)


class MissingInput(UserError):
    """The input “{name}” is missing. Run it again and fill it in."""


def names(texts: Iterable[str]) -> list[str]:
    """The placeholders in the texts, each once, in the order in which they first appear."""
    return list(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def fill(text: str, values: Mapping[str, object]) -> str:
    """Put the values in, in one pass: braces inside a value stay as they are. Raises ``MissingInput``."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise MissingInput(name=match[1])
        return str(values[match[1]])

    return PLACEHOLDER.sub(value, text)


def needed(definition: Definition) -> list[str]:
    """The inputs a run needs: every placeholder in its tasks, then those in its agents."""
    return names(_texts(definition))


def malformed(text: str) -> list[str]:
    """What looks like a placeholder but is none (``{my topic}``, ``{1st}``, an unclosed ``{topic``), as written."""
    found = [(match.start(), match[0]) for match in _WORDS_IN_BRACES.finditer(text) if _misspelt(match[0])]
    found += [(match.start(), match[0]) for match in _UNCLOSED.finditer(text)]
    return list(dict.fromkeys(written for _, written in sorted(found)))


def _misspelt(written: str) -> bool:
    return not PLACEHOLDER.fullmatch(written) and not _QUOTED.match(written)


def _texts(definition: Definition) -> Iterator[str]:
    for task in definition.tasks:
        yield from (task.description, task.expected_output, task.settings.guardrail)
    for agent in definition.agents:
        yield from (agent.role, *agent.goals, agent.backstory)
