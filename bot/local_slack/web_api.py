"""The Web API's front: tokens, scopes, rate limits and faults, the same for every method."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from bot.local_slack.slack import RateLimited, Slack
from bot.local_slack.wire import Json, Refusal

BOT_TOKEN, APP_TOKEN = "xoxb-local", "xapp-local"


@dataclass(frozen=True)
class Arguments:
    """What a method was called with; JSON bodies have values, forms have strings."""

    given: Json

    def text(self, name: str) -> str | None:
        value = self.given.get(name)
        return None if value is None or value == "" else str(value)

    def need(self, name: str) -> str:
        """A value that must be there; raise ``Refusal`` naming it."""
        if (value := self.text(name)) is None:
            raise Refusal("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str) -> bool:
        return self.given.get(name) in (True, "true", "True", "1", 1)

    def whole(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise Refusal("invalid_arguments", [f"must be an integer [json-pointer:/{name}]"]) from None

    def parsed(self, name: str, error: str) -> Any:
        """A list or object, which forms send as JSON text; raise ``Refusal`` with ``error`` for other text."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refusal(error) from None


@dataclass(frozen=True)
class Method:
    """One method of the Web API: its answer, rate tier (None is Slack's "special"), scope and caller."""

    answer: Callable[[Slack, Arguments], Json]
    tier: int | None
    scope: str | None = None
    caller: Literal["bot", "app", "anyone"] = "bot"
    # A step of a workflow comes with a token of its own, good until the step is over.
    takes_step_token: bool = False


class WebApi:
    """``/api/{method}`` for the methods it is given."""

    def __init__(self, slack: Slack, methods: dict[str, Method]) -> None:
        self._slack = slack
        self._methods = methods

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer one call as Slack does: HTTP 200 with ``ok``, except for rate limits and broken days."""
        name = request.match_info["method"]
        given = await _given(request)
        in_body = str(given.pop("token", ""))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or in_body
        if self._slack.faults.slow_ms:
            await asyncio.sleep(self._slack.faults.slow_ms / 1000)
        fault = self._slack.faults.of(name)
        if fault and not fault.then_drop and not fault.error:
            return broken(self._slack, name, given, fault.status, fault.retry_after)
        try:
            if fault and fault.error:
                raise Refusal(fault.error)
            body = {"ok": True, **self._answer(name, token, Arguments(given))}
        except Refusal as refusal:
            body = refusal.answer()
        except RateLimited as limited:
            return broken(self._slack, name, given, 429, limited.seconds)
        self._slack.log(name, given, 200, body)
        if fault and fault.then_drop and request.transport:
            request.transport.abort()
        return web.json_response(body, headers={"x-oauth-scopes": ",".join(self._slack.manifest.scopes)})

    def _answer(self, name: str, token: str, args: Arguments) -> Json:
        method = self._methods.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        if method.caller != "anyone" and not (method.takes_step_token and self._is_step_token(token)):
            _check_token(token, method.caller)
        if method.scope:
            self._slack.need_scope(method.scope)
        if wait := self._slack.limits.wait_for_call(name, method.tier):
            raise RateLimited(wait)
        return method.answer(self._slack, args)

    def _is_step_token(self, token: str) -> bool:
        steps = self._slack.workspace.steps.values()
        return any(step["token"] == token and step["status"] == "running" for step in steps)


def broken(slack: Slack, name: str, given: Json, status: int, retry_after: int) -> web.Response:
    """Slack's answer to a call too many or on a bad day; a 429 says after how many seconds to come again."""
    body = {"ok": False, "error": "ratelimited" if status == 429 else "internal_error"}
    slack.log(name, given, status, body)
    headers = {"Retry-After": str(retry_after)} if status == 429 else {}
    return web.json_response(body, status=status, headers=headers)


def _check_token(token: str, kind: str) -> None:
    if not token:
        raise Refusal("not_authed")
    if token not in (BOT_TOKEN, APP_TOKEN):
        raise Refusal("invalid_auth")
    if token != {"bot": BOT_TOKEN, "app": APP_TOKEN}[kind]:
        raise Refusal("not_allowed_token_type")


async def _given(request: web.Request) -> Json:
    """The arguments from the query and a JSON or form body; a broken JSON body counts as none."""
    query: Json = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError:
            body = {}
        return {**query, **body} if isinstance(body, dict) else query
    return {**query, **{name: value for name, value in (await request.post()).items() if isinstance(value, str)}}
