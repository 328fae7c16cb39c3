"""What people decide and reply in a run's thread: buttons, their windows, and words typed there."""

from __future__ import annotations

from pydantic import Field
from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.errors import TooLongForWindow, UserError
from bot.services import Actor
from bot.services.reviews import Reviews
from bot.slack.blocks import Json
from bot.slack.commands import Commands
from bot.slack.forms import Form
from bot.slack.said import Said
from store.database import Draft

# What Slack lets one window hold, with some room: the text is asked for in parts of 3,000 characters.
_LONGEST = 90_000


class CommentDraft(Draft):
    """What should be different."""

    text: str = Field(
        title="What should change?",
        min_length=1,
        max_length=3_000,
        description="The agent reads this together with its own work, and tries again.",
    )


class EditDraft(Draft):
    """The text as it should be."""

    text: str = Field(title="The text", min_length=1, max_length=_LONGEST)


class ReplyDraft(Draft):
    """The answer to an agent's question."""

    text: str = Field(title="Your reply", min_length=1, max_length=3_000)


class TooLongToEdit(UserError):
    """This text is too long to edit in Slack. Ask for changes instead, or approve it as it is."""


COMMENT = Form(CommentDraft, callback_id="review.comment", title="Ask for changes", submit="Send")
EDIT = Form(EditDraft, callback_id="review.edit", title="Edit and approve", submit="Approve")
REPLY = Form(ReplyDraft, callback_id="review.reply", title="Reply", submit="Send")


def register(app: App, commands: Commands) -> None:
    """Answer the buttons below a question, their windows, and what is written in the threads of runs that ask."""
    app.action("review.approve")(approve)
    app.action("review.ask_comment")(ask_for_comment)
    app.view(COMMENT.callback_id)(send_back)
    app.action("review.ask_edit")(ask_for_edit)
    app.view(EDIT.callback_id)(edit)
    app.action("review.ask_reply")(ask_for_reply)
    app.view(REPLY.callback_id)(reply_in_window)
    app.action("review.stop")(stop)
    for kind in ("app_mention", "message"):
        app.event(kind, matchers=[_asked_for])(reply_in_thread)


def approve(ack: Ack, action: Json, reviews: Reviews, actor: Actor) -> None:
    ack()
    review_id, _, revision = action["value"].partition(":")
    reviews.approve(int(review_id), int(revision), by=actor)


def ask_for_comment(ack: Ack, body: Json, action: Json, client: WebClient, reviews: Reviews, actor: Actor) -> None:
    ack()
    review = reviews.to_decide(int(action["value"]), by=actor)
    notice = f"{review.agent or review.crew_name} goes on with “{review.task}” from here."
    client.views_open(trigger_id=body["trigger_id"], view=COMMENT.view(meta={"review": review.id}, notice=notice))


def send_back(ack: Ack, view: Json, reviews: Reviews, actor: Actor) -> None:
    reviews.send_back(COMMENT.meta(view)["review"], COMMENT.read(view).text, by=actor)
    ack()


def ask_for_edit(ack: Ack, body: Json, action: Json, client: WebClient, reviews: Reviews, actor: Actor) -> None:
    ack()
    review = reviews.to_decide(int(action["value"]), by=actor)
    if len(review.produced) > _LONGEST:
        raise TooLongToEdit
    try:
        view = EDIT.view(meta={"review": review.id, "revision": review.revision}, text=review.produced)
    except TooLongForWindow:
        raise TooLongToEdit from None
    client.views_open(trigger_id=body["trigger_id"], view=view)


def edit(ack: Ack, view: Json, reviews: Reviews, actor: Actor) -> None:
    meta = EDIT.meta(view)
    reviews.edit(meta["review"], meta["revision"], EDIT.read(view).text, by=actor)
    ack()


def ask_for_reply(ack: Ack, body: Json, action: Json, client: WebClient, reviews: Reviews, actor: Actor) -> None:
    ack()
    review = reviews.to_decide(int(action["value"]), by=actor)
    view = REPLY.view(meta={"review": review.id}, notice=f"{review.agent} asks: {review.prompt}")
    client.views_open(trigger_id=body["trigger_id"], view=view)


def reply_in_window(ack: Ack, view: Json, reviews: Reviews, actor: Actor) -> None:
    reviews.reply(REPLY.meta(view)["review"], REPLY.read(view).text, by=actor)
    ack()


def stop(ack: Ack, action: Json, reviews: Reviews, actor: Actor) -> None:
    ack()
    reviews.stop(int(action["value"]), by=actor)


def reply_in_thread(said: Said, reviews: Reviews, actor: Actor) -> None:
    reviews.hear(said.channel, said.thread_ts or "", said.text, by=actor)


def _asked_for(said: Said | None, reviews: Reviews, actor: Actor) -> bool:
    """Whether an agent waits for what somebody wrote in a thread; a mention in a channel is told of twice."""
    if said is None or not said.thread_ts or (said.mentions_us and not said.to_us):
        return False
    return reviews.asked_in(said.channel, said.thread_ts, team=actor.team)
