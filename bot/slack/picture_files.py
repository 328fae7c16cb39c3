"""Pictures in windows: given to Slack as files that are in no channel, and shown once Slack has looked at them."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from http.client import HTTPException
from threading import Lock

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.blocks import Json, picture, section
from bot.slack.loading import show
from bot.slack.text import fit

_log = logging.getLogger(__name__)

# Slack tells a file's type as soon as it has looked at it. Ten seconds in all, a picture mostly takes one or two.
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0, 1.5, 2.0, 2.0, 2.0)
_REMEMBERED = 500
_GONE = {"file_not_found", "file_deleted"}


class PictureFiles:
    """Shows pictures; the same one is given to a workspace once."""

    def __init__(self, *, pauses: Sequence[float] = _PAUSES) -> None:
        """``pauses`` are the seconds between looking whether Slack has looked."""
        self._pauses = pauses
        self._files: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._lock = Lock()

    def show(
        self,
        client: WebClient,
        window: Json,
        page: Callable[[Json], Json],
        png: bytes | None,
        *,
        alt: str,
        name: str,
        team: str,
    ) -> None:
        """Put ``page(block)`` in the place of a ``loading`` window, the block being the picture with its ``alt`` text.

        Where there is no picture or Slack does not take it, the block says so, and the window is shown all the same.
        It waits for Slack, up to ten seconds.
        """
        try:
            block = self.block(client, png, alt, name, team)
            shown = show(client, window, page(block))
        except (SlackClientError, HTTPException, OSError) as error:
            _log.warning("Slack did not take a picture: %s", error)
            code = f" ({error.response['error']})" if isinstance(error, SlackApiError) else ""
            shown = show(client, window, page(section(f"Slack did not take the picture{code}. Here it is in words.")))
        if not shown:
            _log.info("the window was closed before its picture came")

    def block(self, client: WebClient, png: bytes | None, alt: str, name: str, team: str) -> Json:
        """The picture as a block, or words that say why there is none; raises what Slack raises."""
        if png is None:
            return section("The picture could not be drawn. Here it is in words.")
        key = (team, hashlib.sha256(png).hexdigest())
        file_id = self._files.get(key)
        if file_id is None or not self._known(client, file_id):
            file_id = self._upload(client, png, alt, name)
            self._remember(key, file_id)
        # Slack refuses a block with a file that it has not looked at.
        if not self._ready(client, file_id):
            return section("Slack is still looking at the picture; try again in a moment. Here it is in words.")
        return picture(file_id, alt)

    def _known(self, client: WebClient, file_id: str) -> bool:
        """Whether Slack still has the file."""
        try:
            client.files_info(file=file_id)
        except SlackApiError as error:
            if error.response["error"] in _GONE:
                return False
            raise
        return True

    def _upload(self, client: WebClient, png: bytes, alt: str, name: str) -> str:
        sent = client.files_upload_v2(
            filename="picture.png", content=png, title=fit(name, 200), alt_txt=fit(alt, 1_000), request_file_info=False
        )
        return str(sent["file"]["id"])

    def _remember(self, key: tuple[str, str], file_id: str) -> None:
        with self._lock:
            self._files[key] = file_id
            if len(self._files) > _REMEMBERED:
                self._files.popitem(last=False)

    def _ready(self, client: WebClient, file_id: str) -> bool:
        """Wait until Slack has looked at the file; false when it takes too long."""
        for pause in (*self._pauses, None):
            if client.files_info(file=file_id)["file"].get("mimetype"):
                return True
            if pause is not None:
                time.sleep(pause)
        return False
