"""Slack over HTTP, a page behind links to crews and runs, and two that say whether the bot is alive and ready."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock, Thread
from typing import Any

from aiohttp import web
from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response

from bot.errors import UserError

log = logging.getLogger(__name__)

# Says what is wrong in a sentence, or ``None``. Runs on a thread of its own and may block.
Check = Callable[[], str | None]

# A view is at most 250 kB; percent-encoded and with what was typed it may be thrice that.
_LARGEST_BODY = 2_000_000
# A listener acks within 3 s, so this many people may press buttons at the same moment.
_REQUESTS_AT_ONCE = 20
_STOPPED_WITHIN = 10.0
_REMEMBERED_EVENTS = 1_000
_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=robots content=noindex>"
    "<meta name=viewport content=width=device-width><title>Crewcall</title>"
    "<h1>This is in Slack</h1><p>Paste the link into your direct messages with the bot. "
    "It shows what the link leads to, if you may see it, with a button that opens it.</p></html>"
)
_PAGE_HEADERS = {"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer"}


class CannotListen(UserError):
    """Nothing can listen on {host}:{port} ({error}). Set CREWCALL_HTTP_HOST and CREWCALL_HTTP_PORT to a free one."""


class Server:
    """A running HTTP server on a thread and an event loop of its own; ``url`` is where it answers."""

    def __init__(self, application: web.Application, host: str, port: int) -> None:
        self._application, self._host, self._port = application, host, port
        self._address: Future[str] = Future()
        self._thread = Thread(target=lambda: asyncio.run(self._main()), name="http", daemon=True)
        self._thread.start()
        self.url = self._address.result()

    def stop(self) -> None:
        """Take no more requests, answer those under way, leave. Does nothing when it has stopped already."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_STOPPED_WITHIN)

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self._application, access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            host, port = runner.addresses[0][:2]
            self._address.set_result(f"http://{f'[{host}]' if ':' in host else host}:{port}")
            await self._stopping.wait()
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._address.set_exception(CannotListen(host=self._host, port=self._port, error=reason))
        finally:
            await runner.cleanup()


def serve(bolt: App, host: str, port: int, *, ready: Mapping[str, Check], patience: float = 3.0) -> Server:
    """Answer Slack at ``/slack/events``, ``/healthz`` while the process lives, ``/readyz`` when all ``ready`` is well.

    Whoever follows a link to a crew or run is told that it is in Slack. Bolt checks the signatures. ``port`` 0 takes a
    free one; ``patience`` is how many seconds a check may take. Returns once it listens; raises ``CannotListen``.
    """
    # Bolt would write the whole body of a request with a wrong signature into the log.
    logging.getLogger("slack_bolt.RequestVerification").setLevel(logging.WARNING)
    door = _SlackDoor(bolt)
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.router.add_post("/slack/events", door.answer)
    application.router.add_get(r"/{kind:crews|runs}/{number:\d+}", _in_slack)
    application.router.add_get("/healthz", _alive)
    application.router.add_get("/readyz", _Readiness(ready, patience).answer)
    application.on_cleanup.append(door.close)
    return Server(application, host, port)


class _SlackDoor:
    """Gives every request of Slack's to Bolt, on a pool of threads."""

    def __init__(self, bolt: App) -> None:
        self._bolt = bolt
        self._pool = ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="slack-request")
        self._events = _Events()
        # After Bolt's own middleware: whoever cannot sign must not be able to make an event look handled.
        bolt.use(self._events.once)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        try:
            body = (await request.read()).decode()
            asked = BoltRequest(body=body, query=request.query_string, headers=dict(request.headers))
        except ValueError:
            # Neither UTF-8 nor what its content type says; Bolt parses before it checks the signature.
            return web.Response(status=400, text="This is not from Slack.")
        answered = await asyncio.get_running_loop().run_in_executor(self._pool, self._dispatch, asked)
        return await to_aiohttp_response(answered)

    def _dispatch(self, asked: BoltRequest) -> BoltResponse:
        answered = self._bolt.dispatch(asked)
        if answered.status >= 500:
            # Slack delivers it again, and then it deserves another try.
            self._events.forget(asked.body.get("event_id"))
        return answered

    async def close(self, _application: web.Application) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Events:
    """The events of late. Slack delivers one again when the answer took too long; nothing may happen twice."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def once(self, body: dict[str, Any], next: Callable[[], None]) -> BoltResponse | None:
        """Bolt middleware: go on with an event that is new, just ack one that is not."""
        event = body.get("event_id")
        with self._lock:
            if event in self._seen:
                return BoltResponse(status=200)
            if event:
                self._seen[event] = None
            if len(self._seen) > _REMEMBERED_EVENTS:
                self._seen.popitem(last=False)
        next()
        return None

    def forget(self, event: str | None) -> None:
        with self._lock:
            self._seen.pop(event or "", None)


class _Readiness:
    """Runs the checks side by side, each on a thread, and waits for none of them for ever."""

    def __init__(self, checks: Mapping[str, Check], patience: float) -> None:
        self._checks, self._patience = checks, patience

    async def answer(self, _request: web.Request) -> web.Response:
        outcomes = await asyncio.gather(*map(self._outcome, self._checks.values()))
        faults = dict(zip(self._checks, outcomes, strict=True))
        ready = not any(faults.values())
        said = {name: fault or "ok" for name, fault in faults.items()}
        return web.json_response({"ready": ready, **said}, status=200 if ready else 503)

    async def _outcome(self, check: Check) -> str | None:
        try:
            return await asyncio.wait_for(asyncio.to_thread(check), self._patience)
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except Exception:
            log.exception("A readiness check failed")
            return "the check itself failed; see the log"


async def _in_slack(_request: web.Request) -> web.Response:
    """The same for every link: nobody here has said who they are."""
    return web.Response(text=_PAGE, content_type="text/html", charset="utf-8", headers=_PAGE_HEADERS)


async def _alive(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})
