"""chat.*: posting, changing and deleting the bot's messages, and reactions and statuses on them."""

from __future__ import annotations

import json

from bot.local_slack.slack import RateLimited, Slack
from bot.local_slack.views import with_block_ids
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal
from bot.local_slack.workspace import BOT_USER, Channel

UPDATE_TEXT = 4000
MARKDOWN_TEXT = 12_000
# Slack has a limit but does not publish it; this is a cautious guess.
METADATA_CHARACTERS = 8000
PUBLIC = "chat:write.public"


def _content(args: Arguments) -> Json:
    """text, blocks, attachments and metadata as values; only those that are given."""
    blocks = args.parsed("blocks", "invalid_blocks_format")
    attachments = args.parsed("attachments", "invalid_attachments")
    content = {"text": args.text("text"), "blocks": blocks, "attachments": attachments}
    if markdown := args.text("markdown_text"):
        if any(content.values()):
            raise Refusal("markdown_text_conflict")
        if len(markdown) > MARKDOWN_TEXT:
            raise Refusal("msg_too_long")
        content = {"text": markdown, "blocks": [{"type": "markdown", "text": markdown}]}
    if attachments and len(attachments) > 100:
        raise Refusal("too_many_attachments")
    return {key: value for key, value in content.items() if value is not None}


def _metadata(args: Arguments) -> Json:
    metadata = args.parsed("metadata", "invalid_metadata_format")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or metadata.keys() != {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_CHARACTERS:
        raise Refusal("metadata_too_large")
    return {"metadata": metadata}


def _take_post(slack: Slack, channel: Channel) -> None:
    if wait := slack.limits.wait_for_post(channel.id):
        raise RateLimited(wait)


def _look(slack: Slack, args: Arguments) -> Json:
    names = {key: args.text(key) for key in ("username", "icon_emoji", "icon_url") if args.text(key)}
    if names:
        slack.need_scope("chat:write.customize")
    return names


def post_message(slack: Slack, args: Arguments) -> Json:
    channel = slack.channel(args.text("channel"), PUBLIC)
    thread = slack.in_thread(channel, args.text("thread_ts"))
    if thread and args.flag("reply_broadcast"):
        thread["subtype"] = "thread_broadcast"
    message = {**slack.composed(_content(args)), **_metadata(args), **_look(slack, args), **thread}
    _take_post(slack, channel)
    posted = slack.workspace.post(channel, message)
    slack.workspace.set_status(channel, posted.get("thread_ts") or posted["ts"], "")
    return {"channel": channel.id, "ts": posted["ts"], "message": slack.workspace.shown(channel, posted)}


def post_ephemeral(slack: Slack, args: Arguments) -> Json:
    channel = slack.channel(args.text("channel"))
    user = args.need("user")
    if user not in channel.members:
        raise Refusal("user_not_in_channel")
    thread = slack.in_thread(channel, args.text("thread_ts"))
    message = slack.workspace.whisper(channel, user, {**slack.composed(_content(args)), **thread})
    return {"message_ts": message["ts"]}


def update(slack: Slack, args: Arguments) -> Json:
    channel, old = _own(slack, args, "cant_update_message")
    content = _content(args)
    if not content and args.given.get("metadata") is None:
        raise Refusal("no_text")
    slack.check_message(content, UPDATE_TEXT)
    # What is not given stays; an empty list of blocks takes them away.
    if "blocks" in content:
        content["blocks"] = with_block_ids(content["blocks"])
    new = {**old, **content, **_metadata(args)}
    if new["text"] != old["text"]:
        new["edited"] = {"user": BOT_USER, "ts": slack.workspace.stamps.next()}
    slack.workspace.change(channel, new)
    return {"channel": channel.id, "ts": new["ts"], "text": new["text"], "message": new}


def delete(slack: Slack, args: Arguments) -> Json:
    channel, message = _own(slack, args, "cant_delete_message")
    slack.workspace.remove(channel, message)
    return {"channel": channel.id, "ts": message["ts"]}


def _own(slack: Slack, args: Arguments, refusal: str) -> tuple[Channel, Json]:
    channel = slack.channel(args.text("channel"), PUBLIC)
    message = slack.workspace.message(channel, args.need("ts"))
    if message is None or message.get("subtype") == "tombstone":
        raise Refusal("message_not_found")
    if message["user"] != BOT_USER:
        raise Refusal(refusal)
    return channel, message


def permalink(slack: Slack, args: Arguments) -> Json:
    channel = slack.channel(args.text("channel"), "channels:read")
    ts = args.need("message_ts")
    message = slack.workspace.message(channel, ts)
    if message is None:
        raise Refusal("message_not_found")
    thread = f"?thread_ts={message['thread_ts']}&cid={channel.id}" if "thread_ts" in message else ""
    link = f"{slack.url}/archives/{channel.id}/p{ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": link}


def react(slack: Slack, args: Arguments) -> Json:
    channel, message, reactions = _reactions(slack, args)
    name = args.need("name").strip(":")
    if any(one["name"] == name and BOT_USER in one["users"] for one in reactions):
        raise Refusal("already_reacted")
    found = next((one for one in reactions if one["name"] == name), None)
    if found is None:
        reactions.append(found := {"name": name, "users": [], "count": 0})
    found["users"].append(BOT_USER)
    return _reacted(slack, channel, message, reactions)


def unreact(slack: Slack, args: Arguments) -> Json:
    channel, message, reactions = _reactions(slack, args)
    name = args.need("name").strip(":")
    mine = next((one for one in reactions if one["name"] == name and BOT_USER in one["users"]), None)
    if mine is None:
        raise Refusal("no_reaction")
    mine["users"].remove(BOT_USER)
    return _reacted(slack, channel, message, reactions)


def _reactions(slack: Slack, args: Arguments) -> tuple[Channel, Json, list[Json]]:
    channel = slack.channel(args.text("channel"))
    message = slack.workspace.message(channel, args.need("timestamp"))
    if message is None:
        raise Refusal("message_not_found")
    return channel, message, [{**one, "users": [*one["users"]]} for one in message.get("reactions", [])]


def _reacted(slack: Slack, channel: Channel, message: Json, reactions: list[Json]) -> Json:
    left = [{**one, "count": len(one["users"])} for one in reactions if one["users"]]
    slack.workspace.change(channel, {**message, "reactions": left})
    return {}


def set_status(slack: Slack, args: Arguments) -> Json:
    channel = slack.channel(args.need("channel_id"))
    thread_ts = args.need("thread_ts")
    slack.in_thread(channel, thread_ts)
    if len(args.parsed("loading_messages", "invalid_arguments") or []) > 10:
        raise Refusal("invalid_arguments", ["no more than 10 items allowed [json-pointer:/loading_messages]"])
    slack.workspace.set_status(channel, thread_ts, args.text("status") or "")
    return {}


METHODS = {
    "chat.postMessage": Method(post_message, None, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, 4, "chat:write"),
    "chat.update": Method(update, 3, "chat:write"),
    "chat.delete": Method(delete, 3, "chat:write"),
    "chat.getPermalink": Method(permalink, None),
    "reactions.add": Method(react, 3, "reactions:write"),
    "reactions.remove": Method(unreact, 2, "reactions:write"),
    "assistant.threads.setStatus": Method(set_status, None, "chat:write"),
}
