"""The payloads Slack sends an app: commands, actions, submissions, shortcuts and events."""

from __future__ import annotations

import copy
import time
from typing import Any

from bot.local_slack.slack import Slack
from bot.local_slack.wire import Json, new_id
from bot.local_slack.workspace import APP_ID, BOT_USER, TEAM, Channel

VERIFICATION = "local-verification-token"
CHANNEL_NAMES = {"im": "directmessage", "private": "privategroup", "mpim": "privategroup"}


def _common(slack: Slack, user: str) -> Json:
    name = slack.workspace.users[user].name
    return {
        "token": VERIFICATION,
        "api_app_id": APP_ID,
        "team": {"id": TEAM["id"], "domain": TEAM["domain"]},
        "user": {"id": user, "username": name, "name": name, "team_id": TEAM["id"]},
        "is_enterprise_install": False,
        "enterprise": None,
    }


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": CHANNEL_NAMES.get(channel.kind, channel.name)}


def _moment() -> str:
    return f"{time.time():.6f}"


def _response_url(slack: Slack, kind: str, channel: Channel, user: str, ts: str | None = None) -> str:
    return slack.url + slack.response_urls.issue(kind, channel, user, ts)


def command(slack: Slack, user: str, channel: Channel, name: str, text: str) -> Json:
    return {
        "token": VERIFICATION,
        "team_id": TEAM["id"],
        "team_domain": TEAM["domain"],
        "channel_id": channel.id,
        "channel_name": CHANNEL_NAMES.get(channel.kind, channel.name),
        "user_id": user,
        "user_name": slack.workspace.users[user].name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": _response_url(slack, "commands", channel, user),
        "trigger_id": slack.triggers.issue(user),
    }


def message_action(slack: Slack, user: str, channel: Channel, message: Json, action: Json, state: Any) -> Json:
    """``block_actions`` from a message; one that only ``user`` sees is not sent along."""
    ephemeral = bool(message.get("ephemeral"))
    container = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": ephemeral}
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    container |= _below_link(message, action)
    return {
        **_common(slack, user),
        "type": "block_actions",
        "container": container,
        "trigger_id": slack.triggers.issue(user),
        "channel": _channel(channel),
        **({} if ephemeral else {"message": slack.workspace.shown(channel, message)}),
        "state": {"values": state},
        "response_url": _response_url(slack, "actions", channel, user, message["ts"]),
        "actions": [{**action, "action_ts": _moment()}],
    }


def _below_link(message: Json, action: Json) -> Json:
    """What Slack says besides of an element in the preview of a link, and of which link."""
    for number, one in enumerate(message.get("attachments", []), 1):
        if any(block.get("block_id") == action["block_id"] for block in one.get("blocks", [])):
            link = {"is_app_unfurl": True, "app_unfurl_url": one.get("app_unfurl_url")}
            return {"type": "message_attachment", "attachment_id": number, **link}
    return {}


def view_action(slack: Slack, user: str, view: Json, action: Json) -> Json:
    """``block_actions`` from a modal or home."""
    return {
        **_common(slack, user),
        "type": "block_actions",
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": slack.triggers.issue(user),
        "view": copy.deepcopy(view),
        "actions": [{**action, "action_ts": _moment()}],
    }


def suggestion(slack: Slack, user: str, where: Json, block_id: str, action_id: str, value: str) -> Json:
    """``block_suggestion``; ``where`` holds the container and the view, or the channel and the message."""
    ids = {"block_id": block_id, "action_id": action_id, "value": value}
    return {**_common(slack, user), "type": "block_suggestion", **where, **ids}


def in_view(view: Json) -> Json:
    return {"container": {"type": "view", "view_id": view["id"]}, "view": copy.deepcopy(view)}


def in_message(slack: Slack, channel: Channel, message: Json) -> Json:
    container = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
    shown = slack.workspace.shown(channel, message)
    return {"container": container, "channel": _channel(channel), "message": shown}


def view_submission(slack: Slack, user: str, view: Json) -> Json:
    return {
        **_common(slack, user),
        "type": "view_submission",
        "trigger_id": slack.triggers.issue(user),
        "view": copy.deepcopy(view),
        "response_urls": _response_urls(slack, user, view),
    }


def _response_urls(slack: Slack, user: str, view: Json) -> list[Json]:
    """A response URL for each conversation chosen in a select that asks for one."""
    found = []
    for block in view["blocks"]:
        part = block.get("element") or {}
        if not part.get("response_url_enabled"):
            continue
        ids = {"block_id": block["block_id"], "action_id": part["action_id"]}
        value = view["state"]["values"][ids["block_id"]][ids["action_id"]]
        chosen = value.get("selected_conversation") or value.get("selected_channel")
        if channel := slack.workspace.channels.get(chosen or ""):
            url = _response_url(slack, "app", channel, user)
            found.append({**ids, "channel_id": channel.id, "response_url": url})
    return found


def view_closed(slack: Slack, user: str, view: Json, *, is_cleared: bool) -> Json:
    return {
        **_common(slack, user),
        "type": "view_closed",
        "view": copy.deepcopy(view),
        "is_cleared": is_cleared,
    }


def shortcut(slack: Slack, user: str, callback_id: str) -> Json:
    ids = {"callback_id": callback_id, "trigger_id": slack.triggers.issue(user), "action_ts": _moment()}
    return {**_common(slack, user), "type": "shortcut", **ids}


def message_shortcut(slack: Slack, user: str, callback_id: str, channel: Channel, message: Json) -> Json:
    return {
        **shortcut(slack, user, callback_id),
        "type": "message_action",
        "channel": _channel(channel),
        "message_ts": message["ts"],
        "message": slack.workspace.shown(channel, message),
        "response_url": _response_url(slack, "app", channel, user),
    }


def event(kind: str, facts: Json) -> Json:
    """An Events API callback around one event of type ``kind``."""
    inner = {**facts, "type": kind, "event_ts": facts.get("ts", _moment())}
    authorization = {"team_id": TEAM["id"], "user_id": BOT_USER, "is_bot": True}
    return {
        "token": VERIFICATION,
        "team_id": TEAM["id"],
        "api_app_id": APP_ID,
        "type": "event_callback",
        "event_id": new_id("Ev"),
        "event_time": int(time.time()),
        "event": inner,
        "authorizations": [{**authorization, "enterprise_id": None, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "event_context": f"1-{kind}-{TEAM['id']}-{facts.get('channel', '')}",
    }
