"""conversations.*, users.*, auth.test and apps.connections.open."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal
from bot.local_slack.workspace import APP_ID, BOT_ID, BOT_USER, TEAM, Channel, User

SCOPE_WORDS = {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}
KINDS = {"public_channel": "public", "private_channel": "private", "im": "im", "mpim": "mpim"}


def auth_test(slack: Slack, args: Arguments) -> Json:
    bot = slack.workspace.users[BOT_USER]
    ids = {"team_id": TEAM["id"], "user_id": BOT_USER, "bot_id": BOT_ID, "app_id": APP_ID}
    return {"url": f"{slack.url}/", "team": TEAM["name"], "user": bot.name, **ids, "is_enterprise_install": False}


def api_test(slack: Slack, args: Arguments) -> Json:
    if error := args.text("error"):
        raise Refusal(error, args=args.given)
    return {"args": args.given}


def connections_open(slack: Slack, args: Arguments) -> Json:
    address = slack.url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={slack.sockets.ticket()}&app_id={APP_ID}"}


def _user(user: User) -> Json:
    profile = {"real_name": user.real_name, "display_name": user.name, "title": ""}
    now = datetime.now(ZoneInfo(user.tz))
    offset = int((now.utcoffset() or timedelta()).total_seconds())
    zone = {"tz": user.tz, "tz_label": now.tzname(), "tz_offset": offset}
    if user.deleted:
        # https://docs.slack.dev/reference/objects/user-object: these say nothing any more.
        known = {"id": user.id, "team_id": TEAM["id"], "name": user.name, "real_name": user.real_name}
        return {**known, "deleted": True, "is_bot": user.is_bot, "profile": profile}
    return {
        "id": user.id,
        "team_id": TEAM["id"],
        "name": user.name,
        "real_name": user.real_name,
        "color": user.color,
        "deleted": False,
        "is_bot": user.is_bot,
        "is_admin": user.is_admin,
        "is_owner": user.is_admin,
        **zone,
        "profile": {**profile, **({"bot_id": BOT_ID, "api_app_id": APP_ID} if user.is_bot else {})},
    }


def users_info(slack: Slack, args: Arguments) -> Json:
    user = slack.workspace.users.get(args.text("user") or "")
    if user is None:
        raise Refusal("user_not_found")
    return {"user": _user(user)}


def users_list(slack: Slack, args: Arguments) -> Json:
    members, more = _page([_user(user) for user in slack.workspace.users.values()], args, 1000)
    return {"members": members, **more}


def _channel(channel: Channel) -> Json:
    kinds = {
        "is_channel": channel.kind == "public",
        "is_group": False,
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "public",
        "is_archived": False,
    }
    if channel.kind == "im":
        return {"id": channel.id, "user": channel.user, **kinds}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": channel.name == "general",
        "is_member": BOT_USER in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        **kinds,
    }


def _known(slack: Slack, args: Arguments, verb: str) -> Channel:
    """The conversation meant, if the bot may know of it and has the scope ``verb`` for its kind."""
    channel = slack.workspace.channels.get(args.text("channel") or "")
    if channel is None or not slack.workspace.can_read(BOT_USER, channel):
        raise Refusal("channel_not_found")
    slack.need_scope(f"{SCOPE_WORDS[channel.kind]}:{verb}")
    return channel


def info(slack: Slack, args: Arguments) -> Json:
    return {"channel": _channel(_known(slack, args, "read"))}


def list_channels(slack: Slack, args: Arguments) -> Json:
    channels, more = _page([_channel(one) for one in _visible(slack, args)], args, 1000)
    return {"channels": channels, **more}


def of_user(slack: Slack, args: Arguments) -> Json:
    """Where somebody is a member, the bot itself unless told; private ones only where the bot is a member too."""
    user = args.text("user") or BOT_USER
    if user not in slack.workspace.users:
        raise Refusal("user_not_found")
    shared = [_channel(one) for one in _visible(slack, args) if user in one.members]
    # Whether the bot is a member is not said here.
    told = [{key: value for key, value in one.items() if key not in ("is_member", "num_members")} for one in shared]
    channels, more = _page(told, args, 100)
    return {"channels": channels, **more}


def _visible(slack: Slack, args: Arguments) -> list[Channel]:
    """The conversations of the ``types`` that are asked for which the bot may know of."""
    wanted = [KINDS.get(word.strip()) for word in (args.text("types") or "public_channel").split(",")]
    for kind in wanted:
        if kind is None:
            raise Refusal("invalid_types")
        slack.need_scope(f"{SCOPE_WORDS[kind]}:read")
    known = slack.workspace.channels.values()
    return [one for one in known if one.kind in wanted and slack.workspace.can_read(BOT_USER, one)]


def members(slack: Slack, args: Arguments) -> Json:
    found, more = _page(list(_known(slack, args, "read").members), args, 1000)
    return {"members": found, **more}


def open_im(slack: Slack, args: Arguments) -> Json:
    """A direct message with one person; several at once would need a scope of their own."""
    if channel_id := args.text("channel"):
        channel = slack.channel(channel_id)
    else:
        users = (args.text("users") or "").split(",")
        if not users[0]:
            raise Refusal("users_list_not_supplied")
        if len(users) > 1:
            raise Refusal("missing_scope", needed="mpim:write", provided=",".join(slack.manifest.scopes))
        if users[0] not in slack.workspace.users:
            raise Refusal("user_not_found")
        if users[0] == BOT_USER:
            raise Refusal("cannot_dm_bot")
        channel = slack.workspace.im(users[0])
    shown = _channel(channel) if args.flag("return_im") else {"id": channel.id}
    return {"channel": shown, "no_op": True, "already_open": True}


def join(slack: Slack, args: Arguments) -> Json:
    channel = slack.workspace.channels.get(args.text("channel") or "")
    if channel is None or channel.kind != "public":
        raise Refusal("channel_not_found" if channel is None else "method_not_supported_for_channel_type")
    slack.workspace.join(channel, BOT_USER)
    return {"channel": _channel(channel)}


def history(slack: Slack, args: Arguments) -> Json:
    channel = _readable(slack, args)
    found = _between(slack.workspace.top_level(channel), args)[::-1]
    messages, more = _page(found, args, 100)
    return {"messages": _with_metadata(messages, args), "has_more": bool(more), **more}


def replies(slack: Slack, args: Arguments) -> Json:
    channel = _readable(slack, args)
    ts = args.text("ts") or ""
    if slack.workspace.message(channel, ts) is None:
        raise Refusal("thread_not_found")
    first, *rest = slack.workspace.thread(channel, slack.workspace.root(channel, ts)["ts"])
    messages, more = _page([first, *_between(rest, args)], args, 1000)
    return {"messages": _with_metadata(messages, args), "has_more": bool(more), **more}


def _readable(slack: Slack, args: Arguments) -> Channel:
    channel = _known(slack, args, "history")
    if BOT_USER not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _between(messages: list[Json], args: Arguments) -> list[Json]:
    """Those between ``oldest`` and ``latest``, both left out unless ``inclusive``."""
    oldest, latest = float(args.text("oldest") or 0), float(args.text("latest") or "inf")
    edges = (oldest, latest) if args.flag("inclusive") else ()
    return [one for one in messages if oldest < float(one["ts"]) < latest or float(one["ts"]) in edges]


def _with_metadata(messages: list[Json], args: Arguments) -> list[Json]:
    if args.flag("include_all_metadata"):
        return messages
    return [{key: value for key, value in one.items() if key != "metadata"} for one in messages]


def _page(items: list[Any], args: Arguments, default: int) -> tuple[list[Any], Json]:
    """One page of ``items`` and, when there is more, the cursor for the next."""
    limit = args.whole("limit", default)
    if not 1 <= limit <= 1000:
        raise Refusal("invalid_limit")
    try:
        start = int(base64.b64decode(args.text("cursor") or base64.b64encode(b"0"), validate=True))
    except ValueError:
        raise Refusal("invalid_cursor") from None
    cursor = base64.b64encode(str(start + limit).encode()).decode()
    more = {"response_metadata": {"next_cursor": cursor}} if start + limit < len(items) else {}
    return items[start : start + limit], more


METHODS = {
    "api.test": Method(api_test, 4, caller="anyone"),
    "auth.test": Method(auth_test, None),
    "apps.connections.open": Method(connections_open, 3, caller="app"),
    "users.info": Method(users_info, 4, "users:read"),
    "users.list": Method(users_list, 2, "users:read"),
    "users.conversations": Method(of_user, 3),
    "conversations.info": Method(info, 3),
    "conversations.list": Method(list_channels, 2),
    "conversations.members": Method(members, 4),
    "conversations.open": Method(open_im, 3, "im:write"),
    "conversations.join": Method(join, 3, "channels:join"),
    "conversations.history": Method(history, 3),
    "conversations.replies": Method(replies, 3),
}
