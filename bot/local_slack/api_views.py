"""views.* and blocks.validate: modals and App Homes."""

from __future__ import annotations

from typing import Any

from bot.local_slack.slack import Slack
from bot.local_slack.validation import problems
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal


def _view(args: Arguments) -> Any:
    view = args.parsed("view", "invalid_arguments")
    if view is None:
        raise Refusal("invalid_arguments", ["missing required field: view"])
    return view


def _modal(args: Arguments) -> Any:
    view = _view(args)
    if isinstance(view, dict) and view.get("type") == "home":
        raise Refusal("invalid_arguments", ["must be a modal view [json-pointer:/view/type]"])
    return view


def open_view(slack: Slack, args: Arguments) -> Json:
    view, trigger = _modal(args), args.need("trigger_id")
    shown = slack.views.open(slack.triggers.look(trigger), view)
    slack.triggers.spend(trigger)
    return {"view": shown}


def push(slack: Slack, args: Arguments) -> Json:
    view, trigger = _modal(args), args.need("trigger_id")
    shown = slack.views.push(slack.triggers.look(trigger), view)
    slack.triggers.spend(trigger)
    return {"view": shown}


def update(slack: Slack, args: Arguments) -> Json:
    view_id, external_id = args.text("view_id"), args.text("external_id")
    if not view_id and not external_id:
        raise Refusal("invalid_arguments", ["missing required field: view_id"])
    view = _view(args)
    shown = slack.views.update(view, view_id=view_id, external_id=external_id, view_hash=args.text("hash"))
    return {"view": shown}


def publish(slack: Slack, args: Arguments) -> Json:
    user, view = args.need("user_id"), _view(args)
    if user not in slack.workspace.users:
        raise Refusal("user_not_found")
    if not isinstance(view, dict) or view.get("type") != "home":
        raise Refusal("invalid_arguments", ["must be a home view [json-pointer:/view/type]"])
    return {"view": slack.views.publish(user, view, args.text("hash"))}


def validate(slack: Slack, args: Arguments) -> Json:
    given = {key: args.parsed(key, "invalid_arguments") for key in ("blocks", "message", "view") if args.given.get(key)}
    if len(given) != 1:
        raise Refusal("invalid_arguments", ["give exactly one of blocks, message, view"])
    if "view" in given:
        found = problems(given["view"], "home" if given["view"].get("type") == "home" else "modal")
    else:
        found = problems(given.get("message") or {"blocks": given["blocks"]}, "message")
    if found:
        errors = [{"pointer": one.pointer, "code": one.error, "message": one.message} for one in found]
        raise Refusal("invalid_blocks", errors=errors)
    return {}


METHODS = {
    "views.open": Method(open_view, 4),
    "views.push": Method(push, 4),
    "views.update": Method(update, 4),
    "views.publish": Method(publish, 4),
    "blocks.validate": Method(validate, 4, caller="anyone"),
}
