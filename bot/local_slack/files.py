"""Files: uploading in Slack's three steps, sharing, and downloading with a token."""

from __future__ import annotations

import mimetypes
import secrets
import time
from urllib.parse import quote

from aiohttp import web

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import BOT_TOKEN, Arguments, Method, broken
from bot.local_slack.wire import Json, Refusal, new_id
from bot.local_slack.workspace import BOT_ID, BOT_USER, TEAM

MOST_BYTES = 50_000_000
# The types a browser may show inside the page; everything else is downloaded.
SHOWN_INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def new_file(slack: Slack, name: str, user: str) -> Json:
    """Slack's record of a file named ``name`` that has no content yet; it is not in the workspace before it has."""
    file_id = new_id("F")
    path = f"{slack.url}/files-pri/{TEAM['id']}-{file_id}"
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    now = int(time.time())
    return {
        "id": file_id,
        "created": now,
        "timestamp": now,
        "name": name,
        "title": name,
        "mimetype": kind,
        "filetype": name.rpartition(".")[2].lower() if "." in name else "binary",
        "pretty_type": kind.partition("/")[2],
        "user": user,
        "size": 0,
        "mode": "hosted",
        "is_external": False,
        "is_public": False,
        "url_private": f"{path}/{quote(name)}",
        "url_private_download": f"{path}/download/{quote(name)}",
        "permalink": f"{slack.url}/local/files/{file_id}",
        "channels": [],
    }


def store(slack: Slack, file: Json, content: bytes) -> None:
    """Give a file its content and put it into the workspace."""
    (slack.files / file["id"]).write_bytes(content)
    slack.workspace.add_file({**file, "size": len(content)})


def content_of(slack: Slack, file_id: str, *, inline: bool = False) -> web.Response:
    """The file as a download, or inside the page where a browser shows it safely."""
    file = slack.workspace.files.get(file_id)
    if file is None:
        raise web.HTTPNotFound(text="There is no such file.")
    kind = file["mimetype"]
    if inline and kind not in SHOWN_INLINE:
        kind = "text/plain; charset=utf-8"
    disposition = "inline" if inline else f"attachment; filename*=UTF-8''{quote(file['name'])}"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": disposition,
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=(slack.files / file_id).read_bytes(), headers=headers)


class Uploads:
    """The upload URLs that were given out and the files behind them."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._waiting: dict[str, tuple[Json, int]] = {}
        self._received: dict[str, Json] = {}

    def url(self, slack: Slack, args: Arguments) -> Json:
        """``files.getUploadURLExternal``"""
        name, length = args.need("filename"), args.whole("length", 0)
        if not 0 < length <= MOST_BYTES:
            raise Refusal("invalid_arguments", ["must be greater than 0 [json-pointer:/length]"])
        file = new_file(slack, name, BOT_USER)
        if alt_text := args.text("alt_txt"):
            file["alt_txt"] = alt_text
        path = f"/upload/v1/{secrets.token_urlsafe(24)}"
        self._waiting[path] = (file, length)
        return {"upload_url": slack.url + path, "file_id": file["id"]}

    async def receive(self, request: web.Request) -> web.Response:
        """``POST`` to an upload URL: the bytes themselves, or a form with one file."""
        if request.path not in self._waiting:
            raise web.HTTPNotFound(text="There is no such upload.")
        file, length = self._waiting[request.path]
        if fault := self._slack.faults.of("upload"):
            return broken(self._slack, "upload", {"file": file["id"]}, fault.status, fault.retry_after)
        content = await _sent(request)
        if len(content) != length:
            raise web.HTTPBadRequest(text=f"{length} bytes were announced, {len(content)} came.")
        del self._waiting[request.path]
        self._slack.unready_files.add(file["id"])
        store(self._slack, file, content)
        self._received[file["id"]] = file
        self._slack.log("upload", {"file": file["id"], "length": length}, 200, "OK")
        return web.Response(text=f"OK - {length}")

    def complete(self, slack: Slack, args: Arguments) -> Json:
        """``files.completeUploadExternal``: name the files and, if a channel is given, share them there."""
        named = args.parsed("files", "invalid_arguments")
        if not isinstance(named, list) or not named:
            raise Refusal("invalid_arguments", ["missing required field: files"])
        if any(one.get("id") not in self._received for one in named):
            raise Refusal("file_not_found")
        names = args.text("channel_id") or args.text("channels")
        channels = [slack.channel(name) for name in (names or "").split(",") if name]
        thread = slack.in_thread(channels[0], args.text("thread_ts")) if len(channels) == 1 else {}
        files = []
        for one in named:
            file = slack.workspace.files[one["id"]]
            file.update(title=one.get("title") or file["title"], channels=[channel.id for channel in channels])
            del self._received[one["id"]]
            files.append(file)
        comment = {"text": args.text("initial_comment") or "", "files": [dict(file) for file in files]}
        for channel in channels:
            slack.workspace.post(
                channel, {"subtype": "file_share", "user": BOT_USER, "bot_id": BOT_ID, **comment, **thread}
            )
        return {"files": files}

    def info(self, slack: Slack, args: Arguments) -> Json:
        """``files.info``. Slack looks at a file before blocks can show it, and meanwhile tells no type.

        Here it takes until the first time somebody asks.
        """
        file = slack.workspace.files.get(args.need("file"))
        if file is None or file["id"] in self._received:
            raise Refusal("file_not_found")
        if file["id"] in slack.unready_files:
            slack.unready_files.discard(file["id"])
            return {"file": {**file, "mimetype": "", "filetype": ""}}
        return {"file": file}


async def _sent(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    found = next((part for part in form.values() if isinstance(part, web.FileField)), None)
    return found.file.read() if found else b""


def download(slack: Slack, request: web.Request) -> web.Response:
    """``url_private_download``: with the bot's token the file; without, Slack sends one to its sign-in page."""
    may = request.headers.get("Authorization") == f"Bearer {BOT_TOKEN}" and "files:read" in slack.manifest.scopes
    if not may:
        raise web.HTTPFound("/")
    return content_of(slack, request.match_info["file"].rpartition("-")[2])


def methods(uploads: Uploads) -> dict[str, Method]:
    return {
        "files.getUploadURLExternal": Method(uploads.url, 4, "files:write"),
        "files.completeUploadExternal": Method(uploads.complete, 4, "files:write"),
        "files.info": Method(uploads.info, 4, "files:read"),
    }
