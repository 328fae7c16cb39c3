"""What somebody wants who writes to the bot in words of their own: a few plain rules, no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeVar

from bot.slack.commands import Words
from bot.slack.pickers import pick

T = TypeVar("T")


class Wants(Enum):
    """What is asked for."""

    RUN = auto()
    AGAIN = auto()
    RETRY = auto()
    STOP = auto()
    SHOW = auto()
    LIST = auto()
    CREATE = auto()
    IMPORT = auto()
    RUNNING = auto()
    WAITING = auto()
    RUNS = auto()
    SCHEDULES = auto()
    HELP = auto()
    THANKS = auto()
    SOMETHING = auto()


@dataclass(frozen=True)
class Wish:
    """What is asked for, and the words that say of what; where nothing was recognised, all but what is polite."""

    wants: Wants
    words: str = ""


@dataclass(frozen=True)
class Meant:
    """Which crew was named, and what was said after its name.

    ``found`` is its id and name, or None; then ``close`` are those that may have been meant. ``about`` are the words
    after the name; ``certain`` says that a word such as “about” set them apart. ``inputs`` were written as key=value.
    ``name`` is the name as it was written.
    """

    found: tuple[int, str] | None = None
    close: list[tuple[int, str]] = field(default_factory=list)
    about: str = ""
    certain: bool = False
    inputs: dict[str, str] = field(default_factory=dict)
    name: str = ""


_POLITE = r"(?:(?:please|pls|hi|hey|hello|ok|okay)[,!]?\s+)*(?:(?:can|could|would|will) you (?:please )?)?"
# The first that fits; what it captures are the words that matter.
_RULES: tuple[tuple[Wants, str], ...] = (
    (Wants.AGAIN, r"(?:re-?run|(?:run|do|try)(?: it| this| that)? (?:again|once more)|again)"),
    (Wants.RETRY, r"re-?try(?: it| this| that| the run| from where it failed)?"),
    (Wants.WAITING, r".*\b(?:wait(?:s|ing)? for me|needs? me|my reviews|my approvals|to approve|to review)\b.*"),
    (Wants.RUNNING, r"(?:.*\b(?:is|are|what(?:’|')s)\b.*\b(?:running|going on|in progress)\b.*|status|what now)"),
    (Wants.RUNNING, r"(?:running|anything running|what runs(?: now)?)"),
    (Wants.SCHEDULES, r"(?:(?:show|list|what are)\b.*\bschedules\b.*|schedules|what(?: is|(?:’|')s) scheduled)"),
    (
        Wants.RUNS,
        r"(?:(?:show|list)\b.*\b(?:last|recent|my|the) runs\b.*|runs|history|(?:last|recent) runs|what ran\b.*)",
    ),
    (Wants.LIST, r"(?:list|crews|flows|(?:show|list)(?: me)?(?: all| my| our| the)* (?:crews|flows)\b.*)"),
    (Wants.LIST, r"(?:what|which) (?:crews|flows)\b.*"),
    (Wants.HELP, r"(?:help(?: me)?|hi|hello|hey|commands|who are you|what is this)"),
    (Wants.HELP, r"(?:how (?:do|does|can)\b.*|what (?:can|do) you\b.*)"),
    (
        Wants.THANKS,
        r"(?:(?:thanks|thank you|thx|cheers|a lot|so much|very much|great|perfect|nice|cool|okay|ok|👍|🙏)[\s,!.]*)+",
    ),
    (
        Wants.CREATE,
        r"(?:(?:create|make|build)(?: me)?(?: a| an| another)?(?: new)?|new) (?:crew|flow)(?: called| named)?\b(.*)",
    ),
    (Wants.IMPORT, r"import\b.*"),
    (Wants.STOP, r"(?:stop|cancel|abort)\b(.*)"),
    (Wants.RUN, r"(?:run|start|launch|execute|kick off)\b(.*)"),
    (Wants.SHOW, r"(?:show|open|edit|describe|tell me about|what is|what does)\b(?: me)?(.+?)(?: do)?"),
)
# What may stand between the name of a crew and what it is to work on.
_APART = frozenset({"about", "on", "for", "with", "regarding", "concerning", "over", "using", "of", "–", "—", "-", ":"})
_SORTS = frozenset({"crew", "flow"})
_IT = frozenset({"", "it", "this", "that", "this run", "the run"})


def understand(text: str) -> Wish:
    """What somebody who wrote ``text`` wants. Any text has an answer: ``SOMETHING`` where no rule fits."""
    said = " ".join(text.split())
    plain = re.sub(rf"^{_POLITE}(?=\w)", "", said, flags=re.IGNORECASE) or said
    for wants, rule in _RULES:
        if found := re.fullmatch(rf"{rule}[\s?!.]*", plain, flags=re.IGNORECASE):
            words = (found[1] if found.re.groups else "").strip()
            return Wish(wants, "" if wants is Wants.STOP and words.casefold() in _IT else words)
    return Wish(Wants.SOMETHING, plain)


def meant(text: str, crews: Sequence[tuple[int, str]]) -> Meant:
    """Which of ``crews`` (id, name) the text begins with, as in “market research about solid-state batteries”.

    The whole of a name wins over a beginning of one; a beginning counts only where the name visibly ends.
    """
    words = Words.parse(f"run {text}")
    said = words.args[1:] if words.args[:1] == ["the"] else words.args
    for exactly in (True, False):
        for length in range(len(said), 0, -1):
            if found := _named(said, length, crews, exactly=exactly):
                about, certain = _about(said, length)
                return Meant(found=found, about=about, certain=certain, inputs=words.inputs, name=found[1])
    ends = next((at for at, word in enumerate(said) if at and _apart(word)), len(said))
    name = " ".join(said[:ends]).rstrip(":,?!. ")
    close = pick(name, crews).close if name else []
    return Meant(close=close, about=_about(said, ends)[0], inputs=words.inputs, name=name)


def _named(
    said: Sequence[str], length: int, crews: Sequence[tuple[int, str]], *, exactly: bool
) -> tuple[int, str] | None:
    """The crew that the first ``length`` words name."""
    name = " ".join(said[:length]).rstrip(":,?!. ")
    found = pick(name, crews).found if name else None
    if found is None:
        return None
    if exactly:
        return found if _alike(name, found[1]) else None
    after = said[length] if length < len(said) else ""
    return found if not after or _apart(after) or after.casefold() in _SORTS or said[length - 1].endswith(":") else None


def _alike(one: str, other: str) -> bool:
    return " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _about(said: Sequence[str], length: int) -> tuple[str, bool]:
    """What comes after the name, and whether something sets it apart."""
    certain = length > 0 and said[length - 1].endswith(":")
    rest = list(said[length:])
    if rest and rest[0].casefold().rstrip(":") in _SORTS:
        certain = certain or rest[0].endswith(":")
        rest = rest[1:]
    if rest and _apart(rest[0]):
        rest, certain = rest[1:], True
    return " ".join(rest).strip(), certain and bool(rest)


def _apart(word: str) -> bool:
    return word.casefold() in _APART
