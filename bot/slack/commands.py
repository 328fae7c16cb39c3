"""One slash command with subcommands: parsing as in a shell, one Bolt listener for each word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import fuzz, process
from slack_bolt import App, BoltContext

Handler = Callable[..., Any]

# The quotes that phones and word processors type in place of the plain ones count as the same quote.
_DOUBLE = '"“”„«»'
_SINGLE = "'‘’"
# “Did you mean …?” names at most so many.
_CLOSE = 3
# A button with this before a subcommand's name does what the subcommand does; its value is what would be typed after.
BUTTON = "do."
_KEY = re.compile(r"[^\W\d][\w.-]*=")


@dataclass(frozen=True)
class Words:
    """A command as typed: ``/crew run "Market research" topic="two words"``.

    ``rest`` is everything after the subcommand as it was typed (without quotes around the whole of it), ``args`` the
    words that are not ``key=value``, ``inputs`` those that are. A bare command asks for help.
    """

    subcommand: str = "help"
    rest: str = ""
    args: list[str] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    trigger_id: str = ""
    channel: str = ""

    @property
    def name(self) -> str:
        """The words that are not inputs, as one name: people need not quote “Market research”."""
        return " ".join(self.args)

    @classmethod
    def parse(cls, text: str, **about: str) -> Words:
        """Any text yields words: a quote that is never closed ends with the text, an apostrophe is an apostrophe."""
        first, rest = [*_unescaped(text).strip().split(maxsplit=1), "", ""][:2]
        tokens = list(_tokens(rest))
        args = [token.text for token in tokens if token.key is None]
        inputs = {token.key: token.text for token in tokens if token.key is not None}
        if len(tokens) == 1 and args:
            rest = args[0]
        return cls(subcommand=first.casefold() or "help", rest=rest, args=args, inputs=inputs, **about)

    @classmethod
    def pressed(cls, body: Mapping[str, Any], place: str | None) -> Words | None:
        """The words that a button stands for; None for every other button."""
        action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
        name = str(action.get("action_id", ""))
        if not name.startswith(BUTTON):
            return None
        text = f"{name.removeprefix(BUTTON)} {action.get('value') or ''}"
        return cls.parse(text, trigger_id=body.get("trigger_id", ""), channel=place or "")

    @classmethod
    def of(cls, command: Mapping[str, str]) -> Words:
        """The words of Slack's slash command payload."""
        return cls.parse(
            command.get("text") or "",
            trigger_id=command.get("trigger_id", ""),
            channel=command.get("channel_id", ""),
        )


@dataclass(frozen=True)
class Subcommand:
    """What help says about a subcommand."""

    name: str
    example: str
    summary: str
    admins_only: bool = False


class Commands:
    """The subcommands of one slash command; handlers get Bolt's usual arguments and ``words: Words``."""

    def __init__(self, app: App, command: str) -> None:
        """Collect the subcommands of ``command``, for example "/crew"."""
        self.command = command
        self._app = app
        self._shown: list[Subcommand] = []
        self._names: list[str] = []
        self._complete = False

    def add(
        self,
        name: str,
        handler: Handler,
        *,
        example: str = "",
        summary: str = "",
        hidden: bool = False,
        admins_only: bool = False,
    ) -> None:
        """Let ``handler`` answer ``/crew name …``; a hidden one works but help does not mention it.

        One for administrators only is mentioned to them alone; to refuse others is the handler's part.
        """
        if self._complete or name in self._names:
            raise ValueError(f"{self.command} {name} would never be reached")

        def named(context: BoltContext, command: Mapping[str, str]) -> bool:
            return _words(context, command).subcommand == name

        self._names.append(name)
        if not hidden:
            self._shown.append(Subcommand(name, example or f"{self.command} {name}", summary, admins_only))
        self._app.command(self.command, matchers=[named])(handler)
        self._app.action(f"{BUTTON}{name}")(handler)

    def __contains__(self, name: str) -> bool:
        """Whether there is such a subcommand."""
        return name in self._names

    def register_unknown(self, handler: Handler) -> None:
        """Let ``handler`` answer every other word; nothing can be added after it."""

        def unknown(context: BoltContext, command: Mapping[str, str]) -> bool:
            return _words(context, command).subcommand not in self._names

        self._complete = True
        self._app.command(self.command, matchers=[unknown])(handler)

    def listing(self, *, admin: bool = False) -> list[Subcommand]:
        """What help shows to an administrator or to others, in the order of adding."""
        return [shown for shown in self._shown if admin or not shown.admins_only]

    def closest(self, word: str, *, admin: bool = False) -> list[str]:
        """The subcommands that ``word`` may have meant, the likeliest first; empty when none comes near."""
        names = [shown.name for shown in self.listing(admin=admin)]
        found = process.extract(word.casefold(), names, scorer=fuzz.ratio, limit=_CLOSE, score_cutoff=60)
        begun = [name for name in names if word and name.startswith(word.casefold())]
        return list(dict.fromkeys([*begun, *(name for name, *_ in found)]))[:_CLOSE]


@dataclass(frozen=True)
class _Token:
    text: str
    key: str | None = None


def _words(context: BoltContext, command: Mapping[str, str]) -> Words:
    """Parsed once per request; Bolt hands what is in its context to the handlers by name."""
    words: Words | None = context.get("words")
    if words is None:
        words = context["words"] = Words.of(command)
    return words


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        key = _KEY.match(text, at)
        at = key.end() if key else at
        word, at = _word(text, at)
        yield _Token(word, key.group()[:-1] if key else None)


def _word(text: str, at: int) -> tuple[str, int]:
    """The word that begins at ``at``, and where it ends."""
    quotes = next((kind for kind in (_DOUBLE, _SINGLE) if at < len(text) and text[at] in kind), "")
    if quotes and (end := _closing(text, at + 1, quotes)) is not None:
        return re.sub(rf"\\([\\{quotes}])", r"\1", text[at + 1 : end]), end + 1
    if quotes == _DOUBLE:
        return text[at + 1 :].rstrip(), len(text)
    end = next((index for index in range(at, len(text)) if text[index].isspace()), len(text))
    return text[at:end], end


def _closing(text: str, start: int, quotes: str) -> int | None:
    """Where a quote ends: at one of its kind with nothing but white space after it, so that Ana's is one word."""
    for index in range(start, len(text)):
        last = index + 1 == len(text) or text[index + 1].isspace()
        if text[index] in quotes and last and text[index - 1] != "\\":
            return index
    return None
