"""The outgoing gate: everything the bot sends to Slack outside of an ack, paced, harmless and never silent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import count
from typing import Any

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.slack.fallback import Content, Json, versions
from bot.slack.limiter import Key, Limiter, Rate
from bot.slack.sender import HTTP_TIMEOUT, Answer, Job, OutcomeUnknown, Rank, Sender, SlackRefused

__all__ = ["Gate", "OutcomeUnknown", "SlackRefused"]

# Below Slack's tiers (https://docs.slack.dev/apis/web-api/rate-limits): Tier 3 is 50 calls a minute, Tier 4 is 100;
# with the burst, no minute exceeds them. Two messages edited without a pause are each at most 2.9 s behind. Four edits
# are kept for last ones, so that a run, or two at once, can say without waiting that it is done; eight App Homes for
# people who open theirs.
RATES = {
    "chat.update": Rate(42, burst=8, kept=4),
    "chat.postMessage": Rate(200, burst=20),
    "chat.postEphemeral": Rate(80, burst=15),
    "views.publish": Rate(80, burst=15, kept=8),
    "files.upload": Rate(80, burst=15),
    "response_url": Rate(300, burst=20),
    "conversations.history": Rate(40, burst=8),
}
PER_CHANNEL = {"chat.postMessage": Rate(57, burst=4)}
# A file holds up the thread it belongs to, so it is given up sooner than a message.
_FILE_PATIENCE = 2 * 60.0

Blocks = Sequence[Json] | None


class Gate:
    """Sends to Slack from threads of its own; every method returns at once, with a future.

    ``text`` is plain text, escaped here; ``blocks`` come escaped. When Slack refuses blocks, or they are too long,
    simpler ones are sent, then words; what had to be cut follows as a file where a file may be shared.

    A future fails with ``SlackRefused`` when Slack did not take the message at all. Slack is asked again after 429
    and 5xx and when no connection could be made. When a connection breaks after the request was sent, an edit or
    a response is sent again; a post or a file might then appear twice, so its future fails with
    ``OutcomeUnknown`` and whoever posted it decides. Never wait for a future in a Bolt listener; its callbacks run on a
    sending thread and must be short.
    """

    def __init__(
        self,
        client_for: Callable[[str], WebClient],
        *,
        now: Callable[[], float] = time.monotonic,
        threads: int = 3,
    ) -> None:
        """``client_for(team)`` gives a workspace's client; its retry handlers are not used. ``now`` is in seconds."""
        self._looks = count()
        self._sender = Sender(client_for, Limiter(RATES, per_channel=PER_CHANNEL), now, threads)

    def close(self, timeout: float = 10.0) -> None:
        """Send what waits, but of edits only the last ones, for up to ``timeout`` seconds; then stop."""
        self._sender.close(timeout)

    def post(
        self,
        channel: str,
        text: str,
        blocks: Blocks = None,
        thread_ts: str | None = None,
        metadata: Json | None = None,
        *,
        team: str = "",
    ) -> Future[str]:
        """Post a message; the future gives its ``ts``. Posts and files of one thread keep their order."""

        def call(client: WebClient, content: Content) -> str:
            answer = client.chat_postMessage(
                channel=channel,
                text=content.text,
                blocks=content.blocks or None,
                thread_ts=thread_ts,
                metadata=metadata,
                unfurl_links=False,
                unfurl_media=False,
            )
            ts = str(answer["ts"])
            self._whole(content, answer["channel"], thread_ts or ts, team)
            return ts

        job = Job(
            what=f"a message in {channel}",
            keys=(Key(team, "chat.postMessage"), Key(team, "chat.postMessage", channel)),
            lane=(team, channel, thread_ts or ""),
            rank=Rank.POST,
            call=call,
            contents=versions(text, list(blocks or []), file_follows=True),
            repeatable=False,
        )
        return self._sender.add(job)

    def whisper(
        self,
        channel: str,
        user: str,
        text: str,
        blocks: Blocks = None,
        thread_ts: str | None = None,
        *,
        team: str = "",
    ) -> Future[None]:
        """Show a message in a channel to one person alone, who must be in it; it cannot be changed later."""

        def call(client: WebClient, content: Content) -> None:
            client.chat_postEphemeral(
                channel=channel, user=user, text=content.text, blocks=content.blocks or None, thread_ts=thread_ts
            )

        job = Job(
            what=f"a message to one person in {channel}",
            keys=(Key(team, "chat.postEphemeral"),),
            lane=(team, channel, user),
            rank=Rank.FIRST,
            call=call,
            contents=versions(text, list(blocks or []), file_follows=False),
        )
        return self._sender.add(job)

    def publish(
        self, user: str, view: Json, *, hash: str | None = None, first: bool = False, team: str = ""
    ) -> Future[str]:
        """Show this App Home to a person, or a newer one given meanwhile; the future gives the hash of what is shown.

        With ``hash`` only over the view that has it: else Slack refuses with ``hash_conflict``. ``first`` is for
        somebody who waits for it.
        """

        def call(client: WebClient, _: Content) -> str:
            answer = client.views_publish(user_id=user, view=view, hash=hash)
            return str(answer["view"]["hash"])

        job = Job(
            what=f"the home of {user}",
            keys=(Key(team, "views.publish"),),
            lane=(team, user, "home"),
            rank=Rank.FIRST if first else Rank.EDIT,
            call=call,
            coalesced=True,
        )
        return self._sender.add(job)

    def edit(
        self,
        channel: str,
        ts: str,
        text: str,
        blocks: Blocks,
        *,
        last: bool = False,
        detail: bool = False,
        team: str = "",
    ) -> Future[None]:
        """Bring a message to this state, or to a newer one asked for meanwhile; then the future ends.

        An edit that still waits is overwritten and keeps its place, so messages take turns. A ``last`` edit goes
        first and is tried for a quarter of an hour; until it is sent, other edits of its message are dropped. That of a
        ``detail`` comes after those of other messages.
        """

        def call(client: WebClient, content: Content) -> None:
            # Slack would keep the old blocks if the list were not there.
            answer = client.chat_update(channel=channel, ts=ts, text=content.text, blocks=content.blocks)
            if last:
                message: Json = answer.get("message") or {}
                self._whole(content, channel, message.get("thread_ts") or ts, team)

        job = Job(
            what=f"an edit in {channel}",
            keys=(Key(team, "chat.update"),),
            lane=(team, channel, ts, "edits"),
            rank=(Rank.POST if detail else Rank.FIRST) if last else Rank.EDIT,
            call=call,
            contents=versions(text, list(blocks or []), file_follows=last),
            coalesced=True,
        )
        return self._sender.add(job)

    def upload(
        self,
        channel: str,
        filename: str,
        content: str | bytes,
        title: str,
        thread_ts: str | None = None,
        alt_text: str | None = None,
        *,
        team: str = "",
    ) -> Future[None]:
        """Share a file in a channel or thread. ``channel`` must be a channel's id, and the bot must be in it."""
        return self._sender.add(_file(channel, filename, content, title, thread_ts, alt_text, team))

    def find(
        self,
        channel: str,
        is_it: Callable[[Json], bool],
        *,
        since: float,
        thread_ts: str | None = None,
        team: str = "",
    ) -> Future[str | None]:
        """The ``ts`` of the newest message for which ``is_it`` holds, in a channel or thread; nothing if there is none.

        Messages older than ``since``, in seconds since 1970, are not looked at.
        """

        def call(client: WebClient, _: Content) -> str | None:
            asked: Json = {"channel": channel, "oldest": f"{since:.6f}", "limit": 200, "include_all_metadata": True}
            found: list[Json] = []
            while True:
                if thread_ts:
                    answer = client.conversations_replies(ts=thread_ts, **asked)
                else:
                    answer = client.conversations_history(**asked)
                found += [message for message in answer["messages"] if is_it(message)]
                asked["cursor"] = (answer.get("response_metadata") or {}).get("next_cursor")
                if not asked["cursor"]:
                    return max((str(message["ts"]) for message in found), default=None)

        job = Job(
            what=f"a look into {channel}",
            keys=(Key(team, "conversations.history"),),
            # Looking needs no order.
            lane=(team, channel, thread_ts or "", "look", str(next(self._looks))),
            rank=Rank.FIRST,
            call=call,
        )
        return self._sender.add(job)

    def respond(
        self, response_url: str, text: str, blocks: Blocks = None, replace: bool = False, *, team: str = ""
    ) -> Future[None]:
        """Answer one person through a ``response_url``, or ``replace`` the message whose button they pressed."""
        job = Job(
            # The address is a secret: whoever has it can post.
            what="an answer to a response_url",
            keys=(Key(team, "response_url"),),
            lane=(team, response_url),
            rank=Rank.FIRST,
            call=partial(_respond, response_url, replace),
            contents=versions(text, list(blocks or []), file_follows=False),
        )
        return self._sender.add(job)

    def _whole(self, content: Content, channel: str, thread_ts: str, team: str) -> None:
        """Send what had to be cut, right after the message that says so."""
        if content.whole:
            job = _file(channel, "message.txt", content.whole, "The whole text", thread_ts, None, team)
            self._sender.add(job, follow_up=True)


def _file(
    channel: str,
    filename: str,
    content: str | bytes,
    title: str,
    thread_ts: str | None,
    alt_text: str | None,
    team: str,
) -> Job:
    def call(client: WebClient, _: Content) -> None:
        client.files_upload_v2(
            channel=channel,
            filename=filename,
            content=content,
            title=title,
            thread_ts=thread_ts,
            alt_txt=alt_text,
            request_file_info=False,
        )

    return Job(
        what=f"a file in {channel}",
        keys=(Key(team, "files.upload"),),
        lane=(team, channel, thread_ts or ""),
        rank=Rank.POST,
        call=call,
        repeatable=False,
        patience=_FILE_PATIENCE,
    )


def _respond(response_url: str, replace: bool, client: WebClient, content: Content) -> None:
    hook = WebhookClient(response_url, timeout=HTTP_TIMEOUT, ssl=client.ssl, proxy=client.proxy, retry_handlers=[])
    answer = hook.send(text=content.text, blocks=content.blocks, replace_original=replace, response_type="ephemeral")
    # Slack answers “ok”, or JSON, or only the error's name.
    try:
        told: Any = json.loads(answer.body)
    except ValueError:
        told = answer.body.strip()
    error = told.get("error") if isinstance(told, dict) else told if answer.status_code != 200 else None
    if answer.status_code != 200 or error:
        raise Answer(answer.status_code, str(error or "no_reason_given"), answer.headers)
