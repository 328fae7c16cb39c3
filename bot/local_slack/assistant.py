"""Talking with the app as with an assistant: conversations of one's own, their titles and suggested prompts."""

from __future__ import annotations

from bot.local_slack.slack import Slack
from bot.local_slack.web_api import Arguments, Method
from bot.local_slack.wire import Json, Refusal, Trouble
from bot.local_slack.workspace import APP_ID, BOT_ID, BOT_USER, TEAM, Channel

MOST_PROMPTS = 4


def start(slack: Slack, user: str, looking_at: Channel | None) -> tuple[str, Json]:
    """Open a new conversation with the app; its ts, and the facts of the event."""
    if slack.manifest.talks != "assistant":
        raise Trouble(f"{slack.workspace.users[BOT_USER].real_name} is no assistant in this workspace.")
    channel = slack.workspace.im(user)
    message = {"user": BOT_USER, "bot_id": BOT_ID, "app_id": APP_ID, "subtype": "assistant_app_thread"}
    posted = slack.workspace.post(channel, {**message, "text": "New conversation"})
    return posted["ts"], {"assistant_thread": _thread(user, channel, posted["ts"], looking_at)}


def looks_at(slack: Slack, user: str, ts: str, looking_at: Channel | None) -> Json:
    """The facts of the event when a person goes to another channel while the conversation is open."""
    return {"assistant_thread": _thread(user, slack.workspace.im(user), ts, looking_at)}


def _thread(user: str, channel: Channel, ts: str, looking_at: Channel | None) -> Json:
    seen = {"channel_id": looking_at.id, "team_id": TEAM["id"], "enterprise_id": None} if looking_at else {}
    return {"user_id": user, "context": seen, "channel_id": channel.id, "thread_ts": ts}


def suggest(slack: Slack, args: Arguments) -> Json:
    """``assistant.threads.setSuggestedPrompts``; an agent names no thread: with one Slack says ok and does nothing."""
    channel, thread_ts = _place(slack, args)
    prompts = args.parsed("prompts", "invalid_arguments")
    if not isinstance(prompts, list) or not 1 <= len(prompts) <= MOST_PROMPTS:
        raise Refusal("invalid_arguments", [f"1 to {MOST_PROMPTS} items allowed [json-pointer:/prompts]"])
    if not all(isinstance(one, dict) and one.get("title") and one.get("message") for one in prompts):
        raise Refusal("invalid_arguments", ["every prompt has a title and a message [json-pointer:/prompts]"])
    if slack.manifest.talks == "agent" and thread_ts:
        return {}
    if slack.manifest.talks == "assistant" and not thread_ts:
        raise Refusal("invalid_thread_ts")
    slack.workspace.prompts[f"{channel.id} {thread_ts or ''}".strip()] = prompts
    slack.feed.add("prompts", slack.workspace.audience(channel), channel=channel.id, thread_ts=thread_ts)
    return {}


def name(slack: Slack, args: Arguments) -> Json:
    """``assistant.threads.setTitle``: what the conversation is about, as the list of conversations shows it."""
    channel, thread_ts = _place(slack, args)
    title = args.need("title")
    message = slack.workspace.message(channel, thread_ts or "")
    if message is None or message.get("subtype") != "assistant_app_thread":
        raise Refusal("invalid_thread_ts")
    slack.workspace.change(channel, {**message, "text": title})
    return {}


def _place(slack: Slack, args: Arguments) -> tuple[Channel, str | None]:
    channel, thread_ts = slack.channel(args.need("channel_id")), args.text("thread_ts")
    if thread_ts and slack.workspace.message(channel, thread_ts) is None:
        raise Refusal("invalid_thread_ts")
    return channel, thread_ts


METHODS = {
    "assistant.threads.setSuggestedPrompts": Method(suggest, 4, "assistant:write"),
    "assistant.threads.setTitle": Method(name, 4, "assistant:write"),
}
