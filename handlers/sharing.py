"""The crew page's “Share” button: who may use the crew."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.crews import Crews
from bot.services.sharing import ShareDraft, Sharing
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.forms import Channels, Form, People, Radio
from handlers.crew_page import crew_page

SHARE = Form(
    ShareDraft,
    callback_id="crew.shared",
    title="Share crew",
    submit="Share",
    widgets={
        "everybody": Radio(labels={"nothing": "May not use it", "run": "May run it", "edit": "May run and edit it"}),
        "run_people": People(),
        "run_channels": Channels(),
        "edit_people": People(),
        "edit_channels": Channels(),
    },
)


def register(app: App, commands: Commands) -> None:
    """Answer the button and its form."""
    app.action("crew.share")(ask_with_whom)
    app.view(SHARE.callback_id)(share_crew)


def ask_with_whom(
    ack: Ack, body: Json, action: Json, client: WebClient, sharing: Sharing, actor: Actor, place: str | None
) -> None:
    ack()
    crew, draft = sharing.get(int(action["value"]), by=actor)
    notice = f"Who may use “{crew.name}” besides its owner and the administrators:"
    view = SHARE.view(draft, meta={"crew": crew.id, "place": place}, notice=notice)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def share_crew(
    ack: Ack, view: Json, client: WebClient, sharing: Sharing, crews: Crews, actor: Actor, place: str | None
) -> None:
    crew = sharing.share(SHARE.meta(view)["crew"], SHARE.read(view), by=actor)
    ack()
    page = crew_page(crews.sheet(crew.id, by=actor), place=place, notice="Saved.")
    client.views_update(view_id=view["previous_view_id"], view=page)
