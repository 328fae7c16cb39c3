"""Showing the page of a crew or flow; a flow's picture follows as soon as it is drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from bot.services import Actor
from bot.services.crews import Crews, CrewSheet
from bot.services.pictures import Pictures, of_flow
from bot.slack.blocks import Json
from bot.slack.later import Later
from bot.slack.picture_files import PictureFiles
from handlers.crew_page import crew_page

_log = logging.getLogger(__name__)

# The person has done something else meanwhile, or closed the window: then the picture is not needed.
_PASSED = {"hash_conflict", "not_found"}


@dataclass(frozen=True)
class Pages:
    """Opens pages and brings those that are open up to date."""

    crews: Crews
    pictures: Pictures
    files: PictureFiles
    later: Later

    def open(
        self,
        opening: Callable[..., SlackResponse],
        client: WebClient,
        trigger_id: str,
        crew_id: int,
        *,
        by: Actor,
        place: str | None,
    ) -> None:
        """Show the page in a window of its own; ``opening`` is the client’s call for that."""
        sheet = self.crews.sheet(crew_id, by=by)
        shown = opening(trigger_id=trigger_id, view=crew_page(sheet, place=place))
        self._illustrate(client, shown, sheet, by, place, None)

    def show(
        self,
        client: WebClient,
        view_id: str,
        crew_id: int,
        *,
        by: Actor,
        place: str | None,
        notice: str | None = None,
    ) -> None:
        """Show the page as it is now in a window that is there; ``notice`` is a mrkdwn sentence on top."""
        sheet = self.crews.sheet(crew_id, by=by)
        shown = client.views_update(view_id=view_id, view=crew_page(sheet, place=place, notice=notice))
        self._illustrate(client, shown, sheet, by, place, notice)

    def _illustrate(
        self,
        client: WebClient,
        shown: SlackResponse,
        sheet: CrewSheet,
        by: Actor,
        place: str | None,
        notice: str | None,
    ) -> None:
        if sheet.flow and sheet.flow.steps:
            view: Json = shown["view"]
            self.later(client, view, partial(self._draw, client, view, sheet, by, place, notice))

    def _draw(
        self, client: WebClient, view: Json, sheet: CrewSheet, by: Actor, place: str | None, notice: str | None
    ) -> None:
        """Without a picture the page stays as it is: its rows say the same, and “Picture” says what is wrong."""
        assert sheet.flow
        picture = of_flow(sheet.flow.definition)
        alt = " ".join(picture.words)
        try:
            block = self.files.block(client, self.pictures.png(picture), alt, picture.name, by.team)
            if block["type"] == "image":
                page = crew_page(sheet, place=place, notice=notice, picture=block)
                client.views_update(view_id=view["id"], hash=view["hash"], view=page)
        except SlackApiError as error:
            if error.response.get("error") not in _PASSED:
                _log.warning("Slack did not take a picture: %s", error)
