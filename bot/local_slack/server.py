"""The server: one thread with one event loop that is the whole local Slack."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from bot.local_slack import api_chat, api_conversations, api_views, assistant, files, steps, unfurls, usergroups
from bot.local_slack.interactions import Interactions
from bot.local_slack.manifest import Manifest
from bot.local_slack.person import People
from bot.local_slack.slack import Slack
from bot.local_slack.web_api import APP_TOKEN, BOT_TOKEN, WebApi, broken
from bot.local_slack.wire import Json, Refusal

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PAGE = Path(__file__).parent / "page"
SAVE_EVERY_SECONDS = 1.0
_TURNS_TO_COME_IN = 5
STOP_SECONDS = 10
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class LocalSlack:
    """A Slack workspace on this machine with one app in it, the one ``manifest`` describes.

    ``data_dir`` keeps messages and files from one start to the next. ``rate_limits=False`` lets the app call as often
    as it likes, ``clock`` is what trigger ids, response URLs and rate limits go by (seconds, monotonic) and
    ``ack_seconds`` is how long the workspace waits for an ack.
    """

    bot_token = BOT_TOKEN
    app_token = APP_TOKEN

    def __init__(
        self,
        manifest: Json,
        host: str = "127.0.0.1",
        port: int = 0,
        data_dir: Path | None = None,
        *,
        rate_limits: bool = True,
        clock: Callable[[], float] = time.monotonic,
        ack_seconds: float = 3.0,
    ) -> None:
        self._manifest = Manifest.read(manifest)
        self._host, self._port = host, port
        self._data_dir = data_dir
        self._rate_limits, self._clock, self._ack_seconds = rate_limits, clock, ack_seconds
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        """Where the page is: ``http://127.0.0.1:PORT``."""
        return self._slack.url

    @property
    def api_url(self) -> str:
        """What the app takes for Slack's Web API: ``http://127.0.0.1:PORT/api/``."""
        return f"{self.url}/api/"

    def start(self) -> LocalSlack:
        """Serve in a thread of its own; return when everything is reachable. OSError when the port is taken."""
        self._socket = socket.create_server((self._host, self._port))
        port = self._socket.getsockname()[1]
        self._slack = Slack(
            self._manifest,
            files=self._files(),
            url=f"http://{self._host}:{port}",
            rate_limits=self._rate_limits,
            clock=self._clock,
            ack_seconds=self._ack_seconds,
        )
        self._restore()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="local-slack", daemon=True)
        self._thread.start()
        self._call(self._serve())
        return self

    def stop(self) -> None:
        """Save, close every connection and end the thread."""
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()
        if self._scratch:
            self._scratch.cleanup()

    def __enter__(self) -> LocalSlack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def misbehave(self, faults: Json) -> None:
        """Do what ``POST /local/faults`` does: from now on be wrong in these ways and no others."""
        self._call(self._slack.misbehave(faults))

    def heal(self) -> None:
        """End all misbehaviour."""
        self.misbehave({})

    def calls(self, method: str | None = None) -> list[Json]:
        """The Web API calls received so far, oldest first: method, args, status, response, at."""
        return [call for call in list(self._slack.calls) if method in (None, call["method"])]

    def wait_until_connected(self, connections: int = 1, timeout: float = 10) -> None:
        """Return when the app has exactly so many Socket Mode connections; TimeoutError if it takes too long."""
        self._call(asyncio.wait_for(self._slack.sockets.wait_for(connections), timeout), timeout + STOP_SECONDS)

    # The server's own thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _call(self, work: Coroutine[Any, Any, T], timeout: float = STOP_SECONDS) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    async def _serve(self) -> None:
        self._interactions = Interactions(self._slack)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()
        self._saving = self._loop.create_task(self._save_now_and_then())

    async def _shut_down(self) -> None:
        self._saving.cancel()
        await self._interactions.stop()
        await self._slack.sockets.close()
        # Whoever is on the way in comes in first: a server that is closed meanwhile would leave them open.
        self._loop.remove_reader(self._socket)
        for _ in range(_TURNS_TO_COME_IN):
            await asyncio.sleep(0)
        await self._runner.cleanup()
        # A connection that is told to close does so in the loop's next turn.
        await asyncio.sleep(0)
        self._save()

    def _application(self) -> web.Application:
        slack = self._slack
        uploads = files.Uploads(slack)
        methods = {**api_chat.METHODS, **api_views.METHODS, **api_conversations.METHODS, **files.methods(uploads)}
        methods |= {**assistant.METHODS, **steps.METHODS, **unfurls.METHODS, **usergroups.METHODS}
        app = web.Application(client_max_size=files.MOST_BYTES, middlewares=[self._only_from_here])
        app.add_routes(
            [
                web.get("/", _page),
                web.get("/archives/{channel}/p{stamp}", _linked),
                web.static("/static", PAGE),
                web.route("*", "/api/{method}", WebApi(slack, methods).call),
                web.get("/link/", slack.sockets.serve),
                web.post("/upload/v1/{secret}", uploads.receive),
                web.get("/files-pri/{file}/{tail:.*}", self._download),
                *(web.post(f"/{kind}/{{tail:.*}}", self._respond) for kind in ("commands", "actions", "app")),
                *People(slack, self._interactions).routes(),
            ]
        )
        return app

    @web.middleware
    async def _only_from_here(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what another web page makes a browser send, by the names it was sent to and from."""
        if (request.url.host or "") not in ("127.0.0.1", "localhost", self._host):
            raise web.HTTPForbidden(text="This server answers to 127.0.0.1 and localhost alone.")
        origin = request.headers.get("Origin")
        if origin and origin != f"{request.url.scheme}://{request.host}":
            raise web.HTTPForbidden(text="This server does not take requests from other pages.")
        response = await handler(request)
        if not response.prepared:
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers.setdefault("Cache-Control", "no-cache")
        return response

    async def _download(self, request: web.Request) -> web.Response:
        return files.download(self._slack, request)

    async def _respond(self, request: web.Request) -> web.Response:
        """A post to a response_url."""
        given: Json = {}
        if fault := self._slack.faults.of("response_url"):
            return broken(self._slack, "response_url", given, fault.status, fault.retry_after)
        try:
            given = json.loads(await request.text())
            use = self._slack.response_urls.use(request.path)
            self._slack.respond(use.channel, use.user, given, use.ts)
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        except Refusal as refusal:
            self._slack.log("response_url", given, 404, refusal.answer())
            return web.json_response(refusal.answer(), status=404)
        self._slack.log("response_url", given, 200, "ok")
        return web.Response(text="ok")

    # What outlives a restart

    def _files(self) -> Path:
        if self._data_dir is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="local-slack-")
            return Path(self._scratch.name)
        folder = self._data_dir / "files"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def _kept(self) -> Path | None:
        return self._data_dir / "workspace.json" if self._data_dir else None

    def _restore(self) -> None:
        if self._kept and self._kept.exists():
            self._slack.workspace.restore(json.loads(self._kept.read_text("utf-8")))

    def _save(self) -> None:
        """Write the whole workspace, so that a crash in the middle leaves the old one."""
        if self._kept:
            fresh = self._kept.with_suffix(".new")
            fresh.write_text(json.dumps(self._slack.workspace.saved()), "utf-8")
            fresh.replace(self._kept)

    async def _save_now_and_then(self) -> None:
        saved = self._slack.feed.seq
        while True:
            await asyncio.sleep(SAVE_EVERY_SECONDS)
            if self._kept and self._slack.feed.seq != saved:
                saved = self._slack.feed.seq
                self._save()


async def _page(_: web.Request) -> web.FileResponse:
    return web.FileResponse(PAGE / "index.html")


async def _linked(request: web.Request) -> web.Response:
    """A permalink leads to the message's place in the page."""
    stamp = request.match_info["stamp"]
    ts = request.query.get("thread_ts", f"{stamp[:-6]}.{stamp[-6:]}")
    raise web.HTTPFound(f"/#/{request.match_info['channel']}/{ts}")
