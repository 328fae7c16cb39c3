"""A window that says what is going on until there is something to show in its place."""

from __future__ import annotations

import secrets
import time

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.slack.blocks import Json, modal, section
from bot.slack.text import escape

# An ack and a call travel on different ways: the window that the ack announced may come after what replaces it.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


def loading(title: str, said: str) -> Json:
    """The window to show meanwhile, by an ack too; ``show`` finds it by its ``external_id``."""
    rows = [section(f":hourglass_flowing_sand: {escape(said)}")]
    return modal(title, rows, callback_id="loading") | {"external_id": secrets.token_urlsafe(16)}


def show(client: WebClient, window: Json, view: Json) -> bool:
    """Put ``view`` in the place of a ``loading`` window; whether the person still had it open."""
    for pause in (*_PAUSES, None):
        try:
            client.views_update(external_id=window["external_id"], view=view)
        except SlackApiError as error:
            if error.response["error"] != "not_found":
                raise
        else:
            return True
        if pause:
            time.sleep(pause)
    return False
