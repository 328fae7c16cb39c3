"""The list of crews, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape, fit, fit_escaped
from handlers.run_words import WORDS
from store.crews import CrewInstance
from store.runs import RunState

PAGE = 8


def rows(crews: Crews, actor: Actor, *, words: str = "", offset: int = 0) -> list[Json]:
    """One page of crews that match ``words``, with buttons to open each and to turn pages."""
    found, total = crews.page(by=actor, words=words, offset=offset, limit=PAGE)
    if not total:
        return _nothing(words)
    title = f"*{count(total, 'crew')}*" + (f" matching “{fit_escaped(words, 100)}”" if words else "")
    return [blocks.section(title), *(row(crew, actor) for crew in found), *_turning(words, offset, total)]


def row(crew: CrewInstance, actor: Actor) -> Json:
    """One crew in a list, with a button that opens it."""
    mark = "🔀" if crew.is_flow else "👥"
    owner = "yours" if crew.owner == actor.user else f"of <@{crew.owner}>"
    about = f"\n{fit_escaped(' '.join(crew.description.split()), 150)}" if crew.description else ""
    last = "" if crew.status == "new" else f" · last run {WORDS[RunState(crew.status)]}"
    button = blocks.button("Open", "crew.open", str(crew.id), accessibility_label=f"Open {crew.name}")
    return blocks.section(
        f"{mark} *{escape(crew.name)}* · {crew.kind}, {owner}{last}{about}",
        accessory=button,
        block_id=f"listed-{crew.id}",
    )


def turned(action: Json) -> tuple[str, int]:
    """The search words and the offset that a page button carries."""
    words, offset = json.loads(action["value"])
    return str(words), max(0, int(offset))


def _turning(words: str, offset: int, total: int) -> Iterable[Json]:
    buttons = []
    if offset:
        buttons.append(_page_button("Back", words, max(0, offset - PAGE), "back"))
    if offset + PAGE < total:
        buttons.append(_page_button("More", words, offset + PAGE, "more"))
    if buttons:
        shown = f"{offset + 1} to {min(offset + PAGE, total)} of {total}"
        yield blocks.context(shown)
        yield blocks.actions(*buttons, block_id="list.pages")


def _page_button(text: str, words: str, offset: int, which: str) -> Json:
    value = json.dumps([fit(words, 500), offset])
    return blocks.button(text, f"crew.list_page.{which}", value, accessibility_label=f"{text}: other crews")


def _nothing(words: str) -> list[Json]:
    new = blocks.button("New crew", "crew.new", style="primary")
    if words:
        said = f"No crew matches “{fit_escaped(words, 100)}”. `/crew list` shows them all."
        return [blocks.section(said), blocks.actions(new, block_id="list.empty")]
    said = "Your team has no crews yet. A crew is a few agents who do tasks one after the other."
    return [blocks.section(said), blocks.actions(new, block_id="list.empty")]
