"""The list of crews, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bot.services import Actor
from bot.services.crews import Crews
from bot.slack import blocks
from bot.slack.blocks import Json, Style
from bot.slack.text import count, escape, fit, fit_escaped
from handlers.run_words import WORDS
from store.crews import CrewInstance, Filter
from store.runs import RunState

PAGE = 8
FILTERS = {
    Filter.ALL: "All",
    Filter.MINE: "Mine",
    Filter.SHARED: "Shared with me",
    Filter.CREWS: "Crews",
    Filter.FLOWS: "Flows",
}
NOTHING = {
    Filter.ALL: "There are no crews for you yet. A crew is a few agents who do tasks one after the other.",
    Filter.MINE: "You have no crews of your own yet.",
    Filter.SHARED: "Nobody has shared a crew with you yet.",
    Filter.CREWS: "There are no crews for you yet.",
    Filter.FLOWS: "There are no flows for you yet. A flow connects crews in steps.",
}


@dataclass(frozen=True)
class Look:
    """What of the list somebody sees: filtered by words, a choice and what it is a part of, from a place on."""

    words: str = ""
    offset: int = 0
    which: Filter = Filter.ALL
    parent: int | None = None

    @classmethod
    def of(cls, action: Json) -> Look:
        """What a button of the list, or its choice of a crew or flow, stands for."""
        if chosen := action.get("selected_option"):
            return cls(parent=int(chosen["value"]))
        return cls.read(action["value"])

    @classmethod
    def read(cls, value: str) -> Look:
        """What ``value`` said."""
        words, offset, which, parent = json.loads(value)
        return cls(str(words), max(0, int(offset)), Filter(which), parent)

    @property
    def value(self) -> str:
        """The same as a button carries it; in JSON a character may take six, and a button holds 2,000."""
        return json.dumps([fit(self.words, 300), self.offset, self.which, self.parent])


def rows(crews: Crews, actor: Actor, look: Look) -> list[Json]:
    """One page of crews, with buttons to open each, to turn pages and to see others."""
    parent = crews.get(look.parent, by=actor) if look.parent is not None else None
    found, total = crews.page(
        by=actor, which=look.which, words=look.words, parent=look.parent, offset=look.offset, limit=PAGE
    )
    if not total and look == Look():
        return _nothing(look)
    filters = [_filters(look), _belonging(parent)]
    if not total:
        return [*_nothing(look), *filters]
    title = f"*{count(total, 'crew')}*" + (f" matching “{fit_escaped(look.words, 100)}”" if look.words else "")
    title += f", part of *{escape(parent.name)}*" if parent else ""
    listed = [row(crew, actor) for crew in found]
    return [blocks.section(title), *filters, *listed, *turning(look, total, "crew.list_page")]


def row(crew: CrewInstance, actor: Actor) -> Json:
    """One crew in a list, with a button that opens it."""
    return blocks.section(_line(crew, actor), accessory=_open(crew), block_id=f"listed-{crew.id}")


def rows_with_run(crew: CrewInstance, actor: Actor) -> list[Json]:
    """One crew in a list, with the buttons that run and open it below."""
    buttons = blocks.actions(_run(crew), _open(crew), block_id=f"controls-{crew.id}")
    return [blocks.section(_line(crew, actor), block_id=f"listed-{crew.id}"), buttons]


def introduced(crew: CrewInstance, *facts: str) -> str:
    """A crew by its name, with ``facts`` about it in mrkdwn, and below the beginning of what it is for."""
    about = f"\n{fit_escaped(' '.join(crew.description.split()), 150)}" if crew.description else ""
    name = f"{'🔀' if crew.is_flow else '👥'} *{escape(crew.name)}*"
    return " · ".join([name, *facts]) + about


def _line(crew: CrewInstance, actor: Actor) -> str:
    owner = "yours" if crew.owner == actor.user else f"of <@{crew.owner}>"
    last = [] if crew.status == "new" else [f"last run {WORDS[RunState(crew.status)]}"]
    return introduced(crew, f"{crew.kind}, {owner}", *last)


def _open(crew: CrewInstance) -> Json:
    return blocks.button("Open", "crew.open", str(crew.id), accessibility_label=f"Open {crew.name}")


def _run(crew: CrewInstance, style: Style | None = None) -> Json:
    return blocks.button("Run", "crew.run", str(crew.id), style=style, accessibility_label=f"Run {crew.name}")


def controls(crew: CrewInstance) -> Json:
    """What one most often does with a crew, beside opening it."""
    run = _run(crew, "primary")
    runs = blocks.button("Runs", "do.runs", crew.name, accessibility_label=f"The last runs of {crew.name}")
    return blocks.actions(run, runs, block_id=f"controls-{crew.id}")


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


def _filters(look: Look) -> Json:
    buttons = filter_buttons("crew.list_page", look.which, lambda each: replace(look, offset=0, which=each).value)
    return blocks.actions(*buttons, block_id="list.filter")


def _belonging(parent: CrewInstance | None) -> Json:
    """The choice of a crew or flow whose parts are to be shown."""
    chosen = {"initial_option": blocks.option(parent.name, str(parent.id))} if parent else {}
    search = {
        "type": "external_select",
        "action_id": "crew.list_parent",
        "min_query_length": 0,
        "placeholder": blocks.plain("Part of …", 150),
        **chosen,
    }
    return blocks.actions(search, block_id="list.parent")


def turning(look: Look, total: int, action: str) -> Iterable[Json]:
    """The buttons to the pages before and after, their ids beginning with ``action``; nothing where there is one."""
    buttons = []
    if look.offset:
        buttons.append(_page_button("Back", replace(look, offset=max(0, look.offset - PAGE)), f"{action}.back"))
    if look.offset + PAGE < total:
        buttons.append(_page_button("More", replace(look, offset=look.offset + PAGE), f"{action}.more"))
    if buttons:
        shown = f"{look.offset + 1:,} to {min(look.offset + PAGE, total):,} of {total:,}"
        yield blocks.context(shown)
        yield blocks.actions(*buttons, block_id="list.pages")


def _page_button(text: str, look: Look, action: str) -> Json:
    return blocks.button(text, action, look.value, accessibility_label=f"{text}: other crews")


def _nothing(look: Look) -> list[Json]:
    new = blocks.button("New crew", "crew.new", style="primary")
    said = NOTHING[look.which]
    if look.words:
        said = f"No crew matches “{fit_escaped(look.words, 100)}”. `/crew list` shows them all."
    elif look.parent is not None:
        said = "Nothing belongs to it. *Edit* on a crew’s page says what the crew is a part of."
    template = blocks.button("Start from a template", "do.templates")
    return [blocks.section(said), blocks.actions(new, template, block_id="list.empty")]
