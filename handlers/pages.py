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
from bot.services.flows import FlowSheet
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
        page = partial(crew_page, sheet, place=place)
        self._illustrate(client, opening(trigger_id=trigger_id, view=page()), sheet, by, page)

    def show(
        self,
        client: WebClient,
        view_id: str,
        crew_id: int,
        *,
        by: Actor,
        place: str | None,
        notice: str | None = None,
        near: int | None = None,
    ) -> None:
        """Show the page as it is now in a window that is there; ``notice`` is a mrkdwn sentence on top.

        Of a long flow it shows the stretch in which the step with the id ``near`` stands.
        """
        sheet = self.crews.sheet(crew_id, by=by)
        step = next((each for each in sheet.flow.steps if each.id == near), None) if sheet.flow else None
        page = partial(crew_page, sheet, place=place, notice=notice, near=step)
        self._illustrate(client, client.views_update(view_id=view_id, view=page()), sheet, by, page)

    def _illustrate(
        self, client: WebClient, shown: SlackResponse, sheet: CrewSheet, by: Actor, page: Callable[..., Json]
    ) -> None:
        if sheet.flow and sheet.flow.steps:
            view: Json = shown["view"]
            self.later(client, view, partial(self._draw, client, view, sheet.flow, by, page))

    def _draw(self, client: WebClient, view: Json, flow: FlowSheet, by: Actor, page: Callable[..., Json]) -> None:
        """Without a picture the page stays as it is: its rows say the same, and “Picture” says what is wrong."""
        picture = of_flow(flow.definition)
        alt = " ".join(picture.words)
        try:
            block = self.files.block(client, self.pictures.png(picture), alt, picture.name, by.team)
            if block["type"] == "image":
                client.views_update(view_id=view["id"], hash=view["hash"], view=page(picture=block))
        except SlackApiError as error:
            if error.response.get("error") not in _PASSED:
                _log.warning("Slack did not take a picture: %s", error)
