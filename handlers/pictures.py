"""The crew page's “Picture” button: the crew drawn, and the same in words below."""

from __future__ import annotations

from functools import partial

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.pictures import Picture, Pictures
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.later import Later
from bot.slack.loading import loading
from bot.slack.picture_files import PictureFiles
from bot.slack.text import escape

# So many sentences fit into one paragraph, even with long names in them.
_SENTENCES = 10


def register(app: App, commands: Commands) -> None:
    """Answer the buttons for pictures."""
    app.action("crew.picture")(show_picture)
    app.action("crew.picture_colours")(change_colours)


def show_picture(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    pictures: Pictures,
    picture_files: PictureFiles,
    actor: Actor,
    later: Later,
) -> None:
    ack()
    picture = pictures.of_crew(int(action["value"]), by=actor)
    window = _drawing(picture)
    client.views_push(trigger_id=body["trigger_id"], view=window)
    later(client, window, partial(_show, client, window, picture, pictures, picture_files, actor))


def change_colours(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    pictures: Pictures,
    picture_files: PictureFiles,
    actor: Actor,
    later: Later,
) -> None:
    ack()
    crew_id, _, colours = action["value"].partition(":")
    picture = pictures.of_crew(int(crew_id), dark=colours == "dark", by=actor)
    window = _drawing(picture)
    client.views_update(view_id=body["view"]["id"], view=window)
    later(client, window, partial(_show, client, window, picture, pictures, picture_files, actor))


def _show(
    client: WebClient, window: Json, picture: Picture, pictures: Pictures, picture_files: PictureFiles, actor: Actor
) -> None:
    page, png, alt = partial(_page, picture), pictures.png(picture), " ".join(picture.words)
    picture_files.show(client, window, page, png, alt=alt, name=picture.name, team=actor.team)


def _drawing(picture: Picture) -> Json:
    return loading("Picture", f"Drawing {picture.name}…")


def _page(picture: Picture, shown: Json) -> Json:
    paragraphs = [picture.words[at : at + _SENTENCES] for at in range(0, len(picture.words), _SENTENCES)]
    label, colours = ("Light colours", "light") if picture.dark else ("Dark colours", "dark")
    rows = [
        shown,
        *(blocks.section(escape("\n".join(sentences))) for sentences in paragraphs),
        blocks.actions(blocks.button(label, "crew.picture_colours", f"{picture.crew_id}:{colours}")),
    ]
    return blocks.modal("Picture", rows, callback_id="crew.picture_shown")
