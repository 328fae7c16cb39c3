"""What waits for a person’s decision or reply, in rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from slack_sdk import WebClient

from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.permalinks import permalink
from bot.slack.text import escape
from handlers.run_words import moment
from store.reviews import Review

# Each takes a call to Slack for its address.
_MOST = 5

# Gives the address of a message by its channel and ts, or nothing.
Link = Callable[[str, str], str | None]


def waiting_rows(waiting: Sequence[Review], client: WebClient) -> list[Json]:
    """The newest questions that wait for the person, each with the way to its thread; nothing where there are none."""
    if not waiting:
        return []
    rows = review_rows(waiting, partial(permalink, client))
    return [blocks.header("Waiting for you"), *rows, blocks.divider()]


def review_rows(waiting: Sequence[Review], link: Link) -> list[Json]:
    """The same without a heading."""
    rows = [_row(review, link) for review in waiting[:_MOST]]
    if len(waiting) > _MOST:
        rows.append(blocks.context(f"and {len(waiting) - _MOST} more, in the threads of their runs"))
    return rows


def _row(review: Review, link: Link) -> Json:
    what = f"*{escape(review.agent)}* asks something" if review.kind == "question" else "Please decide"
    facts = [f"*{escape(review.task)}* of {escape(review.crew_name)}", what, f"since {moment(review.asked_at)}"]
    if review.due_at:
        facts.append(f"until {moment(review.due_at)}")
    message_ts = review.message_ts or review.thread_ts
    if address := link(review.channel, message_ts) if message_ts else None:
        facts.append(f"<{address}|Open the thread>")
    return blocks.section(" · ".join(facts), block_id=f"review-{review.id}")
