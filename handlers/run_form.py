"""The form that asks for a run's inputs: a question for each placeholder, and files; or for a flow's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, create_model

from bot.documents import ENDINGS, LIMITS, MOST_FILES
from bot.errors import FormRefused
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.forms import Attachments, Choice, Form, Text
from bot.slack.text import escape, fit
from handlers.state_form import ask_state, asked_state, refuse_many
from store.crews import CrewInstance

RUN = "run.start"
LONGEST = 30_000
# What “The files’ text goes into” offers first, and what stands for a message that a run is about.
_NOWHERE = ("-", "Nothing: agents read the files themselves")
_MESSAGE = "message."
_PART = 3_000


@dataclass(frozen=True)
class Source:
    """The message that a run is about: where it is, what it says, and Slack's ids of its files."""

    channel: str
    ts: str
    thread_ts: str
    text: str
    files: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What a form was answered with; ``into`` is the input that takes the text of the files, if one does."""

    crew: int
    inputs: dict[str, Any]
    files: list[Json] = field(default_factory=list)
    into: str = ""
    source: Source | None = None
    # The thread that the run is told about in, where it gets none of its own.
    thread: str | None = None


def ask_inputs(
    crew: CrewInstance,
    names: Sequence[str],
    known: Mapping[str, Any],
    *,
    place: str | None,
    source: Source | None = None,
    thread: str | None = None,
) -> Json:
    """The form for these placeholders, or for the state of a flow, filled with what is already known.

    With a ``source`` its message becomes an input: the only one at once, of several the one that is chosen. With a
    ``thread`` the run is told about there. Raises ``TooManyInputs``.
    """
    if crew.is_flow:
        return ask_state(crew, known, place=place, thread=thread, action=RUN)
    refuse_many(crew.name, names)
    meta: dict[str, object] = {"crew": crew.id, "inputs": list(names), "place": place, "thread": thread}
    values: dict[str, object] = {_field(number): known.get(name, "") for number, name in enumerate(names)}
    if source:
        meta |= carrying(source)
        if len(names) == 1:
            values[_field(0)] = fit(source.text, LONGEST)
    values["into"] = _field(0) if source and names and not (source.text and len(names) == 1) else _NOWHERE[0]
    offered = [_NOWHERE, *((_field(number), name) for number, name in enumerate(names))]
    notice = _notice(crew, names, source)
    if source and not names:
        view = blocks.modal("Run", [blocks.section(escape(notice))], callback_id=RUN, submit="Run", meta=meta)
    else:
        view = _form(names, source).view(values, meta=meta, notice=notice, options={"into": offered})
    if source and source.text and len(names) != 1:
        view["blocks"] += [blocks.divider(), blocks.context("The message:"), *message_rows(source)]
    return view


def asked(view: Json) -> Asked:
    """The answers; raise ``FormRefused`` for an empty one that neither a message nor files fill."""
    meta = meta_of(view)
    if "state" in meta:
        return Asked(meta["crew"], asked_state(view), thread=meta.get("thread"))
    names: list[str] = meta["inputs"]
    source = carried(view)
    if source and not names:
        return Asked(meta["crew"], {}, source=source)
    answers: dict[str, Any] = _form(names, source).read(view).model_dump()
    fields = {_field(number): name for number, name in enumerate(names)}
    inputs: dict[str, str] = {name: answers[key].strip() and answers[key] for key, name in fields.items()}
    files, into = answers.get("files") or [], answers.get("into", "").strip(_NOWHERE[0])
    if source and source.text and into and not inputs[fields[into]]:
        inputs[fields[into]] = source.text
    filled = into if files or (source and source.files) else ""
    if empty := [key for key, name in fields.items() if not inputs[name] and key != filled]:
        raise FormRefused(fields=dict.fromkeys(empty, "This can’t be empty."))
    return Asked(meta["crew"], inputs, files, fields.get(filled, ""), source, meta.get("thread"))


def _notice(crew: CrewInstance, names: Sequence[str], source: Source | None) -> str:
    if source is None:
        return f"“{crew.name}” needs to know:"
    if not names:
        return f"“{crew.name}” asks for nothing; its agents can read the message and its files."
    several = " Choose which input the message is, and leave that one empty." if len(names) > 1 else ""
    return f"“{crew.name}” runs on this message.{several}"


def _form(names: Sequence[str], source: Source | None) -> Form[BaseModel]:
    # A placeholder such as “copy” or “_x” can be no attribute of a model, so the fields are numbered.
    fields: dict[str, Any] = {
        _field(number): (str, Field("", title=name, max_length=LONGEST)) for number, name in enumerate(names)
    }
    widgets: dict[str, Any] = {key: Text(multiline=True) for key in fields}
    if source is None:
        fields["files"] = (list[dict[str, Any]], Field([], title="Files", description=LIMITS, max_length=MOST_FILES))
        widgets["files"] = Attachments(ENDINGS)
    if names and (source is None or len(names) > 1 or source.files):
        title = "The message goes into" if source and len(names) > 1 else "The files’ text goes into"
        fields["into"] = (str, Field(_NOWHERE[0], title=title))
        widgets["into"] = Choice()
    draft: type[BaseModel] = create_model("Inputs", **fields)
    return Form(draft, callback_id=RUN, title="Run", submit="Run", widgets=widgets)


def carrying(source: Source) -> dict[str, object]:
    """What a window’s metadata says of the message; its text is too long for that and stands in the window."""
    where = {"channel": source.channel, "ts": source.ts, "thread": source.thread_ts}
    return {"source": {**where, "files": source.files}}


def message_rows(source: Source) -> list[Json]:
    """The message’s text in a window: what is used, and how it comes back with the answers."""
    text = fit(source.text, LONGEST)
    parts = [text[start : start + _PART] for start in range(0, len(text), _PART)]
    return [
        {"type": "section", "block_id": f"{_MESSAGE}{number}", "text": blocks.plain(part, _PART)}
        for number, part in enumerate(parts)
    ]


def carried(view: Json) -> Source | None:
    """The message that a window carries, if it does."""
    given = meta_of(view).get("source")
    if not given:
        return None
    parts = [block["text"]["text"] for block in view["blocks"] if str(block.get("block_id")).startswith(_MESSAGE)]
    return Source(given["channel"], given["ts"], given["thread"], "".join(parts), given["files"])


def _field(number: int) -> str:
    return f"input_{number}"
