"""The list of crews, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape, fit, fit_escaped
from handlers.run_words import WORDS
from store.crews import CrewInstance, Filter
from store.runs import RunState

PAGE = 8
FILTERS = {Filter.ALL: "All", Filter.MINE: "Mine", Filter.SHARED: "Shared with me"}
NOTHING = {
    Filter.ALL: "There are no crews for you yet. A crew is a few agents who do tasks one after the other.",
    Filter.MINE: "You have no crews of your own yet.",
    Filter.SHARED: "Nobody has shared a crew with you yet.",
}


def rows(crews: Crews, actor: Actor, *, words: str = "", offset: int = 0, which: Filter = Filter.ALL) -> list[Json]:
    """One page of crews that match ``words``, with buttons to open each, to turn pages and to see others."""
    found, total = crews.page(by=actor, which=which, words=words, offset=offset, limit=PAGE)
    filters = [] if which is Filter.ALL and not total else [_filters(words, which)]
    if not total:
        return [*_nothing(words, which), *filters]
    title = f"*{count(total, 'crew')}*" + (f" matching “{fit_escaped(words, 100)}”" if words else "")
    listed = [row(crew, actor) for crew in found]
    return [blocks.section(title), *filters, *listed, *_turning(words, offset, which, total)]


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


def controls(crew: CrewInstance) -> Json:
    """What one most often does with a crew, beside opening it."""
    run = blocks.button("Run", "crew.run", str(crew.id), style="primary", accessibility_label=f"Run {crew.name}")
    runs = blocks.button("Runs", "do.runs", crew.name, accessibility_label=f"The last runs of {crew.name}")
    return blocks.actions(run, runs, block_id=f"controls-{crew.id}")


def turned(action: Json) -> tuple[str, int, Filter]:
    """The search words, the offset and the filter that a page button carries."""
    words, offset, which = json.loads(action["value"])
    return str(words), max(0, int(offset)), Filter(which)


def filter_buttons(prefix: str, which: Filter, value: Callable[[Filter], str]) -> list[Json]:
    """A button for each filter, the chosen one marked; ``value`` is what each carries."""
    return [
        blocks.button(
            FILTERS[each],
            f"{prefix}.{each}",
            value(each),
            style="primary" if each is which else None,
            accessibility_label=f"Show crews: {FILTERS[each]}",
        )
        for each in Filter
    ]


def _filters(words: str, which: Filter) -> Json:
    buttons = filter_buttons("crew.list_page", which, lambda each: _value(words, 0, each))
    return blocks.actions(*buttons, block_id="list.filter")


def _turning(words: str, offset: int, which: Filter, total: int) -> Iterable[Json]:
    buttons = []
    if offset:
        buttons.append(_page_button("Back", _value(words, max(0, offset - PAGE), which), "back"))
    if offset + PAGE < total:
        buttons.append(_page_button("More", _value(words, offset + PAGE, which), "more"))
    if buttons:
        shown = f"{offset + 1} to {min(offset + PAGE, total)} of {total}"
        yield blocks.context(shown)
        yield blocks.actions(*buttons, block_id="list.pages")


def _page_button(text: str, value: str, name: str) -> Json:
    return blocks.button(text, f"crew.list_page.{name}", value, accessibility_label=f"{text}: other crews")


def _value(words: str, offset: int, which: Filter) -> str:
    # In JSON a character may take six, and a button holds 2,000.
    return json.dumps([fit(words, 300), offset, which])


def _nothing(words: str, which: Filter) -> list[Json]:
    new = blocks.button("New crew", "crew.new", style="primary")
    said = f"No crew matches “{fit_escaped(words, 100)}”. `/crew list` shows them all." if words else NOTHING[which]
    return [blocks.section(said), blocks.actions(new, block_id="list.empty")]
