"""``/crew templates``: the gallery, one template with its picture, a copy of it, and templates of the team's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.pictures import Picture, Pictures
from bot.services.templates import Templates
from bot.slack.blocks import Json
from bot.slack.commands import Commands, Words
from bot.slack.forms import Form, Text
from bot.slack.later import Later
from bot.slack.loading import loading
from bot.slack.picture_files import PictureFiles
from bot.slack.text import escape, fit
from handlers import template_pages
from handlers.pages import Pages
from store.templates import TemplateDraft

PUBLISH = Form(
    TemplateDraft,
    callback_id="template.published",
    title="Publish as template",
    submit="Publish",
    widgets={"summary": Text(multiline=True)},
)
_WHAT_PUBLISHING_MEANS = (
    "Everybody in the workspace can then read and copy it as it is now. Keys of tools stay on the server."
)


def register(app: App, commands: Commands) -> None:
    """Answer the command, the buttons of the gallery and those for publishing."""
    commands.add("templates", open_gallery, example="/crew templates", summary="Ready-made crews and flows to copy")
    app.action("template.gallery")(show_gallery)
    app.action("template.look")(show_template)
    app.action("template.copy")(copy_template)
    app.action("template.publish")(ask_to_publish)
    app.view(PUBLISH.callback_id)(publish)
    app.action("template.unpublish")(unpublish)


def open_gallery(ack: Ack, words: Words, client: WebClient, templates: Templates, actor: Actor) -> None:
    ack()
    view = template_pages.gallery(templates.gallery(by=actor), place=words.channel)
    client.views_open(trigger_id=words.trigger_id, view=view)


def show_gallery(
    ack: Ack, body: Json, client: WebClient, templates: Templates, actor: Actor, place: str | None
) -> None:
    ack()
    view = template_pages.gallery(templates.gallery(by=actor), place=place)
    client.views_update(view_id=body["view"]["id"], view=view)


def show_template(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    templates: Templates,
    pictures: Pictures,
    picture_files: PictureFiles,
    actor: Actor,
    later: Later,
    place: str | None,
) -> None:
    ack()
    sheet = templates.sheet(action["value"], by=actor)
    picture = pictures.of_definition(sheet.shown.definition)
    window = loading("Template", f"Drawing {sheet.shown.title}…")
    client.views_update(view_id=body["view"]["id"], view=window)
    page = partial(template_pages.template, sheet, picture, place)
    later(client, window, partial(_draw, client, window, page, picture, pictures, picture_files, actor))


def copy_template(
    ack: Ack, body: Json, action: Json, client: WebClient, templates: Templates, pages: Pages, actor: Actor
) -> None:
    ack()
    crew = templates.copy(action["value"], by=actor)
    place = template_pages.place_of(body["view"])
    notice = f"*{escape(crew.name)}* is yours. Change whatever you like, then run it."
    pages.show(client, body["view"]["id"], crew.id, by=actor, place=place, notice=notice)


def ask_to_publish(ack: Ack, body: Json, action: Json, client: WebClient, templates: Templates, actor: Actor) -> None:
    ack()
    crew = templates.to_publish(int(action["value"]), by=actor)
    known = {"name": crew.name, "summary": fit(crew.description, 500)}
    view = PUBLISH.view(known, meta={"crew": crew.id}, notice=_WHAT_PUBLISHING_MEANS)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def publish(ack: Ack, view: Json, templates: Templates, actor: Actor) -> None:
    template = templates.publish(PUBLISH.meta(view)["crew"], PUBLISH.read(view), by=actor)
    ack(response_action="update", view=template_pages.published(template.name))


def unpublish(ack: Ack, body: Json, action: Json, client: WebClient, templates: Templates, actor: Actor) -> None:
    ack()
    template = templates.unpublish(int(action["value"]), by=actor)
    place, notice = template_pages.place_of(body["view"]), f"*{escape(template.name)}* is no template any more."
    view = template_pages.gallery(templates.gallery(by=actor), place=place, notice=notice)
    client.views_update(view_id=body["view"]["id"], view=view)


def _draw(
    client: WebClient,
    window: Json,
    page: Callable[[Json], Json],
    picture: Picture,
    pictures: Pictures,
    picture_files: PictureFiles,
    actor: Actor,
) -> None:
    png, alt = pictures.png(picture), " ".join(picture.words)
    picture_files.show(client, window, page, png, alt=alt, name=picture.name, team=actor.team)
