"""Starting runs from a door: at once, or after their files have been fetched and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.documents import Document
from bot.services import Actor
from bot.services.runs import Runs
from bot.slack.blocks import Json
from bot.slack.gate import Gate
from bot.slack.later import Later
from bot.slack.people import direct_channel
from bot.slack.said import Said
from bot.slack.shared_files import SharedFiles
from bot.slack.text import fit
from handlers.run_form import LONGEST, Asked, Source

# How long a message may take to be posted, in seconds.
_PATIENCE = 60.0
_MESSAGE = "message.txt"


@dataclass(frozen=True)
class Starter:
    """Starts runs for handlers, which must not wait for files."""

    runs: Runs
    files: SharedFiles
    later: Later
    gate: Gate
    client: WebClient

    def __call__(
        self, crew_id: int, inputs: Mapping[str, str], *, said: Said, into: str, by: Actor, tell: Callable[[str], None]
    ) -> None:
        """Start the run that somebody wrote for, where they wrote; the text of their files goes into ``into``.

        Refusals that are known at once are raised, what comes later is said through ``tell``.
        """
        self._start(crew_id, inputs, said.files, into, by=by, channel=said.channel, tell=tell, thread_ts=said.thread_ts)

    def answered(self, answers: Asked, *, by: Actor, channel: str, tell: Callable[[str], None]) -> None:
        """Start the run that a form was answered for, in ``channel`` or where the message is that it is about."""
        if answers.source is None:
            where = {"channel": channel, "thread_ts": answers.thread}
            self._start(answers.crew, answers.inputs, answers.files, answers.into, by=by, tell=tell, **where)
        else:
            self.later.behind(tell, partial(self._run_on_message, answers, answers.source, by, tell))

    def _start(self, crew_id: int, inputs: Mapping[str, str], files: Sequence[Json], into: str, **how: Any) -> None:
        start = partial(self.runs.start, crew_id, **how)
        if not files:
            start(inputs=dict(inputs))
            return
        self.files.check(files)
        self.later.behind(how["tell"], lambda: self._read_and_start(start, inputs, files, into))

    def _run_on_message(self, answers: Asked, message: Source, by: Actor, tell: Callable[[str], None]) -> None:
        channel, thread_ts = self._beside(message, by)
        start = partial(
            self.runs.start,
            answers.crew,
            by=by,
            channel=channel,
            tell=tell,
            source="shortcut",
            thread_ts=thread_ts,
        )
        # A crew that asks for nothing can only read the message like a file.
        text = message.text if not answers.inputs else ""
        notes = [Document(_MESSAGE, "text", text.encode(), text)] if text else []
        files = [{"id": file} for file in message.files]
        self._read_and_start(start, answers.inputs, files, answers.into, notes)

    def _read_and_start(
        self,
        start: Callable[..., object],
        inputs: Mapping[str, str],
        files: Sequence[Json],
        into: str,
        notes: Sequence[Document] = (),
    ) -> None:
        found = self.files.documents(files)
        filled = dict(inputs)
        if into:
            filled[into] = fit("\n\n".join(filter(None, [inputs.get(into, ""), *map(_as_input, found)])), LONGEST)
        start(inputs=filled, files=[*notes, *found])

    def _beside(self, message: Source, by: Actor) -> tuple[str, str]:
        """The thread of the message; where the bot is not, one that it begins with the person and a link to it."""
        if self._is_there(message.channel):
            return message.channel, message.thread_ts
        channel = direct_channel(self.client, by.user)
        posted = self.gate.post(channel, self._link_to(message), team=by.team)
        return channel, posted.result(timeout=_PATIENCE)

    def _is_there(self, channel: str) -> bool:
        try:
            found: Json = self.client.conversations_info(channel=channel)["channel"]
        except SlackApiError:
            return False
        return bool(found.get("is_member") or found.get("is_im"))

    def _link_to(self, message: Source) -> str:
        try:
            link = self.client.chat_getPermalink(channel=message.channel, message_ts=message.ts)["permalink"]
        except SlackApiError:
            return "You asked for a run on a message in a conversation that I am not in."
        return f"You asked for a run on this message: {link}"


def _as_input(document: Document) -> str:
    """What stands in an input for a file."""
    return document.text if document.text else f"(The picture {document.name})"
