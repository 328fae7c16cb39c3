"""What a run's questions to people look like in its thread, open and decided."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bot.progress.messages import Message
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import escape, fit, markdown_parts, unmarked
from store.reviews import Review, Verdict

# A text of more parts than this is shown as its beginning, and whole in a file.
_MOST_PARTS = 3
_EMPTY = "_The result is empty._"


class Asked(NamedTuple):
    """A question as it is posted: what comes before it, the message with the buttons, and the whole text as a file."""

    before: list[Message]
    message: Message
    file: str | None


def asked(review: Review, who: str) -> Asked:
    """The question; ``who`` can decide, in mrkdwn."""
    if review.kind == "question":
        return Asked([], question(review, who), None)
    *before, last = _parts(review)
    told = f"{review.crew_name}: the beginning of “{review.task}”"
    file = review.produced if _too_long(review) else None
    return Asked([Message(told, [blocks.markdown(part)]) for part in before], _review(review, who, last), file)


def question(review: Review, who: str) -> Message:
    """An agent's question, or what became of it."""
    words = f"{review.agent} asks: {review.prompt}"
    shown = [blocks.section(f"*{escape(review.agent)}* asks:"), blocks.markdown(review.prompt)]
    if review.open:
        shown.append(blocks.context(f"Reply in this thread, or with the button. Who can: {who}{_until(review)}"))
        shown.append(blocks.actions(_button("Reply", "review.ask_reply", review), block_id="review.controls"))
        return Message(fit(words, 3_000), shown)
    return Message(fit(f"{words} {became(review)}", 3_000), [*shown, *_outcome(review)])


def decided(review: Review, who: str) -> Message:
    """The message with the buttons once more, as it is now."""
    return question(review, who) if review.kind == "question" else _review(review, who, _parts(review)[-1])


def reminder(review: Review, who: str) -> Message:
    """A nudge for those who can decide."""
    what = "a reply" if review.kind == "question" else "a decision"
    said = f"*{escape(review.task)}* still waits for {what}: {who}{_until(review)}"
    return Message(f"{review.crew_name}: “{review.task}” still waits for {what}", [blocks.section(said)])


def became(review: Review) -> str:
    """What was decided, by whom, in mrkdwn."""
    who = f"<@{review.decided_by}>" if review.decided_by else None
    match review.verdict:
        case Verdict.APPROVED | Verdict.EDITED:
            return f"✅ {_approved(review)}"
        case Verdict.CHANGES:
            return f"✏️ {who} asked for changes"
        case Verdict.ANSWERED:
            return f"💬 {who} replied" if who else "⏰ Nobody replied before the deadline; the agent goes on without"
        case Verdict.REJECTED:
            # A flow goes on from a step that was rejected in its own way.
            outcome = "the run failed" if review.agent else "it counts as rejected"
            return f"⏰ Nobody decided before the deadline, so {outcome}"
        case Verdict.WITHDRAWN:
            return "⏹️ The run is over, so nothing is to be decided here any more"
    return ""


def _approved(review: Review) -> str:
    if review.decided_by is None:
        return "Nobody decided before the deadline, so it counts as approved"
    edited = f", as edited by <@{review.edited_by}>" if review.edited_by else ""
    return f"Approved by {' and '.join(f'<@{user}>' for user in review.agreed or [review.decided_by])}{edited}"


def _review(review: Review, who: str, text: str) -> Message:
    words = f"{review.agent} has finished “{review.task}”" if review.agent else f"{review.crew_name}: “{review.task}”"
    shown: list[Json] = [blocks.markdown(text)] if text else []
    if _too_long(review):
        size = f"{len(review.produced):,} characters"
        shown.append(blocks.context(f"This is the beginning. The whole text ({size}) is in a file in this thread."))
    by = f" by *{escape(review.agent)}*" if review.agent else ""
    shown.append(blocks.section(f"*{escape(review.task)}*{by}{_again(review)}"))
    if review.prompt:
        shown.append(blocks.rich_text(review.prompt))
    if not review.open:
        return Message(f"{words}: {became(review)}", [*shown, *_outcome(review)])
    shown.append(blocks.context(*filter(None, [f"Who decides: {who}{_until(review)}", _agreement(review)])))
    buttons = [
        blocks.button("Approve", "review.approve", f"{review.id}:{review.revision}", style="primary"),
        _button("Ask for changes", "review.ask_comment", review),
        *([_button("Edit and approve", "review.ask_edit", review)] if review.produced else []),
        _stop(review),
    ]
    shown.append(blocks.actions(*buttons, block_id="review.controls"))
    return Message(f"{words}. Please decide: {fit(' '.join(unmarked(review.produced).split()), 200)}", shown)


def _parts(review: Review) -> list[str]:
    parts = markdown_parts(review.produced) or [_EMPTY if review.agent and not review.prompt else ""]
    return parts[:1] if len(parts) > _MOST_PARTS else parts


def _too_long(review: Review) -> bool:
    return len(markdown_parts(review.produced)) > _MOST_PARTS


def _again(review: Review) -> str:
    if review.round:
        return f", version {review.round + 1}. Please decide."
    # A flow's step is the review itself; it may have nothing to show.
    return " is done. Please decide." if review.agent else " · Please decide."


def _agreement(review: Review) -> str:
    edited = f"Edited by <@{review.edited_by}>. " if review.edited_by else ""
    if review.settings.agreeing == 1:
        return edited
    agreed = f"{edited}Approved by {', '.join(f'<@{user}>' for user in review.agreed)}; " if review.agreed else edited
    more = "more must" if review.agreed else "people must" if review.missing > 1 else "person must"
    return f"{agreed}{review.missing} {more} approve"


def _until(review: Review) -> str:
    return f" · until {_time(review.due_at)}" if review.due_at else ""


def _time(at: datetime) -> str:
    """In the reader's own time zone: https://docs.slack.dev/messaging/formatting-message-text#date-formatting."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def _outcome(review: Review) -> list[Json]:
    said = [blocks.rich_text(review.text)] if review.text and review.decided_by else []
    return [blocks.section(became(review)), *said]


def _button(label: str, action_id: str, review: Review) -> Json:
    return blocks.button(label, action_id, str(review.id), accessibility_label=f"{label}: {review.task}")


def _stop(review: Review) -> Json:
    sure = blocks.confirm(
        "Stop this run?", "What is done so far stays in this thread.", "Stop it", "Go on", danger=True
    )
    return blocks.button("Stop", "review.stop", str(review.id), style="danger", confirm=sure)
