"""Links to crews and runs in messages: a card below them, with no more than everybody there may see."""

from __future__ import annotations

import logging
from http.client import HTTPException

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.links import Links
from bot.progress.messages import MARKS
from bot.services import Actor
from bot.services.previews import Preview, Previews
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.text import escape
from handlers.crew_list import introduced
from handlers.run_words import WORDS, moment

_log = logging.getLogger(__name__)

# Slack itself tells of five links of a message.
_MOST = 5


def register(app: App, commands: Commands) -> None:
    """Answer what Slack tells of links to the server's own address."""
    app.event("link_shared")(show_linked)


def show_linked(event: Json, body: Json, client: WebClient, links: Links, previews: Previews, actor: Actor) -> None:
    # While a message is written nobody knows where it goes; in a channel with other companies, not who reads it.
    if event.get("source") == "composer" or body.get("is_ext_shared_channel"):
        return
    alone = event["channel"].startswith("D") and event.get("is_bot_user_member")
    place = None if alone else event["channel"]
    cards = {}
    for url in list(dict.fromkeys(str(link["url"]) for link in event["links"]))[:_MOST]:
        linked = links.read(url)
        if preview := linked and previews.of(*linked, by=actor, place=place):
            cards[url] = {"blocks": card(preview)}
    if cards:
        _unfurl(client, event, cards)


def card(preview: Preview) -> list[Json]:
    """What stands below the link; who presses the button is asked for their own rights."""
    action = "crew.open.linked" if preview.kind == "crews" else "run.page"
    button = blocks.button("Open", action, str(preview.number), accessibility_label="Open what this link leads to")
    return [blocks.section(_said(preview), accessory=button, block_id=f"linked-{preview.kind}-{preview.number}")]


def _said(preview: Preview) -> str:
    crew, run = preview.crew, preview.run
    if crew is not None:
        return introduced(crew, f"{crew.kind} of <@{crew.owner}>")
    if run is not None:
        state = f"{MARKS[run.status]} {WORDS[run.status]}"
        return f"*{escape(run.crew_name)}* · run {run.id}\n{state} · by <@{run.started_by}> · {moment(run.created_at)}"
    what = "A crew or flow" if preview.kind == "crews" else "A run"
    return f"{what} in Crewcall, not shared with everybody here. *Open* shows it to those who may see it."


def _unfurl(client: WebClient, event: Json, cards: dict[str, Json]) -> None:
    """Show the cards; without them the message is what it was."""
    try:
        client.chat_unfurl(channel=event["channel"], ts=event["message_ts"], unfurls=cards)
    except (SlackClientError, HTTPException, OSError) as error:
        _log.warning("Slack did not show what a link leads to: %s", error)
