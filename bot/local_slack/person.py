"""The person's side of the workspace over HTTP: everything the page, and a test acting as a person, can do."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.local_slack import assistant, files, payloads, steps, unfurls
from bot.local_slack.interactions import Interactions
from bot.local_slack.slack import Slack
from bot.local_slack.wire import Json, Refusal, Trouble
from bot.local_slack.workspace import APP_ID, BOT_USER, TEAM, Channel

HEARTBEAT_SECONDS = 15
LONGEST_WAIT_SECONDS = 60

# Slack's own marks: mentions of people, channels and everybody, and links.
MARKED_UP = re.compile(r"(<(?:@U\w+|#C\w+(?:\|[^<>|]*)?|!(?:here|channel|everyone)|https?://[^<>\s]+)>)")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class People:
    """Handlers of ``/local/…``. Each takes the acting person's id as ``user``."""

    def __init__(self, slack: Slack, interactions: Interactions) -> None:
        self._slack = slack
        self._workspace = slack.workspace
        self._do = interactions

    def routes(self) -> list[web.RouteDef]:
        """What is asked for with GET and done with POST."""
        asked = {
            "state": self.state,
            "messages": self.messages,
            "views": self.views,
            "home": self.home,
            "steps": self.steps,
            "wait": self.wait,
            "events": self.events,
            "calls": self.calls,
            "files/{file}": self.file,
        }
        done: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "message": self.say,
            "invite": self.invite,
            "group": self.group,
            "conversation": self.talk,
            "step": self.step,
            "command": self.command,
            "shortcut": self.shortcut,
            "action": self.act,
            "options": self.options,
            "submit": self.submit,
            "close": self.close,
            "open_home": self.open_home,
            "deactivate": self.deactivate,
            "faults": self.faults,
        }
        return [
            *(web.get(f"/local/{name}", _troubled(handler)) for name, handler in asked.items()),
            *(web.post(f"/local/{name}", _troubled(_from_json(handler))) for name, handler in done.items()),
            web.post("/local/files", _troubled(self.upload)),
        ]

    # Reading

    async def state(self, request: web.Request) -> web.Response:
        user = self._user(request.query)
        me = self._workspace.users[user]
        bot = self._workspace.users[BOT_USER]
        connected = self._slack.sockets.connected > 0
        return self._answer(
            team={"id": TEAM["id"], "name": TEAM["name"]},
            me={"id": me.id, "name": me.name, "real_name": me.real_name, "color": me.color},
            users=[
                {key: getattr(one, key) for key in ("id", "name", "real_name", "is_bot", "color")}
                for one in self._workspace.users.values()
            ],
            bot={"id": bot.id, "name": bot.real_name, "app_id": APP_ID, "connected": connected},
            channels=[
                self._channel_for(one, user)
                for one in self._workspace.channels.values()
                if self._workspace.can_read(user, one)
            ],
            commands=[_facts(one, "command", "description", "usage_hint") for one in self._slack.manifest.commands],
            steps=steps.offered(self._slack),
            talks=self._slack.manifest.talks,
            shortcuts=[
                _facts(one, "name", "type", "callback_id", "description") for one in self._slack.manifest.shortcuts
            ],
        )

    def _channel_for(self, channel: Channel, user: str) -> Json:
        bot_name = self._workspace.users[BOT_USER].real_name
        partner = {"user": BOT_USER} if channel.kind == "im" else {}
        return {
            "id": channel.id,
            "name": channel.name or bot_name,
            "kind": channel.kind,
            **partner,
            "is_member": user in channel.members,
            "bot_is_member": BOT_USER in channel.members,
            "topic": channel.topic,
        }

    async def messages(self, request: web.Request) -> web.Response:
        user = self._user(request.query)
        channel = self._channel(user, request.query.get("channel"))
        thread_ts = self._thread(channel, request.query)
        said = self._workspace.thread(channel, thread_ts) if thread_ts else self._workspace.top_level(channel)
        whispered = [one for one in self._workspace.whispered(channel, user) if one.get("thread_ts") == thread_ts]
        prompts = self._workspace.prompts.get(f"{channel.id} {thread_ts or ''}".strip(), [])
        shown = sorted([*said, *whispered], key=lambda one: float(one["ts"]))
        status = self._workspace.statuses.get((channel.id, thread_ts or ""), "")
        return self._answer(messages=shown, prompts=prompts, status=status)

    async def views(self, request: web.Request) -> web.Response:
        return self._answer(stack=self._slack.views.stack(self._user(request.query)))

    async def home(self, request: web.Request) -> web.Response:
        return self._answer(view=self._workspace.homes.get(self._user(request.query)))

    async def steps(self, request: web.Request) -> web.Response:
        """The steps of workflows so far, the newest first, without their tokens."""
        self._user(request.query)
        shown = [{key: one[key] for key in one if key != "token"} for one in self._workspace.steps.values()]
        return self._answer(steps=shown[::-1])

    async def wait(self, request: web.Request) -> web.Response:
        user, since = self._user(request.query), int(request.query.get("since", self._slack.feed.seq))
        seconds = min(float(request.query.get("timeout", 10)), LONGEST_WAIT_SECONDS)
        return self._answer(events=await self._slack.feed.wait(user, since, seconds))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-Sent Events for as long as the browser listens."""
        user, since = self._user(request.query), int(request.query.get("since", self._slack.feed.seq))
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        await stream.write(b": hello\n\n")
        while True:
            news = await self._slack.feed.wait(user, since, HEARTBEAT_SECONDS)
            lines = [f"id: {one['seq']}\ndata: {json.dumps(one)}\n\n" for one in news] or [": still here\n\n"]
            since = news[-1]["seq"] if news else since
            try:
                await stream.write("".join(lines).encode())
            except ConnectionError:
                return stream

    async def calls(self, request: web.Request) -> web.Response:
        method = request.query.get("method")
        return self._answer(calls=[one for one in self._slack.calls if method in (None, one["method"])])

    # Speaking

    async def say(self, sent: Json) -> Json:
        """Post a message and let the app hear of it, as far as its manifest asks to."""
        user = self._user(sent)
        channel = self._channel(user, sent.get("channel"))
        shared = [self._file(file_id) for file_id in sent.get("file_ids") or []]
        text = self._marked_up(sent.get("text") or "")
        if not text.strip() and not shared:
            raise Trouble("There is nothing to send.")
        thread_ts = self._thread(channel, sent)
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        with_files = {"subtype": "file_share", "files": shared} if shared else {}
        message = self._workspace.post(channel, {"user": user, "text": text, **thread, **with_files})
        self._tell(channel, message)
        return {"ts": message["ts"]}

    def _tell(self, channel: Channel, message: Json) -> None:
        # Links are told of in every channel, whether the bot is in it or not.
        if links := unfurls.shared(self._slack, channel, message):
            self._do.happened("link_shared", links)
        if BOT_USER not in channel.members:
            return
        word = {"im": "im", "mpim": "mpim", "public": "channels", "private": "groups"}[channel.kind]
        kind = {"im": "im", "mpim": "mpim", "public": "channel", "private": "group"}[channel.kind]
        facts = {**message, "channel": channel.id}
        self._do.happened("message", {**facts, "channel_type": kind}, f"message.{word}")
        if channel.kind != "im" and f"<@{BOT_USER}>" in message["text"]:
            self._do.happened("app_mention", {key: facts[key] for key in facts if key != "subtype"})
        for file in message.get("files", []):
            named = {"file_id": file["id"], "file": {"id": file["id"]}, "user_id": message["user"]}
            self._do.happened("file_shared", {**named, "channel_id": channel.id})

    def _marked_up(self, text: str) -> str:
        """Typed text as Slack stores it: escaped, with mentions as ids. What is in that form already stays."""
        parts = MARKED_UP.split(text)
        return "".join(part if index % 2 else self._marked_up_words(part) for index, part in enumerate(parts))

    def _marked_up_words(self, text: str) -> str:
        text = re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", text).replace("<", "&lt;").replace(">", "&gt;")
        for user in self._workspace.users.values():
            for name in (user.real_name, user.name):
                text = re.sub(rf"(?<![\w@])@{re.escape(name)}\b", f"<@{user.id}>", text, flags=re.IGNORECASE)
        text = re.sub(r"(?<![\w@])@(channel|here|everyone)\b", r"<!\1>", text)
        for channel in self._workspace.channels.values():
            if channel.name:
                text = re.sub(rf"(?<!\w)#{channel.name}\b", f"<#{channel.id}|{channel.name}>", text)
        return re.sub(r"https?://(?:(?!&[lg]t;)[^\s<>])+", r"<\g<0>>", text)

    async def invite(self, sent: Json) -> Json:
        """Bring the bot into a channel."""
        user = self._user(sent)
        channel = self._channel(user, sent.get("channel"))
        if channel.kind in ("im", "mpim"):
            raise Trouble("Nobody can be invited into a direct message.")
        if BOT_USER in channel.members:
            raise Trouble(f"{self._workspace.users[BOT_USER].real_name} is already in #{channel.name}.")
        self._workspace.join(channel, BOT_USER)
        facts = {"user": BOT_USER, "channel": channel.id, "team": TEAM["id"], "inviter": user}
        self._do.happened("member_joined_channel", {**facts, "channel_type": "G" if channel.kind == "private" else "C"})
        return {}

    async def group(self, sent: Json) -> Json:
        """Write to the bot together with other people."""
        people = [self._user({"user": one}) for one in (sent.get("with") or [])]
        return {"channel": self._workspace.group([self._user(sent), *people]).id}

    async def talk(self, sent: Json) -> Json:
        """Open a conversation with the bot as an assistant, or with ``thread_ts`` go elsewhere while it is open."""
        user = self._user(sent)
        seen = self._channel(user, sent["channel"]) if sent.get("channel") else None
        if ts := sent.get("thread_ts"):
            self._do.happened("assistant_thread_context_changed", assistant.looks_at(self._slack, user, ts, seen))
            return {}
        ts, facts = assistant.start(self._slack, user, seen)
        self._do.happened("assistant_thread_started", facts)
        return {"ts": ts}

    async def step(self, sent: Json) -> Json:
        """Run a workflow of one step of the app's."""
        facts = steps.start(self._slack, self._user(sent), str(sent.get("callback_id")), sent.get("inputs") or {})
        self._do.happened("function_executed", facts)
        return {"id": facts["function_execution_id"]}

    # Acting

    async def command(self, sent: Json) -> Json:
        user = self._user(sent)
        channel = self._channel(user, sent.get("channel"))
        name = str(sent.get("command"))
        if sent.get("thread_ts"):
            raise Trouble(f"{name} is not supported in threads. Sorry!")
        await self._do.command(user, channel, name, sent.get("text") or "")
        return {}

    async def shortcut(self, sent: Json) -> Json:
        user = self._user(sent)
        channel = self._channel(user, sent["channel"]) if sent.get("channel") else None
        message = self._message(user, channel, sent["message_ts"]) if channel and sent.get("message_ts") else None
        await self._do.shortcut(user, str(sent.get("callback_id")), channel, message)
        return {}

    async def act(self, sent: Json) -> Json:
        user, ids = self._user(sent), (str(sent.get("block_id")), str(sent.get("action_id")))
        action, values = sent.get("action") or {}, self._with_files(sent.get("values") or {})
        if sent.get("view_id"):
            await self._do.act_in_view(user, self._view(user, sent), ids, action, values)
        else:
            channel = self._channel(user, sent.get("channel"))
            message = self._message(user, channel, sent.get("message_ts"))
            message = self._workspace.as_seen(channel, message, sent.get("seen"))
            await self._do.act_on_message(user, channel, message, ids, action, values)
        return {}

    async def options(self, sent: Json) -> Json:
        user, ids = self._user(sent), (str(sent.get("block_id")), str(sent.get("action_id")))
        if sent.get("view_id"):
            view = self._view(user, sent)
            where, blocks = payloads.in_view(view), view["blocks"]
        else:
            channel = self._channel(user, sent.get("channel"))
            message = self._message(user, channel, sent.get("message_ts"))
            where, blocks = payloads.in_message(self._slack, channel, message), message.get("blocks", [])
        return await self._do.suggest(user, where, blocks, ids, str(sent.get("value") or ""))

    async def submit(self, sent: Json) -> Json:
        user = self._user(sent)
        errors = await self._do.submit(user, self._view(user, sent), self._with_files(sent.get("values") or {}))
        return {"ok": False, "errors": errors} if errors else {}

    async def close(self, sent: Json) -> Json:
        user = self._user(sent)
        await self._do.close(user, self._view(user, sent), bool(sent.get("all")))
        return {}

    async def open_home(self, sent: Json) -> Json:
        user, tab = self._user(sent), sent.get("tab")
        if tab not in ("home", "messages"):
            raise Trouble("The app has a home tab and a messages tab.")
        home = self._workspace.homes.get(user)
        seen = {"view": home} if home and tab == "home" else {}
        facts = {"user": user, "channel": self._workspace.im(user).id, "tab": tab, **seen}
        self._do.happened("app_home_opened", facts)
        return {}

    async def deactivate(self, sent: Json) -> Json:
        """Close the account of ``who``, as an administrator."""
        user, who = self._user(sent), str(sent.get("who"))
        if not self._workspace.users[user].is_admin or who not in self._workspace.users or who == BOT_USER:
            raise Trouble("Only administrators close accounts, and only those of people.")
        self._workspace.deactivate(who)
        return {}

    async def faults(self, sent: Json) -> Json:
        try:
            await self._slack.misbehave({key: value for key, value in sent.items() if key != "user"})
        except Refusal as refusal:
            raise Trouble(refusal.error) from None
        return {}

    # Files

    async def upload(self, request: web.Request) -> web.Response:
        user, name = self._user(request.query), request.query.get("name")
        if not name:
            raise Trouble("A file needs a name.")
        file = files.new_file(self._slack, name, user)
        files.store(self._slack, file, await request.read())
        return self._answer(id=file["id"])

    async def file(self, request: web.Request) -> web.Response:
        return files.content_of(self._slack, request.match_info["file"], inline=request.query.get("preview") == "1")

    def _file(self, file_id: str) -> Json:
        if file_id not in self._workspace.files:
            raise Trouble("There is no such file.", 404)
        return dict(self._workspace.files[file_id])

    def _with_files(self, values: Json) -> Json:
        """A file_input's value may name its files by id alone; the app gets Slack's whole record."""
        return {
            block_id: {
                action_id: {**value, "files": [self._file(one["id"]) for one in value["files"] or []]}
                if "files" in value
                else value
                for action_id, value in actions.items()
            }
            for block_id, actions in values.items()
        }

    # What a request names

    def _user(self, given: Any) -> str:
        user = str(given.get("user"))
        if user not in self._workspace.users or user == BOT_USER:
            raise Trouble("There is no such person here.", 404)
        return user

    def _channel(self, user: str, name: str | None) -> Channel:
        channel = self._workspace.channels.get(name or "")
        if channel is None or not self._workspace.can_read(user, channel):
            raise Trouble("There is no such channel.", 404)
        return channel

    def _thread(self, channel: Channel, given: Any) -> str | None:
        """The ts of the first message of the thread that is meant, if one is."""
        ts = given.get("thread_ts")
        if ts and self._workspace.message(channel, ts) is None:
            raise Trouble("There is no such thread.", 404)
        return str(self._workspace.root(channel, ts)["ts"]) if ts else None

    def _message(self, user: str, channel: Channel, ts: str | None) -> Json:
        whispered = {one["ts"]: one for one in self._workspace.whispered(channel, user)}
        message = whispered.get(ts or "") or self._workspace.message(channel, ts or "")
        if message is None:
            raise Trouble("That message is not there any more.", 404)
        return message

    def _view(self, user: str, sent: Json) -> Json:
        view = self._slack.views.opened(user, str(sent.get("view_id")))
        if view is None:
            raise Trouble("That window is no longer open.", 404)
        return view

    def _answer(self, **facts: Any) -> web.Response:
        return web.json_response({"ok": True, "seq": self._slack.feed.seq, **facts})


def _facts(one: Json, *keys: str) -> Json:
    return {key: one.get(key, "") for key in keys}


def _from_json(do: Callable[[Json], Awaitable[Json]]) -> Handler:
    """A handler for a JSON body; other bodies are refused, because other web pages could send them unasked."""

    async def handler(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise Trouble("Send JSON.", 415)
        try:
            sent = json.loads(await request.text())
        except ValueError:
            raise Trouble("That is not JSON.") from None
        if not isinstance(sent, dict):
            raise Trouble("Send a JSON object.")
        return web.json_response({"ok": True, **await do(sent)})

    return handler


def _troubled(handler: Handler) -> Handler:
    """The handler, with trouble as a sentence in JSON."""

    async def careful(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Trouble as trouble:
            return web.json_response({"ok": False, "error": str(trouble)}, status=trouble.status)

    return careful
