"""Where errors become messages: the only ``@app.error``."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any

from slack_bolt import Ack, App, BoltContext, BoltResponse
from slack_bolt.error import BoltUnhandledRequestError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import EditedMeanwhile, Refused, UserError
from bot.slack.blocks import Json, modal, section
from bot.slack.forms import error_view
from bot.slack.text import escape_but_people, fit, fit_markup
from bot.slack.widgets import written_in

_log = logging.getLogger(__name__)

# Slack waits three seconds for an ack; what comes later it no longer reads.
_PATIENCE = 2.9
_TRIGGER_LOST = {"expired_trigger_id", "exchanged_trigger_id"}


def guard(app: App, *, now: Callable[[], float] = time.monotonic) -> None:
    """Turn whatever a listener raises into what the person should see, and nothing else.

    A ``UserError`` in a form that is still open lands under its fields, or on top of the form with everything typed
    kept. Elsewhere it is a message only that person sees. Anything unexpected is logged with a reference, and the
    person is told the reference.
    """

    def keep_the_first_ack(context: BoltContext, next_: Callable[[], None]) -> None:
        context["ack"] = _FirstAck(now)
        next_()

    def tell(
        error: Exception, body: Json, context: BoltContext, client: WebClient, response: BoltResponse | None
    ) -> BoltResponse | None:
        if isinstance(error, BoltUnhandledRequestError) and "event" in body:
            return BoltResponse(status=200)  # Slack tells about many things; not all of them concern us
        if _window_closed(error):
            return response and BoltResponse(status=200)
        refusal = _for_people(error, body, context)
        answer = _ack_with(refusal, body) if response and _still_waiting(context.ack) else None
        if answer is None:
            _send(refusal, body, context, client)
        return answer or (response and BoltResponse(status=200))

    app.middleware(keep_the_first_ack)
    app.error(tell)


class _FirstAck(Ack):
    """An ack that stays given.

    Bolt 1.30 clears it when a listener raises after acking. If that happens before the waiting thread has looked, which
    it does every 10 ms, Slack would never be answered and would tell the person that the app failed.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.response: BoltResponse | None = None
        self._now = now
        self._received_at = now()

    def __setattr__(self, name: str, value: object) -> None:
        if name != "response" or value is not None or getattr(self, "response", None) is None:
            super().__setattr__(name, _Answer.of(value) if isinstance(value, BoltResponse) else value)

    @property
    def too_late(self) -> bool:
        """Whether Slack has stopped waiting."""
        return self._now() - self._received_at > _PATIENCE


class _Answer(BoltResponse):
    """A response whose status stays.

    Bolt 1.30 gives the thread that answers Slack the very object it marks with 500 when the listener fails later. If
    that happens before the ack is sent, no ack is sent.
    """

    @classmethod
    def of(cls, response: BoltResponse) -> _Answer:
        return cls(status=response.status, body=response.body, headers=response.headers)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "status" or not hasattr(self, "status"):
            super().__setattr__(name, value)


def _window_closed(error: Exception) -> bool:
    """Whether a window was to show what has been done, and the person has closed it: they need no word more."""
    return isinstance(error, SlackApiError) and error.response.get("error") == "not_found"


def _still_waiting(ack: Ack) -> bool:
    return ack.response is None and not (isinstance(ack, _FirstAck) and ack.too_late)


def _for_people(error: Exception, body: Json, context: BoltContext) -> UserError:
    if isinstance(error, UserError):
        return error
    if isinstance(error, BoltUnhandledRequestError):
        return Refused(reason="This belongs to an older version of the app and no longer works. Open the page again.")
    if isinstance(error, SlackApiError) and error.response.get("error") in _TRIGGER_LOST:
        return Refused(reason="That took too long, so Slack did not open the window. Please try again.")
    if isinstance(error, SlackApiError) and error.response.get("error") == "ratelimited":
        return Refused(reason="Slack asks this bot to slow down. Please try again in a minute.")
    return unexpected(error, f"{_what(body)} by user {context.user_id} of team {context.team_id}")


def unexpected(error: Exception, what: str) -> UserError:
    """Log what nobody foresaw, and return the sentence with the reference under which the log has it."""
    reference = f"E-{secrets.token_hex(2).upper()}"
    _log.error("%s: %s failed", reference, what, exc_info=error)
    return Refused(
        reason=f"Something went wrong on our side. Reference {reference}. Please try again; "
        "if it happens again, give the reference to whoever runs this bot."
    )


def _what(body: Json) -> str:
    """What the person did, for the log: names only, nothing they typed."""
    view, event = body.get("view") or {}, body.get("event") or {}
    actions = " ".join(str(action.get("action_id")) for action in body.get("actions", []))
    named = actions or body.get("command") or event.get("type") or view.get("callback_id") or body.get("callback_id")
    return f"{body.get('type', 'command')} {named}"


def _ack_with(refusal: UserError, body: Json) -> BoltResponse | None:
    """The ack that itself says what went wrong; None where Slack shows nothing of an ack."""
    if body.get("type") == "view_submission":
        return BoltResponse(status=200, body=_under_the_fields(refusal, body["view"]))
    if body.get("type") == "block_suggestion":
        return BoltResponse(status=200, body={"options": []})
    if "command" in body:
        text = fit_markup(_markup(refusal), 3_000)
        return BoltResponse(status=200, body={"response_type": "ephemeral", "text": text})
    return None


def _under_the_fields(refusal: UserError, view: Json) -> Json:
    inputs = {block.get("block_id") for block in view["blocks"] if block["type"] == "input"}
    if refusal.fields and refusal.fields.keys() <= inputs:
        errors = {written_in(view, name): fit(sentence, 1_000) for name, sentence in refusal.fields.items()}
        return {"response_action": "errors", "errors": errors}
    if isinstance(refusal, EditedMeanwhile):
        again = error_view(view, _markup(refusal), submit="Save mine", meta={"version": refusal.version})
        return {"response_action": "update", "view": again}
    return {"response_action": "update", "view": error_view(view, _markup(refusal))}


def _markup(refusal: UserError) -> str:
    """The sentence as mrkdwn: everything in it is literal but the people that the program itself put there."""
    facts = [refusal.facts[fact] for fact in refusal.people]
    named = [user for fact in facts for user in (fact if isinstance(fact, list) else [fact])]
    return escape_but_people(refusal.sentence, map(str, named))


def _send(refusal: UserError, body: Json, context: BoltContext, client: WebClient) -> None:
    """Tell the person in the first way that works."""
    for way in _ways(refusal, body, context, client):
        try:
            way()
        except (SlackClientError, HTTPException, OSError) as error:
            _log.warning("could not tell user %s in one way: %s", context.user_id, error)
        else:
            return
    _log.error("could not tell user %s: %s", context.user_id, refusal.sentence)


def _ways(refusal: UserError, body: Json, context: BoltContext, client: WebClient) -> Iterator[Callable[[], Any]]:
    """The ways to reach the person, the nearest to where they look first."""
    said = _markup(refusal)
    text = fit_markup(said, 3_000)
    view = body.get("view") or {}
    thread = (body.get("container") or body.get("event") or {}).get("thread_ts")
    user, channel = context.user_id, context.channel_id
    if context.function_execution_id:
        yield lambda: context.fail(fit(refusal.sentence, 3_000))
    if body.get("type") == "block_actions" and view.get("type") == "modal":
        shown = error_view(view, said)
        yield lambda: client.views_update(view_id=view["id"], hash=view.get("hash"), view=shown)
    if view.get("type") == "home" and body.get("trigger_id"):
        note = modal("That didn’t work", [section(said)], callback_id="problem")
        yield lambda: client.views_open(trigger_id=body["trigger_id"], view=note)
    if context.response_url:
        yield lambda: _respond(context, text, thread)
    if user and channel and not channel.startswith("D"):
        yield lambda: client.chat_postEphemeral(channel=channel, user=user, text=text, thread_ts=thread)
    if user:
        here = channel if channel and channel.startswith("D") else None
        yield lambda: client.chat_postMessage(channel=here or user, text=text, thread_ts=thread if here else None)


def _respond(context: BoltContext, text: str, thread: str | None) -> None:
    assert context.respond
    answer = context.respond(text, response_type="ephemeral", replace_original=False, thread_ts=thread)
    if answer.status_code != 200:
        raise SlackClientError(f"the response_url answered {answer.status_code} {answer.body}")
