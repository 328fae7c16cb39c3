"""Links of the app's own: which of them a message holds, and what the app shows of them below it."""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal, new_id
from bot.local_slack.workspace import BOT_USER, Channel

_LINK = re.compile(r"<(https?://[^<>|\s]+)(?:\|[^<>]*)?>")
# Slack tells of no more than this many links of one message.
MOST_LINKS = 5


def links_of(slack: Slack, text: str) -> list[Json]:
    """The links of a message that belong to the domains in the app's manifest, or to domains below them."""
    found = [html.unescape(link) for link in _LINK.findall(text)]
    known = [{"url": url, "domain": domain} for url in dict.fromkeys(found) if (domain := _domain(slack, url))]
    return known[:MOST_LINKS]


def shared(slack: Slack, channel: Channel, message: Json) -> Json | None:
    """The facts of ``link_shared`` for a message; None when it holds no link of the app's."""
    links = links_of(slack, message["text"])
    if not links:
        return None
    thread = {"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}
    unfurl_id = f"{channel.id}-{message['ts']}-{new_id('u')}"
    slack.workspace.unfurls[unfurl_id] = (channel.id, message["ts"])
    return {
        "user": message["user"],
        "channel": channel.id,
        "message_ts": message["ts"],
        **thread,
        "is_bot_user_member": BOT_USER in channel.members,
        "unfurl_id": unfurl_id,
        "source": "conversations_history",
        "links": links,
    }


def unfurl(slack: Slack, args: Arguments) -> Json:
    """``chat.unfurl``: what to show for links of the app's that the message holds."""
    unfurls = args.parsed("unfurls", "invalid_arguments")
    if not isinstance(unfurls, dict) or not unfurls:
        raise Refusal("missing_unfurls")
    channel, message = _message(slack, args)
    links = {one["url"] for one in links_of(slack, message["text"])}
    if not unfurls.keys() <= links:
        raise Refusal("cannot_unfurl_url")
    for preview in unfurls.values():
        if not isinstance(preview, dict) or not (preview.get("blocks") or preview.get("text") or preview.get("title")):
            raise Refusal("cannot_parse_attachment")
        slack.check_message({"blocks": preview.get("blocks", [])})
    others = [one for one in message.get("attachments", []) if one.get("from_url") not in unfurls]
    shown = [
        {**preview, "from_url": url, "app_unfurl_url": url, "is_app_unfurl": True} for url, preview in unfurls.items()
    ]
    slack.workspace.change(channel, {**message, "attachments": [*others, *shown]})
    return {}


def _message(slack: Slack, args: Arguments) -> tuple[Channel, Json]:
    if unfurl_id := args.text("unfurl_id"):
        if args.text("source") not in ("composer", "conversations_history"):
            raise Refusal("missing_source")
        channel_id, ts = slack.workspace.unfurls.get(unfurl_id, ("", ""))
        if not channel_id:
            raise Refusal("missing_unfurl_id")
    else:
        channel_id, ts = args.text("channel") or "", args.text("ts") or ""
        if not channel_id:
            raise Refusal("missing_channel")
        if not ts:
            raise Refusal("missing_ts")
    channel = slack.workspace.channels.get(channel_id)
    if channel is None:
        raise Refusal("cannot_find_channel")
    message = slack.workspace.message(channel, ts)
    if message is None:
        raise Refusal("cannot_find_message")
    return channel, message


def _domain(slack: Slack, url: str) -> str:
    host = urlsplit(url).hostname or ""
    return next((one for one in slack.manifest.unfurl_domains if host == one or host.endswith(f".{one}")), "")


METHODS = {"chat.unfurl": Method(unfurl, 3, "links:write")}
