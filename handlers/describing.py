"""``/crew describe``: a crew, or a change to one, from a sentence; nothing happens before a person has looked at it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.engine.describing import faults_of
from bot.services import Actor
from bot.services.crews import Crews
from bot.services.describing import Describing, Proposal
from bot.services.pictures import Pictures
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form, Text
from bot.slack.later import Later
from bot.slack.loading import loading
from bot.slack.picture_files import PictureFiles
from bot.slack.text import escape, fit_escaped
from handlers.crew_page import crew_page
from store.sketches import CrewSketch

_MOST_LINES = 25


class Wish(BaseModel):
    """What somebody wants."""

    wish: str = Field(
        title="What is it for?",
        min_length=1,
        max_length=6_000,
        description="For example: read the feedback on {product}, sort it by topic, and write a page for the team.",
    )


def _readable(text: str) -> str:
    sketch_in(text)
    return text


class Correction(BaseModel):
    """A proposal as text, and what else should be different."""

    text: Annotated[str, AfterValidator(_readable)] = Field(
        title="The crew as text", min_length=1, max_length=60_000, description="Correct whatever you like."
    )
    wish: str = Field(
        "",
        title="What else should be different?",
        max_length=3_000,
        description="In your words. Where this is filled in, it is drafted again, and nothing is created yet.",
    )


WISH = Form(
    Wish, callback_id="describe.wish", title="Describe it", submit="Draft it", widgets={"wish": Text(multiline=True)}
)
PROPOSAL = Form(
    Correction,
    callback_id="describe.proposal",
    title="Proposal",
    submit="Go on",
    widgets={"text": Text(multiline=True), "wish": Text(multiline=True)},
)


def register(app: App, commands: Commands) -> None:
    """Answer the command, the buttons and the forms about descriptions."""
    commands.add(
        "describe", ask_for_wish, example="/crew describe a crew that sorts feedback", summary="A crew from a sentence"
    )
    app.action("describe.new")(ask_for_new)
    app.action("describe.change")(ask_for_change)
    app.view(WISH.callback_id)(draft)
    app.view(PROPOSAL.callback_id)(go_on)


def ask_for_wish(ack: Ack, words: Words, client: WebClient) -> None:
    ack()
    view = WISH.view(wish=words.rest, meta={"place": words.channel})
    client.views_open(trigger_id=words.trigger_id, view=view)


def ask_for_new(ack: Ack, body: Json, client: WebClient, place: str | None) -> None:
    ack()
    # It takes the place of the empty form in which it was pressed.
    client.views_update(view_id=body["view"]["id"], view=WISH.view(meta={"place": place}))


def ask_for_change(ack: Ack, body: Json, action: Json, client: WebClient, place: str | None) -> None:
    ack()
    view = WISH.view(
        meta={"crew": int(action["value"]), "place": place}, notice="What should be different in this crew?"
    )
    client.views_push(trigger_id=body["trigger_id"], view=view)


def draft(
    ack: Ack,
    view: Json,
    client: WebClient,
    describing: Describing,
    pictures: Pictures,
    picture_files: PictureFiles,
    actor: Actor,
    later: Later,
) -> None:
    wish, meta, window = WISH.read(view).wish, WISH.meta(view), loading("Describe it", "A model drafts it…")
    ack(response_action="update", view=window)
    work = partial(describing.propose, wish, by=actor, crew_id=meta.get("crew"))
    showing = partial(_show, client, window, pictures, picture_files, actor, meta.get("place"))
    later(client, window, lambda: showing(work()))


def go_on(
    ack: Ack,
    view: Json,
    client: WebClient,
    describing: Describing,
    pictures: Pictures,
    picture_files: PictureFiles,
    crews: Crews,
    actor: Actor,
    later: Later,
) -> None:
    answer, meta = PROPOSAL.read(view), PROPOSAL.meta(view)
    sketch = sketch_in(answer.text)
    if not answer.wish:
        crew_id = _carried_out(describing, sketch, meta, actor)
        page = crew_page(
            crews.sheet(crew_id, by=actor), place=meta["place"], notice=f"*{escape(sketch.name)}* is saved."
        )
        ack(response_action="update", view=page)
        return
    window = loading("Describe it", "A model drafts it again…")
    ack(response_action="update", view=window)
    work = partial(describing.propose, answer.wish, by=actor, crew_id=meta.get("crew"), over=sketch)
    later(client, window, lambda: _show(client, window, pictures, picture_files, actor, meta["place"], work()))


def _carried_out(describing: Describing, sketch: CrewSketch, meta: Json, actor: Actor) -> int:
    if "crew" not in meta:
        return describing.create(sketch, by=actor).id
    return describing.apply(meta["crew"], sketch, version=meta["version"], by=actor).id


def sketch_in(text: str) -> CrewSketch:
    """The sketch that a text says; raises ``ValueError`` with a sentence."""
    try:
        return CrewSketch.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValueError(f"Line {line} can’t be read. Each line keeps the spaces that it begins with.") from None
    except (yaml.YAMLError, RecursionError):
        raise ValueError("This can’t be read. Each line keeps the spaces that it begins with.") from None
    except ValidationError as error:
        raise ValueError(" ".join(faults_of(error)[:3])) from None


def in_text(sketch: CrewSketch) -> str:
    """A sketch as people can read and correct it."""
    return yaml.safe_dump(sketch.model_dump(), allow_unicode=True, sort_keys=False, width=100)


def _show(
    client: WebClient,
    window: Json,
    pictures: Pictures,
    files: PictureFiles,
    actor: Actor,
    place: str | None,
    proposal: Proposal,
) -> None:
    picture = pictures.of_definition(proposal.definition)
    page = partial(_page, proposal, place)
    files.show(
        client, window, page, pictures.png(picture), alt=" ".join(picture.words), name=picture.name, team=actor.team
    )


def _page(proposal: Proposal, place: str | None, shown: Json) -> Json:
    meta: Json = {"place": place}
    if proposal.crew_id is not None:
        meta |= {"crew": proposal.crew_id, "version": proposal.version}
    view = PROPOSAL.view(text=in_text(proposal.sketch), meta=meta)
    return view | {"blocks": [shown, *_lines(proposal), blocks.divider(), *view["blocks"]]}


def _lines(proposal: Proposal) -> list[Json]:
    if proposal.crew_id is not None:
        said = [difference.sentence for difference in proposal.differences] or ["Nothing would change."]
        listed = "\n".join(f"• {fit_escaped(each, 110)}" for each in said[:_MOST_LINES])
        return [blocks.section(f"*What would change:*\n{listed}")]
    sketch = proposal.sketch
    agents = "\n".join(f"• *{escape(each.name)}*: {fit_escaped(each.role, 100)}" for each in sketch.agents)
    tasks = "\n".join(f"{n}. *{escape(each.name)}* · {escape(each.agent)}" for n, each in enumerate(sketch.tasks, 1))
    note = blocks.context("Nothing is created before you press *Go on*.")
    return [blocks.section(f"*{escape(sketch.name)}*\n{agents}"), blocks.section(tasks), note]
