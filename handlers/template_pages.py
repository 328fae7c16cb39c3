"""The windows of the gallery: all templates, one of them, and what is said after publishing one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.services.pictures import Picture
from bot.services.templates import Shown, TemplateSheet
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.text import count, escape, fit, fit_escaped

# Of 100 rows in a window some are headings; what comes with Crewcall has its place in any case.
_MOST_OF_TEAM = 40
_LONGEST_EXAMPLE = 2_900


def gallery(shown: Sequence[Shown], *, place: str | None, notice: str | None = None) -> Json:
    """All templates under the kinds of work; ``place`` is the channel in which a copy's runs are posted."""
    rows = [
        *([blocks.alert(notice, "success")] if notice else []),
        blocks.section("Crews and flows that teams really use. A copy is yours: change whatever you like."),
    ]
    for work, each in groupby(shown, key=lambda one: one.work):
        among = list(each)
        own = among[0].publisher is not None
        rows.append(blocks.header(work))
        rows += [_line(one) for one in (among[:_MOST_OF_TEAM] if own else among)]
        if own and len(among) > _MOST_OF_TEAM:
            rows.append(blocks.context(f"and {count(len(among) - _MOST_OF_TEAM, 'older template')} more"))
    return blocks.modal("Templates", rows, callback_id="template.gallery", meta={"place": place})


def template(sheet: TemplateSheet, picture: Picture, place: str | None, drawn: Json) -> Json:
    """One template: what it is for, its picture, what it asks for and needs, and an example result."""
    shown = sheet.shown
    rows = [
        blocks.header(shown.title),
        blocks.section(fit_escaped(shown.summary, 1_000) or "_Nobody has said what it is for._"),
        blocks.actions(*_buttons(sheet), block_id="template.controls"),
        drawn,
        blocks.section(fit_escaped("\n".join(picture.words), 2_900)),
        blocks.divider(),
        blocks.section(f"*It asks for* {', '.join(f'`{escape(name)}`' for name in sheet.inputs) or 'nothing'}"),
        *_needs(sheet),
        *_example(shown),
    ]
    return blocks.modal("Template", rows, callback_id="template.page", meta={"place": place})


def published(name: str) -> Json:
    """What stands in the place of the form."""
    said = f"*{escape(name)}* is a template now. Everybody finds it with `/crew templates`, under *From your team*."
    return blocks.modal("Template", [blocks.section(said)], callback_id="template.is_published")


def place_of(view: Json) -> str | None:
    """The channel in which the gallery was opened."""
    place = meta_of(view).get("place")
    return place if isinstance(place, str) else None


def _line(shown: Shown) -> Json:
    kind = "🔀 Flow" if shown.definition.is_flow else "👥 Crew"
    by = f" · published by <@{shown.publisher}>" if shown.publisher else ""
    button = blocks.button("Look", "template.look", shown.key, accessibility_label=f"Look at {shown.title}")
    about = f"\n{fit_escaped(' '.join(shown.summary.split()), 300)}" if shown.summary else ""
    return blocks.section(
        f"*{escape(shown.title)}* · {kind}{by}{about}", accessory=button, block_id=f"template-{shown.key}"
    )


def _buttons(sheet: TemplateSheet) -> Iterator[Json]:
    key = sheet.shown.key
    yield blocks.button("Make a copy", "template.copy", key, style="primary")
    yield blocks.button("All templates", "template.gallery", "all")
    if sheet.may_unpublish:
        text = f"Nobody finds “{fit(sheet.shown.title, 80)}” in the gallery any more. Copies of it stay."
        sure = blocks.confirm("Unpublish this template?", text, "Unpublish", "Keep it", danger=True)
        yield blocks.button("Unpublish", "template.unpublish", key, style="danger", confirm=sure)


def _needs(sheet: TemplateSheet) -> Iterator[Json]:
    told = [f"{'✓' if here else '•'} {fit_escaped(f'{need.name}. {need.why}', 300)}" for need, here in sheet.needs]
    if sheet.shown.before:
        told.append(f"• {fit_escaped(sheet.shown.before, 500)}")
    if told:
        yield blocks.section("\n".join(["*It needs*", *told[:9]]))
    else:
        yield blocks.section("*It needs* nothing but a model.")


def _example(shown: Shown) -> Iterator[Json]:
    if shown.example:
        yield blocks.divider()
        yield blocks.section("*What a run comes to, for example*")
        yield blocks.rich_text(shown.example, _LONGEST_EXAMPLE)
