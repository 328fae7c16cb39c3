"""Files that people shared in Slack: fetched with the bot's token, from nowhere but Slack."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from bot import documents
from bot.documents import Document
from bot.errors import UserError
from bot.slack.blocks import Json

_SECONDS = 20


class NotFetched(UserError):
    """I could not fetch “{name}” from Slack. Share it once more in a place where I am, or with me directly."""


class Elsewhere(UserError):
    """“{name}” is not kept in Slack but linked from another service. Download it there and send the file itself."""


class SharedFiles:
    """Gets shared files; the token never goes to another address than Slack's, nor after a redirection."""

    def __init__(self, client: WebClient, read: Callable[[str, bytes], Document] = documents.read_apart) -> None:
        """Ask Slack through ``client``; ``read`` makes a document of a file's name and content."""
        self._client = client
        self._read = read
        self._home = urlsplit(client.base_url)

    def check(self, files: Sequence[Json]) -> None:
        """Refuse too many or too big files by what Slack says of them."""
        documents.check([(str(file.get("name")), int(file.get("size") or 0)) for file in files])

    def documents(self, files: Sequence[Json]) -> list[Document]:
        """The files as documents, in their order; takes seconds. Raises a ``UserError`` that names the file at fault.

        Each is one of Slack's records, or ``{"id": …}`` alone.
        """
        records = [file if "url_private" in file else self._record(str(file["id"])) for file in files]
        self.check(records)
        return [self._read(str(record.get("name") or "file"), self._content(record)) for record in records]

    def contents(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The files by their names, as they are; takes seconds. Raises a ``UserError`` that names the file at fault."""
        found: dict[str, bytes] = {}
        for file_id in ids:
            record = self._record(file_id)
            name = str(record.get("name") or file_id)
            documents.check_size(name, int(record.get("size") or 0))
            found[name if name not in found else f"{file_id}/{name}"] = self._content(record)
        return found

    def _record(self, file_id: str) -> Json:
        try:
            return dict(self._client.files_info(file=file_id)["file"])
        except (SlackClientError, HTTPException, OSError):
            raise NotFetched(name="the file") from None

    def _content(self, record: Json) -> bytes:
        name = documents.safe_name(str(record.get("name")))
        if record.get("is_external") or record.get("mode") == "external":
            raise Elsewhere(name=name)
        url = str(record.get("url_private_download") or record.get("url_private"))
        if not self._is_slacks(url):
            raise NotFetched(name=name)
        headers = {"Authorization": f"Bearer {self._client.token}"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - _is_slacks has looked at it
        try:
            with _straight.open(request, timeout=_SECONDS) as answer:
                content = bytes(answer.read(documents.MOST_BYTES + 1)) if answer.status == 200 else None
        except (HTTPException, OSError):
            raise NotFetched(name=name) from None
        if content is None or len(content) > documents.MOST_BYTES:
            raise NotFetched(name=name)
        return content

    def _is_slacks(self, url: str) -> bool:
        """Whether the token may be sent there: to Slack's own hosts over HTTPS, or where the Web API is."""
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
