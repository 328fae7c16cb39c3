"""Files of projects that people give to the bot in Slack, fetched with its token from Slack alone."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot.errors import UserError
from bot.slack.blocks import Json

# What Slack takes in a form is at most 10 MB for each file.
_MOST_BYTES = 10_000_000
_SECONDS = 20


class NotFetched(UserError):
    """“{name}” could not be fetched from Slack. Type /crew import and give it once more."""


class SharedFiles:
    """Gets the content of files; the token is sent to no other address than Slack's, nor after a redirection."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._home = urlsplit(client.base_url)

    def contents(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The files by their names; raise ``NotFetched``. Takes up to some seconds."""
        found: dict[str, bytes] = {}
        for file_id in ids:
            record = self._record(file_id)
            name = str(record.get("name") or file_id)
            found[name if name not in found else f"{file_id}/{name}"] = self._content(record, name)
        return found

    def _record(self, file_id: str) -> Json:
        try:
            return dict(self._client.files_info(file=file_id)["file"])
        except (SlackClientError, HTTPException, OSError):
            raise NotFetched(name="The file") from None

    def _content(self, record: Json, name: str) -> bytes:
        url = str(record.get("url_private_download") or record.get("url_private") or "")
        if not self._is_slacks(url):
            raise NotFetched(name=name)
        headers = {"Authorization": f"Bearer {self._client.token}"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - _is_slacks has looked at it
        try:
            with _straight.open(request, timeout=_SECONDS) as answer:
                content = bytes(answer.read(_MOST_BYTES + 1))
        except (HTTPException, OSError):
            raise NotFetched(name=name) from None
        if len(content) > _MOST_BYTES:
            raise NotFetched(name=name)
        return content

    def _is_slacks(self, url: str) -> bool:
        there = urlsplit(url)
        if (there.scheme, there.netloc) == (self._home.scheme, self._home.netloc):
            return True
        host = there.hostname or ""
        return there.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """Slack sends whoever may not have a file to its sign-in page."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_straight = urllib.request.build_opener(_NoRedirection)
